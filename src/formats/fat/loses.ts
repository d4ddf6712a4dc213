// What FAT cannot hold of a tree: files that are too large and names it has no form for are errors; links, devices, owners and modes are left
// out, which is told.
import type { Finding } from '../../errors.ts';
import { KindlingError } from '../../errors.ts';
import { baseName, type Loses, lossesOf, parentOf, type Tree } from '../../tree/index.ts';
import { foldCase, nameFault } from './names.ts';
import { FILE_SIZE_MOST } from './structs.ts';

/** The bounds that are data; names and what is left out are for `losses`. */
export const loses: Loses = { format: 'fat', xattrs: true, fileSizeMost: FILE_SIZE_MOST };

const USUAL_MODES: Readonly<Record<string, readonly number[]>> = { file: [0o644, 0o444], directory: [0o755] };

/**
 * What FAT does not keep of a tree. Errors: a file over 4 GiB - 1, a name that FAT does not allow, two names that differ in case alone.
 * Warnings: entries that are left out (symbolic links, devices, pipes, sockets), dropped owners, modes and attributes. Notes: hard links, which
 * become files of their own.
 */
export function losses(tree: Tree): Finding[] {
  const findings = lossesOf(tree.entries, loses);
  const folded = new Map<string, string>();
  let owners = 0;
  let modes = 0;
  for (const entry of tree.entries) {
    const report = (severity: Finding['severity'], message: string) =>
      findings.push({ code: 'not-expressible', severity, where: { path: entry.path }, message: `fat: ${message}` });
    if (entry.uid !== 0 || entry.gid !== 0) owners++;
    if (entry.path === '') continue;
    if (USUAL_MODES[entry.kind]?.includes(entry.mode) === false) modes++;
    if (entry.kind === 'hardlink') report('note', `the hard link to ${JSON.stringify(entry.to)} becomes a file of its own`);
    else if (entry.kind !== 'file' && entry.kind !== 'directory') {
      report('warning', `has no form for a ${entry.kind}, which is left out`);
      continue;
    }
    const fault = nameFault(baseName(entry.path));
    if (fault !== undefined) report('error', `the name ${JSON.stringify(baseName(entry.path))} ${fault}`);
    const key = `${parentOf(entry.path)}/${foldCase(baseName(entry.path))}`;
    const before = folded.get(key);
    if (before !== undefined) report('error', `${JSON.stringify(baseName(before))} is the same name to FAT, which does not tell case`);
    folded.set(key, entry.path);
  }
  const told = (count: number, what: string) =>
    count === 0 ||
    findings.push({ code: 'not-expressible', severity: 'warning', where: {}, message: `fat: drops the ${what} of ${count} entries` });
  told(owners, 'owners');
  told(modes, 'modes');
  return findings;
}

/** Throws NOT_EXPRESSIBLE for the first thing that FAT cannot hold at all. */
export function checkHeld(tree: Tree): void {
  const first = losses(tree).find(({ severity }) => severity === 'error');
  if (first !== undefined) throw new KindlingError('NOT_EXPRESSIBLE', first.message, { ...first.where, structure: 'fat' });
}
