// How early userspace reads the kernel command line, what it makes of root=, and the partition tables, in both shells.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { mustRun } from '../world/index.ts';
import { EARLY, inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-words-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// A command line and the words the kernel's parser makes of it.
const LINES: readonly (readonly [string, readonly string[]])[] = [
  ['root=/dev/vda ro quiet', ['root=/dev/vda', 'ro', 'quiet']],
  ['  two   blanks  ', ['two', 'blanks']],
  ['root="LABEL=my  root" rw', ['root=LABEL=my  root', 'rw']],
  ['"root=LABEL=my root" rw', ['root=LABEL=my root', 'rw']],
  ['dyndbg="file a +p; file b +p" x', ['dyndbg=file a +p; file b +p', 'x']],
  ['a -- root=/dev/other', ['a']],
  ['xroot=1 noro rw_', ['xroot=1', 'noro', 'rw_']],
  ['glob=* [a-z]* ?', ['glob=*', '[a-z]*', '?']],
  ['never="closed here', ['never=closed here']],
  ["single='q and' $HOME `x` \\n", ["single='q", "and'", '$HOME', '`x`', '\\n']],
];
for (const [line, words] of LINES) {
  test(`command line: ${line}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    for (const shell of SHELLS) {
      const script = `show() { printf '%s\\n' "$1"; }; words_split "$1" show`;
      assert.deepEqual(await inShell(shell, ['words.sh'], script, [line]), words, shell.join(' '));
    }
  });
}

// root= and what is looked for: kind and value.
const ROOTS: readonly (readonly [string, string, string])[] = [
  ['/dev/vda1', 'node', '/dev/vda1'],
  ['UUID=ABCD-1234', 'uuid', 'abcd-1234'],
  ['UUID="0A1b"', 'uuid', '0a1b'],
  ['LABEL=Root Disk', 'label', 'Root Disk'],
  ['PARTUUID=DEADBEEF-02', 'partuuid', 'deadbeef-02'],
  ['PARTLABEL=Linux root', 'partlabel', 'Linux root'],
  ['/dev/disk/by-uuid/0A', 'uuid', '0a'],
  ['/dev/disk/by-label/my\\x20ro\\x2fot', 'label', 'my ro/ot'],
  ['/dev/disk/by-partlabel/a\\x5cb', 'partlabel', 'a\\b'],
  ['/dev/disk/by-partuuid/AB-01', 'partuuid', 'ab-01'],
  ['/dev/disk/by-id/virtio-SERIAL-part2', 'id', 'virtio-SERIAL-part2'],
  ['/dev/disk/by-path/pci-0000:00:04.0', 'path', 'pci-0000:00:04.0'],
  ['254:1', 'number', '254:1'],
  ['fe01', 'number', '254:1'],
  ['zfs:tank/root', 'foreign', 'zfs:tank/root'],
  ['/dev/nfs', 'foreign', '/dev/nfs'],
  ['nonsense', 'foreign', 'nonsense'],
];
for (const [root, kind, value] of ROOTS) {
  test(`root=${root}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    for (const shell of SHELLS) {
      const script = `want "$1"; printf '%s\\n' "$w_kind" "$w_value"`;
      const files = ['words.sh', 'devices.sh', 'superblock.sh'];
      assert.deepEqual(await inShell(shell, files, script, [root]), [kind, value], shell.join(' '));
    }
  });
}

async function partitioned(name: string, table: string): Promise<string> {
  const disk = join(folder, name);
  writeFileSync(disk, '');
  truncateSync(disk, 16 << 20);
  await mustRun(tool('sfdisk'), ['-q', disk], { input: table });
  return disk;
}
const ENTRY = `P_LABEL=; table_read "$1" 512; printf '%s\\n' "$g_kind" "\${g_id:-}"; [ "$g_kind" != gpt ] || { table_entry "$1" 2; printf '%s\\n' "$P_PARTUUID" "$P_PARTLABEL"; }`;

test('a GPT tells identity and name of its second partition', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sfdisk')) return;
  const uuid = '01234567-89AB-4DEF-8123-456789ABCDEF';
  const table = `label: gpt\nstart=2048, size=2048, type=L\nstart=8192, size=2048, type=L, uuid=${uuid}, name="Wurzel \u{e4}\u{20ac}"\n`;
  const disk = await partitioned('gpt', table);
  for (const shell of SHELLS) {
    const said = await inShell(shell, ['devices.sh', 'superblock.sh', 'partition.sh'], ENTRY, [disk]);
    assert.deepEqual(said, ['gpt', '', uuid.toLowerCase(), 'Wurzel \u{e4}\u{20ac}'], shell.join(' '));
  }
});

test('an MBR tells its identifier', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sfdisk')) return;
  const disk = await partitioned('dos', 'label: dos\nlabel-id: 0x1a2b3c4d\nstart=2048, size=2048, type=83\n');
  for (const shell of SHELLS) {
    const said = await inShell(shell, ['devices.sh', 'superblock.sh', 'partition.sh'], ENTRY, [disk]);
    assert.deepEqual(said, ['dos', '1a2b3c4d'], shell.join(' '));
  }
});

test('early userspace is clean under shellcheck', async (t) => {
  if (!needs(t, 'shellcheck', 'sh')) return;
  const said = await mustRun('sh', [
    '-c',
    `cd '${EARLY}' && '${tool('shellcheck')}' -s sh init *.sh squash/init squash/leave squash/release squash/switch-root squash/*.sh`,
  ]);
  assert.equal(said, '');
});
