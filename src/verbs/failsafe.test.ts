// The plan of a failsafe archive, from a root on which a kindling is laid: what is in it whatever the root's configuration says, and that no other
// archive holds any of it. Boots: test/boots/failsafe.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { makeProgram } from '../formats/elf/index.ts';
import type { Root } from '../plan/index.ts';
import { EARLY, planned, sample, textIn } from '../plan/sample.fixture.ts';
import { directory, file, makeTree, symlink, type Tree, withParents } from '../tree/index.ts';
import { failsafeMemory, failsafePlan, laidOver } from './failsafe.ts';

const text = (path: string, content: string, mode = 0o644) => file(path, bytesSource(utf8(content)), mode);
const SCRIPT = 'usr/lib/kindling/early/failsafe.sh';
const early = makeTree([...EARLY.entries, text(SCRIPT, 'failsafe() { :; }\n')]);

const LOADER = '/usr/lib/ld.so';
const node = makeProgram({ interpreter: LOADER, needed: ['libnode.so.1'] });
const library = makeProgram({ soname: 'libnode.so.1', needed: [] });
const PROGRAM: Tree = makeTree(
  withParents([
    file('usr/lib/kindling/node', bytesSource(node), 0o755),
    text('usr/lib/kindling/kindling', '#!/bin/sh\n', 0o755),
    text('usr/lib/kindling/kindling.mjs', 'running\n'),
    text('usr/lib/kindling/early/init', '#!/bin/sh\n', 0o755),
    symlink('usr/bin/kindling', '../lib/kindling/kindling'),
  ]),
);

/** A root with what Node is linked with, editors and a checker. */
function machine(files: Readonly<Record<string, string | Uint8Array>> = {}): Root {
  return sample({
    'usr/lib/ld.so': makeProgram({ soname: 'ld.so', needed: [] }),
    'usr/lib/libnode.so.1': library,
    'usr/bin/nano': makeProgram({ static: true }),
    'usr/bin/less': makeProgram({ static: true }),
    'usr/sbin/fsck.ext4': makeProgram({ static: true }),
    'usr/share/terminfo/l/linux': 'linux',
    ...files,
  });
}

function made(root: Root, program: Tree | undefined = PROGRAM) {
  const outside = { root, decoders: [], file: () => undefined, hostFacts: never, earlyTree: () => early, program };
  return failsafePlan(undefined, outside).plan;
}

function never(): never {
  throw new Error('a failsafe archive looked at the machine');
}

const code = (wanted: string) => (error: unknown) => error instanceof KindlingError && error.code === wanted;

test('kindling with its Node and its libraries, editors, checkers, terminals and all drivers go in', () => {
  const plan = made(machine());
  for (const path of [
    'usr/lib/kindling/node',
    'usr/lib/kindling/kindling',
    'usr/lib/kindling/kindling.mjs',
    'usr/bin/kindling',
    'usr/lib/libnode.so.1',
    'usr/lib/ld.so',
    'usr/bin/nano',
    'usr/bin/less',
    'usr/sbin/fsck.ext4',
    'usr/share/terminfo/l/linux',
    SCRIPT,
  ]) {
    assert.notEqual(plan.tree.get(path), undefined, path);
  }
  assert.equal(plan.scope, 'generic');
  for (const module of ['ahci', 'virtio_blk', 'ext4', 'hid']) assert.ok(plan.packed.includes(module), module);
  assert.match(textIn(plan, 'usr/lib/kindling/early.conf'), /^FAILSAFE='1'$/m);
  assert.deepEqual(
    plan.findings.filter(({ severity }) => severity === 'error'),
    [],
  );
});

test("a program of the root is there as itself, not as busybox's", () => {
  assert.equal(made(machine()).tree.get('usr/bin/vi')?.kind, 'symlink', 'no vi: that of busybox');
  const { tree } = made(machine({ 'usr/bin/ed': makeProgram({ static: true }), 'usr/bin/less': makeProgram({ static: true }) }));
  assert.equal(tree.get('usr/bin/ed')?.kind, 'file');
  assert.equal(tree.get('usr/bin/less')?.kind, 'file');
});

test('what the configuration of a root leaves out is in it all the same', () => {
  const { packed, tree, scope } = made(
    machine({ 'etc/kindling.conf': 'scope = host\nomit = fsck console\nomit-modules = ext4\ncheck = stop\n' }),
  );
  assert.equal(scope, 'generic');
  assert.ok(packed.includes('ext4'));
  assert.notEqual(tree.get('usr/sbin/fsck.ext4'), undefined);
});

test("the kindling that is handed in counts, not the root's own, which may be broken", () => {
  const broken = machine({ 'usr/lib/kindling/kindling.mjs': 'broken\n', 'usr/lib/kindling/node': 'no program\n' });
  const plan = made(broken);
  assert.equal(textIn(plan, 'usr/lib/kindling/kindling.mjs'), 'running\n');
  assert.equal(plan.tree.get('usr/lib/kindling/node')?.kind, 'file');
  const whole = machine({ 'usr/lib/kindling/kindling.mjs': 'installed\n', 'usr/lib/kindling/node': node });
  assert.equal(textIn(made(whole, makeTree([])), 'usr/lib/kindling/kindling.mjs'), 'installed\n');
});

test('a root without any kindling, or early userspace without the script: said, and nothing is made', () => {
  assert.throws(() => made(machine(), makeTree([])), code('NO_PROGRAM'));
  const bare = { root: machine(), decoders: [], file: () => undefined, hostFacts: never, earlyTree: () => EARLY, program: PROGRAM };
  assert.throws(() => failsafePlan(undefined, bare), code('NO_ENTRY'));
});

test('a library that Node needs and the root does not have is named', () => {
  const lacking = sample({ 'usr/lib/ld.so': makeProgram({ soname: 'ld.so', needed: [] }) });
  assert.throws(
    () => made(lacking),
    (error) => code('NO_LIBRARY')(error) && /kindling\/node needs libnode\.so\.1/.test((error as Error).message),
  );
});

test('other archives hold nothing of it', () => {
  const { tree } = planned(laidOver(machine(), PROGRAM));
  assert.deepEqual(
    tree.entries.filter(({ path }) => /failsafe|kindling\/(node|kindling)|nano|terminfo/.test(path)).map(({ path }) => path),
    [],
  );
});

test('memory: to start without root=, and to repair, when the loaded archive has been given back', () => {
  const MIB = 1 << 20;
  const of = (least: number, archive: number, unpacked: number) => {
    const sizes = { leastMemory: least * MIB, archiveSize: archive * MIB, unpackedSize: unpacked * MIB };
    const rest = { entryCount: 1, contentSize: 0, isEstimate: false, leastMemoryTmpfs: 0, bySegment: new Map() };
    const { start, repair } = failsafeMemory({ ...rest, ...sizes });
    return [start / MIB, repair / MIB];
  };
  assert.deepEqual(of(204, 60, 60), [234, 400]);
  assert.deepEqual(of(114, 20, 10), [114, 350], 'of a small one the peak is the end of unpacking');
  assert.deepEqual(of(884, 400, 400), [1254, 1254], 'never less than to start');
});

test('a root with a tree laid over it: names of both, entries of the tree, directories as the root has them', () => {
  const root = laidOver(machine({ 'usr/bin/kindling': 'old' }), makeTree([...PROGRAM.entries, directory('opt'), text('opt/one', '1')]));
  assert.ok(root.names('usr/bin').includes('kindling') && root.names('usr/bin').includes('busybox'));
  assert.equal(root.entry('usr/bin/kindling')?.kind, 'symlink');
  assert.deepEqual(root.names('opt'), ['one']);
  assert.equal(root.entry('usr/lib')?.kind, 'directory');
  assert.equal(root.entry('nothing'), undefined);
});
