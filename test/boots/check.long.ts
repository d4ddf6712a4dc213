// The check at boot in a machine: warn and off, early configuration and libraries, records lost and damaged, touched files, squashed
// archives, the root's own programs, a separate /var, and the person who goes on.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import type { Proof } from '../../src/machine/index.ts';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import {
  APPEND,
  type Checked,
  checked,
  checkPlainRoot,
  checkRoot,
  moduleIn,
  remove,
  replace,
  SAFE_FILE,
  toldOn,
  touch,
} from './check-world.ts';
import { machineWords, start } from './talk.ts';

const QEMU = 'qemu-system-x86_64';
const CONFIGURATION = 'etc/modprobe.d/check.conf';
let kernel = '';

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
});

async function booted({ archive, disk }: Checked, words = '', append = APPEND): Promise<Proof> {
  return bootArchive({ kernel, archive, disks: [{ file: disk }], append: `${append} ${words}`, until: 'fact:probe.done', timeout: 180 });
}

test('warn: a module and early configuration changed: said everywhere, and it boots', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkRoot(), check: 'warn' });
  const module = moduleIn(made.inputs);
  await replace(made.disk, module);
  await replace(made.disk, CONFIGURATION);
  const proof = await booted(made);
  assertReached(proof);
  assert.match(proof.facts.check ?? '', /^differs unsafe=2 safe=0: /);
  assert.deepEqual((proof.facts['probe.update'] ?? '').split(';').sort(), [
    '',
    `unsafe changed ${CONFIGURATION}`,
    `unsafe changed ${module}`,
  ]);
  assert.equal(proof.facts['probe.log'], '1');
  assert.match(
    toldOn(consoleOf(proof)),
    /kindling: warning: the root is not what this archive was made from: 2 unsafe and 0 safe files differ/,
  );
});

test('the command line wins: off says nothing of the same disk, stop stops, nonsense is as planned', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkRoot(), check: 'warn' });
  await remove(made.disk, moduleIn(made.inputs));
  const off = await booted(made, 'kindling.check=off');
  assertReached(off);
  assert.equal(off.facts.check, undefined);
  assert.equal(off.facts['probe.update'], '');
  const stop = await booted(made, 'kindling.check=stop rd.shell=0 panic=1');
  assert.match(stop.reason?.text ?? '', /^CHECK: 1 unsafe/);
  assert.match(stop.facts.check ?? '', /^differs unsafe=1 safe=0: unsafe gone /);
  const other = await booted(made, 'kindling.check=maybe');
  assertReached(other);
  assert.match(other.facts.check ?? '', /^differs unsafe=1/);
  assert.match(toldOn(consoleOf(other)), /kindling\.check=maybe is none of warn, stop, off: taken as warn/);
});

test('an archive planned without the check says so when it is asked for', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkRoot(), check: 'off' });
  const proof = await booted(made, 'kindling.check=stop');
  assertReached(proof);
  assert.equal(proof.facts.check, undefined);
  assert.match(toldOn(consoleOf(proof)), /kindling\.check=stop: this archive was made without what that takes/);
});

test('touched files are compared by content and are no difference; setting safe makes a module one that may differ', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkRoot(), check: 'stop', safe: ['usr/lib/modules/*/virtio_blk.ko'] });
  const files = made.inputs.filter(({ kind }) => kind === 'file');
  for (const { path } of files.slice(0, 3)) await touch(made.disk, path);
  const touched = await booted(made);
  assertReached(touched);
  assert.equal(touched.facts.check, `in-step ${made.inputs.length} files, 3 of them by content`);
  assert.equal(touched.facts['probe.update'], '');
  await replace(made.disk, moduleIn(made.inputs));
  const safe = await booted(made);
  assertReached(safe);
  assert.match(safe.facts.check ?? '', /^differs unsafe=0 safe=1: safe changed .*virtio_blk\.ko$/);
});

test('a record that is new enough not to be trusted by its times: contents are compared, all of them', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkRoot(), check: 'stop', later: 0 });
  const proof = await booted(made);
  assertReached(proof);
  assert.match(proof.facts.check ?? '', /^in-step \d+ files, [1-9]\d* of them by content$/);
});

const LISTS: readonly [string, (bytes: Uint8Array) => Uint8Array | undefined, RegExp, string][] = [
  ['missing', () => undefined, /^missing: the root has no record of it$/, 'no record of the archive that was booted;'],
  [
    'cut short',
    (bytes) => bytes.subarray(0, bytes.length - 4000),
    /^missing: its record is damaged$/,
    'the record of the archive that was booted is damaged;',
  ],
  [
    'all zeros, as after a power cut',
    (bytes) => new Uint8Array(bytes.length),
    /^missing: its record is damaged$/,
    'the record of the archive that was booted is damaged;',
  ],
];

for (const [name, list, said, update] of LISTS) {
  test(`a record that is ${name}: warns, boots, and the same boot makes another`, async (t) => {
    if (!needs(t, QEMU, 'debugfs')) return;
    const proof = await booted(await checked({ root: await checkRoot(), check: 'stop', list }), 'rw');
    assertReached(proof);
    assert.match(proof.facts.check ?? '', said);
    assert.equal(proof.facts['probe.update'], update);
    assert.match(proof.facts['probe.root.options'] ?? '', /^rw,/);
    assert.match(toldOn(consoleOf(proof)), /kindling: warning: this archive was not compared with the root: /);
  });
}

for (const layout of ['squash', 'squash-usr']) {
  test(`layout ${layout}: in step, and a changed module`, async (t) => {
    if (!needs(t, QEMU, 'debugfs')) return;
    const made = await checked({ root: await checkRoot(), check: 'warn', layout });
    const same = await booted(made);
    assertReached(same);
    assert.equal(same.facts.check, `in-step ${made.inputs.length} files`);
    assert.equal(same.facts.squash, 'released');
    await replace(made.disk, moduleIn(made.inputs));
    const other = await booted(made);
    assertReached(other);
    assert.match(other.facts.check ?? '', /^differs unsafe=1 safe=0: unsafe changed .*virtio_blk\.ko$/);
    assert.match(other.facts['probe.update'] ?? '', /virtio_blk\.ko;$/);
    assert.equal(other.facts.squash, 'released');
  });
}

test("without busybox, on the root's own programs: in step, and a library changed", async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkPlainRoot(), check: 'stop' });
  const append = APPEND.replace('probe-init', 'check-init');
  const same = await booted(made, '', append);
  assertReached(same);
  assert.equal(same.facts.check, `in-step ${made.inputs.length} files`);
  const library =
    made.inputs.find(({ kind, path }) => kind === 'file' && /\/libblkid\.so\.[0-9.]+$/.test(path))?.path ??
    assert.fail('no library is packed');
  await replace(made.disk, library);
  const other = await booted(made, 'panic=1', append);
  assert.match(other.reason?.text ?? '', /^CHECK: 1 unsafe/);
  assert.equal(other.facts.check, `differs unsafe=1 safe=0: unsafe changed ${library}`);
});

test('a record on a separate /var cannot be reached: said so, and nothing else', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const root = await checkRoot({ 'etc/fstab': '# /dev/vdz /var ext4 defaults 0 0\nUUID=1234 /var ext4 defaults 0 2\n' });
  const proof = await booted(await checked({ root, check: 'stop', list: () => undefined }));
  assertReached(proof);
  assert.equal(proof.facts.check, 'missing: its record is on /var, which is mounted later');
  assert.equal(proof.facts['probe.update'], '');
});

test('a separate /usr: compared before it can be written to, then writable as the root', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const root = await checkRoot({
    'etc/fstab': '/dev/vdb /usr ext4 defaults 0 2\n',
    'etc/probe.d/b-usr': 'fact probe.usr "$(grep " /usr " /proc/mounts)"\n',
  });
  const made = await checked({ root, check: 'stop', usr: true });
  const disks = [{ file: made.disk }, { file: made.usr! }];
  const machine = { kernel, archive: made.archive, disks, until: 'fact:probe.done', timeout: 180 };
  const same = await bootArchive({ ...machine, append: `${APPEND} rw` });
  assertReached(same);
  assert.equal(same.facts.check, `in-step ${made.inputs.length} files`);
  assert.equal(same.facts.usr, '/dev/vdb');
  assert.match(same.facts['probe.root.options'] ?? '', /^rw,/);
  assert.match(same.facts['probe.usr'] ?? '', /\/usr ext4 rw,/);
  await replace(made.usr!, moduleIn(made.inputs).slice('usr/'.length));
  const other = await bootArchive({ ...machine, append: `${APPEND} rw panic=1` });
  assert.equal(other.facts.check, `differs unsafe=1 safe=0: unsafe changed ${moduleIn(made.inputs)}`);
  assert.doesNotMatch(consoleOf(other), /re-mounted/);
});

test('the prompt: the root was never writable, the expert leaves it and the boot goes on', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const made = await checked({ root: await checkRoot(), check: 'stop', files: [SAFE_FILE] });
  const module = moduleIn(made.inputs);
  await replace(made.disk, module);
  await replace(made.disk, SAFE_FILE);
  const content = (): string => createHash('sha256').update(readFileSync(made.disk)).digest('hex');
  const before = content();
  // rw twice: as a word of its own and among the flags of the root
  const append = `${APPEND} rw rootflags=noatime,rw`;
  const talk = start(machineWords({ kernel, archive: made.archive, disks: [{ file: made.disk }], append }));
  const prompt = '(kindling) # ';
  const said = toldOn(await talk.expect(prompt, 240));
  for (const words of [
    `unsafe changed ${module}`,
    `safe changed ${SAFE_FILE}`,
    'choose the failsafe entry',
    "leave the shell below with 'exit'",
  ]) {
    assert.ok(said.includes(words), `${words} is not in ${said}`);
  }
  assert.match(await talk.ask('grep /newroot /proc/mounts', prompt, 20), /\/newroot ext4 ro,noatime/);
  assert.match(await talk.ask('echo x >/newroot/etc/x; echo $?', prompt, 20), /Read-only file system[\s\S]*1/);
  assert.equal(content(), before);
  talk.say('exit');
  await talk.expect(/fact probe\.update .*unsafe changed/, 60);
  await talk.off(120);
  assert.match(talk.transcript(), /re-mounted/);
  assert.match(toldOn(talk.transcript()), /going on with an archive that is out of step/);
  assert.notEqual(content(), before);
});
