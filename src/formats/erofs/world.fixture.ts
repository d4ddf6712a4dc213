// A tree on disk with everything EROFS stores differently: sizes around blocks, what compresses and what does not, and all kinds of files.
import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool, tool } from '../../../test/tools.ts';

/** Repeatable bytes that do not compress. */
export function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Repeatable bytes that compress to about a third. */
export function prose(size: number, seed: number): Buffer {
  const words = ['kernel', 'module', 'archive', 'root', 'device', 'mount', 'switch', 'early', 'image', 'block'];
  const dice = noise(Math.ceil(size / 4), seed);
  let text = '';
  for (let at = 0; text.length < size; at++) text += `${words[dice[at]! % words.length]}${dice[at]! > 200 ? dice[at] : ''} `;
  return Buffer.from(text.slice(0, size));
}

/** Fills `top`; `large` adds some megabytes. Devices and owners only as root. */
export function fillWorld(top: string, large: boolean): void {
  const at = (path: string): string => join(top, path);
  mkdirSync(at('sizes'), { recursive: true });
  for (const size of [0, 1, 100, 4063, 4064, 4095, 4096, 4097, 8191, 8192, 8193, 20000]) {
    writeFileSync(at(`sizes/noise-${size}`), noise(size, size + 1));
    writeFileSync(at(`sizes/prose-${size}`), prose(size, size + 1));
  }
  writeFileSync(at('zeros'), Buffer.alloc(300_000));
  writeFileSync(at('mixed'), Buffer.concat([prose(30_000, 5), noise(9000, 6), Buffer.alloc(10_000), prose(70_001, 7)]));
  writeFileSync(at('again'), Buffer.concat([prose(30_000, 5), noise(9000, 6), prose(777, 8)]));
  if (large) {
    writeFileSync(at('large-prose'), prose(1_500_003, 9));
    writeFileSync(at('large-mixed'), Buffer.concat([prose(200_000, 10), noise(300_000, 11), Buffer.alloc(400_000), prose(500_000, 12)]));
  }
  mkdirSync(at('many'));
  for (let index = 0; index < (large ? 700 : 20); index++) writeFileSync(at(`many/a-rather-long-name-${index}`), `${index}\n`);
  mkdirSync(at('empty'));
  chmodSync(at('empty'), 0o1777);
  mkdirSync(at(`deep/${'d'.repeat(60)}/${'e'.repeat(60)}`), { recursive: true });
  linkSync(at('mixed'), at('deep/link'));
  linkSync(at('mixed'), at('zz-link'));
  symlinkSync('../mixed', at('deep/soft'));
  symlinkSync('t'.repeat(900), at('far'));
  // mkfs.erofs 1.5 cuts names of 255 bytes short and then does not find them
  writeFileSync(at('n'.repeat(254)), 'a long name');
  writeFileSync(at('ümläut ☃'), 'x');
  writeFileSync(Buffer.from(at('latin-\xe9'), 'latin1'), 'not UTF-8');
  chmodSync(at('zeros'), 0o4750);
  const old = new Date(86_400_000);
  lutimesSync(at('far'), old, old);
  lutimesSync(at('mixed'), old, old);
  run('mkfifo', [at('pipe')]);
  if (process.getuid?.() !== 0) return;
  run('mknod', [at('null'), 'c', '1', '3']);
  run('mknod', [at('disk'), 'b', '259', '70000']);
  run('chown', ['70000:80000', at('again')]);
  run('chown', ['7:8', at('empty')]);
}

/** Extended attributes by path: the same one on many files (stored once), a long value, an empty one, several namespaces. */
export const ATTRIBUTES: readonly (readonly [path: string, name: string, value: string])[] = [
  ...['zeros', 'mixed', 'again', 'empty', 'sizes/prose-100'].map((path) => [path, 'user.shared', 'the same for all'] as const),
  ...['mixed', 'deep'].map((path) => [path, 'user.long.name.of.something', 'v'.repeat(500)] as const),
  ...['empty', 'deep'].map((path) => [path, 'trusted.overlay.opaque', 'y'] as const),
  ['zeros', 'security.capability', '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
  ['sizes/noise-4096', 'user.binary', '\0\x7f\0\x7f'],
  ['again', 'user.empty', ''],
];

/** Sets ATTRIBUTES. Needs setfattr and root. */
export function addAttributes(top: string): void {
  for (const [path, name, value] of ATTRIBUTES) {
    run('setfattr', ['-h', '-n', name, '-v', value === '' ? '""' : `0x${Buffer.from(value, 'latin1').toString('hex')}`, join(top, path)]);
  }
}

/** Whether `addAttributes` can work here. */
export function canSetAttributes(): boolean {
  return process.getuid?.() === 0 && findTool('setfattr') !== undefined;
}

/** Runs a tool; throws with its messages when it fails. Returns what it wrote. */
export function run(name: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(tool(name), args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: status ${status}: ${stderr.slice(0, 2000)}`);
  return stdout;
}
