// uninstall: takes out of a root what `install` and the other verbs put into it, and nothing else (docs/install.md). The list of what was
// installed goes last, so that a run that was killed is finished by the next one.
import { nameFromBytes, type Sha256 } from '../bytes/index.ts';
import type { Finding } from '../errors.ts';
import type { InstallDisk } from './install/disk.ts';
import { isUntouched } from './install/entries.ts';
import { MANIFEST_PATH, type Made } from './install/manifest.ts';
import { isAsMade, readManifest } from './install.ts';

/** What tells kindling's own from another's. */
export interface UninstallOutside {
  readonly sha256: Sha256;
  /** Whether a file in /boot is an archive that kindling made. */
  isArchive(path: string): boolean;
}

/** What uninstalling comes to, before or after it is carried out. */
export interface Uninstallation {
  /** Files and links, in the order in which they go. */
  readonly remove: readonly string[];
  /** Directories that were made, innermost first; each goes when it is empty. */
  readonly directories: readonly string[];
  /** What stays, and why. */
  readonly findings: readonly Finding[];
}

const RECORDS = 'var/lib/kindling';
/** Bundles of drivers that `itu` put into the root, with what it needs to take them out again. */
const BUNDLES = 'itu';
const BOOT_ROOTS = ['boot', 'efi', 'boot/efi'];
const ENTRY_MOST = 64 * 1024;
const ARCHIVE = /^kindling-(.+)\.img(?:\.previous)?$/;
/** What a killed run leaves: temporary files beside those they would have become. */
const TEMPORARY = /^\.(?:kindling-.+\.(?:img|vmlinuz)|kindling-.+\.conf|installed)\b.*\.(?:new|kindling-new)$/;
const RUN_LEVELS = ['rcS.d', 'rc0.d', 'rc1.d', 'rc2.d', 'rc3.d', 'rc4.d', 'rc5.d', 'rc6.d'];

/** What has to be removed from a root. Writes nothing. Throws BAD_CHECKSUM and the like for a damaged list. */
export function uninstallation(disk: InstallDisk, outside: UninstallOutside): Uninstallation {
  const findings: Finding[] = [];
  const listed = readManifest(disk, outside.sha256)?.made ?? [];
  const remove = new Set<string>([...entries(disk, outside.sha256, findings), ...listedPaths(disk, listed, findings)]);
  if (remove.has('etc/init.d/kindling')) for (const path of startLinks(disk)) remove.add(path);
  for (const path of archives(disk, outside, findings)) remove.add(path);
  for (const path of records(disk)) remove.add(path);
  if (disk.names(`${RECORDS}/${BUNDLES}`).length > 0) leave(findings, 'bundles', `${RECORDS}/${BUNDLES}`, 'driver bundles are in the root');
  const copies = BOOT_ROOTS.map((place) => `${place}/kindling`).filter((path) => disk.look(path)?.kind === 'directory');
  return { remove: [...remove], directories: [...copies, ...recordDirectories(disk), ...listedDirectories(listed), RECORDS], findings };
}

/** Only what the list has: an installation that came to nothing is taken back, archives that were there before stay. */
export function takingBack(disk: InstallDisk, sha256: Sha256): Uninstallation {
  const findings: Finding[] = [];
  const listed = readManifest(disk, sha256)?.made ?? [];
  return { remove: listedPaths(disk, listed, findings), directories: [...listedDirectories(listed), RECORDS], findings };
}

function listedDirectories(listed: readonly Made[]): string[] {
  return listed.flatMap((made) => (made.kind === 'directory' ? [made.path] : [])).reverse();
}

/** Files and links of the list that are as they were made, or missing: a killed run may have left the half of one. */
function listedPaths(disk: InstallDisk, listed: readonly Made[], findings: Finding[]): string[] {
  const paths = [...new Set(listed.filter(({ kind }) => kind !== 'directory').map(({ path }) => path))].reverse();
  return paths.filter((path) => {
    if (disk.look(path) === undefined || listed.some((made) => made.path === path && isAsMade(disk, made))) return true;
    leave(findings, 'changed', path, 'it was changed since kindling made it');
    return false;
  });
}

/** Whether a directory holds the list, so that it can go only after it. */
function holdsList(path: string): boolean {
  return path === RECORDS || RECORDS.startsWith(`${path}/`);
}

/** Carries it out, the list last where all goes; answers what was really removed. `finishUninstall` comes after the lock is given back. */
export function uninstall({ remove, directories }: Uninstallation, disk: InstallDisk, all = true): string[] {
  const removed: string[] = [];
  for (const path of remove) {
    if (disk.look(path) !== undefined) removed.push(path);
    disk.remove(path);
  }
  // A directory of the list that holds something by now is somebody's.
  for (const path of directories.filter((one) => !holdsList(one))) {
    if (disk.look(path)?.kind === 'directory' && disk.removeDirectory(path)) removed.push(path);
  }
  if (!all) return removed;
  if (disk.look(MANIFEST_PATH) !== undefined) removed.push(MANIFEST_PATH);
  disk.remove(MANIFEST_PATH);
  return removed;
}

/** Removes the directory of the lock, and those above that were made for it. */
export function finishUninstall({ directories }: Uninstallation, disk: InstallDisk): string[] {
  const innermostFirst = directories.filter(holdsList).sort((a, b) => b.length - a.length);
  return innermostFirst.filter((path) => disk.look(path)?.kind === 'directory' && disk.removeDirectory(path));
}

function leave(findings: Finding[], code: string, path: string, why: string): void {
  findings.push({ code, severity: 'warning', where: { path }, message: `${why}; it is left` });
}

/** Boot entries and the copies that they name, wherever entries can be. */
function entries(disk: InstallDisk, sha256: Sha256, findings: Finding[]): string[] {
  const found: string[] = [];
  for (const place of BOOT_ROOTS) {
    const directory = `${place}/loader/entries`;
    for (const name of disk.names(directory)) {
      const path = `${directory}/${name}`;
      if (TEMPORARY.test(name)) found.push(path);
      if (!/^kindling-.*\.conf$/.test(name)) continue;
      const stats = disk.look(path);
      const text = stats?.kind === 'file' && stats.size <= ENTRY_MOST ? nameFromBytes(disk.read(path, ENTRY_MOST)) : '';
      if (isUntouched(text, sha256)) found.push(path);
      else leave(findings, 'entry-changed', path, 'the boot entry was changed by hand');
    }
  }
  for (const place of BOOT_ROOTS) {
    for (const name of disk.names(`${place}/kindling`)) {
      if (/^\.?(linux|initrd)-/.test(name)) found.push(`${place}/kindling/${name}`);
    }
  }
  return found;
}

/** Links to the start script that a tool of the distribution numbered anew. */
function startLinks(disk: InstallDisk): string[] {
  return RUN_LEVELS.flatMap((level) =>
    disk
      .names(`etc/${level}`)
      .filter((name) => /^[SK]\d\dkindling$/.test(name))
      .map((name) => `etc/${level}/${name}`)
      .filter((path) => disk.look(path)?.target === '../init.d/kindling'),
  );
}

/** Archives in boot/, all or some of them; each is looked into unless a record knows it. */
function archives(disk: InstallDisk, outside: UninstallOutside, findings: Finding[], only?: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const name of disk.names('boot')) {
    const path = `boot/${name}`;
    if (only !== undefined && !only.has(path)) continue;
    if (TEMPORARY.test(name) || name === 'kindling-failsafe.vmlinuz') found.push(path);
    if (!ARCHIVE.test(name)) continue;
    if (disk.look(path)?.kind === 'file' && outside.isArchive(path)) found.push(path);
    else leave(findings, 'not-ours', path, 'it is no archive that kindling made');
  }
  return found;
}

/** What the lock needs while it is held. */
const LOCK = /^\.?lock(\.|$)/;

function recordDirectories(disk: InstallDisk): string[] {
  return disk
    .names(RECORDS)
    .filter((name) => name !== BUNDLES)
    .map((name) => `${RECORDS}/${name}`)
    .filter((path) => disk.look(path)?.kind === 'directory');
}

/** Everything in the directory of records but the list itself, the lock, which is held, and bundles, which are in the root as well. */
function records(disk: InstallDisk): string[] {
  const inside = recordDirectories(disk).flatMap((directory) => disk.names(directory).map((name) => `${directory}/${name}`));
  const beside = disk
    .names(RECORDS)
    .filter((name) => `${RECORDS}/${name}` !== MANIFEST_PATH && !LOCK.test(name))
    .map((name) => `${RECORDS}/${name}`)
    .filter((path) => disk.look(path)?.kind !== 'directory');
  return [...inside, ...beside];
}

/** What belongs to one kernel: its archives. Boot entries and records follow from them. */
export function kernelArchives(disk: InstallDisk, version: string, outside: UninstallOutside): Uninstallation {
  const findings: Finding[] = [];
  const own = new Set([`boot/kindling-${version}.img`, `boot/kindling-${version}.img.previous`]);
  return { remove: archives(disk, outside, findings, own), directories: [], findings };
}
