// Which file systems bound the size of a file, by what statfs(2) says.
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileSizeMost } from './file-system.ts';

test('FAT bounds files, also below folders that are to be made; others do not', () => {
  const missing = Object.assign(new Error('none'), { code: 'ENOENT', syscall: 'statfs' });
  const fat = (path: string): { type: number } => {
    if (path === '/stick') return { type: 0x4d44 };
    if (path === '/') return { type: 0xef53 };
    throw missing;
  };
  assert.equal(fileSizeMost('/stick', fat), 2 ** 32 - 1);
  assert.equal(fileSizeMost('/stick/not/there/yet', fat), 2 ** 32 - 1);
  assert.equal(fileSizeMost('/home/me', fat), undefined);
  assert.equal(fileSizeMost(join(tmpdir(), 'not/there/yet')), undefined);
  const closed = Object.assign(new Error('no'), { code: 'EACCES', syscall: 'statfs' });
  assert.throws(
    () =>
      fileSizeMost('/a', () => {
        throw closed;
      }),
    { code: 'NO_PERMISSION' },
  );
});
