// The superblock reader of early userspace, in both shells it has to run in, against blkid on images made by the real mkfs programs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { mustRun, run } from '../world/index.ts';
import { EARLY, inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-superblock-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const UUID = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

// What each image is made of: a size in MiB (0: the program makes the file) and the program's words, with @ for the image.
interface Case {
  readonly name: string;
  readonly size: number;
  readonly words: readonly string[];
}
const CASES: readonly Case[] = [
  { name: 'ext4', size: 8, words: ['mkfs.ext4', '-q', '-L', 'my root', '-U', UUID, '@'] },
  { name: 'ext4 with sixteen letters', size: 8, words: ['mkfs.ext4', '-q', '-L', 'sixteen-letters-', '-U', UUID, '@'] },
  { name: 'ext3', size: 8, words: ['mkfs.ext3', '-q', '-L', 'third', '-U', UUID, '@'] },
  { name: 'ext2', size: 8, words: ['mkfs.ext2', '-q', '-U', UUID, '@'] },
  { name: 'xfs', size: 320, words: ['mkfs.xfs', '-q', '-L', 'twelve-chars', '-m', `uuid=${UUID}`, '@'] },
  { name: 'btrfs', size: 128, words: ['mkfs.btrfs', '-q', '-L', 'a longer label of btrfs', '-U', UUID, '@'] },
  { name: 'f2fs', size: 64, words: ['mkfs.f2fs', '-q', '-l', 'flash', '@'] },
  { name: 'vfat 32', size: 40, words: ['mkfs.vfat', '-F', '32', '-i', 'ABCD1234', '-n', 'ESP', '@'] },
  { name: 'vfat 16', size: 16, words: ['mkfs.vfat', '-F', '16', '-i', '00C0FFEE', '-n', 'BOOT DISK', '@'] },
  { name: 'vfat without a name', size: 4, words: ['mkfs.vfat', '-F', '12', '-i', '12345678', '@'] },
  { name: 'swap', size: 4, words: ['mkswap', '-q', '-L', 'swapped', '-U', UUID, '@'] },
  { name: 'squashfs', size: 0, words: ['mksquashfs', EARLY, '@', '-quiet', '-no-progress', '-noappend'] },
  { name: 'erofs', size: 0, words: ['mkfs.erofs', '-U', UUID, '@', EARLY] },
  { name: 'iso9660', size: 0, words: ['xorriso', '-as', 'mkisofs', '-quiet', '-V', 'KINDLING DISC', '-o', '@', EARLY] },
  { name: 'nothing', size: 4, words: ['true', '@'] },
  { name: 'a file too small for anything', size: 0, words: ['cp', join(EARLY, 'mounts'), '@'] },
];

// blkid says the same thing; its names for the three are these.
async function fromBlkid(image: string): Promise<Record<string, string>> {
  const said = await run(tool('blkid'), ['-p', '-o', 'export', image]);
  const values = new Map(
    said.stdout
      .toString('utf8')
      .split('\n')
      .map((line) => line.replace(/\\(.)/g, '$1').split('=') as [string, string]),
  );
  return { type: values.get('TYPE') ?? '', uuid: values.get('UUID') ?? '', label: values.get('LABEL') ?? '' };
}

type Shell = (typeof SHELLS)[number];

async function fromShell(shell: Shell, image: string): Promise<Record<string, string>> {
  const script = `probe "$1"; printf '%s\\n' "$P_TYPE" "$P_UUID" "$P_LABEL"`;
  const [type = '', uuid = '', label = ''] = await inShell(shell, ['devices.sh', 'superblock.sh'], script, [image]);
  return { type, uuid, label };
}

for (const { name, size, words } of CASES) {
  test(`superblock: ${name}`, async (t) => {
    const [program = '', ...rest] = words;
    if (!needs(t, 'blkid', 'busybox', 'dash', program)) return;
    const image = join(folder, name.replaceAll(' ', '-'));
    if (size > 0) {
      writeFileSync(image, '');
      truncateSync(image, size << 20);
    }
    await mustRun(
      tool(program),
      rest.map((word) => (word === '@' ? image : word)),
    );
    const expected = await fromBlkid(image);
    for (const shell of SHELLS) assert.deepEqual(await fromShell(shell, image), expected, shell.join(' '));
  });
}

// Superblocks of what cannot be opened yet, by hand: the programs that make them need devices or root.
const FOREIGN: readonly (readonly [string, number, readonly number[]])[] = [
  ['crypto_LUKS', 0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 2]],
  ['LVM2_member', 512, [...Buffer.from('LABELONE')]],
  ['linux_raid_member', 4096, [0xfc, 0x4e, 0x2b, 0xa9]],
  ['linux_raid_member', 0, [0xfc, 0x4e, 0x2b, 0xa9]],
  ['bcache', 4120, [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca]],
  ['zfs_member', 16404, [...Buffer.from('version')]],
  ['BitLocker', 3, [...Buffer.from('-FVE-FS-')]],
  ['swsuspend', 4086, [...Buffer.from('S1SUSPEND')]],
];
for (const [type, at, magic] of FOREIGN) {
  test(`superblock: ${type} at ${at}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const image = join(folder, `${type}-${at}`);
    const content = Buffer.alloc(1 << 18);
    content.set(magic, at);
    writeFileSync(image, content);
    for (const shell of SHELLS) assert.equal((await fromShell(shell, image)).type, type, shell.join(' '));
  });
}

// The two places near the end, as the format has them, for a size that is a multiple of nothing.
const SECTORS = 4096 + 13;
for (const [version, sector] of [
  ['1.0', (SECTORS - 16) & ~7],
  ['0.90', (SECTORS & ~127) - 128],
] as const) {
  test(`superblock: MD ${version} near the end of what looks like ext4`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const content = Buffer.alloc(SECTORS * 512);
    const image = join(folder, `md-${version}`);
    const script = 'if md_end "$1" "$2"; then echo yes; else echo no; fi';
    for (const [expected, magic] of [
      ['no', [0, 0, 0, 0]],
      ['yes', [0xfc, 0x4e, 0x2b, 0xa9]],
    ] as const) {
      content.set(magic, sector * 512);
      writeFileSync(image, content);
      for (const shell of SHELLS) assert.deepEqual(await inShell(shell, ['superblock.sh'], script, [image, `${SECTORS}`]), [expected]);
    }
  });
}

// What debugfs does to a new file system, and whether the check may be left out then.
const STATES: readonly (readonly [string, string, boolean])[] = [
  ['new', 'stats', true],
  ['mounted when the power went', 'ssv state 0', false],
  ['with a recorded error', 'ssv state 3', false],
  ['with an error counted', 'ssv error_count 1', false],
  ['with a journal to go through', 'feature needs_recovery', false],
  ['with an orphan', 'ssv last_orphan 12', false],
  ['below its limit of mounts', 'ssv max_mnt_count 5', true],
  ['at its limit of mounts', 'ssv max_mnt_count 0x1\nssv mnt_count 1', false],
  ['with a time between checks', 'ssv checkinterval 3600', false],
];
for (const [name, commands, clean] of STATES) {
  test(`an ext4 ${name}: ${clean ? 'no check, and e2fsck agrees' : 'checked'}`, async (t) => {
    if (!needs(t, 'busybox', 'dash', 'mkfs.ext4', 'debugfs', 'e2fsck')) return;
    const image = join(folder, 'state');
    writeFileSync(image, '');
    truncateSync(image, 8 << 20);
    await mustRun(tool('mkfs.ext4'), ['-q', '-F', image]);
    for (const command of commands.split('\n')) await mustRun(tool('debugfs'), ['-w', '-R', command, image]);
    const script = 'if ext_clean "$1" ext4; then echo yes; else echo no; fi';
    for (const shell of SHELLS)
      assert.deepEqual(await inShell(shell, ['superblock.sh', 'root.sh'], script, [image]), [clean ? 'yes' : 'no'], shell.join(' '));
    if (!clean) return;
    const said = await run(tool('e2fsck'), ['-a', image]);
    assert.match(said.stdout.toString('utf8'), /: clean, /);
  });
}
