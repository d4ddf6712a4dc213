// Archives that are compared with their root at boot, and the disks they are compared with: made without a machine, with the times and
// inode numbers that the file system in the image really has, and changed behind the archive as a person could.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ArchiveRecord, bootCheck, type InputRecord, inputsOf } from '../../src/archive/record/index.ts';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { sha256 } from '../../src/node/digest.ts';
import { directoryRoot } from '../../src/node/directory.ts';
import { earlyTree } from '../../src/node/early-tree.ts';
import { type FileStat, safeIn, watchRoot } from '../../src/plan/index.ts';
import { planFor } from '../../src/verbs/plan.ts';
import { findTool, tool } from '../tools.ts';
import { CLONE, diskImage, linkTree, mustRun, once, run } from '../world/index.ts';
import { LABEL, lateRoot, plainRoot } from './early-world.ts';

/** A file that a person had packed, and that is safe because of that. */
export const SAFE_FILE = 'usr/share/note';
/** What every boot of these disks says on the kernel command line. */
export const APPEND = `root=LABEL=${LABEL} init=/sbin/probe-init`;

/** A module that is in every archive of these roots. */
export function moduleIn(inputs: readonly InputRecord[]): string {
  const found = inputs.find(({ path }) => path.endsWith('/virtio_blk.ko'));
  if (found === undefined) throw new Error('virtio_blk is not packed');
  return found.path;
}

// What the root's init finds of the check.
const SEEN = `fact probe.update "$(tr '\\n' ';' 2>/dev/null </run/kindling/update)"
fact probe.log "$(dmesg | grep -c 'kindling: .*not what this archive')"
`;

const FILES: Readonly<Record<string, string>> = {
  'etc/probe.d/a-check': SEEN,
  'etc/modprobe.d/check.conf': 'options loop max_loop=8\n',
  [SAFE_FILE]: 'a note of an administrator\n',
};

/** The root of the late modules with a few files of a person's own, whose init also says what the check left for it. Made once. */
export async function checkRoot(more: Readonly<Record<string, string>> = {}): Promise<string> {
  const late = await lateRoot();
  const files = { ...FILES, ...more };
  const key = sha256(new TextEncoder().encode(JSON.stringify(files))).slice(0, 12);
  return once(`check-${key}-${late.split('/').pop()}`, (scratch) => {
    linkTree(late, scratch);
    for (const [path, text] of Object.entries(files)) put(join(scratch, path), text);
  });
}

const PLAIN_INIT = `#!/bin/sh
exec >/dev/ttyS1
echo 'kindling: fact probe.init /sbin/check-init'
echo "kindling: fact probe.update $(cat /run/kindling/update 2>/dev/null | tr '\\n' ';')"
while read -r source at type options rest; do
	[ "$at" != / ] || echo "kindling: fact probe.root.options $options"
done </proc/mounts
echo 'kindling: fact probe.done yes'
sleep 1
echo o >/proc/sysrq-trigger
sleep 60
`;

/** Debian without busybox, with an init that needs no other: early userspace runs on single programs and their libraries. Made once. */
export async function checkPlainRoot(): Promise<string> {
  const plain = await plainRoot();
  return once(`check-${PLAIN_INIT.length}-${plain.split('/').pop()}`, (scratch) => {
    linkTree(plain, scratch);
    put(join(scratch, 'usr/sbin/check-init'), PLAIN_INIT, 0o755);
  });
}

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true }); // what is linked belongs to another root too
  writeFileSync(path, text, { mode });
}

/** What to make. */
export interface CheckOptions {
  readonly root: string;
  readonly check: 'warn' | 'stop' | 'off';
  readonly layout?: string;
  /** Patterns of setting `safe`, and files to pack beside what is needed. */
  readonly safe?: readonly string[];
  readonly files?: readonly string[];
  /** The record in the image is left out, or written as this makes it. */
  readonly list?: (bytes: Uint8Array) => Uint8Array | undefined;
  /** /usr is on a disk of its own, which the root's fstab has to say. */
  readonly usr?: boolean;
  /** Made this many seconds after the newest file; 0 means that no time is trusted. */
  readonly later?: number;
}

/** An archive, and a disk of its own that has a record of it. */
export interface Checked {
  readonly archive: string;
  readonly disk: string;
  /** The disk of /usr, when it was asked for. */
  readonly usr: string | undefined;
  readonly id: string;
  /** Everything that is packed. */
  readonly inputs: readonly InputRecord[];
}

const folder = mkdtempSync(join(tmpdir(), 'kindling-check-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
let made = 0;
let last = join(folder, 'none');

/** Runs debugfs on an image; its complaints, which never change its exit code, are errors. */
async function debugfs(image: string, script: readonly string[], write: boolean): Promise<string> {
  const words = [...(write ? ['-w'] : []), '-f', '-', image];
  const ran = await run(tool('debugfs'), words, { input: `${script.join('\n')}\n` });
  const complaint = ran.stderr.split('\n').find((line) => line !== '' && !line.startsWith('debugfs '));
  if (ran.code !== 0 || complaint !== undefined) throw new Error(`debugfs: ${complaint ?? `exit code ${ran.code}`}`);
  return ran.stdout.toString('utf8');
}

/** What the file system of an image says of these paths. */
async function statsOf(image: string, paths: readonly string[]): Promise<Map<string, FileStat>> {
  const said = (
    await debugfs(
      image,
      paths.map((path) => `stat "/${path}"`),
      false,
    )
  )
    .split('debugfs: stat ')
    .slice(1);
  if (said.length !== paths.length) throw new Error(`debugfs told ${said.length} of ${paths.length} stats`);
  return new Map(
    said.map((text, index): [string, FileStat] => {
      const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
      const time = (name: string): number => number(new RegExp(`\\b${name}: (0x[0-9a-f]+)`)) * 1000;
      return [
        paths[index]!,
        { inode: number(/^Inode: (\d+)/m), size: number(/\bSize: (\d+)/), mtime: time('mtime'), ctime: time('ctime') },
      ];
    }),
  );
}

const COPY = ['--sparse=always', '--reflink=auto'];

async function withoutUsr(root: string): Promise<string> {
  return once(`without-usr-${root.split('/').pop()}`, (scratch) => {
    mkdirSync(scratch);
    for (const entry of readdirSync(root, { withFileTypes: true })) {
      const [from, to] = [join(root, entry.name), join(scratch, entry.name)];
      if (entry.name === 'usr') mkdirSync(to);
      else if (entry.isDirectory()) linkTree(from, to);
      else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    }
  });
}

/** Builds the archive, and a disk of the root with its record. The disk made before goes. */
export async function checked(options: CheckOptions): Promise<Checked> {
  const { root, check, layout = 'plain', safe = [], files = [], list = (bytes) => bytes, later = 60 } = options;
  const name = join(folder, `${made++}`);
  const configuration = `check = ${check}\nfiles = ${files.join(' ')}\nsafe = ${safe.join(' ')}\n`;
  writeFileSync(`${name}.conf`, configuration);
  const kindling = findTool(join(CLONE, 'bin/kindling')) ?? 'kindling';
  await mustRun(kindling, ['build', '-q', '-R', root, '-c', `${name}.conf`, '--layout', layout, '-o', `${name}.img`]);
  const id = (await mustRun(kindling, ['cat', `${name}.img`, 'usr/lib/kindling/id'])).trim();

  const watched = watchRoot(directoryRoot(root));
  const file = (path: string) => ({ size: configuration.length, read: () => new TextEncoder().encode(configuration), path });
  const outside = {
    root: watched.root,
    decoders: nodeDecoders(),
    file,
    hostFacts: () => {
      throw new Error('not asked for');
    },
    earlyTree,
  };
  const { plan } = planFor({ add: [], omit: [], config: `${name}.conf` }, outside);
  const trees = plan.microcode === undefined ? [plan.tree] : [plan.tree, plan.microcode];
  const seen = inputsOf(watched.seen(), { trees, sha256, isSafe: safeIn(plan, safe) }).filter(({ packed }) => packed);

  const disk = `${name}.ext4`;
  rmSync(last, { force: true }); // half a gigabyte each; one test looks at one
  last = disk;
  await mustRun(tool('cp'), [
    ...COPY,
    await diskImage({ fs: 'ext4', root: options.usr === true ? await withoutUsr(root) : root, label: LABEL }),
    disk,
  ]);
  const stats = new Map<string, FileStat>();
  const look = async (image: string, prefix: string, isOn: (path: string) => boolean): Promise<void> => {
    const paths = seen.map(({ path }) => path).filter(isOn);
    const said = await statsOf(
      image,
      paths.map((path) => path.slice(prefix.length)),
    );
    for (const path of paths) stats.set(path, said.get(path.slice(prefix.length))!);
  };
  const usr = options.usr === true ? `${name}.usr` : undefined;
  if (usr === undefined) await look(disk, '', () => true);
  else {
    await mustRun(tool('cp'), [...COPY, await diskImage({ fs: 'ext4', root: join(root, 'usr'), label: 'usr' }), usr]);
    await look(disk, '', (path) => !path.startsWith('usr/'));
    await look(usr, 'usr/', (path) => path.startsWith('usr/'));
  }
  const inputs = seen.map((input) => ({ ...input, stat: stats.get(input.path) }));
  const newest = Math.max(...[...stats.values()].flatMap(({ mtime, ctime }) => [mtime, ctime]));
  const record: ArchiveRecord = {
    kernel: plan.kernel.version,
    id,
    archive: { size: 0, mtime: 0, inode: 0, sha256: '' },
    made: newest + later * 1000,
    words: {},
    memory: 0,
    outside: [],
    members: [],
    inputs,
  };
  const bytes = list(bootCheck(record, sha256));
  if (bytes !== undefined) {
    writeFileSync(`${name}.check`, bytes);
    const home = `var/lib/kindling/${id}`;
    const steps = ['var', 'var/lib', 'var/lib/kindling', home];
    // some of them are there already, which is no complaint worth hearing
    await run(tool('debugfs'), ['-w', '-f', '-', disk], { input: steps.map((step) => `mkdir /${step}\n`).join('') });
    await debugfs(disk, [`cd /${home}`, `write ${name}.check check`], true);
  }
  return { archive: `${name}.img`, disk, usr, id, inputs };
}

/** Puts other content at a path of the image; with the same size and time unless told. */
export async function replace(disk: string, path: string, change: (bytes: Uint8Array) => Uint8Array = quietly): Promise<void> {
  const stat = (await statsOf(disk, [path])).get(path)!;
  const file = join(folder, `content${made++}`);
  await debugfs(disk, [`dump "/${path}" ${file}`], false);
  writeFileSync(file, change(readFileSync(file)));
  const at = path.lastIndexOf('/');
  const mtime = `@${stat.mtime / 1000}`;
  const script = [`rm "/${path}"`, `cd "/${path.slice(0, at)}"`, `write ${file} "${path.slice(at + 1)}"`, `sif "/${path}" mtime ${mtime}`];
  await debugfs(disk, script, true);
}

function quietly(bytes: Uint8Array): Uint8Array {
  const other = bytes.slice();
  other[other.length - 1]! ^= 1;
  return other;
}

/** As `touch` does: the content stays. */
export async function touch(disk: string, path: string): Promise<void> {
  await debugfs(disk, [`sif "/${path}" mtime @1700000000`, `sif "/${path}" ctime @1700000001`], true);
}

/** Takes a file away. */
export async function remove(disk: string, path: string): Promise<void> {
  await debugfs(disk, [`rm "/${path}"`], true);
}

/** What early userspace said on a console: the kernel's own lines, which may stand in the middle of one of its, are taken out. */
export function toldOn(console: string): string {
  return console.replaceAll('\r', '').replace(/\[ *\d+\.\d+\] [^\n]*\n/g, '');
}
