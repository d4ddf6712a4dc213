// ar: golden bytes, refusals, foreign tools, round trips and mutations.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource, concat, readAll, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { decode, detect, encode, type NameStyle, type NewMember } from './index.ts';

const text = (name: string, content: string): NewMember => ({ name, content: bytesSource(utf8(content)) });
const whole = (members: readonly NewMember[], style: NameStyle): Uint8Array => concat([...encode(members, style)]);
const read = (bytes: Uint8Array): [string, string][] =>
  decode(bytesSource(bytes)).map(({ name, content }) => [name, new TextDecoder().decode(readAll(content))]);
const head = (name: string, size: string, end = '`\n'): string =>
  `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${size.padEnd(10)}${end}`;

test('golden: the archive of a Debian package, byte for byte', () => {
  const expected = `!<arch>\n${head('debian-binary', '4')}2.0\n${head('odd', '3')}abc\n${head('last', '1')}z\n`;
  const bytes = whole([text('debian-binary', '2.0\n'), text('odd', 'abc'), text('last', 'z')], 'dpkg');
  assert.equal(new TextDecoder().decode(bytes), expected);
  assert.ok(detect(bytes));
  assert.deepEqual(read(bytes), [
    ['debian-binary', '2.0\n'],
    ['odd', 'abc'],
    ['last', 'z'],
  ]);
  assert.deepEqual(read(bytes.subarray(0, -1)).length, 3, 'the last padding may be missing');
});

const REFUSED: [string, string, string, number | undefined][] = [
  ['nothing', '', 'BAD_MAGIC', 0],
  ['another magic', '!<arhc>\n', 'BAD_MAGIC', 0],
  ['a thin archive', '!<thin>\n', 'UNSUPPORTED', 0],
  ['half a header', `!<arch>\n${head('a', '1').slice(0, 30)}`, 'TRUNCATED', 8],
  ['a header that does not end as one', `!<arch>\n${head('a', '1', 'xx')}z`, 'BAD_MAGIC', 8],
  ['a size that is no number', `!<arch>\n${head('a', '0x1')}z`, 'BAD_VALUE', 8],
  ['a negative size', `!<arch>\n${head('a', '-1')}z`, 'BAD_VALUE', 8],
  ['no size', `!<arch>\n${head('a', '')}z`, 'BAD_VALUE', 8],
  ['more content than there is', `!<arch>\n${head('a', '9999999999')}z`, 'TRUNCATED', 8],
  ['a second member cut off', `!<arch>\n${head('a', '1')}z\n${head('b', '5')}zz`, 'TRUNCATED', 70],
  ['a long name without a table', `!<arch>\n${head('/0', '1')}z`, 'BAD_VALUE', 8],
  ['a long name outside the table', `!<arch>\n${head('//', '2')}a\n${head('/9', '1')}z`, 'BAD_VALUE', 70],
  ['a BSD name longer than its member', `!<arch>\n${head('#1/40', '1')}z`, 'BAD_VALUE', 8],
];
for (const [what, bytes, code, offset] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => decode(bytesSource(utf8(bytes))),
      (error) => error instanceof KindlingError && error.code === code && error.where.offset === offset,
    );
  });
}

test('refused: more members than the limit, and what cannot be written', () => {
  const bytes = whole([text('a', ''), text('b', '')], 'dpkg');
  assert.throws(() => decode(bytesSource(bytes), { memberCountMost: 1 }), { code: 'LIMIT' });
  for (const member of [
    text('a/b', ''),
    text('', ''),
    text('seventeen-letters', ''),
    { ...text('a', ''), uid: 1e6 },
    { ...text('a', ''), mtime: -1 },
  ]) {
    assert.throws(() => whole([member], 'dpkg'), { code: 'NOT_EXPRESSIBLE' });
  }
});

const MEMBERS = [
  text('short', 'one'),
  text('exactly-fifteen', 'two\n'),
  text('a name that is longer than sixteen', 'three'),
  text('another very long member name.o', ''),
];
const EXPECTED = MEMBERS.map(({ name, content }) => [name, new TextDecoder().decode(readAll(content))]);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-ar-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('against binutils: its archives are read, ours are read by it', (t) => {
  if (!needs(t, 'ar')) return;
  const cwd = folder(t);
  for (const { name, content } of MEMBERS) writeFileSync(join(cwd, name), readAll(content));
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(tool('ar'), args, { cwd, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  run('rcD', 'theirs.a', ...MEMBERS.map(({ name }) => name));
  const theirs = readFileSync(join(cwd, 'theirs.a'));
  assert.deepEqual(read(theirs), EXPECTED);
  const ours = whole(
    MEMBERS.map((member) => ({ ...member, mode: 0o644 })),
    'gnu',
  );
  assert.deepEqual(Buffer.from(ours), theirs);
  writeFileSync(join(cwd, 'ours.a'), ours);
  assert.equal(run('t', 'ours.a'), EXPECTED.map(([name]) => `${name}\n`).join(''));
  assert.equal(run('p', 'ours.a'), 'onetwo\nthree');
});

test('against libarchive: GNU and BSD forms are read', (t) => {
  if (!needs(t, 'bsdtar')) return;
  const cwd = folder(t);
  for (const { name, content } of MEMBERS) writeFileSync(join(cwd, name), readAll(content));
  // libarchive leaves GNU's table of long names to its caller, and bsdtar does not make one.
  for (const [format, count] of [
    ['arbsd', 4],
    ['argnu', 2],
  ] as const) {
    const names = MEMBERS.slice(0, count).map(({ name }) => name);
    const made = spawnSync(tool('bsdtar'), ['-cf', `${format}.a`, '--format', format, ...names], { cwd, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual(read(readFileSync(join(cwd, `${format}.a`))), EXPECTED.slice(0, count), format);
  }
  writeFileSync(join(cwd, 'ours.a'), whole(MEMBERS, 'gnu'));
  const listed = spawnSync(tool('bsdtar'), ['-tf', 'ours.a'], { cwd, encoding: 'utf8' });
  assert.equal(listed.stdout.replace(/^\/\/\n/, ''), EXPECTED.map(([name]) => `${name}\n`).join(''), 'it lists the name table as a member');
});

const anyMembers = fc.array(
  fc.record({
    name: fc.stringMatching(/^[a-zA-Z0-9._+-]{1,40}$/),
    content: fc.uint8Array({ maxLength: 50 }),
    mtime: fc.nat(),
    mode: fc.nat(0o177777),
  }),
  { maxLength: 6 },
);

test('property: decode(encode(members)) gives the members', () => {
  fc.assert(
    fc.property(anyMembers, (members) => {
      const bytes = whole(
        members.map((member) => ({ ...member, content: bytesSource(member.content) })),
        'gnu',
      );
      const back = decode(bytesSource(bytes)).map(({ name, content, mtime, mode }) => ({
        name,
        content: Uint8Array.from(readAll(content)),
        mtime,
        mode,
      }));
      assert.deepEqual(
        back,
        members.map((member) => ({ ...member })),
      );
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('property: changed bytes give members or a KindlingError', () => {
  const base = whole(MEMBERS, 'gnu');
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(base.length), (changes, size) => {
      const bytes = base.slice(0, size);
      for (const [at, value] of changes) if (at < size) bytes[at] = value;
      try {
        for (const { content } of decode(bytesSource(bytes))) readAll(content);
      } catch (error) {
        assert.ok(error instanceof KindlingError, String(error));
      }
    }),
    { seed: 2, numRuns: 2000 },
  );
});
