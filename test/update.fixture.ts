// A small root on disk whose archive is updated in-process, by one "process" after the other, each with a disk of its own.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, ID_PATH } from '../src/archive/index.ts';
import { bytesSource, nameFromBytes, readAll } from '../src/bytes/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { troubledDisk } from '../src/node/disk.fixture.ts';
import type { Disk } from '../src/node/disk.ts';
import type { Holder } from '../src/node/lock.ts';
import { type Machine, openUpdateRoot } from '../src/node/update/outside.ts';
import { EARLY, sample } from '../src/plan/sample.fixture.ts';
import { makeTree } from '../src/tree/index.ts';
import { type Judgement, judge, type ProofRequest, type UpdateOutside, type UpdateResult, update } from '../src/verbs/update.ts';
import { writeRoot } from './on-disk.ts';

/** The kernel of the sample root. */
export const KERNEL = '6.1.0-sample';
export const ARCHIVE = `boot/kindling-${KERNEL}.img`;
export const PREVIOUS = `${ARCHIVE}.previous`;
export const RECORDS = 'var/lib/kindling';

/** Writes the sample root, without an archive. */
export function makeRoot(base: string): string {
  writeRoot(sample({ 'etc/kindling.conf': 'codec = zstd:1\ncheck = off\n', 'etc/fstab': '/dev/vda1 / ext4 defaults 0 1\n' }), base, 0o022);
  mkdirSync(join(base, 'boot'));
  return base;
}

/** Takes all archives and records away. */
export function clear(base: string): void {
  for (const path of ['boot', 'var']) rmSync(join(base, path), { recursive: true, force: true });
  mkdirSync(join(base, 'boot'));
}

let processCount = 0;
const dead = new Set<number>();

/** What a run may be given. */
export interface RunOptions {
  readonly disk?: Disk;
  readonly force?: boolean;
  readonly prove?: (request: ProofRequest) => ReturnType<NonNullable<UpdateOutside['prove']>>;
  readonly onWait?: (holder: Holder) => void;
  readonly machine?: Machine;
}

/** One run of `update`, by a process of its own: when it is killed, its lock has nobody behind it. */
export async function run(base: string, options: RunOptions = {}): Promise<UpdateResult[]> {
  processCount += 1;
  const self: Holder = { pid: 100_000 + processCount, start: '1', boot: 'test', space: 'test' };
  const root = open(base, options.disk ?? troubledDisk(), self, options.onWait, options.machine);
  try {
    const outside = { ...root.outside, ...(options.prove === undefined ? {} : { prove: options.prove }) };
    return await root.locked(() => update({ kernels: 'all', force: options.force ?? false }, outside));
  } finally {
    dead.add(self.pid);
    root.close();
  }
}

function open(base: string, disk: Disk, self: Holder, onWait?: (holder: Holder) => void, machine?: Machine) {
  return openUpdateRoot(base, {
    version: '0.0.0-test',
    disk,
    decoders: nodeDecoders(),
    early: { earlyTree: () => EARLY, squashScripts: () => makeTree([]) },
    ...(machine === undefined ? {} : { machine }),
    withImage: () => Promise.reject(new Error('no squashed archives here')),
    // Files of a test are younger than two seconds: as if it were later, so that their times can be trusted as they are in life.
    now: () => Date.now() + 60_000,
    lock: {
      processes: { self, isAlive: ({ pid }) => !dead.has(pid) },
      pollTime: 2,
      ...(onWait === undefined ? {} : { onWait }),
    },
  });
}

/** How the archive is judged. */
export async function judged(base: string, machine?: Machine): Promise<Judgement> {
  const root = open(base, troubledDisk(), { pid: 1, start: '1', boot: 'test', space: 'test' }, undefined, machine);
  try {
    return await judge(KERNEL, root.outside);
  } finally {
    root.close();
  }
}

/** SHA-256 of a file of a root, or undefined. */
export function digest(base: string, path: string): string | undefined {
  const file = join(base, path);
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : undefined;
}

/** The id inside an archive, which must be whole. */
export function idIn(base: string, path: string): string {
  const entry = decode(bytesSource(readFileSync(join(base, path))), { decoders: nodeDecoders() }).outer.get(ID_PATH);
  if (entry?.kind !== 'file') throw new Error(`${path} has no id`);
  return nameFromBytes(readAll(entry.content)).trim();
}

/** Every file below boot/ and var/lib/kindling/ that counts, sorted; ids as "ID". */
export function files(base: string): string[] {
  return (
    ['boot', RECORDS]
      .flatMap((home) =>
        existsSync(join(base, home))
          ? readdirSync(join(base, home), { recursive: true, encoding: 'utf8' }).map((name) => `${home}/${name}`)
          : [],
      )
      .map((path) => path.replace(/[0-9a-f]{64}/, 'ID'))
      // What is known of files from run to run is no part of any promise.
      .filter((path) => path !== `${RECORDS}/known`)
      .sort()
  );
}

/** Changes a module of the root: its archive is stale then. */
export function changeModule(base: string, word: string): void {
  const path = join(base, 'usr/lib/modules', KERNEL, 'kernel/drivers/block/virtio_blk.ko');
  writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, moduleSize(path)), Buffer.from(`~${word}`)]));
}

const sizes = new Map<string, number>();

function moduleSize(path: string): number {
  const known = sizes.get(path) ?? readFileSync(path).length;
  sizes.set(path, known);
  return known;
}
