// pack: adjustments, sort files, times, losses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, concat, utf8 } from '../bytes/index.ts';
import { decode } from '../formats/tar/index.ts';
import { directory, type Entry, file, makeTree, symlink } from '../tree/index.ts';
import { adjusted, contentSize, losses, newestTime, packArchive, sortOrder } from './pack.ts';

const entry = (path: string, text = path): Entry => file(path, bytesSource(utf8(text)));
const TREE = makeTree([
  directory('bin'),
  entry('bin/a'),
  entry('bin/b'),
  directory('bin/sub'),
  entry('bin/sub/c'),
  { ...entry('old'), mtime: 50, uid: 7, gid: 8, xattrs: new Map([['user.x', utf8('y')]]) },
  { ...symlink('link', 'old'), mtime: 900 },
]);

test('a sort file gives priorities to files, those of a directory to what is below it', () => {
  const order = sortOrder('# comment\n\nbin 5\n./bin/b -7 \n/bin/sub\t32767\nold +0\n', TREE, 'sort');
  assert.deepEqual(
    [...order],
    [
      ['bin/a', 5],
      ['bin/b', -7],
      ['bin/sub/c', 32767],
      ['old', 0],
    ],
  );
  const linked = makeTree([entry('a'), { kind: 'hardlink', path: 'b', to: 'a', mode: 0o644, uid: 0, gid: 0, mtime: 0 }]);
  assert.deepEqual([...sortOrder('b 9', linked, 'sort')], [['a', 9]]);
  assert.deepEqual([...sortOrder('/ 3\nold 1', TREE, 'sort')].slice(-2), [
    ['link', 3],
    ['old', 1],
  ]);
  assert.throws(() => sortOrder('a\nbin/a many', TREE, 'sort'), { code: 'BAD_CONFIG', message: /line 1/ });
  assert.throws(() => sortOrder('bin/a 32768', TREE, 'sort'), { code: 'BAD_CONFIG' });
  assert.throws(() => sortOrder('bin/a 1\nnothing 1', TREE, 'sort'), { code: 'NO_ENTRY', message: /line 2: there is no "nothing"/ });
});

test('adjustments change what they name and nothing else', () => {
  const same = adjusted(TREE, { allRoot: false, xattrs: true, timeMost: undefined });
  assert.equal(same.entries.length, TREE.entries.length + 1);
  assert.equal(same.get('')?.mtime, 900, 'a top directory as new as the newest');
  assert.equal(same.get('old'), TREE.get('old'));
  const all = adjusted(TREE, { allRoot: true, xattrs: false, timeMost: 60 });
  const { mtime, uid, gid, xattrs } = all.get('old')!;
  assert.deepEqual({ mtime, uid, gid, xattrs }, { mtime: 50, uid: 0, gid: 0, xattrs: undefined });
  assert.equal(all.get('link')?.mtime, 60);
  assert.equal(all.get('')?.mtime, 60);
});

test('sizes, times and losses', () => {
  assert.equal(contentSize(TREE), 'bin/abin/bbin/sub/cold'.length);
  assert.equal(newestTime(TREE), 900);
  assert.equal(newestTime(makeTree([{ ...entry('x'), mtime: 2 ** 40 }])), 2 ** 32 - 1);
  assert.deepEqual(losses(TREE, 'squashfs'), []);
  assert.deepEqual(
    losses(TREE, 'newc').map(({ severity, where }) => [severity, where.path]),
    [['warning', 'old']],
  );
  const socket = makeTree([{ kind: 'socket', path: 's', mode: 0o755, uid: 0, gid: 0, mtime: 0 }]);
  assert.equal(losses(socket, 'tar')[0]?.severity, 'error');
});

test('an archive is plain, or one frame of a codec', async () => {
  const all = async (chunks: AsyncIterable<Uint8Array>) => concat(await Array.fromAsync(chunks));
  const plain = await all(packArchive(TREE, 'tar', undefined));
  assert.equal(decode(bytesSource(plain)).entries.length, TREE.entries.length);
  const calls: number[] = [];
  const encoder = {
    name: 'gzip' as const,
    levels: { least: 1, most: 9, default: 6 },
    encode: async (input: Uint8Array, level: number) => {
      calls.push(input.length, level);
      return input;
    },
  };
  assert.deepEqual(await all(packArchive(TREE, 'tar', { encoder, level: 4 })), plain);
  assert.deepEqual(calls, [plain.length, 4], 'once, with everything');
});
