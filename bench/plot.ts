// A line chart as SVG, by hand: readable on light and dark pages, no script, no font of its own.
// Every line is labelled at its end, so that no legend has to be matched by colour.

/** One line. `values` by category; undefined where it has none, then the line goes on with the next. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
}

/** One panel of a figure: categories along, values up. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly categories: readonly string[];
  readonly series: readonly Series[];
  /** A category before which a rule is drawn, and what it says. */
  readonly rule?: { readonly before: string; readonly text: string };
}

const WIDTH = 760;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 48;
const TOP = 44;
const BOTTOM = 40;

// Two hues that differ in lightness too, with variants that hold on a dark page.
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #333; }
  .title { font-weight: 600; }
  .quiet { fill: #767676; font-size: 12px; }
  .grid { stroke: #e2e2e2; stroke-width: 1; }
  .rule { stroke: #999; stroke-width: 1; stroke-dasharray: 4 3; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .c0 { stroke: #b4541a; } .f0 { fill: #b4541a; }
  .c1 { stroke: #1f6fb2; } .f1 { fill: #1f6fb2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd; }
    .quiet { fill: #999; }
    .grid { stroke: #3a3a3a; }
    .c0 { stroke: #f0955c; } .f0 { fill: #f0955c; }
    .c1 { stroke: #6cb4ee; } .f1 { fill: #6cb4ee; }
  }`;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** A step of 1, 2 or 5 times a power of ten that gives about five lines. */
function stepOf(range: number): number {
  const rough = range / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? 10 * power;
}

/** One chart at a vertical offset. The scale does not start at zero: what differs is what is to be seen. */
function panel(chart: Chart, top: number): string {
  const values = chart.series.flatMap((series) => series.values).filter((value) => value !== undefined);
  const step = stepOf(Math.max(...values) - Math.min(...values) || 1);
  const low = Math.floor(Math.min(...values) / step) * step;
  const high = Math.ceil(Math.max(...values) / step) * step;
  const x = (index: number): number => LEFT + (index * (WIDTH - LEFT - RIGHT)) / Math.max(1, chart.categories.length - 1);
  const y = (value: number): number => top + TOP + ((high - value) * (HEIGHT - TOP - BOTTOM)) / (high - low || 1);
  const at = (value: number): string => value.toFixed(1);
  const parts = [`<text class="title" x="${LEFT}" y="${top + 20}">${escaped(chart.title)}</text>`];
  for (let value = low; value <= high + step / 2; value += step) {
    parts.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(value))}" y2="${at(y(value))}"/>`);
    parts.push(`<text class="quiet" x="${LEFT - 8}" y="${at(y(value) + 4)}" text-anchor="end">${Math.round(value)}</text>`);
  }
  parts.push(`<text class="quiet" x="${LEFT - 8}" y="${top + 36}" text-anchor="end">${escaped(chart.unit)}</text>`);
  chart.categories.forEach((name, index) => {
    parts.push(`<text class="quiet" x="${at(x(index))}" y="${top + HEIGHT - BOTTOM + 20}" text-anchor="middle">${escaped(name)}</text>`);
  });
  const ruleIndex = chart.rule === undefined ? -1 : chart.categories.indexOf(chart.rule.before);
  if (chart.rule !== undefined && ruleIndex > 0) {
    const ruleX = (x(ruleIndex) + x(ruleIndex - 1)) / 2;
    parts.push(`<line class="rule" x1="${at(ruleX)}" x2="${at(ruleX)}" y1="${top + TOP - 10}" y2="${top + HEIGHT - BOTTOM}"/>`);
    parts.push(`<text class="quiet" x="${at(ruleX)}" y="${top + TOP - 14}" text-anchor="middle">${escaped(chart.rule.text)}</text>`);
  }
  parts.push(...chart.series.map((series, index) => line(series, index, x, y)));
  parts.push(...labels(chart, x, y));
  return parts.join('\n');
}

function line(series: Series, index: number, x: (index: number) => number, y: (value: number) => number): string {
  const points = series.values.flatMap((value, at) => (value === undefined ? [] : [[x(at), y(value), value] as const]));
  const path = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ');
  const dots = points.map(
    ([px, py, value]) =>
      `<circle class="f${index}" cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3.5"><title>${escaped(series.name)}: ${value.toFixed(1)}</title></circle>`,
  );
  return [`<polyline class="line c${index}" points="${path}"/>`, ...dots].join('\n');
}

const LABEL_GAP = 15;

/** Names at the first point of each line, where the lines are apart, moved so that they do not meet. */
function labels(chart: Chart, x: (index: number) => number, y: (value: number) => number): string[] {
  const starts = chart.series.map((series, index) => {
    const first = series.values.findIndex((value) => value !== undefined);
    return { name: series.name, index, x: x(first), y: y(series.values[first] ?? 0) };
  });
  const apart = starts.length < 2 || Math.abs(starts[0]!.y - starts[1]!.y) >= LABEL_GAP;
  return starts.map(({ name, index, x: px, y: py }) => {
    const below = !apart && index === 0 ? LABEL_GAP : 0;
    return `<text class="f${index}" x="${(px + 8).toFixed(1)}" y="${(py - 8 + below).toFixed(1)}">${escaped(name)}</text>`;
  });
}

/** All charts below each other as one SVG document. Throws where a chart has no values. */
export function figure(charts: readonly Chart[]): string {
  for (const chart of charts) {
    if (chart.series.every((series) => series.values.every((value) => value === undefined))) throw new Error(`${chart.title}: no values`);
    if (chart.series.length > 2) throw new Error(`${chart.title}: ${chart.series.length} lines, there are two colours`);
  }
  const height = HEIGHT * charts.length;
  const title = escaped(charts.map((chart) => chart.title).join('; '));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title.replaceAll('"', '&quot;')}">`,
    `<style>${STYLE}\n</style>`,
    ...charts.map((chart, index) => panel(chart, index * HEIGHT)),
    '</svg>\n',
  ].join('\n');
}
