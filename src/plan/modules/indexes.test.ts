// Index files of a small tree, word by word; what leaves the archive leaves the indexes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameFromBytes } from '../../bytes/index.ts';
import { decodeIndex, moduleIndexes, openModules } from './index.ts';
import { SAMPLE_TREE, sampleRoot } from './sample-tree.ts';

const SET = openModules(
  sampleRoot({
    modules: {
      'kernel/c.ko': { symbols: ['c_one', 'c_two'] },
      'kernel/b.ko': { depends: 'c', alias: ['pci:v-[a-b]*', 'char-major-10-200', 'devname:net/b'] },
      'kernel/a-a.ko': { depends: 'b', softdep: 'pre: c', weakdep: 'b c', alias: 'broken[' },
      'kernel/unused.ko': { alias: 'never' },
    },
    files: {
      [`${SAMPLE_TREE}/modules.builtin`]: 'kernel/x-y.ko\n',
      [`${SAMPLE_TREE}/modules.builtin.modinfo`]: 'x_y.alias=fs-x\0x_y.license=GPL\0',
    },
  }),
  SAMPLE_TREE,
  [],
);
const PACKED = SET.modules.filter((module) => module.name !== 'unused');

function indexes(options: Parameters<typeof moduleIndexes>[2] = {}) {
  return new Map(moduleIndexes(SET, PACKED, options).map(({ name, bytes }) => [name, bytes]));
}

test('the text files', () => {
  const files = indexes({ symbols: true });
  const lines = (name: string) =>
    nameFromBytes(files.get(name)!)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(lines('modules.dep'), ['kernel/c.ko:', 'kernel/b.ko: kernel/c.ko', 'kernel/a-a.ko: kernel/b.ko kernel/c.ko']);
  assert.deepEqual(lines('modules.alias'), ['alias pci:v-[a-b]* b', 'alias char-major-10-200 b', 'alias devname:net/b b']);
  assert.deepEqual(lines('modules.softdep'), ['softdep a_a pre: c']);
  assert.deepEqual(lines('modules.weakdep'), ['weakdep a_a b c']);
  assert.deepEqual(lines('modules.devname'), ['b net/b c10:200']);
  assert.deepEqual(lines('modules.symbols'), ['alias symbol:c_one c', 'alias symbol:c_two c']);
  assert.deepEqual(lines('modules.order'), ['kernel/c.ko', 'kernel/b.ko', 'kernel/a-a.ko']);
  assert.deepEqual(lines('modules.builtin'), ['kernel/x-y.ko']);
});

test('the binary files', () => {
  const files = indexes();
  const rows = (name: string) => decodeIndex(files.get(name)!).map(({ key, value, priority }) => [key, value, priority]);
  assert.deepEqual(rows('modules.dep.bin'), [
    ['a_a', 'kernel/a-a.ko: kernel/b.ko kernel/c.ko', 2],
    ['b', 'kernel/b.ko: kernel/c.ko', 1],
    ['c', 'kernel/c.ko:', 0],
  ]);
  assert.deepEqual(rows('modules.alias.bin'), [
    ['char_major_10_200', 'b', 1],
    ['devname:net/b', 'b', 1],
    ['pci:v_[a-b]*', 'b', 1],
  ]);
  assert.deepEqual(rows('modules.builtin.bin'), [['x_y', '', 0]]);
  assert.deepEqual(rows('modules.builtin.alias.bin'), [['fs_x', 'x_y', 0]]);
  assert.deepEqual(rows('modules.symbols.bin'), []);
});

test('modules may be stored elsewhere than in the root', () => {
  const files = indexes({ pathOf: (module) => `${module.name}.ko` });
  assert.equal(nameFromBytes(files.get('modules.dep')!), 'c.ko:\nb.ko: c.ko\na_a.ko: b.ko c.ko\n');
});

test('the order in which modules are given does not matter', () => {
  assert.deepEqual(moduleIndexes(SET, PACKED.toReversed()), moduleIndexes(SET, PACKED));
});
