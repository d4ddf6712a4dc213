// Bundles of a running live system: added or taken away at once where the kernel allows it, and for the next boot on the medium
// (docs/live-changes.md, "Bundles in the running system"). A mounted overlay keeps its layers for life; what can be done is what systemd-sysext
// does: a second overlay over /usr and /opt, with the system's own directory as its lowest layer. The outside is handed in.
import { KindlingError } from '../errors.ts';
import { BUNDLE_SUFFIX, compareBundleNames, parseBundleName } from '../media/bundles/index.ts';
import { baseName, type Tree } from '../tree/index.ts';
import { type MediumOutside, putOnMedium, setAsideOnMedium } from './live-medium.ts';
import { type LiveState, liveState, MemoryPlaces } from './live-state.ts';

/** What the running system lets a verb do. Paths are absolute. */
export interface LiveOutside extends MediumOutside {
  /** The tree of a bundle. Throws what its reader throws. */
  tree(file: string): Promise<Tree>;
  makeDirectory(path: string): void;
}

/** Half of what was asked for: whether it was done, and why not (or how). */
export interface Half {
  readonly done: boolean;
  readonly text: string;
}

/** What became of a bundle. */
export interface BundleChange {
  readonly name: string;
  /** In the running system. */
  readonly now: Half;
  /** On the medium, from the next boot on. */
  readonly next: Half;
}

/** What is wanted: by default as much as can be. */
export interface LiveWish {
  readonly now: boolean;
  readonly next: boolean;
}

const ADDED = '/run/kindling/added';
const BASE = '/run/kindling/base';
const STAGE = '/run/kindling/stage';
/** The directories that a second overlay may be over: nothing there is written by a running system but by its package manager. */
const HIERARCHIES = ['usr', 'opt'] as const;
const NOT_WANTED: Half = { done: false, text: 'not asked for' };

/** Why a bundle cannot be shown by a second overlay; undefined when it can. */
export function whyNotNow(tree: Tree): string | undefined {
  const outside = tree.entries.find(({ path, kind }) => {
    const top = path.split('/')[0]!;
    if (path === '' || HIERARCHIES.some((one) => one === top)) return false;
    // merged /usr: the same links are in the system
    return (
      !(kind === 'symlink' && /^(bin|sbin|lib\w*)$/.test(path)) && !(kind === 'directory' && !path.includes('/') && isEmpty(tree, path))
    );
  });
  if (outside !== undefined) return `it holds ${outside.path}, and only what is below /usr and /opt can be added to a running union`;
  const modules = tree.entries.find(({ path }) => /^usr\/lib\/modules\/./.test(path));
  if (modules !== undefined) return 'it holds kernel modules, whose indexes would take the place of those of the running system';
  if (!tree.entries.some(({ path }) => path.includes('/'))) return 'it holds nothing below /usr or /opt';
  return undefined;
}

function isEmpty(tree: Tree, path: string): boolean {
  return !tree.entries.some((entry) => entry.path.startsWith(`${path}/`));
}

function added(outside: LiveOutside): string[] {
  return (outside.read(ADDED) ?? '').split('\n').filter((name) => name !== '');
}

async function must(outside: LiveOutside, words: readonly string[]): Promise<void> {
  const { code, stderr } = await outside.run(words);
  if (code !== 0) throw new KindlingError('IO', `${words.join(' ')} ended with ${code}: ${stderr.trim()}`);
}

/** Shows these bundles, lowest first, in place of those that are shown now. What is shown changes only when the new overlays are mounted. */
async function show(names: readonly string[], outside: LiveOutside): Promise<void> {
  if (!isMountPoint(BASE, outside)) {
    outside.makeDirectory(BASE);
    await must(outside, ['mount', '--bind', '/', BASE]);
    await must(outside, ['mount', '--make-private', BASE]);
  }
  const staged: string[] = [];
  for (const top of HIERARCHIES) {
    const layers = names.map((name) => `${MemoryPlaces.bundles}/${name}/${top}`).filter((path) => outside.exists(path));
    if (layers.length === 0) continue;
    const lower = [...layers.reverse(), ...(outside.exists(`${BASE}/${top}`) ? [`${BASE}/${top}`] : [])];
    outside.makeDirectory(`${STAGE}/${top}`);
    if (lower.length === 1) await must(outside, ['mount', '--bind', lower[0]!, `${STAGE}/${top}`]);
    else await must(outside, ['mount', '-t', 'overlay', '-o', `ro,lowerdir=${lower.join(':')}`, 'kindling-bundles', `${STAGE}/${top}`]);
    staged.push(top);
  }
  for (const top of HIERARCHIES) {
    // what was shown before ends when its last user does
    if (shown(top, outside)) await must(outside, ['umount', '-l', `/${top}`]);
    if (!staged.includes(top)) continue;
    if (!outside.exists(`/${top}`)) outside.makeDirectory(`/${top}`);
    await must(outside, ['mount', '--bind', `${STAGE}/${top}`, `/${top}`]);
    await must(outside, ['umount', `${STAGE}/${top}`]);
  }
  await outside.write(ADDED, names.map((name) => `${name}\n`).join(''));
}

function mountsOf(outside: LiveOutside): string[][] {
  return (outside.read('/proc/self/mounts') ?? '').split('\n').map((line) => line.split(' '));
}

function isMountPoint(path: string, outside: LiveOutside): boolean {
  return mountsOf(outside).some(([, at]) => at === path);
}

function shown(top: string, outside: LiveOutside): boolean {
  const names = added(outside);
  return isMountPoint(`/${top}`, outside) && names.some((name) => outside.exists(`${MemoryPlaces.bundles}/${name}/${top}`));
}

async function addNow(file: string, name: string, state: LiveState, outside: LiveOutside): Promise<Half> {
  const why = whyNotNow(await outside.tree(file));
  if (why !== undefined) return { done: false, text: why };
  const place = `${MemoryPlaces.bundles}/${name}`;
  outside.makeDirectory(place);
  await must(outside, ['mount', '-t', 'squashfs', '-o', 'loop,ro', file, place]);
  try {
    await show([...added(outside), name].sort(compareBundleNames), outside);
  } catch (error) {
    await outside.run(['umount', place]);
    throw error;
  }
  const above = state.bundles.find((other) => compareBundleNames(other, name) > 0);
  const order = above === undefined ? '' : `; it lies above ${above} now and below it after a boot`;
  return { done: true, text: `shown in /usr and /opt, which are read-only until the next boot${order}` };
}

function nameOf(file: string): string {
  const name = parseBundleName(file)?.file;
  if (name === undefined || /\s/.test(name)) {
    throw new KindlingError('BAD_NAME', `"${baseName(file)}" is no name of a bundle, expected NUMBER-NAME${BUNDLE_SUFFIX} without blanks`);
  }
  return name;
}

/** Adds a bundle. Throws NO_ENTRY outside a live system, CONFLICT when there is one of this name, and what reading and writing throw. */
export async function addLiveBundle(file: string, wish: LiveWish, outside: LiveOutside): Promise<BundleChange> {
  const state = liveState(outside);
  const name = nameOf(file);
  if ([...state.bundles, ...added(outside)].includes(name)) {
    throw new KindlingError('CONFLICT', `the running system has a bundle ${name} already`, { file });
  }
  await outside.tree(file); // a file that is no bundle goes nowhere
  const next = wish.next ? await putOnMedium(file, name, state, outside) : NOT_WANTED;
  const from = next.done ? `${state.mediumData}/${name}` : file;
  const now = wish.now ? await addNow(from, name, state, outside) : NOT_WANTED;
  return { name, now, next };
}

/** Takes a bundle away. On the medium its file keeps its content under another name, so that nothing is lost by a slip. */
export async function removeLiveBundle(name: string, wish: LiveWish, outside: LiveOutside): Promise<BundleChange> {
  const state = liveState(outside);
  const here = added(outside);
  const next = wish.next ? await setAsideOnMedium(name, state, outside) : NOT_WANTED;
  let now = NOT_WANTED;
  if (wish.now && here.includes(name)) {
    await show(
      here.filter((one) => one !== name),
      outside,
    );
    await must(outside, ['umount', '-l', `${MemoryPlaces.bundles}/${name}`]);
    now = { done: true, text: 'no longer shown; programs that run from it keep it until they end' };
  } else if (wish.now && state.bundles.includes(name)) {
    now = { done: false, text: 'it is a layer of the running root, which the kernel keeps until the next boot' };
  } else if (wish.now && !next.done) {
    throw new KindlingError('NO_ENTRY', `there is no bundle ${name}; the running system has ${[...state.bundles, ...here].join(', ')}`);
  } else if (wish.now) {
    now = { done: false, text: 'the running system does not have it' };
  }
  return { name, now, next };
}
