// What must be reserved and how an archive is used: pure, from a plan. Crashes: test/boots/kdump.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linux } from '../boot/index.ts';
import { bytesSource } from '../bytes/index.ts';
import type { Plan } from '../plan/index.ts';
import { file, makeTree, type Tree, withParents } from '../tree/index.ts';
import { captureLine, kdumpUse, reservation } from './kdump.ts';

const MIB = 1 << 20;

function planOf(tree: Tree, machine = 'x86_64'): Plan {
  return {
    scope: 'generic',
    kernel: { version: '6.1.0-sample', moduleTree: undefined, config: undefined, machine },
    tree,
    reasons: new Map(),
    segmentOf: new Map(),
    microcode: undefined,
    deferred: [],
    findings: [],
    parts: [],
    packed: [],
  };
}

const sized = (path: string, size: number) => file(path, bytesSource(new Uint8Array(size)));
const PLAIN = makeTree([sized('init', 10 * MIB + 1)]);
const CORE = makeTree(withParents([sized('init', 10 * MIB), sized('usr/bin/makedumpfile', MIB)]));

test('the parts add up, with a tenth of margin, in steps of 8 MiB', () => {
  const { kernel, archive, unpacked, working, margin, advised } = reservation(planOf(PLAIN), undefined, { archive: 20 * MIB, image: 0 });
  assert.equal(kernel, 84 * MIB);
  assert.equal(archive, 20 * MIB);
  assert.equal(unpacked, 10 * MIB + 4096); // whole pages
  assert.equal(working, 0); // the archive leaves more than saving needs
  assert.equal(margin, Math.ceil((kernel + archive + unpacked) / 10));
  assert.equal(advised, 128 * MIB);
});

test('saving counts for what it needs beyond the memory of the archive, makedumpfile for more than a copy', () => {
  const made = { archive: 2 * MIB, image: 0 };
  assert.equal(reservation(planOf(PLAIN), undefined, made).working, 6 * MIB);
  assert.equal(reservation(planOf(CORE), undefined, made).working, 10 * MIB);
});

test('of a squashed archive the loader and the image are unpacked', () => {
  const squashed = { layout: 'squash', outside: planOf(makeTree([sized('init', MIB)])), inside: CORE, image: 'squash-root.img' } as const;
  const found = reservation(planOf(CORE), squashed, { archive: 5 * MIB, image: 4 * MIB });
  assert.equal(found.unpacked, 5 * MIB);
  assert.equal(found.working, 7 * MIB);
});

test('a machine nothing was measured on gets the floor of an everyday kernel', () => {
  assert.equal(reservation(planOf(PLAIN, 'aarch64'), undefined, { archive: MIB, image: 0 }).kernel, 96 * MIB);
});

test('the command line unpacks into a ramfs, and a person has the last word', () => {
  const line = captureLine('x86_64', 'console=ttyS0 panic=0');
  assert.equal(linux.lastValue(line, 'rootfstype'), 'ramfs');
  assert.equal(linux.lastValue(line, 'nr_cpus'), '1');
  assert.equal(linux.lastValue(line, 'panic'), '0');
  assert.equal(linux.lastValue(line, 'root'), undefined);
  assert.ok(!captureLine('aarch64', '').includes('irqpoll') && captureLine('riscv', '').includes('reset_devices'));
});

test('lines to use it name the same kernel, archive, size and words', () => {
  const plan = planOf(PLAIN);
  const reserve = reservation(plan, undefined, { archive: 20 * MIB, image: 0 });
  const use = kdumpUse(plan, reserve, '/var/lib/kdump/capture.img', '');
  assert.equal(use.crashkernel, 'crashkernel=128M');
  assert.match(
    use.kexec,
    /^kexec -s -p \/boot\/vmlinuz-6\.1\.0-sample --initrd=\/var\/lib\/kdump\/capture\.img --command-line="nr_cpus=1 /,
  );
  assert.ok(use.files['/etc/systemd/system/kindling-kdump.service']?.includes(`ExecStart=/sbin/${use.kexec}`));
  assert.ok(use.files['/etc/default/kdump-tools']?.includes('KDUMP_INITRD=/var/lib/kdump/capture.img'));
  assert.match(use.files['/etc/default/grub.d/kdump.cfg']?.join() ?? '', /crashkernel=128M"$/);
});
