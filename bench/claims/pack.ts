// Claims: packing a squashfs image takes at most 1.1x of mksquashfs' time at zstd:9, 0.8x with gzip, 0.2x when its blocks are in the cache;
// the image is at most 1.005x as large; the process needs less than 600 MB. zstd:3, lz4 and xz are shown as they are. Listing an image and
// reading files of it are at least as fast as with unsquashfs. "Cold" is a cache of blocks that is empty; the files are in the page cache for both.
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { directoryTree } from '../../src/node/index.ts';
import { type Contestant, command, median, peakMemory, race } from '../measure.ts';
import { type PackRoot, packRoots } from '../pack-roots.ts';
import type { Arena } from '../peers.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

interface Case {
  readonly codec: string;
  readonly peer: readonly string[];
  /** Most of mksquashfs' time, where there is a target. */
  readonly cold?: number;
  readonly warm?: number;
  /** xz takes minutes: it is not run more often than this, and for the smaller folder. */
  readonly roundsMost: number;
  readonly only?: string;
}

const CASES: readonly Case[] = [
  { codec: 'zstd:9', peer: ['-comp', 'zstd', '-Xcompression-level', '9'], cold: 1.1, warm: 0.2, roundsMost: 9 },
  { codec: 'gzip', peer: ['-comp', 'gzip'], cold: 0.8, warm: 0.2, roundsMost: 3 },
  { codec: 'zstd:3', peer: ['-comp', 'zstd', '-Xcompression-level', '3'], roundsMost: 9 },
  { codec: 'lz4', peer: ['-comp', 'lz4'], roundsMost: 9 },
  { codec: 'xz', peer: ['-comp', 'xz'], roundsMost: 1, only: 'a module tree' },
];
const SIZE_MOST = 1.005;
const MEMORY_MOST = 600e6;
const RANDOM_FILES = 200;
const LOG = '/dev/null';

function sizeOf(path: string): number {
  return statSync(path).size;
}

/** Seconds of ours against theirs; the ratio is ours by theirs, so smaller is better here. */
function timeRow(what: string, peer: string, [ours, theirs]: readonly [number, number], most: number | undefined): Row {
  const target = most === undefined ? 'reported' : `at most ${most}x`;
  return { what, ours: `${ours.toFixed(2)} s`, peer, theirs: `${theirs.toFixed(2)} s`, ratio: ratio(ours / theirs), target };
}

async function packCase(at: Arena, root: PackRoot, one: Case, rounds: number): Promise<Row[]> {
  const [ours, theirs, cache] = [join(at.out, 'ours.squashfs'), join(at.out, 'theirs.squashfs'), join(at.out, 'cache')];
  const words = [KINDLING, 'pack', '--quiet', root.folder, '-o', ours, '--codec', one.codec];
  // Cold empties the cache and fills it; warm finds in it what cold left.
  const kindling = (name: 'cold' | 'warm'): Contestant => ({
    name,
    run: () => command(words, at.log, { XDG_CACHE_HOME: cache }),
    before: () => {
      rmSync(ours, { force: true });
      if (name === 'cold') rmSync(cache, { recursive: true, force: true });
    },
  });
  const mksquashfs: Contestant = {
    name: 'mksquashfs',
    run: () => command(['mksquashfs', root.folder, theirs, ...one.peer, '-noappend', '-quiet', '-no-progress'], at.log),
    before: () => rmSync(theirs, { force: true }),
  };
  mkdirSync(cache, { recursive: true });
  const times = await race([kindling('cold'), mksquashfs, kindling('warm')], Math.min(rounds, one.roundsMost), false);
  const seconds = (name: string): number => median(times.get(name)!);
  const what = `pack ${root.name}, ${one.codec}`;
  const rows = [
    timeRow(what, 'mksquashfs', [seconds('cold'), seconds('mksquashfs')], one.cold),
    timeRow(`${what}, blocks in the cache`, 'mksquashfs', [seconds('warm'), seconds('mksquashfs')], one.warm),
    {
      what: `its size`,
      ours: `${(sizeOf(ours) / 1e6).toFixed(1)} MB`,
      peer: 'mksquashfs',
      theirs: `${(sizeOf(theirs) / 1e6).toFixed(1)} MB`,
      ratio: `${(sizeOf(ours) / sizeOf(theirs)).toFixed(4)}x`,
      target: one.cold === undefined ? 'reported' : `at most ${SIZE_MOST}x`,
    },
  ];
  rmSync(cache, { recursive: true, force: true });
  return rows;
}

async function memoryRow(at: Arena, root: PackRoot): Promise<Row> {
  const words = [KINDLING, 'pack', '--quiet', '--no-cache', root.folder, '-o', join(at.out, 'ours.squashfs'), '--codec', 'zstd:9'];
  const peak = await peakMemory(words);
  const theirs = await peakMemory(['mksquashfs', root.folder, join(at.out, 'theirs.squashfs'), ...CASES[0]!.peer, '-noappend', '-quiet']);
  return {
    what: `peak memory, ${root.name}, zstd:9`,
    ours: `${(peak / 1e6).toFixed(0)} MB`,
    peer: 'mksquashfs',
    theirs: `${(theirs / 1e6).toFixed(0)} MB`,
    ratio: ratio(peak / theirs),
    target: `below ${MEMORY_MOST / 1e6} MB`,
  };
}

/** Regular files of a folder, spread over it, in no order. */
function someFiles(folder: string, count: number): string[] {
  const all = directoryTree(folder).entries.flatMap(({ kind, path }) => (kind === 'file' && /^[\w./+-]+$/.test(path) ? [path] : []));
  return Array.from({ length: count }, (_, index) => all[(index * 7919) % all.length]!);
}

async function readRows(at: Arena, root: PackRoot, rounds: number): Promise<Row[]> {
  const image = join(at.out, 'theirs.squashfs');
  const files = someFiles(root.folder, RANDOM_FILES);
  const times = await race(
    [
      { name: 'list', run: () => command([KINDLING, 'list', image], LOG) },
      { name: 'unsquashfs -l', run: () => command(['unsquashfs', '-l', image], LOG) },
      { name: 'one', run: () => command([KINDLING, 'cat', image, files[0]!], LOG) },
      { name: 'unsquashfs -cat one', run: () => command(['unsquashfs', '-cat', image, files[0]!], LOG) },
      { name: 'many', run: () => command([KINDLING, 'cat', image, ...files], LOG) },
      { name: 'unsquashfs -cat many', run: () => command(['unsquashfs', '-cat', image, ...files], LOG) },
    ],
    Math.max(rounds, 5),
    false,
  );
  const seconds = (name: string): number => median(times.get(name)!);
  const row = (what: string, ours: string, peer: string, theirs: string): Row =>
    timeRow(`${what}, ${root.name}`, peer, [seconds(ours), seconds(theirs)], 1);
  return [
    row('list an image', 'list', 'unsquashfs -l', 'unsquashfs -l'),
    row('read one file', 'one', 'unsquashfs -cat', 'unsquashfs -cat one'),
    row(`read ${RANDOM_FILES} files in no order`, 'many', 'unsquashfs -cat', 'unsquashfs -cat many'),
  ];
}

/** Races packing, listing and reading; rows for the table, told one by one too, since it takes its time. */
export async function pack(at: Arena, rounds: number, told: (rows: readonly Row[]) => void = () => {}): Promise<Row[]> {
  const rows: Row[] = [];
  const took = (found: readonly Row[]): void => {
    told(found);
    rows.push(...found);
  };
  for (const root of await packRoots()) {
    for (const one of CASES.filter(({ only }) => only === undefined || only === root.name)) took(await packCase(at, root, one, rounds));
    took([await memoryRow(at, root)]);
    took(await readRows(at, root, rounds));
  }
  return rows;
}
