// Each check of `verify` on a small archive that is fine, and on the same archive with one thing wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import type { ModinfoPair } from '../../formats/elf/index.ts';
import { makeModule, makeProgram } from '../../formats/elf/make.ts';
import { type HostFacts, type KernelFacts, type Root, treeRoot } from '../../plan/index.ts';
import { directory, type Entry, file, makeTree, symlink, withParents } from '../../tree/index.ts';
import type { Archive } from '../decode.ts';
import { checkAll, type Known } from './index.ts';

const VERSION = '6.1.0-test';
const VERMAGIC = `${VERSION} SMP preempt mod_unload`;
const TREE = `usr/lib/modules/${VERSION}`;

function source(text: string) {
  return bytesSource(utf8(text));
}

function moduleEntry(name: string, pairs: readonly ModinfoPair[] = [], vermagic = VERMAGIC): Entry {
  return file(`${TREE}/kernel/fs/${name}.ko`, bytesSource(makeModule({ modinfo: [['name', name], ['vermagic', vermagic], ...pairs] })));
}

function entries(): Entry[] {
  return [
    file('init', source('#!/bin/sh\nexec sh\n'), 0o755),
    symlink('bin', 'usr/bin'),
    symlink('sbin', 'usr/sbin'),
    symlink('lib', 'usr/lib'),
    file('usr/bin/sh', bytesSource(makeProgram({})), 0o755),
    directory('usr/sbin'),
    moduleEntry('ext4', [
      ['depends', 'jbd2'],
      ['alias', 'fs-ext4'],
    ]),
    moduleEntry('jbd2'),
    file(`${TREE}/modules.dep`, source('kernel/fs/ext4.ko: kernel/fs/jbd2.ko\nkernel/fs/jbd2.ko:\n')),
    file(`${TREE}/modules.alias`, source('alias fs-ext4 ext4\n')),
    file(`${TREE}/modules.order`, source('')),
    file(`${TREE}/modules.builtin`, source('')),
  ];
}

function archiveOf(held: readonly Entry[], codec: 'none' | 'zstd' = 'zstd'): Archive {
  const member = { at: 0, size: 1, codec, format: 'newc', unpackedSize: 1, cpios: [] } as const;
  const tree = makeTree(withParents(held));
  return { members: [member], outer: tree, inner: undefined, tree, bootconfig: undefined, findings: [], fault: undefined };
}

const config = new Map(
  ['BLK_DEV_INITRD', 'BINFMT_ELF', 'BINFMT_SCRIPT', 'PROC_FS', 'SYSFS', 'DEVTMPFS', 'TMPFS', 'RD_ZSTD'].map((name) => [name, 'y']),
);
const KERNEL: KernelFacts = { version: VERSION, moduleTree: TREE, config, machine: 'x86_64' };

function rootWith(files: Readonly<Record<string, string>>): Root {
  return treeRoot(makeTree(withParents(Object.entries(files).map(([path, text]) => file(path, source(text))))), 'the root');
}

function found(held: readonly Entry[], known: Partial<Known> = {}): Finding[] {
  const all = { size: 1000, decoders: [], kernel: KERNEL, root: undefined, device: undefined, host: undefined, ...known };
  return checkAll(archiveOf(held), all).filter(({ severity }) => severity !== 'note');
}

function codes(held: readonly Entry[], known: Partial<Known> = {}): string[] {
  return found(held, known).map(({ code }) => code);
}

function without(path: string): Entry[] {
  return entries().filter((entry) => entry.path !== path);
}

function replaced(entry: Entry): Entry[] {
  return [...without(entry.path), entry];
}

test('an archive that is fine has no findings', () => {
  assert.deepEqual(found(entries(), { root: rootWith({ 'etc/fstab': 'LABEL=root / ext4 defaults 0 1\n' }) }), []);
});

test('init: missing, a directory, not executable, neither ELF nor script', () => {
  assert.deepEqual(codes(without('init')), ['init-missing']);
  assert.deepEqual(codes(replaced(directory('init'))), ['init-not-file']);
  assert.deepEqual(codes(replaced(file('init', source('#!/bin/sh\n'), 0o644))), ['init-not-executable']);
  assert.deepEqual(codes(replaced(file('init', source('sh\n'), 0o755))), ['init-unstartable']);
});

test('the interpreter of /init is missing: an error; of another script: a warning', () => {
  const gone = found(replaced(file('init', source('#!/bin/bash\n'), 0o755)));
  assert.deepEqual(
    gone.map(({ code, severity }) => [code, severity]),
    [['interpreter-missing', 'error']],
  );
  const other = found([...entries(), file('usr/bin/report', source('#!/usr/bin/perl\n'), 0o755)]);
  assert.deepEqual(
    other.map(({ code, severity }) => [code, severity]),
    [['interpreter-missing', 'warning']],
  );
});

test('a program without its library is an error that names both', () => {
  const program = file('usr/bin/blkid', bytesSource(makeProgram({ needed: ['libblkid.so.1'] })), 0o755);
  const [finding] = found([...entries(), program]);
  assert.equal(finding?.code, 'library-missing');
  assert.match(finding.message, /usr\/bin\/blkid.*libblkid\.so\.1/);
});

test('modules: of another kernel, of another build, without a dependency, without an index', () => {
  assert.ok(codes(entries(), { kernel: { ...KERNEL, version: '6.5.0-other' } }).includes('kernel-version'));
  const foreign = moduleEntry('xfs', [], '6.5.0-other SMP');
  assert.deepEqual(codes([...entries(), foreign]).sort(), ['modules-dep-stale', 'vermagic', 'vermagic-mixed']);
  assert.ok(codes(without(`${TREE}/kernel/fs/jbd2.ko`)).includes('module-dependency-missing'));
  assert.ok(codes(without(`${TREE}/modules.dep`)).includes('module-index-missing'));
});

test('kmod needs its binary index, busybox does not', () => {
  const kmod = [...entries(), file('usr/sbin/modprobe', bytesSource(makeProgram({})), 0o755)];
  assert.deepEqual(codes(kmod), ['module-index-missing']);
  const busybox = [
    ...entries(),
    file('usr/bin/busybox', bytesSource(makeProgram({})), 0o755),
    symlink('usr/sbin/modprobe', '../bin/busybox'),
  ];
  assert.deepEqual(codes(busybox), []);
});

test('a kernel that cannot unpack the archive or start its init is refused', () => {
  const kernel = { ...KERNEL, config: new Map([...config, ['RD_ZSTD', 'n'], ['BINFMT_SCRIPT', 'm']]) };
  const messages = found(entries(), { kernel }).map(({ code, message }) => `${code} ${message}`);
  assert.equal(messages.length, 2);
  assert.match(messages[0]!, /kernel-option .*RD_ZSTD n.*unpack zstd/);
  assert.match(messages[1]!, /BINFMT_SCRIPT only as a module/);
});

test('a root behind dm-crypt, LVM, MD, iSCSI, ZFS or the network is refused by what fstab and crypttab say', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['/dev/mapper/vg-root / ext4 defaults 0 1', /device mapper/],
    ['/dev/vg0/root / ext4 defaults 0 1', /LVM/],
    ['/dev/md0 / ext4 defaults 0 1', /MD RAID/],
    ['/dev/md/root / ext4 defaults 0 1', /MD RAID/],
    ['rpool/ROOT / zfs defaults 0 0', /ZFS/],
    ['/dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn-lun-1 / ext4 defaults 0 1', /iSCSI/],
    ['/dev/sda1 / ext4 _netdev 0 1', /network/],
    ['/dev/bcache0 / ext4 defaults 0 1', /bcache/],
  ];
  for (const [line, message] of cases) {
    const findings = found(entries(), { root: rootWith({ 'etc/fstab': `${line}\n` }) });
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['root-layer'],
      line,
    );
    assert.match(findings[0]!.message, message);
  }
  const crypt = { 'etc/fstab': '/dev/mapper/cryptroot / ext4 defaults 0 1\n', 'etc/crypttab': 'cryptroot UUID=1 none luks\n' };
  assert.match(found(entries(), { root: rootWith(crypt) })[0]!.message, /dm-crypt/);
});

test('plain device names are not taken for layers', () => {
  for (const name of ['/dev/sda1', '/dev/nvme0n1p2', '/dev/mmcblk0p1', '/dev/disk/by-uuid/1', 'UUID=1', 'LABEL=root', 'PARTUUID=1']) {
    assert.deepEqual(codes(entries(), { root: rootWith({ 'etc/fstab': `${name} / ext4 defaults 0 1\n` }) }), [], name);
  }
});

test('a root file system without a driver is an error, unless the kernel has it built in', () => {
  const root = rootWith({ 'etc/fstab': 'LABEL=root / xfs defaults 0 1\n' });
  assert.deepEqual(codes(entries(), { root }), ['filesystem-missing']);
  assert.deepEqual(codes(entries(), { root, kernel: { ...KERNEL, config: new Map([...config, ['XFS_FS', 'y']]) } }), []);
});

test('a device is judged by its superblock', () => {
  const device = (type: string, role: 'filesystem' | 'layer' | 'swap') => ({
    device: { label: 'sda1', superblock: { type, role, at: 0 } },
  });
  assert.deepEqual(codes(entries(), device('ext4', 'filesystem')), []);
  assert.deepEqual(codes(entries(), device('xfs', 'filesystem')), ['filesystem-missing']);
  assert.deepEqual(codes(entries(), device('crypto_LUKS', 'layer')), ['root-layer']);
  assert.deepEqual(codes(entries(), device('swap', 'swap')), ['root-unknown']);
  assert.deepEqual(codes(entries(), { device: { label: 'sda1', superblock: undefined } }), ['root-unknown']);
});

test("a driver of the machine's chain that is neither inside nor built in is an error", () => {
  const facts: HostFacts = {
    facts: 1,
    kernel: VERSION,
    modaliases: [],
    modules: [],
    loaded: [],
    chain: ['nvme', 'jbd2'],
    mounts: [{ at: '/', source: '/dev/nvme0n1p1', type: 'ext4' }],
    resume: '',
    commandLine: '',
  };
  const findings = found(entries(), { host: facts });
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['driver-missing'],
  );
  assert.match(findings[0]!.message, /nvme/);
});

test('a file that the root has changed since is a warning', () => {
  const root = rootWith({ 'usr/bin/sh': 'another' });
  assert.deepEqual(
    found(entries(), { root }).map(({ code, where }) => [code, where.path]),
    [['differs-from-root', 'usr/bin/sh']],
  );
});
