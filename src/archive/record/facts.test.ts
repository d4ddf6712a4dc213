// What is kept of files between runs: recalled only of files that are the same by their stat, and a plan made with it is the same plan.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { nameFromBytes, readAll, type Sha256 } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { type FileStat, openModules, type Plan, plan, type Root, watchRoot } from '../../plan/index.ts';
import { SAMPLE_TREE, sampleModule } from '../../plan/modules/sample-tree.ts';
import { EARLY, sample, settings } from '../../plan/sample.fixture.ts';
import { printManifest } from '../../tree/index.ts';
import { type FactsRequest, heldFacts } from './index.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const LONG_AGO = 1_600_000_000_000;
const NOW = 1_700_000_000_000;

/** A root that tells stats: long ago for everything, unless told. */
function withStats(root: Root, stats: Readonly<Record<string, Partial<FileStat>>> = {}): Root {
  return {
    ...root,
    stat(path) {
      const entry = root.entry(path);
      if (entry === undefined) return undefined;
      return { size: entry.kind === 'file' ? entry.content.size : 0, mtime: LONG_AGO, ctime: LONG_AGO, inode: 7, ...stats[path] };
    },
  };
}

const PATHS = Array.from({ length: 60 }, (_, index) => `usr/bin/p${index}`);
const ROOT = withStats(sample(Object.fromEntries([...PATHS, 'usr/bin/a b\\x'].map((path) => [path, path]))));

function opened(changes: Partial<FactsRequest> = {}) {
  return heldFacts({ bytes: undefined, version: '1', root: ROOT, began: NOW, sha256, ...changes });
}

function written(): Uint8Array {
  const held = opened();
  for (const path of [...PATHS, 'usr/bin/a b\\x']) held.facts.note('object', path, `says ${path}`);
  return held.print()!;
}

test('what was noted is recalled, of files that are as they were', () => {
  const bytes = written();
  const { facts } = opened({ bytes });
  assert.equal(facts.recall('object', 'usr/bin/p3'), 'says usr/bin/p3');
  assert.equal(facts.recall('object', 'usr/bin/a b\\x'), 'says usr/bin/a b\\x');
  assert.equal(facts.recall('module', 'usr/bin/p3'), undefined);
  for (const change of [{ size: 1 }, { mtime: LONG_AGO + 1 }, { ctime: LONG_AGO + 0.5 }, { inode: 8 }]) {
    const changed = opened({ bytes, root: withStats(ROOT, { 'usr/bin/p3': change }) });
    assert.equal(changed.facts.recall('object', 'usr/bin/p3'), undefined, JSON.stringify(change));
    assert.equal(changed.facts.recall('object', 'usr/bin/p4'), 'says usr/bin/p4');
  }
});

test('nothing is noted of a file that changed while it was looked at, and little is not worth writing', () => {
  const held = opened({ root: withStats(ROOT, { 'usr/bin/p3': { ctime: NOW - 10 } }) });
  for (const path of PATHS) held.facts.note('object', path, 'x');
  assert.doesNotMatch(nameFromBytes(held.print()!), /p3\t/);
  const few = opened();
  few.facts.note('object', 'usr/bin/p1', 'x');
  assert.equal(few.print(), undefined);
});

test('a file that is damaged, ends early or is of another version is as good as none', () => {
  const bytes = written();
  for (let at = 0; at < bytes.length; at += 97) {
    const damaged = bytes.slice();
    damaged[at]! ^= 1;
    assert.equal(opened({ bytes: damaged }).facts.recall('object', 'usr/bin/p3'), undefined, `byte ${at}`);
    assert.equal(opened({ bytes: bytes.subarray(0, at) }).facts.recall('object', 'usr/bin/p3'), undefined, `${at} bytes`);
  }
  assert.equal(opened({ bytes, version: '2' }).facts.recall('object', 'usr/bin/p3'), undefined);
});

/** The sample with enough modules to be worth it, half of them compressed. */
function manyModules(): Root {
  const more = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => {
      const path = `kernel/drivers/ata/m${index}.ko`;
      const module = sampleModule(path, { alias: `pci:v0000${index}d*`, depends: 'libata', softdep: 'pre: crypto-crc32c' });
      return index % 2 === 0 ? [path, module] : [`${path}.gz`, new Uint8Array(gzipSync(module))];
    }),
  );
  const files = Object.fromEntries(Object.entries(more).map(([path, bytes]) => [`${SAMPLE_TREE}/${path}`, bytes]));
  return withStats(sample(files));
}

function planOf(root: Root): Plan {
  return plan({ root, scope: 'generic', settings: settings(), early: EARLY, decoders: pureDecoders });
}

test('a plan made with what is kept is the same plan, has the same inputs, and reads hardly any module', () => {
  const root = manyModules();
  const first = opened({ root });
  const cold = watchRoot({ ...root, facts: first.facts });
  const before = planOf(cold.root);
  for (const entry of before.tree.entries) {
    if (entry.kind === 'file') first.digested(entry.content, sha256(readAll(entry.content)));
  }
  const bytes = first.print()!;
  const read = new Set<string>();
  const counted: Root = {
    ...root,
    entry(path) {
      const entry = root.entry(path);
      if (entry?.kind !== 'file') return entry;
      const { content } = entry;
      const source = {
        size: content.size,
        read(at: number, size: number) {
          read.add(path);
          return content.read(at, size);
        },
      };
      return { ...entry, content: source };
    },
  };
  const second = opened({ bytes, root: counted });
  const warm = watchRoot({ ...counted, facts: second.facts });
  const after = planOf(warm.root);
  assert.deepEqual(
    [...read].filter((path) => /\.ko(\.gz)?$/.test(path)),
    [],
  );
  const digests = after.tree.entries.flatMap((entry) => (entry.kind === 'file' ? [second.digestOf(entry.content)] : []));
  assert.equal(digests.filter((digest) => digest !== undefined).length, 30, 'what unpacking gives needs no unpacking');
  assert.equal(printManifest(after.tree, { sha256 }), printManifest(before.tree, { sha256 }));
  assert.deepEqual(after.reasons, before.reasons);
  const inputs = (seen: ReturnType<typeof warm.seen>) => seen.map(({ path, read: wasRead }) => [path, wasRead]);
  assert.deepEqual(inputs(warm.seen()), inputs(cold.seen()));
});

test('a text that is no fact is not believed', () => {
  const root = withStats(sample());
  for (const text of ['', '{}', '[]', '[1,2,3]', '["ahci",null,[],[],[],[],[7]]']) {
    const held = opened({ root });
    const set = openModules({ ...root, facts: { ...held.facts, recall: () => text } }, SAMPLE_TREE, pureDecoders);
    assert.deepEqual(set.info(set.get('ahci')!).depends, ['libata'], text);
  }
});
