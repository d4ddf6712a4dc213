// What a root knows of the bundles in it: var/lib/kindling/itu/NAME holds the bundle as it came, its journal, and what it replaced.
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { encodeJournal, type ItuJournal, parseJournal } from '../../verbs/itu/journal.ts';
import { bundleFileName, type ItuManifest, parseItuManifest } from '../../verbs/itu/manifest.ts';
import { errnoError } from '../errno.ts';
import type { SafeDirectory } from '../safe-directory.ts';
import { enterPath, type ItuDisk, makeDirectory, putFile, removeAll } from './disk.ts';

/** Where a root keeps them. */
export const STORE = 'var/lib/kindling/itu';

/** A bundle that is in a root, or on its way in or out. */
export interface AppliedBundle {
  readonly name: string;
  readonly manifest: ItuManifest;
  readonly journal: ItuJournal;
}

/** An open root and the disk it is on. */
export interface Site {
  readonly top: SafeDirectory;
  readonly disk: ItuDisk;
  /** Directory of the root as a person named it. */
  readonly root: string;
}

/** Starts of names that are no bundles: what was not finished, and what is being thrown away. */
export const NEW = '.new-';
const GONE = '.gone-';

/** Runs work on a root; what the disk refused says which root it was. */
export async function atSite<T>({ root }: Site, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw errnoError(error, { file: root }) ?? error;
  }
}

/** Opens the store, made when it is missing. The caller closes it. */
export async function openStore({ top, disk }: Site): Promise<SafeDirectory> {
  let at = '';
  for (const name of STORE.split('/')) {
    const parent = enterPath(top, at)!;
    try {
      // Records say which files a machine has replaced, and hold them: nobody's business but root's.
      await makeDirectory(disk, parent, name, name === 'itu' ? 0o700 : 0o755);
    } finally {
      parent.close();
    }
    at = at === '' ? name : `${at}/${name}`;
  }
  return enterPath(top, at)!;
}

/** The bundles of a root in the order in which they were applied. Throws BAD_VALUE for a record that is damaged. */
export function storedBundles({ top, disk }: Site): AppliedBundle[] {
  const store = enterPath(top, STORE);
  if (store === undefined) return [];
  try {
    const found: AppliedBundle[] = [];
    for (const name of disk.names(store.at('.')).sort()) {
      if (name.startsWith('.') || store.look(name)?.isDirectory() !== true) continue;
      const own = store.enter(name);
      try {
        found.push({
          name,
          manifest: parseItuManifest(disk.read(own.at('manifest'))),
          journal: parseJournal(disk.read(own.at('journal'))),
        });
      } catch (error) {
        throw located(error, { file: own.label });
      } finally {
        own.close();
      }
    }
    return found.sort((a, b) => a.journal.serial - b.journal.serial);
  } finally {
    store.close();
  }
}

/** The bytes of a stored bundle and of its signature. */
export function storedBytes(site: Site, { name, manifest }: AppliedBundle): { bytes: Uint8Array; signature: Uint8Array | undefined } {
  const own = enterPath(site.top, `${STORE}/${name}`);
  if (own === undefined) throw new KindlingError('NO_ENTRY', `no bundle "${name}" is stored here`, { file: `${site.root}/${STORE}` });
  try {
    const file = bundleFileName(manifest);
    const signature = own.look(`${file}.sig`) === undefined ? undefined : site.disk.read(own.at(`${file}.sig`));
    return { bytes: site.disk.read(own.at(file)), signature };
  } finally {
    own.close();
  }
}

/** Writes a journal anew. */
export async function writeJournal({ top, disk }: Site, name: string, journal: ItuJournal): Promise<void> {
  const own = enterPath(top, `${STORE}/${name}`);
  if (own === undefined) throw new KindlingError('NO_ENTRY', 'the record of the bundle is gone', { path: `${STORE}/${name}` });
  try {
    await putFile(disk, own, 'journal', bytesSource(encodeJournal(journal)), { mode: 0o600 });
  } finally {
    own.close();
  }
}

/** Throws away what an interrupted run left that was never put to use. */
export async function sweepStore(site: Site): Promise<void> {
  const store = enterPath(site.top, STORE);
  if (store === undefined) return;
  try {
    for (const name of site.disk.names(store.at('.'))) {
      if (name.startsWith(NEW) || name.startsWith(GONE)) await removeAll(site.disk, store, name);
    }
  } finally {
    store.close();
  }
}

/** Takes a bundle's record away: at one moment it is there, at the next it is not. */
export async function dropRecord(site: Site, name: string): Promise<void> {
  const store = enterPath(site.top, STORE);
  if (store === undefined) return;
  try {
    await removeAll(site.disk, store, GONE + name);
    site.disk.rename(store.at(name), store.at(GONE + name));
    site.disk.syncDirectory(store.at('.'));
    await removeAll(site.disk, store, GONE + name);
  } finally {
    store.close();
  }
}
