// One lean boot of a failsafe archive: it finds the one installed system, mounts it writable, and runs the kindling that is aboard on it. That one
// is a stand-in which writes down how it was called; boots with the real one, its menu and its memory: failsafe.long.ts.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { CLONE, linkTree, run } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { lateDisk, lateRoot } from './early-world.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kindling-failsafe-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const STAND_IN = `#!/bin/sh
echo "stand-in: $*"
case "$*" in
	*-n*) exit 1 ;;
esac
echo made >/a/made
`;

/** A root with a stand-in for an installed kindling. */
async function rootWithProgram(): Promise<string> {
  const root = join(scratch, 'root');
  linkTree(await lateRoot(), root);
  const home = join(root, 'usr/lib/kindling');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'kindling'), STAND_IN);
  copyFileSync(join(root, 'usr/bin/busybox'), join(home, 'node'));
  for (const name of ['kindling', 'node']) chmodSync(join(home, name), 0o755);
  symlinkSync('../lib/kindling/kindling', join(root, 'usr/bin/kindling'));
  return root;
}

test('the one installed system is found, mounted, compared and repaired', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
  const root = await rootWithProgram();
  const archive = join(scratch, 'failsafe.img');
  const kernel = join(scratch, 'failsafe.vmlinuz');
  const made = await run(tool(join(CLONE, 'bin/kindling')), ['failsafe', '-R', root, '-o', archive]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /failsafe\.img: \d+\.\d MiB, kernel \S+, needs \d+\.\d MiB of RAM, \d+\.\d MiB to repair, /);
  for (const file of [archive, kernel]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  assert.equal(existsSync(join(root, 'var/lib/kindling')), false, 'it has no record');

  const proof = await bootArchive({
    kernel,
    archive,
    disks: [{ file: await lateDisk() }],
    append: 'kindling.failsafe=repair',
    until: 'its archives are in step now',
  });
  assertReached(proof);
  const { facts } = proof;
  assert.equal(facts['failsafe.roots'], '1');
  assert.match(facts['failsafe.root'] ?? '', /^1 \/dev\/vda .*kernels: \d/);
  assert.deepEqual(
    ['mounted', 'needs', 'update'].map((name) => facts[`failsafe.${name}`]),
    ['/dev/vda', '1', '0'],
  );
  assert.match(consoleOf(proof), /stand-in: update -n -R \/a[\s\S]*stand-in: update -R \/a/);
});
