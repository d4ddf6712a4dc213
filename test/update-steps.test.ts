// The steps of an update: a proof in between, facts of a machine, several kernels, a root that changes meanwhile, records that nobody needs.
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { utf8 } from '../src/bytes/index.ts';
import { KindlingError } from '../src/errors.ts';
import { troubledDisk } from '../src/node/disk.fixture.ts';
import { DISK } from '../src/node/disk.ts';
import type { Machine } from '../src/node/update/outside.ts';
import { VIRTUAL } from '../src/plan/sample.fixture.ts';
import { ARCHIVE, changeModule, digest, files, idIn, judged, KERNEL, PREVIOUS, RECORDS, run } from './update.fixture.ts';
import { scratchRoot } from './update-sweep.fixture.ts';

test('a proof sees the whole new archive while the old one is in its place; what it says decides', async (t) => {
  const base = scratchRoot(t);
  await run(base);
  const old = digest(base, ARCHIVE);
  changeModule(base, 'b');
  const [refused] = await run(base, {
    async prove({ archive, kernel, id }) {
      assert.equal(kernel, KERNEL);
      assert.equal(id, idIn('/', archive));
      assert.equal(digest(base, ARCHIVE), old);
      return { accepted: false, why: 'it did not boot', proof: undefined };
    },
  });
  assert.equal(refused!.outcome, 'refused');
  assert.match(refused!.findings[0]!.message, /did not boot/);
  assert.equal(digest(base, ARCHIVE), old);
  const late = run(base, { prove: () => Promise.reject(new KindlingError('TIMEOUT', 'too late')) });
  assert.equal((await late)[0]!.error?.code, 'TIMEOUT');
  assert.deepEqual([digest(base, ARCHIVE), digest(base, PREVIOUS)], [old, undefined]);
  assert.ok(files(base).every((path) => !path.endsWith('.new')));
  const [made] = await run(base, { prove: async () => ({ accepted: true, why: '', proof: utf8('{"how":"closure"}') }) });
  assert.equal(made!.outcome, 'made');
  assert.equal(readFileSync(join(base, RECORDS, made!.id!, 'proof.json'), 'utf8'), '{"how":"closure"}');
});

test('scope host: facts of the machine are kept in its root, and planned with from elsewhere; the flag of the boot goes', async (t) => {
  const base = scratchRoot(t);
  appendFileSync(join(base, 'etc/kindling.conf'), 'scope = host\n');
  const [failed] = await run(base);
  assert.equal(failed!.error?.code, 'NO_ENTRY');
  assert.match(failed!.error?.message ?? '', /no facts of the machine/);
  const flag = join(base, 'flag');
  writeFileSync(flag, 'etc/fstab\n');
  let facts = VIRTUAL;
  const machine: Machine = { isRoot: () => true, facts: () => facts, flag };
  const [made] = await run(base, { machine });
  assert.equal(made!.outcome, 'made', made!.error?.message);
  assert.equal(existsSync(flag), false);
  assert.equal(JSON.parse(readFileSync(join(base, RECORDS, 'facts.json'), 'utf8')).chain[0], 'virtio_blk');
  assert.equal((await judged(base)).state, 'in step', 'seen from elsewhere');
  facts = { ...VIRTUAL, commandLine: 'quiet', kernel: '9.9' };
  assert.equal((await judged(base, machine)).state, 'in step', 'no plan uses that');
  facts = { ...VIRTUAL, chain: ['virtio_blk', 'virtio_pci'] };
  const stale = await judged(base, machine);
  assert.deepEqual(
    stale.changes.map(({ path }) => path),
    ['facts of the machine'],
  );
});

test('what concerns one kernel does not keep the other from being updated; records that nobody has go', async (t) => {
  const base = scratchRoot(t);
  const other = '5.9.0-other';
  cpSync(join(base, 'usr/lib/modules', KERNEL), join(base, 'usr/lib/modules', other), { recursive: true });
  writeFileSync(join(base, `boot/kindling-${other}.img`), 'of another tool');
  const results = await run(base);
  assert.deepEqual(
    results.map(({ kernel, outcome }) => [kernel, outcome]),
    [
      [KERNEL, 'made'],
      [other, 'failed'],
    ],
  );
  assert.equal(results[1]!.error?.code, 'CONFLICT');
  rmSync(join(base, `boot/kindling-${other}.img`));
  await run(base);
  const ids = (): string[] => readdirSync(join(base, RECORDS)).filter((name) => name.length === 64);
  assert.equal(ids().length, 2);
  rmSync(join(base, 'usr/lib/modules', other), { recursive: true });
  await run(base);
  assert.equal(ids().length, 2, 'its archive is still there');
  rmSync(join(base, `boot/kindling-${other}.img`));
  await run(base);
  assert.equal(ids().length, 1);
});

test('a root that changes while its archive is made: again, with what is there then; one that never rests is no root to update', async (t) => {
  const base = scratchRoot(t);
  const file = join(base, 'usr/sbin/init');
  let word = 0;
  const disk = troubledDisk(undefined, {
    create(path, mode) {
      if (String(path).endsWith('.img.new') && word === 0) {
        word += 1;
        writeFileSync(file, '#!/bin/sh\n# another\n');
      }
      return DISK.create(path, mode);
    },
  });
  const touched = join(base, 'etc/fstab');
  const restless = troubledDisk(undefined, {
    create(path, mode) {
      if (String(path).endsWith('.img.new')) {
        word += 1;
        writeFileSync(touched, `/dev/vda${word} / ext4 defaults 0 1\n`);
      }
      return DISK.create(path, mode);
    },
  });
  const [made] = await run(base, { disk });
  assert.equal(made!.outcome, 'made');
  assert.equal((await judged(base)).state, 'in step');
  const old = digest(base, ARCHIVE);
  changeModule(base, 'b');
  await assert.rejects(run(base, { disk: restless }), {
    code: 'IO',
    message: /the root changed while the archive was made, 3 times: \/etc\/fstab/,
  });
  assert.equal(digest(base, ARCHIVE), old);
  assert.ok(files(base).every((path) => !path.endsWith('.new')));
});

test('inputs that were only touched, and an archive that was copied back, are in step; the record is renewed', async (t) => {
  const base = scratchRoot(t);
  await run(base);
  const at = join(base, ARCHIVE);
  const bytes = readFileSync(at);
  rmSync(at);
  writeFileSync(at, bytes, { mode: 0o600 });
  const module = join(base, 'usr/lib/modules', KERNEL, 'kernel/fs/ext4/ext4.ko');
  utimesSync(module, 1, 1);
  const before = await judged(base);
  assert.deepEqual(
    [before.state, before.moved, before.touched.map(({ path }) => path).some((path) => path.endsWith('ext4.ko'))],
    ['in step', true, true],
  );
  await run(base);
  const after = await judged(base);
  assert.deepEqual([after.state, after.moved, after.touched.length], ['in step', false, 0]);
});

test('an archive that is damaged is made anew and is nothing to go back to', async (t) => {
  const base = scratchRoot(t);
  await run(base);
  changeModule(base, 'b');
  await run(base);
  const [good, previous] = [digest(base, ARCHIVE), digest(base, PREVIOUS)];
  const bytes = readFileSync(join(base, ARCHIVE));
  for (const [what, damage] of Object.entries({
    empty: new Uint8Array(0),
    'ended in its first piece': bytes.subarray(0, 200),
    'nothing but NULs': new Uint8Array(bytes.length),
    'broken in its first piece': Uint8Array.from(bytes, (byte, index) => (index > 40 ? byte ^ 0x55 : byte)),
    'cut short': bytes.subarray(0, bytes.length - 300),
    'a byte changed': Uint8Array.from(bytes, (byte, index) => (index === bytes.length - 250 ? byte ^ 1 : byte)),
  })) {
    writeFileSync(join(base, ARCHIVE), damage);
    const { state } = await judged(base);
    assert.ok(state === 'damaged' || state === 'replaced', `${what}: ${state}`);
    const [made] = await run(base);
    assert.equal(made!.outcome, 'made', what);
    assert.equal(digest(base, ARCHIVE), good, what);
    if (state === 'damaged') assert.equal(digest(base, PREVIOUS), previous, what);
  }
});

test('boot/ that should be mounted and is not', async (t) => {
  const base = scratchRoot(t);
  appendFileSync(join(base, 'etc/fstab'), '/dev/vda2 /boot ext4 defaults 0 2\n');
  const machine: Machine = { isRoot: () => true, facts: () => VIRTUAL, flag: join(base, 'flag') };
  const [refused] = await run(base, { machine });
  assert.deepEqual([refused!.outcome, refused!.findings[0]?.code], ['refused', 'boot-not-mounted']);
  assert.equal((await run(base))[0]!.outcome, 'made', 'a directory that an image will be made of');
  mkdirSync(join(base, 'boot/efi'), { recursive: true });
});
