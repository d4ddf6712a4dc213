// Keeps the boot entries of a root that kindling is installed in in step with its archives. `update`, `install` and `uninstall -k` call it
// after they changed what is in /boot.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bootEntries, type EntryState } from '../verbs/install/entries.ts';
import { type Synced, syncEntries } from '../verbs/install/sync.ts';
import { readManifest } from '../verbs/install.ts';
import { sha256 } from './digest.ts';
import { directoryRoot } from './directory.ts';
import { system } from './errno.ts';
import { installDisk, type LinkingDisk } from './install-disk.ts';

/** How entries are brought in step. */
export interface BootEntriesOptions {
  /** Say what would be done. */
  readonly dryRun?: boolean;
  readonly disk?: LinkingDisk;
}

/** What only the running system knows; nothing for a root that is not the running one. */
export function runningState(base: string): Pick<EntryState, 'mounts' | 'commandLine'> {
  if (resolve(base) !== '/') return {};
  const mountinfo = system(() => readFileSync('/proc/self/mountinfo', 'latin1'));
  const mounts = mountinfo.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
  return { mounts, commandLine: system(() => readFileSync('/proc/cmdline', 'latin1')).trim() };
}

/**
 * Writes and removes boot entries as the archives in /boot ask for. Undefined where kindling is not installed, or without entries
 * (GRUB's own menu asks for archives at every boot). The root is looked at anew.
 */
export async function syncBootEntries(base: string, options: BootEntriesOptions = {}): Promise<Synced | undefined> {
  const disk = installDisk(base, options.disk);
  if (readManifest(disk, sha256)?.with.includes('bls') !== true) return undefined;
  const wanted = bootEntries({ root: directoryRoot(base), sha256, ...runningState(base) });
  if (wanted === undefined) return undefined;
  return await syncEntries(disk, wanted, { sha256, dryRun: options.dryRun === true });
}
