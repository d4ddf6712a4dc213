// The manifest: one line an entry, one escape rule, back and forth without loss.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, nameFromBytes, utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { directory, escapeName, escapeText, file, makeTree, manifestLine, parseManifest, printManifest, unescapeName } from './index.ts';
import { trees } from './trees.fixture.ts';

test("print and parse are each other's inverse", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const text = printManifest(tree, { data: true });
      assert.equal(printManifest(parseManifest(text), { data: true }), text);
      assert.equal(text.split('\n').length, tree.entries.length + 1);
      assert.match(text, /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\ud800-\udfff]*$/);
    }),
    { seed: 20261121, numRuns: 200 },
  );
});

test('any bytes as a name come back through the escape', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      const name = nameFromBytes(bytes);
      for (const escaped of [escapeName, escapeText]) {
        assert.equal(unescapeName(escaped(name)), name);
        assert.doesNotMatch(escaped(name), /[\n\t\r]/);
      }
      assert.doesNotMatch(escapeName(name), / /);
    }),
    { seed: 20261121 },
  );
});

test('what is escaped, and what is not', () => {
  assert.equal(escapeName('a b\\c\né\u202e'), 'a\\x20b\\x5cc\\x0aé\\xe2\\x80\\xae');
  assert.equal(escapeName(nameFromBytes(Uint8Array.of(0x61, 0xff))), 'a\\xff');
  assert.equal(escapeText('a b'), 'a b');
});

test('every kind of entry has its line', () => {
  const withXattr = { ...file('f', bytesSource(utf8('x'))), xattrs: new Map([['user.a=b', Uint8Array.of(1, 0x20)]]) };
  assert.equal(manifestLine(withXattr), 'file 0644 0 0 0 f size=1 xattr.user.a\\x3db=\\x01\\x20');
  const back = parseManifest(manifestLine(withXattr, { data: true })).get('f');
  assert.deepEqual(back?.xattrs, withXattr.xattrs);
  assert.equal(manifestLine(directory('')), 'directory 0755 0 0 0 .');
  assert.equal(manifestLine(file('f', bytesSource(utf8('x'))), { sha256: () => 'abc' }), 'file 0644 0 0 0 f size=1 sha256=abc');
});

const bad: Record<string, string> = {
  'an unknown kind': 'door 0644 0 0 0 a',
  'a mode that is none': 'directory 0888 0 0 0 a',
  'a mode that is too large': 'directory 10000 0 0 0 a',
  'an owner that is no number': 'directory 0755 root 0 0 a',
  'no path': 'directory 0755 0 0 0',
  'a word without =': 'directory 0755 0 0 0 a b',
  'a link without target': 'symlink 0777 0 0 0 a',
  'a device without numbers': 'char 0600 0 0 0 a device=1',
  'a bad escape': 'directory 0755 0 0 0 a\\n',
  'a file without content': 'file 0644 0 0 0 a size=5',
  'a size that is none': 'file 0644 0 0 0 a size=-1',
};
for (const [what, line] of Object.entries(bad)) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => parseManifest(line),
      (error) => error instanceof KindlingError && error.code === 'BAD_VALUE' && error.where.structure === 'manifest',
    );
  });
}

test('comments and empty lines are skipped, content can be supplied', () => {
  const tree = parseManifest('# a comment\n\nfile 0644 0 0 0 a size=3\n', (_, size) => bytesSource(new Uint8Array(size)));
  assert.deepEqual(
    tree.entries.map(({ path }) => path),
    ['a'],
  );
  assert.equal(makeTree(tree.entries).get('a')?.kind, 'file');
});
