// Bundles that are made again after a change: the bytes are always those of one made from nothing, and what has not changed is not read.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteSource, readInto } from '../bytes/index.ts';
import { ENCODE_DEFAULTS, encode } from '../formats/squashfs/index.ts';
import { type Entry, makeTree, type Tree } from '../tree/index.ts';
import { blockChoice, blockCompressor } from './blocks/index.ts';
import { sha256 } from './digest.ts';
import { directoryTree } from './directory.ts';
import { directoryOrigin, imageOrigin, type LiveStore, liveStore, type StoredBundle } from './live-store.ts';
import { writePlaced } from './write.ts';

const BLOCK = 4096;
const scratch = mkdtempSync(join(tmpdir(), 'kindling-live-store-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Past the time in which a file may change without another time. */
const settled = (): Promise<void> => sleep(1100);

let state = 1;
/** A number below `most`, the same in every run. */
function random(most: number): number {
  state = (state * 1103515245 + 12345) & 0x7fffffff;
  return Math.floor((state / 0x80000000) * most);
}

/** Bytes that shrink a little. */
function bytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random(40));
}

interface Place {
  readonly root: string;
  readonly home: string;
}

function place(name: string): Place {
  const [root, home] = [join(scratch, name, 'root'), join(scratch, name, 'home')];
  mkdirSync(root, { recursive: true });
  return { root, home };
}

const write = ({ root }: Place, name: string, content: Uint8Array): void => writeFileSync(join(root, name), content);

/** Files of all the kinds that the writer treats differently. */
function fill(at: Place): void {
  for (let index = 0; index < 40; index++) write(at, `small-${index}`, bytes(random(900) + 1));
  for (let index = 0; index < 4; index++) write(at, `equal-${index}`, new Uint8Array(700).fill(7));
  for (let index = 0; index < 6; index++) write(at, `large-${index}`, bytes(BLOCK * 3 + random(BLOCK)));
  const twice = bytes(BLOCK * 2 + 5);
  for (const name of ['m-first', 'm-second']) write(at, name, twice);
  const other = twice.slice();
  other[BLOCK + 1] = 99;
  write(at, 'm-third', other);
  const hole = new Uint8Array(BLOCK * 4 + 10);
  hole.set(bytes(100), BLOCK * 2);
  write(at, 'z-hole', hole);
  write(at, 'z-zeros', new Uint8Array(BLOCK * 2));
  write(at, 'empty', new Uint8Array(0));
}

interface Made {
  readonly bytes: Buffer;
  readonly isKept: boolean;
  /** Paths of the files that were read. */
  readonly read: ReadonlySet<string>;
}

/** The tree, whose files tell when they are read. */
function watchedTree(root: string, read: Set<string>): Tree {
  const watched = (path: string, content: ByteSource): ByteSource => ({
    size: content.size,
    read(at, size) {
      read.add(path);
      return content.read(at, size);
    },
    readInto(at, target) {
      read.add(path);
      readInto(content, at, target);
    },
  });
  const entries = directoryTree(root).entries.map((entry): Entry => {
    const mtime = entry.path === '' ? 0 : entry.mtime;
    return entry.kind === 'file' ? { ...entry, content: watched(entry.path, entry.content) } : { ...entry, mtime };
  });
  return makeTree(entries);
}

async function bundle(store: LiveStore, { root }: Place, read: Set<string>, onMake = (): void => {}): Promise<StoredBundle> {
  const tree = watchedTree(root, read);
  const request = { name: '01-core.sb', tree, origin: directoryOrigin(root), form: 'test', series: 'test' };
  return await store.bundle(request, async (path, known) => {
    const compressor = blockCompressor(blockChoice('zstd:1', new Map(), BLOCK), { blockSize: BLOCK, threads: 0, cache: false });
    const options = { ...ENCODE_DEFAULTS, compressor, blockSize: BLOCK, sha256 };
    await writePlaced(path, encode(tree, { ...options, ...(known === undefined ? {} : { known: known.image }) }));
    await compressor.close();
    onMake();
  });
}

/** One run with the cache. */
async function make(at: Place, onMake?: () => void): Promise<Made> {
  const store = liveStore(true, at.home);
  try {
    const read = new Set<string>();
    const { path, isKept } = await bundle(store, at, read, onMake);
    return { bytes: readFileSync(path), isKept, read };
  } finally {
    store.close();
  }
}

/** One run without. */
async function fresh(at: Place): Promise<Buffer> {
  const store = liveStore(false);
  try {
    return readFileSync((await bundle(store, at, new Set())).path);
  } finally {
    store.close();
  }
}

const kept = ({ home }: Place, suffix: string): string[] =>
  readdirSync(home)
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(home, name));

test('after a change the bytes are those of a bundle made from nothing, and only what changed is read', async () => {
  const at = place('changes');
  fill(at);
  await settled();
  const first = await make(at);
  assert.ok(first.bytes.equals(await fresh(at)));
  assert.equal((await make(at)).isKept, true);
  write(at, 'small-5', bytes(333));
  const second = await make(at);
  assert.equal(second.isKept, false);
  assert.ok(second.bytes.equals(await fresh(at)));
  assert.ok(second.read.has('small-5'));
  const large = [...second.read].filter((path) => !path.startsWith('small') && !path.startsWith('equal'));
  assert.deepEqual(large, [], 'a file in blocks of its own is not read');
  // what shares a block with the changed file is read, the rest of the small ones is not
  assert.ok(second.read.size < 25, `${second.read.size} files were read`);
});

test('any change of many: sizes, contents, names, duplicates, holes', async () => {
  const at = place('many');
  fill(at);
  await settled();
  await make(at);
  for (let round = 0; round < 6; round++) {
    for (let count = 0; count < 4; count++) {
      const name = readdirSync(at.root)[random(readdirSync(at.root).length)]!;
      const way = random(5);
      const { size } = statSync(join(at.root, name));
      if (way === 0) rmSync(join(at.root, name));
      else if (way === 1) write(at, name, bytes(size));
      else if (way === 2) write(at, name, readFileSync(join(at.root, 'm-third')));
      else if (way === 3) write(at, `new-${round}-${count}`, new Uint8Array(readFileSync(join(at.root, name))));
      else write(at, name, bytes(random(BLOCK * 4)));
      if (!readdirSync(at.root).includes('m-third')) write(at, 'm-third', bytes(BLOCK * 2 + 5));
    }
    if (round % 2 === 1) await settled();
    const { bytes: made } = await make(at);
    assert.ok(made.equals(await fresh(at)), `round ${round}`);
  }
});

test('another content of the same size and time is found by the time of the inode', async () => {
  const at = place('same-time');
  fill(at);
  const path = join(at.root, 'large-2');
  const { atime, mtime, size } = statSync(path);
  await settled();
  await make(at);
  write(at, 'large-2', bytes(size));
  utimesSync(path, atime, mtime);
  await settled();
  const { bytes: made, read } = await make(at);
  assert.ok(read.has('large-2'));
  assert.ok(made.equals(await fresh(at)));
});

test('a file that changed a moment ago is not trusted, neither in this run nor in the next', async () => {
  const at = place('racy');
  fill(at);
  await settled();
  write(at, 'large-1', bytes(BLOCK * 3));
  const tree = directoryTree(at.root);
  assert.equal(directoryOrigin(at.root).of(tree.get('large-1')!), undefined);
  assert.notEqual(directoryOrigin(at.root).of(tree.get('large-2')!), undefined);
  await make(at);
  const { read, bytes: made } = await make(at);
  assert.ok(read.has('large-1'), 'it may have changed since without another time');
  assert.ok(!read.has('large-2'));
  assert.ok(made.equals(await fresh(at)));
});

test('a file that changes while it is packed is not known by what it was', async () => {
  const at = place('meanwhile');
  fill(at);
  await settled();
  await make(at, () => write(at, 'large-3', bytes(BLOCK * 3)));
  await settled();
  const { bytes: made, isKept, read } = await make(at);
  assert.equal(isKept, false);
  assert.ok(read.has('large-3'));
  assert.ok(made.equals(await fresh(at)));
});

test('a damaged bundle, a damaged note and one of another bundle are found out', async (t) => {
  const at = place('damaged');
  fill(at);
  await settled();
  await make(at);
  const ruin: Readonly<Record<string, () => void>> = {
    'a bundle with another byte'() {
      for (const path of kept(at, '.sb')) {
        const held = readFileSync(path);
        held[200]! ^= 1;
        rmSync(path); // its other names are the same file
        writeFileSync(path, held);
      }
    },
    'a bundle cut short'() {
      for (const path of kept(at, '.sb')) writeFileSync(path, readFileSync(path).subarray(0, 5000));
    },
    'no bundle'() {
      for (const path of kept(at, '.sb')) rmSync(path);
    },
    'a note with another byte'() {
      const [path = ''] = kept(at, '.blocks');
      const note = readFileSync(path);
      note[note.length >> 1]! ^= 1;
      writeFileSync(path, note);
    },
    'an empty note': () => writeFileSync(kept(at, '.blocks')[0]!, ''),
  };
  for (const [name, damage] of Object.entries(ruin)) {
    await t.test(name, async () => {
      write(at, 'small-1', bytes(500)); // else the whole bundle would be taken
      damage();
      const { bytes: made, read } = await make(at);
      assert.ok(made.equals(await fresh(at)));
      assert.ok(read.has('large-0'), 'everything is read again');
      write(at, 'small-1', bytes(501));
      assert.ok(!(await make(at)).read.has('large-0'), 'and known the next time');
    });
  }
});

test('an image that was written a moment ago is not trusted', () => {
  const path = join(scratch, 'image');
  writeFileSync(path, 'x');
  assert.equal(imageOrigin([path]).of(directoryTree(scratch).entries[0]!), undefined);
});

test('nothing is kept where the folder is not to be used', async () => {
  const at = place('unkept');
  fill(at);
  const store = liveStore(false, at.home);
  store.keepNote('0'.repeat(64), 'facts', new Uint8Array(3));
  assert.equal(store.note('0'.repeat(64), 'facts'), undefined);
  store.close();
  assert.throws(() => statSync(at.home));
});
