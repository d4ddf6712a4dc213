// Bundles into a root and out of it. First everything that is needed to go on or back is written below var/lib/kindling/itu and synced; then
// file after file is replaced; an apply that was interrupted anywhere is finished or undone from that alone (docs/itu.md, "Interrupted").
import { statfsSync } from 'node:fs';
import { bytesSource } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { baseName, comparePaths, type Entry, parentOf, type Tree } from '../../tree/index.ts';
import { type Bundle, openBundle } from '../../verbs/itu/bundle.ts';
import { encodeJournal, type ItuJournal, type ItuPut, type ItuState, sameState } from '../../verbs/itu/journal.ts';
import { bundleFileName, encodeItuManifest } from '../../verbs/itu/manifest.ts';
import type { Placement } from '../../verbs/itu/place.ts';
import { sha256 } from '../digest.ts';
import { system } from '../errno.ts';
import { enterPath, inPath, makeDirectory, putFile, putLink, removeAll, stateAt } from './disk.ts';
import { reindex } from './indexes.ts';
import { type AppliedBundle, atSite, NEW, openStore, type Site, STORE, storedBundles, storedBytes, writeJournal } from './store.ts';

/** A bundle that was found fit, and where its files go. */
export interface ApplyRequest {
  readonly bundle: Bundle;
  readonly signature: Uint8Array | undefined;
  /** File of the key that signed it. */
  readonly key: string | undefined;
  /** Kernels of the root it is applied for. */
  readonly kernels: readonly string[];
  readonly placements: readonly Placement[];
}

const SPARE_SIZE = 1 << 20;

/** Puts a bundle into a root. When it fails, what was done is taken back; when that fails too, or the process is killed, `recover` does it. */
export async function applyBundle(site: Site, request: ApplyRequest, decoders: readonly Decoder[]): Promise<void> {
  await atSite(site, () => applyIn(site, request, decoders));
}

async function applyIn(site: Site, request: ApplyRequest, decoders: readonly Decoder[]): Promise<void> {
  const { name } = request.bundle.manifest;
  const before = storedBundles(site);
  const journal = await prepare(site, request, before);
  try {
    await inPath(site.top, STORE, undefined, (store) => site.disk.syncDirectory(store.at('.')));
    await carryOut(site, journal, request.bundle.tree);
    await reindex(site, journal.kernels, decoders);
    await writeJournal(site, name, { ...journal, state: 'applied' });
  } catch (error) {
    const { takeOut } = await import('./remove.ts');
    try {
      await takeOut(site, name, decoders);
    } catch (second) {
      const what = 'what was done so far could not be taken back; run it again, or `kindling itu remove`';
      throw new KindlingError('IO', `${error instanceof Error ? error.message : String(error)}; ${what}`, { file: site.root }, second);
    }
    throw error;
  }
}

/** What is at a path of the root now. Throws CONFLICT where it is neither a file nor a link. */
export async function stateOf(site: Site, path: string): Promise<NonNullable<Awaited<ReturnType<typeof stateAt>>>> {
  const nothing = { state: { kind: 'absent' } as const, bytes: undefined };
  const found = await inPath(site.top, parentOf(path), nothing, (directory) => stateAt(site.disk, directory, baseName(path)));
  if (found === undefined) throw new KindlingError('CONFLICT', 'neither a file nor a link is there', { file: site.root, path });
  return found;
}

function stateFor(entry: Placement['entry']): ItuState {
  if (entry.kind === 'symlink') return { kind: 'link', uid: 0, gid: 0, target: entry.target };
  return { kind: 'file', mode: entry.mode, uid: 0, gid: 0, mtime: entry.mtime, sha256: sha256(entry.content.read(0, entry.content.size)) };
}

/** Directories that are not there yet, parents first. */
function missingDirectories(site: Site, paths: readonly string[]): string[] {
  const missing = new Set<string>();
  for (const path of paths) {
    for (let at = parentOf(path); at !== '' && !missing.has(at); at = parentOf(at)) {
      const found = enterPath(site.top, at);
      found?.close();
      if (found !== undefined) break;
      missing.add(at);
    }
  }
  return [...missing].sort(comparePaths);
}

function checkRoom(site: Site, size: number): void {
  const { blocks, bavail, bsize } = system(() => statfsSync(site.top.at('.')), { file: site.root });
  // A system that runs from a ramfs has no size: what memory holds is seen when it is written.
  if (blocks > 0 && bavail * bsize < size + SPARE_SIZE)
    throw new KindlingError('NO_SPACE', `${size + SPARE_SIZE} bytes are needed, ${bavail * bsize} are free`, { file: site.root });
}

/** Writes the record of what is going to be done. Nothing in the root has changed until it is there, and it appears all at once. */
async function prepare(site: Site, request: ApplyRequest, before: readonly AppliedBundle[]): Promise<ItuJournal> {
  const { bundle, placements, kernels, key, signature } = request;
  const { manifest, bytes } = bundle;
  if (before.some(({ name }) => name === manifest.name)) throw new KindlingError('CONFLICT', `${manifest.name} is in ${site.root} already`);
  const puts: ItuPut[] = [];
  const held = new Map<string, number>();
  for (const { entry, path } of placements) {
    const { state: was, bytes: old } = await stateOf(site, path);
    puts.push({ from: entry.path, path, now: stateFor(entry), was });
    if (was.kind === 'file') held.set(was.sha256, old?.size ?? 0);
  }
  const serial = Math.max(0, ...before.map(({ journal }) => journal.serial)) + 1;
  const made = missingDirectories(
    site,
    puts.map(({ path }) => path),
  );
  const journal: ItuJournal = { state: 'applying', serial, bundle: bundle.sha256, key, kernels, made, puts };
  const files = placements.reduce((sum, { entry }) => sum + (entry.kind === 'file' ? entry.content.size : 0), 0);
  checkRoom(
    site,
    [...held.values()].reduce((sum, size) => sum + size, bytes.length + files),
  );
  const store = await openStore(site);
  try {
    await removeAll(site.disk, store, NEW + manifest.name);
    await makeDirectory(site.disk, store, NEW + manifest.name, 0o700);
    const own = store.enter(NEW + manifest.name);
    try {
      await makeDirectory(site.disk, own, 'was', 0o700);
      const kept = own.enter('was');
      try {
        for (const { path, was } of puts) {
          if (was.kind !== 'file' || kept.look(was.sha256) !== undefined) continue;
          const { bytes: old, state } = await stateOf(site, path);
          if (old === undefined || !sameState(state, was))
            throw new KindlingError('IO', 'it changed while it was being read', { file: site.root, path });
          await putFile(site.disk, kept, was.sha256, old, { mode: 0o600 });
        }
      } finally {
        kept.close();
      }
      const file = bundleFileName(manifest);
      await putFile(site.disk, own, 'manifest', bytesSource(encodeItuManifest(manifest)), { mode: 0o600 });
      await putFile(site.disk, own, file, bytesSource(bytes), { mode: 0o600 });
      if (signature !== undefined) await putFile(site.disk, own, `${file}.sig`, bytesSource(signature), { mode: 0o600 });
      await putFile(site.disk, own, 'journal', bytesSource(encodeJournal(journal)), { mode: 0o600 });
    } finally {
      own.close();
    }
    site.disk.rename(store.at(NEW + manifest.name), store.at(manifest.name));
  } finally {
    store.close();
  }
  return journal;
}

function contentFor(tree: Tree, { from }: ItuPut): Entry {
  const entry = tree.get(from);
  if (entry === undefined) throw new KindlingError('BAD_VALUE', 'the journal names a file that the bundle does not hold', { path: from });
  return entry;
}

/** Makes the directories and puts every file that is not there yet. Running it again does the rest. */
async function carryOut(site: Site, journal: ItuJournal, tree: Tree): Promise<void> {
  for (const path of journal.made) {
    await inPath(site.top, parentOf(path), undefined, (parent) => makeDirectory(site.disk, parent, baseName(path), 0o755));
  }
  for (const put of journal.puts) {
    const { state } = await stateOf(site, put.path);
    if (sameState(state, put.now)) continue;
    const entry = contentFor(tree, put);
    const done = await inPath(site.top, parentOf(put.path), false, async (directory) => {
      const name = baseName(put.path);
      if (entry.kind === 'symlink') await putLink(site.disk, directory, name, entry.target);
      else if (entry.kind === 'file') await putFile(site.disk, directory, name, entry.content, { mode: entry.mode });
      return true;
    });
    if (!done) throw new KindlingError('NO_ENTRY', 'the directory vanished', { file: site.root, path: put.path });
  }
}

/** Goes on with an apply that was interrupted, from the bundle as it was stored then. */
export async function finishApply(site: Site, applied: AppliedBundle, decoders: readonly Decoder[]): Promise<void> {
  const { bytes } = storedBytes(site, applied);
  const bundle = openBundle(bytes, { decoders, sha256 });
  if (bundle.sha256 !== applied.journal.bundle) {
    throw new KindlingError('BAD_CHECKSUM', 'the stored bundle is not the one that was being applied', {
      file: site.root,
      path: applied.name,
    });
  }
  const journal = await kept(site, applied);
  await carryOut(site, journal, bundle.tree);
  await reindex(site, journal.kernels, decoders);
  await writeJournal(site, applied.name, { ...journal, state: 'applied' });
}

/** The journal with what somebody changed after the interruption in it: nothing is overwritten that does not come back. */
async function kept(site: Site, { name, journal }: AppliedBundle): Promise<ItuJournal> {
  const puts: ItuPut[] = [];
  for (const put of journal.puts) {
    const { state, bytes } = await stateOf(site, put.path);
    if (sameState(state, put.now) || sameState(state, put.was)) {
      puts.push(put);
      continue;
    }
    if (state.kind === 'file' && bytes !== undefined) {
      await inPath(site.top, `${STORE}/${name}/was`, undefined, (directory) =>
        putFile(site.disk, directory, state.sha256, bytes, { mode: 0o600 }),
      );
    }
    puts.push({ ...put, was: state });
  }
  const refreshed = { ...journal, puts };
  if (puts.some((put, index) => put !== journal.puts[index])) await writeJournal(site, name, refreshed);
  return refreshed;
}
