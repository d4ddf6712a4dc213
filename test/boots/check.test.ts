// The check at boot in a machine, three boots: in step, a module replaced behind the archive where the boot is to stop, and only safe files.
// What is compared and how, in all shells and without a machine: test/early/check.test.ts. All other cases: check.long.ts.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { APPEND, checked, checkRoot, moduleIn, replace, SAFE_FILE, toldOn } from './check-world.ts';

const QEMU = 'qemu-system-x86_64';
const UNTIL = 'fact:probe.done';
let kernel = '';

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
});

test('the check at boot, in step: said in the report alone, and the root becomes writable as asked', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const { archive, disk, inputs } = await checked({ root: await checkRoot(), check: 'stop' });
  const proof = await bootArchive({ kernel, archive, disks: [{ file: disk }], append: `${APPEND} rw`, until: UNTIL });
  assertReached(proof);
  assert.equal(proof.facts.check, `in-step ${inputs.length} files`);
  assert.equal(proof.facts['probe.update'], '');
  assert.match(proof.facts['probe.root.options'] ?? '', /^rw,/);
  assert.doesNotMatch(toldOn(consoleOf(proof)), /kindling: warning/);
});

test('the check at boot, stop: a module of the same size and time is noticed, named, and nothing goes on by itself', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const { archive, disk, inputs } = await checked({ root: await checkRoot(), check: 'stop' });
  const module = moduleIn(inputs);
  await replace(disk, module);
  const proof = await bootArchive({ kernel, archive, disks: [{ file: disk }], append: `${APPEND} rw panic=1`, until: UNTIL });
  assert.equal(proof.reached, false);
  assert.equal(proof.reason?.code, 'early');
  assert.equal(proof.reason?.text, 'CHECK: 1 unsafe files of the root are not those this archive was made from');
  assert.equal(proof.facts.check, `differs unsafe=1 safe=0: unsafe changed ${module}`);
  const said = toldOn(consoleOf(proof));
  assert.ok(said.includes(`kindling: warning:   unsafe changed ${module}`), 'the file is named');
  const told = said.slice(said.indexOf('kindling: warning: the root is not'));
  assert.match(told, /1\. restart and choose the failsafe entry/);
  assert.match(told, /2\. leave the shell below with 'exit'/);
  assert.doesNotMatch(consoleOf(proof), /re-mounted/);
});

test('the check at boot, stop: only safe files differ, so it boots and leaves word for an update in the same boot', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const { archive, disk } = await checked({ root: await checkRoot(), check: 'stop', files: [SAFE_FILE] });
  await replace(disk, SAFE_FILE, (bytes) => Buffer.concat([bytes, Buffer.from('more\n')]));
  const proof = await bootArchive({ kernel, archive, disks: [{ file: disk }], append: APPEND, until: UNTIL });
  assertReached(proof);
  assert.equal(proof.facts.check, `differs unsafe=0 safe=1: safe changed ${SAFE_FILE}`);
  assert.equal(proof.facts['probe.update'], `safe changed ${SAFE_FILE};`);
  assert.equal(proof.facts['probe.log'], '1');
});
