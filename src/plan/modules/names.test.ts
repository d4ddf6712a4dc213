// Names, alias patterns, fnmatch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aliasTable } from './alias-table.ts';
import { matches, moduleName, nameOfPath, normaliseAlias, uncompressedPath } from './names.ts';

test('names of module files', () => {
  assert.equal(nameOfPath('kernel/crypto/crc32c-intel.ko.xz'), 'crc32c_intel');
  assert.equal(nameOfPath('a.ko'), 'a');
  for (const path of ['modules.dep', 'kernel/a.ko.bz2', 'a.ko.d/b', '.ko', 'a.o']) assert.equal(nameOfPath(path), undefined, path);
  assert.equal(moduleName('snd-hda-intel'), 'snd_hda_intel');
  assert.equal(uncompressedPath('kernel/a.ko.zst'), 'kernel/a.ko');
});

test('aliases lose "-" outside brackets only', () => {
  assert.equal(normaliseAlias('fs-x-[a-f]-y'), 'fs_x_[a-f]_y');
  assert.equal(normaliseAlias('a[b'), undefined);
  assert.equal(normaliseAlias('a]b'), undefined);
});

test('matching as fnmatch(3) does', () => {
  const table: [pattern: string, text: string, expected: boolean][] = [
    ['', '', true],
    ['*', '', true],
    ['a*c', 'abc', true],
    ['a*c', 'ab', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['usb:v*p*d*dc09dsc*', 'usb:v1D6Bp0001d0601dc09dsc00', true],
    ['[a-c]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[!a-c]x', 'dx', true],
    ['[^a-c]x', 'ax', false],
    ['[]x]', ']', true],
    ['[a-]', '-', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['[abc', '[abc', true],
    ['of:N*T*Cx,y', 'of:NfooT(null)Cx,y', true],
    ['of:N*T*Cx,y', 'of:NfooT(null)Cx,yC*', false],
  ];
  for (const [pattern, text, expected] of table) assert.equal(matches(pattern, text), expected, `${pattern} ~ ${text}`);
});

/** Plain recursion: slow and obviously right. */
function reference(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*') return reference(pattern.slice(1), text) || (text !== '' && reference(pattern, text.slice(1)));
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && reference(pattern.slice(1), text.slice(1));
}

test('matching agrees with plain recursion', () => {
  const letters = fc.constantFrom('a', 'b');
  const pattern = fc.array(fc.oneof(letters, fc.constantFrom('*', '?')), { maxLength: 8 });
  fc.assert(
    fc.property(pattern, fc.array(letters, { maxLength: 10 }), (parts, text) => {
      assert.equal(matches(parts.join(''), text.join('')), reference(parts.join(''), text.join('')));
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('a pattern made to be slow is not', () => {
  const started = performance.now();
  assert.equal(matches('*a'.repeat(200), 'a'.repeat(5000).concat('b')), false);
  assert.ok(performance.now() - started < 2000);
});

test('a table finds what matching one by one finds, in the order added', () => {
  const pattern = fc.stringMatching(/^(pci:|u-b:|u_b:|u*:|pci|p*|)[ab*?-]{0,6}$/);
  const alias = fc.stringMatching(/^(pci:|u-b:|u_b:|pci)[ab-]{0,6}$/);
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 20 }), alias, (patterns, asked) => {
      const pairs = patterns.map((one, index) => [one, `m${index}`] as const);
      const expected = pairs.filter(([one]) => matches(normaliseAlias(one)!, normaliseAlias(asked)!)).map(([, module]) => module);
      assert.deepEqual(aliasTable(pairs).find(asked), expected);
    }),
    { seed: 2, numRuns: 3000 },
  );
});
