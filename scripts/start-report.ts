// The two tables `npm start` ends with. Pure: from documents that the verbs printed to lines of text.

/** An entry of `kindling plan --json`, as far as it is used here. */
export interface ModuleEntry {
  readonly path: string;
  readonly reasons?: readonly { readonly part: string; readonly text: string; readonly because?: string }[];
}

/** A phase of `kindling boot --json`. Memory in KiB. */
export interface Phase {
  readonly name: string;
  readonly at: number;
  readonly uptime: number | null;
  readonly memory: number | null;
  readonly touched: number | null;
}

const mib = (kib: number | null) => (kib === null ? '-' : `${(kib / 1024).toFixed(0)} MiB`);

/** Phase, seconds and memory, one line each. */
export function timelineLines(phases: readonly Phase[]): string[] {
  const head = `${'phase'.padEnd(12)}${'QEMU'.padStart(9)}${'kernel'.padStart(9)}${'available'.padStart(12)}${'touched'.padStart(11)}`;
  const rows = phases.map(({ name, at, uptime, memory, touched }) => {
    const kernel = uptime === null ? '-' : `${uptime.toFixed(2)} s`;
    return `${name.padEnd(12)}${`${at.toFixed(2)} s`.padStart(9)}${kernel.padStart(9)}${mib(memory).padStart(12)}${mib(touched).padStart(11)}`;
  });
  return [head, ...rows];
}

function moduleNameOf(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.ko(\.\w+)?$/, '');
}

function wrapped(words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '   ';
  for (const word of words) {
    if (line.length + 1 + word.length > columns && line.trim() !== '') {
      lines.push(line);
      line = '   ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** Every module under its first reason; what only another module needs is listed with that one: "crc16<-ext4". */
export function moduleLines(entries: readonly ModuleEntry[], columns: number): string[] {
  const groups = new Map<string, string[]>();
  for (const { path, reasons = [] } of entries) {
    if (!/\.ko(\.\w+)?$/.test(path)) continue;
    const [reason] = reasons;
    const name = moduleNameOf(path);
    const because = reason?.because;
    const title =
      reason === undefined ? 'no reason recorded' : `${reason.part}: ${because === undefined ? reason.text : 'what those need'}`;
    const held = groups.get(title) ?? [];
    held.push(because === undefined ? name : `${name}<-${moduleNameOf(because)}`);
    groups.set(title, held);
  }
  // a part's own modules first, what they need after them
  const order = (title: string) => `${title.split(':')[0]} ${title.endsWith('what those need') ? 1 : 0}`;
  const titles = [...groups.keys()].sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
  return titles.flatMap((title) => {
    const names = [...new Set(groups.get(title))].sort();
    return [`  ${title} (${names.length})`, ...wrapped(names, columns)];
  });
}
