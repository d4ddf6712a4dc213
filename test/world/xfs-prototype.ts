// The prototype file of mkfs.xfs -p (mkfs.xfs(8), "PROTOFILE"): the one way to fill an XFS without mounting it.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Owners } from './disk-image.ts';

const ROOT_OWNER = { uid: 0, gid: 0 };

function modeWord(type: '-' | 'd' | 'l', mode: number): string {
  const setUid = (mode & 0o4000) === 0 ? '-' : 'u';
  const setGid = (mode & 0o2000) === 0 ? '-' : 'g';
  return `${type}${setUid}${setGid}${(mode & 0o777).toString(8).padStart(3, '0')}`;
}

/** The prototype of a folder. Names with white space cannot be written in this format: they are left out, and devices are too. */
export function xfsPrototype(root: string, owners: Owners): string {
  const lines: string[] = ['/dev/null', '0 0', 'd--755 0 0'];
  const visit = (folder: string, prefix: string, indent: string) => {
    for (const name of readdirSync(folder).sort()) {
      const path = `${prefix}${name}`;
      const at = join(folder, name);
      const stat = lstatSync(at);
      const { uid, gid } = owners.get(path) ?? ROOT_OWNER;
      if (/\s/.test(name)) continue;
      if (stat.isDirectory()) {
        lines.push(`${indent}${name} ${modeWord('d', stat.mode)} ${uid} ${gid}`);
        visit(at, `${path}/`, `${indent} `);
        lines.push(`${indent}$`);
      } else if (stat.isSymbolicLink()) lines.push(`${indent}${name} ${modeWord('l', 0o777)} ${uid} ${gid} ${readlinkSync(at)}`);
      else if (stat.isFile()) lines.push(`${indent}${name} ${modeWord('-', stat.mode)} ${uid} ${gid} ${at}`);
    }
  };
  visit(root, '', ' ');
  lines.push('$', '$');
  return `${lines.join('\n')}\n`;
}
