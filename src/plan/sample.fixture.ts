// A small root with everything a plan needs, made of generated modules and programs: what the tests of this room plan with.
import { bytesSource, nameFromBytes, readAll, utf8 } from '../bytes/index.ts';
import { makeProgram } from '../formats/elf/index.ts';
import { file, makeTree, type Tree, withParents } from '../tree/index.ts';
import { DEFAULT_SETTINGS, type Settings } from './config/index.ts';
import type { HostFacts } from './host.ts';
import { type SampleModule, sampleRoot } from './modules/sample-tree.ts';
import type { Plan } from './plan.ts';
import { plan } from './resolve-plan.ts';
import { findFile, type Root, resolve, treeRoot } from './root.ts';

/** Early userspace of two files. */
export const EARLY: Tree = makeTree(
  withParents([
    file('init', bytesSource(utf8('#!/bin/sh\n')), 0o755),
    file('usr/lib/kindling/early/words.sh', bytesSource(utf8('words_read() { :; }\n'))),
  ]),
);

const APPLETS = ['[', '[[', 'ash', 'cat', 'echo', 'ls', 'mkdir', 'modprobe', 'mount', 'sh', 'sleep', 'switch_root', 'umount', 'vi'];

/** A static busybox with the applets named; real ones keep their names in such a table. */
export function busybox(applets: readonly string[] = APPLETS, interpreter?: string): Uint8Array {
  const program = interpreter === undefined ? makeProgram({ static: true }) : makeProgram({ interpreter, needed: ['libc.so.6'] });
  const table = utf8(`\0${[...applets].sort().join('\0')}\0\0`);
  const joined = new Uint8Array(program.length + table.length);
  joined.set(program);
  joined.set(table, program.length);
  return joined;
}

/** Modules of the sample kernel. */
export const MODULES: Readonly<Record<string, SampleModule>> = {
  'kernel/drivers/ata/libata.ko': { depends: 'scsi_mod' },
  'kernel/drivers/ata/ahci.ko': { depends: 'libata', alias: 'pci:v*d*sv*sd*bc01sc06i01*', firmware: 'ahci.bin' },
  'kernel/drivers/scsi/scsi_mod.ko': {},
  'kernel/drivers/scsi/sd_mod.ko': { depends: 'scsi_mod', alias: 'scsi:t-0x00*' },
  'kernel/drivers/block/virtio_blk.ko': { depends: 'virtio', alias: 'virtio:d00000002v*' },
  'kernel/drivers/virtio/virtio.ko': {},
  'kernel/drivers/virtio/virtio_pci.ko': { depends: 'virtio', alias: 'pci:v00001AF4d*sv*sd*bc*sc*i*' },
  'kernel/drivers/net/e1000.ko': { alias: 'pci:v00008086d0000100Esv*sd*bc*sc*i*' },
  'kernel/drivers/hid/hid.ko': {},
  'kernel/drivers/hid/hid-wacom.ko': { depends: 'hid' },
  'kernel/drivers/gpu/radeon.ko': { alias: 'pci:v00001002d*sv*sd*bc03sc*i*' },
  'kernel/fs/ext4/ext4.ko': { depends: 'jbd2', softdep: 'pre: crypto-crc32c', alias: 'fs-ext4' },
  'kernel/fs/jbd2/jbd2.ko': {},
  'kernel/fs/jfs/jfs.ko': { alias: 'fs-jfs' },
  'kernel/crypto/crc32c_generic.ko': { alias: 'crypto-crc32c' },
};

/** The files of the sample root that are no modules. */
export const FILES: Readonly<Record<string, string | Uint8Array>> = {
  bin: '-> usr/bin',
  sbin: '-> usr/sbin',
  lib: '-> usr/lib',
  'usr/bin/busybox': busybox(),
  'usr/sbin/init': '#!/bin/sh\n',
};

/** The sample root, with changes: a value of undefined takes a file away. */
export function sample(
  files: Readonly<Record<string, string | Uint8Array | undefined>> = {},
  modules: Readonly<Record<string, SampleModule>> = {},
): Root {
  const merged = Object.entries({ ...FILES, ...files }).filter((pair): pair is [string, string | Uint8Array] => pair[1] !== undefined);
  return executable(sampleRoot({ modules: { ...MODULES, ...modules }, files: Object.fromEntries(merged) }));
}

/** Files in directories of programs are executable. */
function executable(root: Root): Root {
  return {
    ...root,
    entry(path) {
      const entry = root.entry(path);
      return entry?.kind === 'file' && /^(usr\/|opt\/)?s?bin\//.test(path) ? { ...entry, mode: 0o755 } : entry;
    },
  };
}

/** Settings, the defaults where nothing is said. */
export function settings(said: Partial<Settings> = {}): Settings {
  return { ...DEFAULT_SETTINGS, ...said };
}

/** Facts of a virtual machine with a virtio disk. */
export const VIRTUAL: HostFacts = {
  facts: 1,
  kernel: '6.1.0-other',
  modaliases: ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 'virtio:d00000002v00001AF4'],
  modules: ['ext4', 'virtio_blk'],
  loaded: ['ext4'],
  chain: ['virtio_blk'],
  mounts: [{ at: '/', source: '/dev/vda1', type: 'ext4' }],
  resume: '',
  commandLine: 'root=/dev/vda1 ro',
};

/** Plans for the sample. */
export function planned(root: Root, said: Partial<Settings> = {}, host?: HostFacts): Plan {
  const scope = host === undefined ? 'generic' : 'host';
  return plan({ root, scope, host, settings: settings(said), early: EARLY, decoders: [] });
}

/** The text of a file in a plan, links followed. */
export function textIn(made: Plan, path: string): string {
  const found = findFile(treeRoot(made.tree, 'the plan'), path);
  if (found === undefined) throw new Error(`the plan leads nowhere at ${resolve(treeRoot(made.tree, 'the plan'), path).path}`);
  return nameFromBytes(readAll(found.content));
}
