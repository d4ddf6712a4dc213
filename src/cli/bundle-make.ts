// kindling bundle make and split: bundles from a directory, an image, packages, the difference of two trees, the changes of a running system.
import { statSync } from 'node:fs';
import { type Finding, located } from '../errors.ts';
import { decode } from '../formats/deb/index.ts';
import { type MarkSpace, packagesLayer, splitRoot, unionOf } from '../media/bundles/index.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { fileSource } from '../node/source.ts';
import { canReadXattrs } from '../node/xattrs.ts';
import type { Tree } from '../tree/index.ts';
import { planBundle } from '../verbs/bundle.ts';
import { layersAt } from './bundle-open.ts';
import { bundlePath, leftOutLines, type WrittenBundle, writeBundle, writtenLine } from './bundle-write.ts';
import { printable } from './report.ts';
import { type Parsed, usageError } from './verb.ts';
import { sourceTree } from './verbs/pack.ts';
import type { World } from './world.ts';

const EXAMPLES_MOST = 3;

/** Runs `bundle make`. */
export async function bundleMake(parsed: Parsed, world: World): Promise<number> {
  const sources = parsed.positionals.slice(1);
  if (sources.length === 0) throw usageError('bundle make: SOURCE is missing (a directory, an image or packages)');
  const over = parsed.values('over');
  const isChanges = parsed.flag('changes');
  if (isChanges && over.length > 0)
    throw usageError('bundle make: --changes says that SOURCE is a layer, --over that it is not: give one of them');
  const path = bundlePath('bundle make', parsed.value('output'), undefined);
  world.progress.step('reading');
  const read = await sourceOf(sources, isChanges, world);
  const data = parsed.value('data') ?? 'kindling';
  const lower = over.length === 0 ? undefined : await layersAt(over, data);
  const plan = planBundle({
    tree: read.tree,
    as: isChanges ? 'changes' : lower === undefined ? 'tree' : 'over',
    ...(lower === undefined ? {} : { lower: unionOf(lower.layers).tree }),
    exclude: parsed.values('exclude'),
    volatile: parsed.flag('volatile'),
    times: !parsed.flag('ignore-times'),
    marks: (parsed.value('marks') ?? 'trusted') as MarkSpace,
    sameBytes: (a, b) => Buffer.compare(a, b) === 0,
  });
  world.progress.clear();
  const notes = [...read.notes, ...(lower?.notes ?? []), ...plan.notes];
  for (const { severity, message } of notes) (severity === 'note' ? world.note : world.warn)(printable(message));
  for (const line of leftOutLines(plan.leftOut, world.verbosity > 0 ? Number.POSITIVE_INFINITY : EXAMPLES_MOST)) world.note(line);
  sayPackages(read, world);
  const bundle = await writeBundle(plan.tree, path, parsed, world);
  sayLosses(bundle, world);
  if (plan.counts !== undefined) {
    const { added, changed, removed } = plan.counts;
    world.note(`${added} added, ${changed} changed, ${removed} removed`);
  }
  await tell(bundle, { sources, leftOut: plan.leftOut, notes, ...(plan.counts ?? {}), ...read.facts }, world);
  return 0;
}

/** Runs `bundle split`: a root as the bundles of a medium. */
export async function bundleSplit(parsed: Parsed, world: World): Promise<number> {
  const [source, ...more] = parsed.positionals.slice(1);
  if (source === undefined || more.length > 0) throw usageError('bundle split: expected one ROOT, a directory or an image');
  const output = parsed.value('output');
  if (output === undefined) throw usageError('bundle split: -o DIR is missing: where the bundles go');
  world.progress.step('reading');
  const { tree, notes } = await sourceTree(source, true);
  const { bundles, leftOut } = splitRoot(tree, { docs: !parsed.flag('no-docs'), exclude: parsed.values('exclude') });
  world.progress.clear();
  for (const { message } of notes) world.warn(printable(message));
  for (const line of leftOutLines(leftOut, world.verbosity > 0 ? Number.POSITIVE_INFINITY : EXAMPLES_MOST)) world.note(line);
  const written: WrittenBundle[] = [];
  for (const { name, tree: one } of bundles) {
    const bundle = await writeBundle(one, bundlePath('bundle split', `${output.replace(/\/+$/, '')}/`, name), parsed, world);
    sayLosses(bundle, world);
    written.push(bundle);
    if (!world.json) world.note(writtenLine(bundle));
  }
  if (world.json) await world.document({ source, leftOut, bundles: written });
  return 0;
}

interface ReadSource {
  readonly tree: Tree;
  readonly notes: readonly Finding[];
  readonly facts: {
    readonly packages?: readonly object[];
    readonly unrun?: readonly { readonly package: string; readonly script: string }[];
    readonly needs?: readonly string[];
  };
}

async function sourceOf(sources: readonly string[], isChanges: boolean, world: World): Promise<ReadSource> {
  const isPackage = (path: string) => path.endsWith('.deb') && statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true;
  if (sources.every(isPackage)) return packages(sources);
  const [source = '', ...more] = sources;
  if (more.length > 0) throw usageError('bundle make: several sources must all be packages (FILE.deb)');
  const isDirectory = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isChanges && isDirectory) {
    // Without its attributes an upper directory means something else: what it replaced would come back.
    if (!canReadXattrs())
      throw usageError('bundle make: --changes needs the program "getfattr" (package attr) to read the marks of a directory');
    if (process.getuid?.() !== 0)
      world.warn('only root sees the attributes trusted.overlay.*: directories that hide what is below them may be missed');
  }
  return { ...(await sourceTree(isChanges && isDirectory ? upperOf(source) : source, true)), facts: {} };
}

/** Names that live systems give the upper directory and overlayfs's own directory beside it; the last are those of Slax. */
const UPPER_NAMES = [
  ['rw', 'work'],
  ['upper', 'work'],
  ['changes', 'workdir'],
] as const;

/** The upper directory itself, where the directory that holds it was named. */
function upperOf(source: string): string {
  const base = source.replace(/\/+$/, '');
  const isThere = (name: string) => statSync(`${base}/${name}`, { throwIfNoEntry: false })?.isDirectory() === true;
  const found = UPPER_NAMES.find((names) => names.every(isThere));
  return found === undefined ? source : `${base}/${found[0]}`;
}

function packages(paths: readonly string[]): ReadSource {
  const decoders = nodeDecoders();
  const opened = paths.map((path) => {
    try {
      return { label: path, content: decode(fileSource(path), { decoders }) };
    } catch (error) {
      throw located(error, { file: path });
    }
  });
  const { tree, ...facts } = packagesLayer(opened);
  return { tree, notes: [], facts };
}

function sayPackages({ facts }: ReadSource, world: World): void {
  const { unrun = [], needs = [] } = facts;
  const byPackage = new Map<string, string[]>();
  for (const { package: name, script } of unrun) byPackage.set(name, [...(byPackage.get(name) ?? []), script]);
  if (byPackage.size > 0) {
    const list = [...byPackage].map(([name, scripts]) => `${name} (${scripts.join(', ')})`).join(', ');
    world.warn(`maintainer scripts were not run: ${printable(list)}`);
  }
  if (needs.length > 0) world.note(`needed from other bundles: ${printable(needs.join(', '))}`);
}

function sayLosses({ losses }: WrittenBundle, world: World): void {
  for (const { message, where } of losses) world.warn(printable(`${where.path ?? ''}: ${message}`));
}

async function tell(bundle: WrittenBundle, facts: object, world: World): Promise<void> {
  if (world.json) await world.document({ ...bundle, ...facts });
  else world.note(writtenLine(bundle));
}
