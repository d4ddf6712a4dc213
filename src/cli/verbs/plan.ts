// kindling plan: parses, and prints what would go into an archive and why (docs/plan.md).
import { type Forecast, forecast, PARTS, type Plan, printConfiguration, printFacts, type Reason } from '../../plan/index.ts';
import { type MadeSizes, type SquashedPlan, savedMemory, squashedForecast } from '../../verbs/layout.ts';
import { LOADER_RATE, type Monolithic, monolithic } from '../../verbs/monolithic.ts';
import { configurationFor, planFor } from '../../verbs/plan.ts';
import { PLAN_OPTIONS, planOutside, planWords } from '../plan-words.ts';
import { printable } from '../report.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `plan` verb. */
export const plan: Verb = {
  name: 'plan',
  summary: 'say what goes into an archive, and why',
  description: [
    'Reads a root and its kernel modules without running anything in it, and prints what a boot archive for it would hold: entries by part, sizes, the modules left for after the switch, and how much memory the archive needs. Nothing is written.',
    `Parts: ${PARTS.map(({ name, summary, when }) => `${name} (${summary}${when === 'asked' ? '; only when added' : ''})`).join('; ')}.`,
  ],
  positionals: [],
  options: {
    ...PLAN_OPTIONS,
    long: { short: 'l', summary: 'print every path with all its reasons' },
    'print-config': { summary: 'print the merged configuration and where each word came from' },
    'print-facts': { summary: 'print the facts of this machine in the form that --facts takes' },
  },
  examples: [
    { command: 'kindling plan --root /srv/root', does: "plans for the root's newest kernel" },
    { command: 'kindling plan --scope host --print-facts > box.json', does: 'takes the facts of a machine, to plan for it elsewhere' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const words = planWords(parsed);
  const outside = await planOutside(parsed);
  if (parsed.flag('print-facts')) {
    await world.out.write(printFacts(outside.hostFacts()));
    return 0;
  }
  if (parsed.flag('print-config')) {
    const configuration = configurationFor(words, outside);
    if (world.json) await world.document(configuration);
    else await world.out.write(printConfiguration(configuration));
    return 0;
  }
  const planned = planFor(words, outside).plan;
  // what a live archive defers lies on the same medium: the choice is between reading it at once and reading it when it is wanted
  const whole = planned.parts.includes('live') ? monolithic(planned, outside.root) : undefined;
  if (world.json) await world.document({ ...planDocument(planned), ...(whole === undefined ? {} : { monolithic: whole }) });
  else if (parsed.flag('long')) await printLong(planned, world);
  else await printShort(planned, outside.root.label, whole, world);
  // imported only then: writing images takes more to load than planning
  if (!world.json && world.verbosity > 0) (await import('../layout-words.ts')).sayOther(planned, outside, world);
  for (const { severity, message } of planned.findings) {
    if (severity === 'note') world.detail(message);
    else world.warn(message);
  }
  return planned.findings.some(({ severity }) => severity === 'error') ? 1 : 0;
}

/** A plan as one JSON document (docs/plan.md). */
export function planDocument(planned: Plan, squashed?: SquashedPlan, sizes?: MadeSizes): Record<string, unknown> {
  const cast = squashed === undefined ? forecast(planned, sizes?.archive) : squashedForecast(squashed, sizes);
  return {
    kernel: { version: planned.kernel.version, machine: planned.kernel.machine ?? null, modules: planned.kernel.moduleTree ?? null },
    scope: planned.scope,
    parts: planned.parts,
    packed: planned.packed,
    deferred: planned.deferred,
    forecast: forecastDocument(cast),
    ...(squashed === undefined ? {} : { forecastPlain: forecastDocument(forecast(planned)) }),
    entries: planned.tree.entries.map((entry) => ({
      path: entry.path,
      kind: entry.kind,
      ...(entry.kind === 'file' ? { size: entry.content.size } : {}),
      segment: planned.segmentOf.get(entry.path),
      reasons: planned.reasons.get(entry.path),
    })),
    findings: planned.findings,
  };
}

function forecastDocument({ bySegment: _, ...cast }: Forecast): Omit<Forecast, 'bySegment'> {
  return cast;
}

function reasonText({ part, text, because }: Reason): string {
  return `${part}: ${text}${because === undefined ? '' : ` <- ${because}`}`;
}

async function printLong(planned: Plan, world: World): Promise<void> {
  for (const entry of [...(planned.microcode?.entries ?? []), ...planned.tree.entries]) {
    const reasons = planned.reasons.get(entry.path) ?? [];
    await world.out.line(`${printable(entry.path)}\t${printable(reasons.map(reasonText).join('; ') || 'microcode')}`);
  }
}

const kib = (size: number): string => `${Math.ceil(size / 1024)} KiB`;
/** Mebibytes with one digit. */
export const mib = (size: number): string => `${(size / 1048576).toFixed(1)} MiB`;

async function printShort(planned: Plan, label: string, whole: Monolithic | undefined, world: World): Promise<void> {
  const { kernel, scope, deferred, packed } = planned;
  const { out } = world;
  await out.line(
    printable(`kernel ${kernel.version}${kernel.machine === undefined ? '' : ` (${kernel.machine})`}, scope ${scope}, root ${label}`),
  );
  await out.line();
  await out.line(out.style('bold', `${'part'.padEnd(16)}${'entries'.padStart(8)}${'modules'.padStart(8)}${'size'.padStart(13)}  what for`));
  for (const row of rowsOf(planned)) {
    const counts = `${String(row.entryCount).padStart(8)}${(row.moduleCount === 0 ? '' : String(row.moduleCount)).padStart(8)}${kib(row.size).padStart(13)}`;
    await out.line(`${row.part.padEnd(16)}${counts}  ${row.summary}`);
  }
  await out.line();
  const left = deferred.length === 0 ? 'none deferred' : `${deferred.length} deferred to the root`;
  await out.line(`modules: ${packed.length} packed, ${left}`);
  for (const line of forecastLines(planned)) await out.line(line);
  for (const line of whole === undefined ? [] : sparedLines(planned, whole)) await out.line(line);
}

/** What a live archive is spared, in sentences: sizes, and how long a loader reads. */
function sparedLines(planned: Plan, whole: Monolithic): string[] {
  const seconds = (size: number): string => `${(size / LOADER_RATE).toFixed(1)} s`;
  return [
    `with all ${whole.modules} modules in it: about ${mib(whole.archiveSize)}, ${mib(whole.unpackedSize)} unpacked`,
    `a loader that reads ${LOADER_RATE / 1e6} MB/s: about ${seconds(forecast(planned).archiveSize)} in place of ${seconds(whole.archiveSize)}`,
  ];
}

interface Row {
  readonly part: string;
  readonly summary: string;
  entryCount: number;
  moduleCount: number;
  size: number;
}

/** What each part brought; an entry that several want counts for the first. */
function rowsOf(planned: Plan): Row[] {
  const rows = new Map<string, Row>();
  const rowOf = (part: string): Row => {
    let row = rows.get(part);
    if (row === undefined) {
      const summary = PARTS.find(({ name }) => name === part)?.summary ?? EXTRA[part] ?? '';
      row = { part, summary, entryCount: 0, moduleCount: 0, size: 0 };
      rows.set(part, row);
    }
    return row;
  };
  for (const { name } of PARTS) if (planned.parts.includes(name)) rowOf(name);
  for (const entry of planned.tree.entries) {
    const row = rowOf(planned.reasons.get(entry.path)?.[0]?.part ?? '');
    row.entryCount += 1;
    if (entry.kind === 'file') row.size += entry.content.size;
    if (entry.path.endsWith('.ko')) row.moduleCount += 1;
  }
  for (const entry of planned.microcode?.entries ?? []) {
    if (entry.kind !== 'file') continue;
    const row = rowOf('microcode');
    row.entryCount += 1;
    row.size += entry.content.size;
  }
  return [...rows.values()].filter(({ entryCount }) => entryCount > 0);
}

const EXTRA: Readonly<Record<string, string>> = { modules: 'index files for modprobe', firmware: 'firmware of the packed modules' };

/** The forecast, in sentences: that of the archive as it is or will be made, and that of the other layout where it was looked at. */
export function forecastLines(planned: Plan, squashed?: SquashedPlan, sizes?: MadeSizes): string[] {
  if (squashed === undefined) return sentences(forecast(planned, sizes?.archive));
  const plain = forecast(planned);
  const cast = squashedForecast(squashed, sizes);
  const saved = savedMemory(plain, cast);
  return [
    ...sentences(cast),
    `plain it would be about ${mib(plain.archiveSize)}, ${mib(plain.unpackedSize)} unpacked, and need ${saved < 0 ? `${mib(-saved)} less` : `${mib(saved)} more`} memory`,
  ];
}

function sentences(cast: Forecast): string[] {
  const about = cast.isEstimate ? 'about ' : '';
  return [
    `archive: ${about}${mib(cast.archiveSize)}, ${mib(cast.unpackedSize)} unpacked, ${cast.entryCount} entries`,
    `least memory: about ${Math.ceil(cast.leastMemory / 1048576)} MiB with root= on the command line, ${Math.ceil(cast.leastMemoryTmpfs / 1048576)} MiB without`,
  ];
}
