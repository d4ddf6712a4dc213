// What every image of images.json holds. `node sample.ts FOLDER` writes it to disk for make-images.sh.
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource, utf8 } from '../../../bytes/index.ts';
import { directory, type Entry, file, makeTree, symlink, type Tree } from '../../../tree/index.ts';
import { noise } from '../world.fixture.ts';

/** Times of everything in the images. */
export const SAMPLE_TIME = 1_700_000_000;
/** The attribute on `noise`. */
export const SAMPLE_ATTRIBUTE = ['user.long.name.of.it', 'value'] as const;

/** Lines that compress well: the images are to stay small. */
function lines(size: number, seed: number): Buffer {
  let text = '';
  for (let at = 0; text.length < size; at++) text += `line ${(at * seed * 7919) % 1009} of a file that is long enough to have several parts\n`;
  return Buffer.from(text.slice(0, size));
}

const FILES: ReadonlyMap<string, Buffer> = new Map([
  ['dir/inner', lines(5000, 6)],
  ['lines', lines(70_001, 1)],
  ['mix', Buffer.concat([lines(40_000, 2), noise(1500, 3), Buffer.alloc(7000), lines(9000, 4)])],
  ['noise', noise(4200, 5)],
  ['repeat', Buffer.concat([noise(100, 7), lines(70_001, 1).subarray(3000)])],
  ['small', Buffer.from('small\n')],
]);

/** The sample as a tree. */
export function sample(): Tree {
  const entries: Entry[] = [directory(''), directory('dir'), symlink('soft', 'dir/inner')];
  for (const [path, bytes] of FILES) entries.push(file(path, bytesSource(bytes)));
  entries.push({ kind: 'hardlink', path: 'z-link', to: 'lines', mode: 0o644, uid: 0, gid: 0, mtime: 0 });
  const xattrs = new Map([[SAMPLE_ATTRIBUTE[0], utf8(SAMPLE_ATTRIBUTE[1])]]);
  return makeTree(entries.map((entry) => ({ ...entry, mtime: SAMPLE_TIME, ...(entry.path === 'noise' ? { xattrs } : {}) })));
}

function write(top: string): void {
  mkdirSync(join(top, 'dir'), { recursive: true });
  for (const [path, bytes] of FILES) writeFileSync(join(top, path), bytes);
  symlinkSync('dir/inner', join(top, 'soft'));
  linkSync(join(top, 'lines'), join(top, 'z-link'));
  spawnSync('setfattr', ['-n', SAMPLE_ATTRIBUTE[0], '-v', SAMPLE_ATTRIBUTE[1], join(top, 'noise')]);
}

if (import.meta.main) write(process.argv[2]!);
