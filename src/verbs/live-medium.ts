// Bundles on the medium of the running system: a copy that is whole or not there, the medium's own lists brought in step, and the medium
// as read-only afterwards as it was before.
import { KindlingError } from '../errors.ts';
import { compareBundleNames } from '../media/bundles/index.ts';
import { mediumText, parseMedium, parseSums, sumsText } from '../media/index.ts';
import { type LiveState, MemoryPlaces, type StateOutside } from './live-state.ts';

/** What writing on the medium takes. Paths are absolute. */
export interface MediumOutside extends StateOutside {
  exists(path: string): boolean;
  size(path: string): number;
  /** Lower-case hex. */
  sha256(path: string): Promise<string>;
  /** The path without links in it. */
  realPath(path: string): string;
  /** A text file, whole or not at all. */
  write(path: string, text: string): Promise<void>;
  /** A file, whole or not at all. Throws NO_SPACE. */
  copy(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  run(words: readonly string[]): Promise<{ readonly code: number; readonly stderr: string }>;
}

/** What a bundle that was taken away is called. */
const SET_ASIDE = '.off';

interface Outcome {
  readonly done: boolean;
  readonly text: string;
}

/** Does something while the medium can be written to; says why not where it cannot. */
async function whileWritable(state: LiveState, outside: MediumOutside, act: () => Promise<string>): Promise<Outcome> {
  const no = (text: string): Outcome => ({ done: false, text });
  if (['iso9660', 'squashfs', 'erofs', 'udf'].includes(state.fileSystem))
    return no(`the medium is ${state.fileSystem}, which is never written to`);
  if (!outside.exists(state.mediumData)) return no('the medium is not here any more: the system runs from memory');
  const place = outside.realPath(MemoryPlaces.medium);
  const mount = (outside.read('/proc/self/mounts') ?? '')
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, at]) => at === place);
  if (mount === undefined) return no('the medium is not mounted');
  const wasReadOnly = (mount[3] ?? '').split(',').includes('ro');
  if (wasReadOnly) {
    const { code, stderr } = await outside.run(['mount', '-o', 'remount,rw', place]);
    if (code !== 0) return no(`the medium cannot be written to: ${stderr.trim()}`);
  }
  try {
    return { done: true, text: await act() };
  } finally {
    await outside.run(['sync', '-f', place]);
    if (wasReadOnly) await outside.run(['mount', '-o', 'remount,ro', place]);
  }
}

/** The lists of the medium without a bundle, or with it; the id stays, because the archive belongs to it. */
async function listed(name: string, size: number | undefined, state: LiveState, outside: MediumOutside): Promise<void> {
  const data = state.mediumData;
  const medium = outside.read(`${data}/medium`);
  if (medium !== undefined) {
    const { id, bundles } = parseMedium(medium);
    const others = bundles.filter((one) => one.name !== name);
    const all = size === undefined ? others : [...others, { name, size }].sort((a, b) => compareBundleNames(a.name, b.name));
    await outside.write(`${data}/medium`, mediumText(id, all));
  }
  const text = outside.read(`${data}/sha256sums`);
  if (text === undefined) return;
  const top = data.slice(data.lastIndexOf('/') + 1);
  const sums = new Map(parseSums(text));
  sums.delete(`${top}/${name}`);
  if (size !== undefined) sums.set(`${top}/${name}`, await outside.sha256(`${data}/${name}`));
  if (medium !== undefined) sums.set(`${top}/medium`, await outside.sha256(`${data}/medium`));
  await outside.write(`${data}/sha256sums`, sumsText(sums));
}

/** Copies a bundle to the medium. Throws CONFLICT when another file has its name, NO_SPACE. */
export async function putOnMedium(file: string, name: string, state: LiveState, outside: MediumOutside): Promise<Outcome> {
  const target = `${state.mediumData}/${name}`;
  return await whileWritable(state, outside, async () => {
    if (outside.exists(target)) throw new KindlingError('CONFLICT', 'the medium has a bundle of this name already', { file: target });
    await outside.copy(file, target);
    await listed(name, outside.size(target), state, outside);
    return `on the medium as ${target}: every boot from now on has it`;
  });
}

/** Gives a bundle of the medium a name that no boot takes. */
export async function setAsideOnMedium(name: string, state: LiveState, outside: MediumOutside): Promise<Outcome> {
  const file = [`${state.mediumData}/${name}`, `${state.mediumData}/modules/${name}`].find((path) => outside.exists(path));
  if (file === undefined) return { done: false, text: 'the medium has no bundle of this name' };
  if (state.bundles.every((one) => one === name)) {
    throw new KindlingError('CONFLICT', 'it is the only bundle: without it nothing could be booted', { file });
  }
  return await whileWritable(state, outside, async () => {
    await outside.rename(file, `${file}${SET_ASIDE}`);
    await listed(name, undefined, state, outside);
    return `no boot from now on has it; its file is kept as ${file}${SET_ASIDE}`;
  });
}
