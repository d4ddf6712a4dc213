// Taking a bundle out of a root, and clearing up after an interrupted run. What somebody else changed since is left as it is.

import { statSync } from 'node:fs';
import { bytesSource } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { baseName, comparePaths, parentOf } from '../../tree/index.ts';
import { type ItuPut, type ItuState, sameState } from '../../verbs/itu/journal.ts';
import { system } from '../errno.ts';
import { openTarget } from '../safe-directory.ts';
import { finishApply, stateOf } from './apply.ts';
import { enterPath, ITU_DISK, type ItuDisk, inPath, putFile, putLink, removeEmpty, removeName, temporaryName } from './disk.ts';
import { reindex } from './indexes.ts';
import { type AppliedBundle, atSite, dropRecord, type Site, STORE, storedBundles, sweepStore, writeJournal } from './store.ts';

/** What taking a bundle out did not do. */
export interface TakenOut {
  /** Paths that were changed since the bundle put something there; they stay as they are. */
  readonly changed: readonly string[];
  /** Paths that a bundle applied later holds now; what was there before goes to its record. */
  readonly handed: readonly string[];
}

/** Opens a root for bundles. The caller closes it. Throws NO_ENTRY when there is no such directory. */
export function openSite(root: string, disk: ItuDisk = ITU_DISK): Site & { close(): void } {
  if (!system(() => statSync(root), { file: root }).isDirectory())
    throw new KindlingError('NO_ENTRY', 'it is no directory', { file: root });
  const top = openTarget(root);
  return { top, disk, root, close: () => top.close() };
}

/** Takes a bundle out: everything is again as it was before, as far as nobody changed it since. Throws NO_ENTRY when it is not there. */
export async function takeOut(site: Site, name: string, decoders: readonly Decoder[]): Promise<TakenOut> {
  return await atSite(site, () => takeOutOf(site, name, decoders));
}

async function takeOutOf(site: Site, name: string, decoders: readonly Decoder[]): Promise<TakenOut> {
  const all = storedBundles(site);
  const own = all.find((one) => one.name === name);
  if (own === undefined) throw new KindlingError('NO_ENTRY', `there is no bundle "${name}" in ${site.root}`, { file: site.root });
  const journal = { ...own.journal, state: 'removing' as const };
  if (own.journal.state !== 'removing') await writeJournal(site, name, journal);
  const later = all.filter((one) => one.journal.serial > journal.serial);
  const handed: string[] = [];
  const changed: string[] = [];
  for (const put of journal.puts) {
    const heir = later.find((one) => one.journal.puts.some(({ path }) => path === put.path));
    if (heir !== undefined) handed.push(put.path);
    else if (!(await restore(site, name, put))) changed.push(put.path);
  }
  // One journal is written once for all that it takes over: bundles are many, and each writing is synced.
  for (const heir of later) await handOver(site, own, heir, handed, later);
  await removeDirectories(site, journal.made);
  await reindex(site, journal.kernels, decoders);
  await dropRecord(site, name);
  return { changed, handed };
}

async function restore(site: Site, name: string, { path, now, was }: ItuPut): Promise<boolean> {
  return await inPath(site.top, parentOf(path), true, async (directory) => {
    const base = baseName(path);
    await removeName(site.disk, directory, temporaryName(base));
    const { state } = await stateOf(site, path);
    if (sameState(state, was)) return true;
    if (!sameState(state, now)) return false;
    if (was.kind === 'absent') await removeName(site.disk, directory, base);
    else if (was.kind === 'link') await putLink(site.disk, directory, base, was.target, ownerOf(was));
    else {
      const { mode, mtime } = was;
      await putFile(site.disk, directory, base, bytesSource(kept(site, name, was.sha256)), { mode, mtime, ...given(ownerOf(was)) });
    }
    return true;
  });
}

function kept(site: Site, name: string, digest: string): Uint8Array {
  const directory = enterPath(site.top, `${STORE}/${name}/was`);
  if (directory === undefined) throw new KindlingError('NO_ENTRY', 'what the bundle replaced is gone', { file: site.root, path: name });
  try {
    return site.disk.read(directory.at(digest));
  } finally {
    directory.close();
  }
}

/** Only the superuser gives files away; anybody else restores what was his own anyway. */
function ownerOf(state: Exclude<ItuState, { kind: 'absent' }>): { uid: number; gid: number } | undefined {
  return process.getuid?.() === 0 ? { uid: state.uid, gid: state.gid } : undefined;
}

function given(owner: { uid: number; gid: number } | undefined): { owner?: { uid: number; gid: number } } {
  return owner === undefined ? {} : { owner };
}

/** Gives a later bundle what it will have to restore instead: what was there before the one that goes. Running it again changes nothing. */
async function handOver(
  site: Site,
  own: AppliedBundle,
  heir: AppliedBundle,
  handed: readonly string[],
  later: readonly AppliedBundle[],
): Promise<void> {
  const firstHeir = (path: string) => later.find((one) => one.journal.puts.some((put) => put.path === path));
  const mine = new Map(
    own.journal.puts.filter(({ path }) => handed.includes(path) && firstHeir(path) === heir).map((put) => [put.path, put]),
  );
  const below = own.journal.made.filter((path) => heir.journal.puts.some((put) => put.path.startsWith(`${path}/`)));
  const made = [...new Set([...heir.journal.made, ...below])].sort(comparePaths);
  if (mine.size === 0 && made.length === heir.journal.made.length) return;
  for (const { was } of mine.values()) {
    if (was.kind !== 'file') continue;
    const bytes = bytesSource(kept(site, own.name, was.sha256));
    await inPath(site.top, `${STORE}/${heir.name}/was`, undefined, (directory) =>
      putFile(site.disk, directory, was.sha256, bytes, { mode: 0o600 }),
    );
  }
  const puts = heir.journal.puts.map((put) => {
    const before = mine.get(put.path);
    // What somebody put there in between is the person's, and stays what comes back.
    return before === undefined || !sameState(put.was, before.now) ? put : { ...put, was: before.was };
  });
  await writeJournal(site, heir.name, { ...heir.journal, made, puts });
}

async function removeDirectories(site: Site, made: readonly string[]): Promise<void> {
  for (const path of [...made].sort(comparePaths).reverse()) {
    await inPath(site.top, parentOf(path), true, (parent) => removeEmpty(site.disk, parent, baseName(path)));
  }
}

/** What `recover` did. */
export interface Recovered {
  readonly finished: readonly string[];
  readonly undone: readonly string[];
}

/** Clears up after an interrupted run: an apply is finished, a removal too. Bundles named in `undo` are taken out instead. */
export async function recover(site: Site, decoders: readonly Decoder[], undo: ReadonlySet<string> = new Set()): Promise<Recovered> {
  await atSite(site, () => sweepStore(site));
  const finished: string[] = [];
  const undone: string[] = [];
  for (const applied of storedBundles(site)) {
    const { name, journal } = applied;
    if (journal.state === 'applied') continue;
    if (journal.state === 'removing' || undo.has(name)) {
      await takeOut(site, name, decoders);
      undone.push(name);
    } else {
      await atSite(site, () => finishApply(site, applied, decoders));
      finished.push(name);
    }
  }
  return { finished, undone };
}

/** Whether anything was left by an interrupted run. Writes nothing. */
export function isInterrupted(site: Site): readonly AppliedBundle[] {
  return storedBundles(site).filter(({ journal }) => journal.state !== 'applied');
}
