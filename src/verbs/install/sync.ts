// Brings the boot entries of a root in step with its archives: copies first, then entries; what is no longer wanted goes in the other order.
import { nameFromBytes, nameToBytes, type Sha256 } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import type { InstallDisk } from './disk.ts';
import { type BootEntries, type BootFile, isUntouched } from './entries.ts';

/** What was, or would be, done. */
export interface Synced {
  readonly written: readonly string[];
  readonly removed: readonly string[];
  readonly findings: readonly Finding[];
}

const ENTRY_MOST = 64 * 1024;
// A copy is made beside the old one: so much is left free besides.
const SPARE_SIZE = 1024 * 1024;

/**
 * Writes what is missing or different, removes entries and copies that are kindling's and no longer wanted. An entry that a person changed is
 * left and told. A copy for which there is no room leaves out the entries that need it. With `dryRun` nothing is written.
 */
export async function syncEntries(
  disk: InstallDisk,
  wanted: BootEntries,
  { sha256, dryRun = false }: { sha256: Sha256; dryRun?: boolean },
): Promise<Synced> {
  const written: string[] = [];
  const removed: string[] = [];
  const findings: Finding[] = [...wanted.findings];
  const lost = new Set<string>();

  const isHere = (file: BootFile): boolean => {
    const found = disk.look(file.path);
    if (found?.kind !== 'file') return false;
    if ('text' in file) return found.size <= ENTRY_MOST && nameFromBytes(disk.read(file.path, ENTRY_MOST)) === file.text;
    const from = disk.look(file.copyOf);
    return from?.size === found.size && disk.digest(file.copyOf) === disk.digest(file.path);
  };
  const fits = (file: BootFile): boolean => {
    if ('text' in file) return true;
    const size = disk.look(file.copyOf)?.size ?? 0;
    const where = disk.look(wanted.copies) === undefined ? wanted.directory : wanted.copies;
    return size + SPARE_SIZE <= disk.free(where);
  };
  const changed = (path: string): boolean => {
    const found = disk.look(path);
    if (found === undefined) return false;
    return found.kind !== 'file' || found.size > ENTRY_MOST || !isUntouched(nameFromBytes(disk.read(path, ENTRY_MOST)), sha256);
  };
  const tell = (code: string, path: string, message: string): void => {
    findings.push({ code, severity: 'warning', where: { path }, message });
  };

  for (const file of wanted.files) {
    if ('text' in file) {
      const needs = [...lost].find((path) => file.text.includes(`/${path.split('/').at(-1)}\n`));
      if (needs !== undefined) continue;
      if (changed(file.path)) {
        tell('entry-changed', file.path, 'the boot entry was changed by hand; it is left as it is');
        continue;
      }
    }
    if (isHere(file)) continue;
    if (!fits(file)) {
      lost.add(file.path);
      tell('no-room', file.path, 'there is no room for it on the boot partition; its boot entry is left out');
      continue;
    }
    written.push(file.path);
    if (dryRun) continue;
    if ('text' in file) await disk.writeFile(file.path, nameToBytes(file.text), 0o644);
    else {
      if (disk.look(wanted.copies) === undefined) disk.makeDirectory(wanted.copies);
      await disk.copyFile(file.copyOf, file.path, 0o600);
    }
  }

  const keep = new Set(wanted.files.map(({ path }) => path));
  for (const path of ownEntries(disk, wanted.directory)) {
    if (keep.has(path)) continue;
    if (changed(path)) tell('entry-changed', path, 'the boot entry was changed by hand; it is left as it is');
    else removed.push(path);
  }
  for (const name of disk.names(wanted.copies)) {
    const path = `${wanted.copies}/${name}`;
    if (!keep.has(path)) removed.push(path);
  }
  if (dryRun) return { written, removed, findings };
  for (const path of removed) disk.remove(path);
  if (disk.look(wanted.copies) !== undefined) disk.removeDirectory(wanted.copies);
  return { written, removed, findings };
}

/** Entries with a name that kindling gives. */
function ownEntries(disk: InstallDisk, directory: string): string[] {
  return disk
    .names(directory)
    .filter((name) => /^kindling-.*\.conf$/.test(name))
    .map((name) => `${directory}/${name}`);
}
