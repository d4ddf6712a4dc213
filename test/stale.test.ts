// Never stale unnoticed: for each kind of input a root is changed behind its archive's back, `update -n` names exactly that, an update mends it,
// and then nothing is out of step. And only the truth: what does not count, or was only touched, is not reported.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeProgram } from '../src/formats/elf/index.ts';
import { sample } from '../src/plan/sample.fixture.ts';
import { writeRoot } from './on-disk.ts';
import { ARCHIVE, RECORDS } from './update.fixture.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
const MODULES = 'usr/lib/modules/6.1.0-sample';
const VIRTIO = `${MODULES}/kernel/drivers/block/virtio_blk.ko`;
const RADEON = `${MODULES}/kernel/drivers/gpu/radeon.ko`;
const LIBRARY = 'usr/lib/libhelp.so.1';
const FIRMWARE = 'usr/lib/firmware/ahci.bin';
let folder = '';
let made = '';

function update(base: string, ...words: string[]): { readonly code: number | null; readonly lines: string[]; readonly err: string } {
  const { status, stdout, stderr } = spawnSync(KINDLING, ['update', '-R', base, ...words], { encoding: 'utf8' });
  return { code: status, lines: stdout.split('\n').filter((line) => line !== ''), err: stderr };
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-stale-'));
  made = writeRoot(
    sample({
      'etc/kindling.conf': 'check = warn\nprograms = helper\n',
      'etc/fstab': '/dev/vda1 / ext4 defaults 0 1\n',
      'etc/modprobe.d/known.conf': 'options loop max_part=8\n',
      'usr/share/doc/helper/README': 'nothing reads this\n',
      'usr/bin/helper': makeProgram({ needed: ['libhelp.so.1'] }),
      [LIBRARY]: makeProgram({}),
      [FIRMWARE]: 'firmware 1',
    }),
    join(folder, 'made'),
    0o022,
  );
  mkdirSync(join(made, 'boot'));
  mkdirSync(join(made, 'run'));
  const first = update(made);
  assert.equal(first.code, 0, first.err);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Other bytes in a file of the same size and modification time, under the same name and, with `inPlace`, the same inode number. */
function otherContent(path: string, inPlace: boolean): void {
  const { atimeMs, mtimeMs } = lstatSync(path);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 0xff;
  const to = inPlace ? path : `${path}.other`;
  writeFileSync(to, bytes);
  utimesSync(to, atimeMs / 1000, mtimeMs / 1000);
  if (!inPlace) renameSync(to, path);
}

interface Case {
  readonly name: string;
  change(base: string): void;
  /** What `update -n` prints: all of it. */
  readonly says: readonly (string | RegExp)[];
  /** What it says on standard error, where that is not about an input. */
  readonly because?: RegExp;
}

const write = (path: string, text: string) => (base: string) => {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), text);
};
const append = (path: string) => (base: string) => appendFileSync(join(base, path), '\0');
const record = (base: string): string => {
  const id = readdirSync(join(base, RECORDS)).find((name) => existsSync(join(base, RECORDS, name, 'record')));
  return join(base, RECORDS, id!, 'record');
};

const CASES: readonly Case[] = [
  { name: 'a packed module', change: append(VIRTIO), says: [`changed /${VIRTIO}`] },
  { name: 'a library', change: append(LIBRARY), says: [`changed /${LIBRARY}`] },
  { name: 'a program', change: append('usr/bin/busybox'), says: ['changed /usr/bin/busybox'] },
  { name: 'firmware', change: write(FIRMWARE, 'firmware 2'), says: [`changed /${FIRMWARE}`] },
  { name: 'firmware that went', change: (base) => unlinkSync(join(base, FIRMWARE)), says: [`gone /${FIRMWARE}`] },
  { name: 'a setting', change: write('etc/kindling.conf', 'check = warn\n'), says: ['changed /etc/kindling.conf'] },
  { name: 'configuration of modprobe', change: append('etc/modprobe.d/known.conf'), says: ['changed /etc/modprobe.d/known.conf'] },
  {
    name: 'a driver alias',
    change: write('etc/modprobe.d/alias.conf', 'alias pci:v00001002d*sv*sd*bc*sc*i* radeon\n'),
    says: ['new /etc/modprobe.d/alias.conf'],
  },
  { name: 'a file that was looked for', change: write('etc/crypttab', '# none\n'), says: ['new /etc/crypttab'] },
  {
    name: 'a directory that was looked for',
    change: write('usr/lib/modprobe.d/vendor.conf', 'blacklist radeon\n'),
    says: [/^new \/usr\/lib\/modprobe\.d/],
  },
  { name: 'the fstab', change: write('etc/fstab', '/dev/vda2 / ext4 defaults 0 1\n'), says: ['changed /etc/fstab'] },
  {
    name: 'a module that appeared',
    change: (base) => copyFileSync(join(base, VIRTIO), join(base, `${MODULES}/kernel/drivers/block/xen-blkfront.ko`)),
    says: [`new /${MODULES}/kernel/drivers/block/xen-blkfront.ko`],
  },
  { name: 'a module that went', change: (base) => unlinkSync(join(base, VIRTIO)), says: [`gone /${VIRTIO}`] },
  {
    name: 'a link that leads elsewhere',
    change: (base) => {
      unlinkSync(join(base, 'sbin'));
      symlinkSync('usr/bin', join(base, 'sbin'));
    },
    says: ['changed /sbin'],
  },
  {
    name: 'a program that may not be run any more',
    change: (base) => chmodSync(join(base, 'usr/bin/helper'), 0o644),
    says: ['changed /usr/bin/helper'],
  },
  {
    name: 'the same size and time, another file',
    change: (base) => otherContent(join(base, FIRMWARE), false),
    says: [`changed /${FIRMWARE}`],
  },
  {
    name: 'the same size, time and inode number',
    change: (base) => otherContent(join(base, FIRMWARE), true),
    says: [`changed /${FIRMWARE}`],
  },
  { name: 'the word of a boot, which is no input', change: write('run/kindling/update', 'safe changed x\n'), says: [] },
  {
    name: 'configuration for this boot alone',
    change: write('run/kindling/kindling.conf.d/10-now.conf', 'programs = helper\n'),
    says: [/^new \/run\/kindling\/kindling\.conf\.d/],
  },
  { name: 'nothing that counts', change: append('usr/share/doc/helper/README'), says: [] },
  { name: 'a file that was only touched', change: (base) => utimesSync(join(base, VIRTIO), 1, 1), says: [] },
  {
    name: 'the archive, changed by hand',
    change: (base) => append(ARCHIVE)(base),
    says: [],
    because: /an update is needed/,
  },
  {
    name: 'the archive, cut off',
    change: (base) => truncateSync(join(base, ARCHIVE), 5000),
    says: [],
    because: /an update is needed/,
  },
  { name: 'the record, lost', change: (base) => unlinkSync(record(base)), says: [], because: /an update is needed/ },
  { name: 'the record, damaged', change: (base) => otherContent(record(base), true), says: [], because: /an update is needed/ },
  { name: 'the archive, gone', change: (base) => unlinkSync(join(base, ARCHIVE)), says: [], because: /there is no archive/ },
];

for (const { name, change, says, because } of CASES) {
  test(`behind the archive's back: ${name}`, () => {
    const base = mkdtempSync(join(folder, 'root-'));
    spawnSync('cp', ['-a', `${made}/.`, base]);
    // A copy has inode numbers and change times of its own: content decides, and says that nothing changed.
    assert.deepEqual(update(base).code, 0);
    change(base);
    const needed = says.length > 0 || because !== undefined;
    const found = update(base, '-n');
    assert.equal(found.code, needed ? 1 : 0, `${found.lines.join('\n')}\n${found.err}`);
    assert.equal(found.lines.length, says.length, found.lines.join('\n'));
    says.forEach((line, index) => {
      if (typeof line === 'string') assert.equal(found.lines[index], line);
      else assert.match(found.lines[index]!, line);
    });
    if (because !== undefined) assert.match(found.err, because);
    const mended = update(base);
    assert.equal(mended.code, 0, mended.err);
    const after = update(base, '-n');
    assert.deepEqual({ code: after.code, lines: after.lines }, { code: 0, lines: [] }, after.err);
  });
}

test('a module that no part takes is looked at by name alone', () => {
  const base = mkdtempSync(join(folder, 'root-'));
  spawnSync('cp', ['-a', `${made}/.`, base]);
  update(base);
  // Without index files of the root every module is read for its aliases: then its content counts, which is the truth here.
  append(RADEON)(base);
  assert.deepEqual(update(base, '-n').lines, [`changed /${RADEON}`]);
});
