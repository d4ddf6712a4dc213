// The list for early userspace, byte by byte; that shells understand it is test/early/check.test.ts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { nameFromBytes, type Sha256, utf8 } from '../../bytes/index.ts';
import { type ArchiveRecord, bootCheck, type InputRecord } from './index.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const MADE = 1_700_000_000_000;
const OLD = { size: 5, mtime: 1_600_000_000_900.5, ctime: 1_600_000_001_100.25, inode: 12 };
const packedFile = (path: string, changes: Partial<InputRecord> = {}): InputRecord => ({
  ...{ path, kind: 'file', mode: 0o644, stat: OLD, content: 'ab'.repeat(32), packed: true, safe: false },
  ...changes,
});

function listOf(inputs: readonly InputRecord[]): string {
  const record: ArchiveRecord = {
    ...{ kernel: '6.1', id: 'cd'.repeat(32), archive: { size: 1, mtime: 1, inode: 1, sha256: '' }, made: MADE, words: {}, memory: 0 },
    ...{ outside: [], members: [], inputs },
  };
  return nameFromBytes(bootCheck(record, sha256));
}

test('the list: sizes, what stat has to say, paths for xargs, details, a digest of it all', () => {
  const text = listOf([
    packedFile('a b/it\'s "x"', { safe: true }),
    packedFile('lib', { kind: 'symlink', mode: 0o777, target: 'usr/lib', content: undefined as never }),
    packedFile('new', { mode: 0o4755, stat: { ...OLD, ctime: MADE - 500 } }),
  ]);
  const stats = '12 5 1600000001\n12 5 1600000001\n12 5 1699999999\n';
  const paths = `var/lib/kindling/${'cd'.repeat(32)}/check\na\\ b/it\\'s\\ \\"x\\"\nlib\nnew\n.\n`;
  const details = [
    `s ${'ab'.repeat(32)} 12 5 1600000000 1600000001 81a4 a b/it's "x"\n`,
    `u ${sha256(utf8('usr/lib'))} 12 5 1600000000 1600000001 a1ff lib\n`,
    `U ${'ab'.repeat(32)} 12 5 1600000000 1699999999 89ed new\n`,
  ].join('');
  const more = paths.length + details.length + 69;
  const body = `kindling-check-1 3 1 ${stats.length} ${more}\n${stats}${paths}${details}`;
  assert.equal(text, `${body}end ${sha256(utf8(body))}\n`);
});

test('the list holds what is packed and can be compared, and no name that a line cannot hold', () => {
  const text = listOf([
    packedFile('kept'),
    packedFile('only looked at', { packed: false }),
    packedFile('a directory', { kind: 'directory', content: undefined as never }),
    packedFile('never read', { content: undefined as never }),
    packedFile('new\nline'),
    packedFile('a\ttab'),
    packedFile('\udc80 no UTF-8'),
  ]);
  assert.match(text, /^kindling-check-1 2 0 /);
  assert.deepEqual(
    text
      .split('\n')
      .filter((line) => line.startsWith('u '))
      .map((line) => line.split(' ').slice(7).join(' ')),
    ['kept', '\udc80 no UTF-8'],
  );
});
