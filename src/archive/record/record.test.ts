// The record's text: there and back, and every damage known as such. What a comparison reports, input by input, on a root that tells stats.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, type Sha256, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type FileStat, type Root, treeRoot, watchRoot } from '../../plan/index.ts';
import { directory, type Entry, file, makeTree, symlink, withParents } from '../../tree/index.ts';
import { type ArchiveRecord, compareInputs, compareOutside, type InputRecord, inputsOf, parseRecord, printRecord } from './index.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const LONG_AGO = 1_600_000_000_000;
const NOW = 1_700_000_000_000;

function record(inputs: readonly InputRecord[], changes: Partial<ArchiveRecord> = {}): ArchiveRecord {
  return {
    kernel: '6.1.0-test',
    id: 'ab'.repeat(32),
    archive: { size: 10, mtime: 1.5, inode: 3, sha256: 'cd'.repeat(32) },
    made: NOW,
    words: { scope: 'generic', layout: 'plain', codec: 'zstd:3' },
    memory: 100 << 20,
    outside: [{ name: 'early userspace', digest: '11' }],
    members: [{ key: 'k', at: 0, size: 5, unpackedSize: 9, sha256: 'ef' }],
    inputs,
    ...changes,
  };
}

const NAME = fc
  .string({ minLength: 1, maxLength: 12, unit: 'binary' })
  .filter((name) => !name.includes('/') && !name.includes('\0') && name !== '.');
const PLAIN = { noNullPrototype: true } as const;
const TIME = fc.double({ min: 0, max: 4e12, noNaN: true });
const STAT = fc.record({ size: fc.nat(), mtime: TIME, ctime: TIME, inode: fc.nat() }, PLAIN);
const FLAGS = { path: NAME, packed: fc.boolean(), safe: fc.boolean() };
const INPUT: fc.Arbitrary<InputRecord> = fc.oneof(
  fc.record({ ...FLAGS, kind: fc.constant('absent' as const), mode: fc.constant(0), stat: fc.constant(undefined) }, PLAIN),
  fc.record({ ...FLAGS, kind: fc.constant('file' as const), mode: fc.nat(0o7777), stat: STAT }, PLAIN),
  fc.record(
    { ...FLAGS, kind: fc.constant('file' as const), mode: fc.nat(0o7777), stat: STAT, content: fc.constant('0f'.repeat(32)) },
    PLAIN,
  ),
  fc.record({ ...FLAGS, kind: fc.constant('symlink' as const), mode: fc.constant(0o777), stat: STAT, target: NAME }, PLAIN),
  fc.record({ ...FLAGS, kind: fc.constant('directory' as const), mode: fc.nat(0o7777), stat: STAT, names: fc.array(NAME) }, PLAIN),
);

test('a record comes back from its text as it was', () => {
  fc.assert(
    fc.property(fc.array(INPUT, { maxLength: 8 }), NAME, (inputs, kernel) => {
      const one = record(inputs, { kernel });
      assert.deepEqual(parseRecord(printRecord(one, sha256), sha256), one);
    }),
    { seed: 4, numRuns: 200 },
  );
});

test('a record that lost a byte, changed one or ends early is refused', () => {
  const bytes = printRecord(record([{ path: 'etc/fstab', kind: 'absent', mode: 0, stat: undefined, packed: false, safe: false }]), sha256);
  const refused = (damaged: Uint8Array, what: string): void => {
    assert.throws(
      () => parseRecord(damaged, sha256),
      (error) => error instanceof KindlingError && /^(BAD_|TRUNCATED)/.test(error.code),
      what,
    );
  };
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice();
    flipped[at]! ^= 0x01;
    refused(flipped, `byte ${at} flipped`);
    refused(bytes.subarray(0, at), `cut at ${at}`);
  }
  refused(utf8(''), 'empty');
  const unknown = utf8('kindling record 1\nsurprise\t1\n');
  refused(utf8(`kindling record 1\nsurprise\t1\nend\t${sha256(unknown)}\n`), 'an unknown line');
});

interface Disk {
  readonly entries: readonly Entry[];
  readonly stats?: Readonly<Record<string, Partial<FileStat>>>;
}

/** A root that tells stats: the same ones for equal paths, unless told. */
function rootOf({ entries, stats = {} }: Disk): Root {
  const tree = treeRoot(makeTree(withParents(entries)), 'the root');
  return {
    ...tree,
    stat(path) {
      const entry = tree.entry(path);
      if (entry === undefined) return undefined;
      const size = entry.kind === 'file' ? entry.content.size : 0;
      return { size, mtime: LONG_AGO, ctime: LONG_AGO, inode: path.length, ...stats[path] };
    },
  };
}

function text(path: string, content: string, mode = 0o644): Entry {
  return file(path, bytesSource(utf8(content)), mode);
}

const BEFORE: readonly Entry[] = [
  text('etc/conf', 'one'),
  text('lib/a.ko', 'module a'),
  text('lib/b.ko', 'module b'),
  symlink('sbin', 'usr/sbin'),
];

/** The record of a plan that reads etc/conf, packs lib/a.ko and the link, lists lib, and looks for etc/other in vain. */
function planned(): ArchiveRecord {
  const watched = watchRoot(rootOf({ entries: BEFORE }));
  const { root } = watched;
  const conf = root.entry('etc/conf');
  assert.equal(conf?.kind, 'file');
  conf.content.read(0, 1);
  root.entry('etc/other');
  root.names('lib');
  const packed = makeTree(withParents([root.entry('lib/a.ko')!, root.entry('sbin')!]));
  root.entry('lib/b.ko');
  return record(inputsOf(watched.seen(), { trees: [packed], sha256, isSafe: (path) => path === 'sbin' }));
}

function differences(disk: Disk): string[] {
  return compareInputs(planned(), rootOf(disk), sha256).changes.map(({ what, path }) => `${what} ${path}`);
}

function replaced(...entries: readonly Entry[]): readonly Entry[] {
  const paths = new Set(entries.map(({ path }) => path));
  return [...BEFORE.filter(({ path }) => !paths.has(path)), ...entries];
}

test('everything a plan looked at is an input, what it did not find included', () => {
  const inputs = planned().inputs.map(({ path, kind, packed, safe, content, names }) => [
    path,
    kind,
    packed,
    safe,
    content !== undefined,
    names?.join(' '),
  ]);
  assert.deepEqual(inputs, [
    ['etc/conf', 'file', false, false, true, undefined],
    ['etc/other', 'absent', false, false, false, undefined],
    ['lib', 'directory', false, false, false, 'a.ko b.ko'],
    ['lib/a.ko', 'file', true, false, true, undefined],
    ['lib/b.ko', 'file', false, false, false, undefined],
    ['sbin', 'symlink', true, true, false, undefined],
  ]);
});

test('each kind of difference is reported, and only what is true', () => {
  const touched = { mtime: LONG_AGO + 5, ctime: LONG_AGO + 5 };
  assert.deepEqual(differences({ entries: BEFORE }), [], 'nothing');
  assert.deepEqual(differences({ entries: BEFORE, stats: { 'lib/a.ko': touched, lib: touched, 'etc/conf': { inode: 9 } } }), [], 'touched');
  assert.deepEqual(
    differences({ entries: replaced(text('lib/a.ko', 'module A')), stats: { 'lib/a.ko': { ctime: LONG_AGO + 1 } } }),
    ['changed lib/a.ko'],
    'same size and mtime',
  );
  assert.deepEqual(differences({ entries: replaced(text('etc/conf', 'two!')), stats: { 'etc/conf': touched } }), ['changed etc/conf']);
  assert.deepEqual(
    differences({ entries: replaced(text('etc/conf', 'one', 0o600)), stats: { 'etc/conf': touched } }),
    ['changed etc/conf'],
    'mode',
  );
  assert.deepEqual(differences({ entries: [...BEFORE, text('etc/other', '')] }), ['new etc/other'], 'appeared');
  assert.deepEqual(differences({ entries: [...BEFORE, text('lib/c.ko', '')], stats: { lib: touched } }), ['new lib/c.ko'], 'a new name');
  assert.deepEqual(differences({ entries: BEFORE.filter(({ path }) => path !== 'lib/b.ko'), stats: { lib: touched } }), ['gone lib/b.ko']);
  assert.deepEqual(differences({ entries: replaced(symlink('sbin', 'bin')), stats: { sbin: touched } }), ['changed sbin']);
  assert.deepEqual(differences({ entries: replaced(directory('sbin')) }), ['changed sbin'], 'another kind');
  assert.deepEqual(
    differences({ entries: replaced(text('lib/b.ko', 'another')), stats: { 'lib/b.ko': touched } }),
    [],
    'never read: its content decides nothing',
  );
});

test('an equal stat is not trusted when the file changed while the record was made', () => {
  const young = { mtime: NOW - 500, ctime: NOW - 500 };
  const one = planned();
  const racy = {
    ...one,
    inputs: one.inputs.map((input) => (input.path === 'lib/a.ko' ? { ...input, stat: { ...input.stat!, ...young } } : input)),
  };
  const now = rootOf({ entries: replaced(text('lib/a.ko', 'module A')), stats: { 'lib/a.ko': young } });
  assert.deepEqual(
    compareInputs(racy, now, sha256).changes.map(({ path }) => path),
    ['lib/a.ko'],
  );
});

test('an equal stat costs no reading, and what was only touched is given back for the record', () => {
  const silent: Sha256 = () => assert.fail('nothing needs a digest');
  assert.deepEqual(compareInputs(planned(), rootOf({ entries: BEFORE }), silent), { changes: [], touched: [] });
  const { touched } = compareInputs(planned(), rootOf({ entries: BEFORE, stats: { 'etc/conf': { inode: 77 } } }), sha256);
  assert.deepEqual(
    touched.map(({ path, stat }) => [path, stat?.inode]),
    [['etc/conf', 77]],
  );
});

test('a module that the root keeps compressed is packed', () => {
  const watched = watchRoot(rootOf({ entries: [text('lib/a.ko.xz', 'packed')] }));
  const entry = watched.root.entry('lib/a.ko.xz');
  assert.equal(entry?.kind, 'file');
  entry.content.read(0, 6);
  const inputs = inputsOf(watched.seen(), { trees: [makeTree(withParents([text('lib/a.ko', 'unpacked')]))], sha256, isSafe: () => false });
  assert.deepEqual(
    inputs.map(({ path, packed }) => [path, packed]),
    [['lib/a.ko.xz', true]],
  );
});

test('what is not in the root counts as well', () => {
  const now = [
    { name: 'early userspace', digest: '22' },
    { name: 'facts', digest: '33' },
  ];
  assert.deepEqual(
    compareOutside(record([]), now).map(({ what, path }) => `${what} ${path}`),
    ['changed early userspace', 'new facts'],
  );
  assert.deepEqual(compareOutside(record([]), record([]).outside), []);
});
