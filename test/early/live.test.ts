// What a live system makes of its words, and which bundles it takes in what order, in the shells it runs in and without a machine.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { compareBundleNames } from '../../src/media/bundles/index.ts';
import { needs } from '../tools.ts';
import { inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-words-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const EVERY_SHELL = [...SHELLS, ['bash', '--posix']] as const;

const START = `e_home=/none k_limit=30 k_break='' DATA=kindling l_device='' l_iso='' l_named='' l_toram='' l_load='' l_noload='' l_automount='' l_damaged=ask
warn() { echo "warning: $*"; }
live_word_more() { echo "other: $1"; }
`;

// A command line, and what it says about the place: device, ISO file, data directory, whether it was named.
const PLACES: readonly (readonly [string, string])[] = [
  ['', '::kindling:'],
  ['from=slax', '::slax:1'],
  ['from=/deep/down/', '::deep/down:1'],
  ['from=/', '::.:1'],
  ['from=/dev/sda1', '/dev/sda1::kindling:1'],
  ['from=/dev/sda1/os/live', '/dev/sda1::os/live:1'],
  ['from=/dev/mapper/ventoy', '/dev/mapper/ventoy::kindling:1'],
  ['from=/dev/mapper/vg-lv/os', '/dev/mapper/vg-lv::os:1'],
  ['from=/dev/disk/by-label/A/os/x', '/dev/disk/by-label/A::os/x:1'],
  ['from=LABEL=STICK', 'LABEL=STICK::kindling:1'],
  ['from=LABEL=STICK:/os', 'LABEL=STICK::os:1'],
  ['"from=LABEL=my stick:os"', 'LABEL=my stick::os:1'],
  ['from=UUID=12-34:os', 'UUID=12-34::os:1'],
  ['from=PARTLABEL=data:/k.iso', 'PARTLABEL=data:/k.iso:kindling:1'],
  ['from=/isos/k.iso', ':/isos/k.iso:kindling:1'],
  ['findiso=/isos/k.iso', ':/isos/k.iso:kindling:1'],
  ['iso-scan/filename=/k.iso', ':/k.iso:kindling:1'],
  ['fromiso=/dev/sda3/k.iso', '/dev/sda3:/k.iso:kindling:1'],
  ['live-media=/dev/sdb1 live-media-path=live', '/dev/sdb1::live:1'],
  ['from=ask', '::kindling:1'],
  ['from=one from=two', '::two:1'],
];
for (const [line, place] of PLACES) {
  test(`the medium by "${line}"`, async (t) => {
    if (!needs(t, 'busybox', 'dash', 'bash')) return;
    for (const shell of EVERY_SHELL) {
      const script = `${START}words_split "$1" live_word\necho "$l_device:$l_iso:$DATA:$l_named"`;
      const said = await inShell(shell, ['words.sh', 'live-words.sh'], script, [line]);
      assert.deepEqual(said, [place], shell.join(' '));
    }
  });
}

test('words count as words, not as parts of others', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const line = 'nodebug notoram=1 xautomount toramx load=a,b load=c noload=d kindling.damaged=skip live-media-timeout=9 toram=no';
  const script = `${START}words_split "$1" live_word\necho "$l_toram|$k_break|$l_automount|$l_load|$l_noload|$l_damaged|$k_limit"`;
  for (const shell of EVERY_SHELL) {
    const said = await inShell(shell, ['words.sh', 'live-words.sh'], script, [line]);
    assert.deepEqual(said, ['other: nodebug', 'other: notoram=1', 'other: xautomount', 'other: toramx', '|||,a,b,c|,d|skip|9']);
  }
});

test('debug gives shells', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  for (const shell of EVERY_SHELL) {
    const said = await inShell(shell, ['words.sh', 'live-words.sh'], `${START}words_split debug live_word\necho "$k_break"`);
    assert.deepEqual(said, [',pre-mount,mount,pre-switch']);
  }
});

const BUNDLES = [
  '10-b.sb',
  '2-a.sb',
  '2-A.sb',
  '010-a.sb',
  'plain.sb',
  '0-zero.sb',
  'modules/3-mod.sb',
  'modules/30-other.sb',
  '5-two words.sb',
  'note.txt',
];

/** A data directory with empty bundles of these names. */
function dataDirectory(name: string): string {
  const data = join(folder, name);
  for (const one of BUNDLES) {
    mkdirSync(dirname(join(data, one)), { recursive: true });
    writeFileSync(join(data, one), '');
  }
  return data;
}

// load= and noload=, and what is left in order.
const CHOICES: readonly (readonly [string, string, string])[] = [
  ['', '', '0-zero.sb plain.sb 2-A.sb 2-a.sb 3-mod.sb 010-a.sb 10-b.sb 30-other.sb'],
  [',mod', '', '0-zero.sb plain.sb 2-A.sb 2-a.sb 3-mod.sb 010-a.sb 10-b.sb'],
  [',3?-*.sb', '', '0-zero.sb plain.sb 2-A.sb 2-a.sb 010-a.sb 10-b.sb 30-other.sb'],
  ['', ',10,plain', '0-zero.sb 2-A.sb 2-a.sb 3-mod.sb 30-other.sb'],
  [',mod,other', ',3-', '0-zero.sb plain.sb 2-A.sb 2-a.sb 010-a.sb 10-b.sb 30-other.sb'],
];
for (const [load, noload, left] of CHOICES) {
  test(`bundles with load=${load} noload=${noload}`, async (t) => {
    if (!needs(t, 'busybox', 'dash', 'bash', 'sort')) return;
    const data = dataDirectory(`with space ${load.length}${noload.length}`);
    for (const shell of EVERY_SHELL) {
      const script = `warn() { :; }\nl_data=$1 l_load=$2 l_noload=$3\nbundles_list\necho "$l_list" | while read -r n name path; do [ -f "$path" ]; echo "$name"; done`;
      const said = await inShell(shell, ['live-bundles.sh'], script, [data, load, noload]);
      assert.equal(said.join(' '), left, shell.join(' '));
      const names = left.split(' ');
      assert.deepEqual(names.toSorted(compareBundleNames), names, 'the same order as in the library');
    }
  });
}

test('as many layers as the kernel takes fit one page, the last bundle on top; more are refused', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const script = `failed() { echo "failed $1"; exit; }
fact() { :; }
mount() { echo "$4"; }
ln() { :; }
late_bind() { :; }
l_home=$1 l_union=/memory/union l_upper=/memory/changes/rw l_work=/memory/changes/work l_firmware='' l_bound='' l_count=$2 l_names=$3
mkdir -p "$l_home"
union_mount`;
  for (const shell of EVERY_SHELL) {
    const options = async (count: number, name: string) => {
      const names = Array.from({ length: count }, (_, index) => `${index + 1}${name}`).join(' ');
      const home = mkdtempSync(join(folder, 'union-'));
      const [said = ''] = await inShell(shell, ['live-union.sh'], script, [home, String(count), names]);
      return said;
    };
    const most = await options(500, '-a-name-of-some-length.sb');
    assert.ok(most.length < 4095, `${most.length} characters`);
    assert.match(most, /^lowerdir=500:499:498:.*:3:2:1,upperdir=/);
    assert.match(await options(2, '-core.sb'), /^lowerdir=.*\/bundles\/2-core\.sb:.*\/bundles\/1-core\.sb,upperdir=/);
    assert.match(await options(2, '-co:re.sb'), /^lowerdir=2:1,/);
    assert.equal(await options(501, '.sb'), 'failed TOO_MANY_BUNDLES');
  }
});
