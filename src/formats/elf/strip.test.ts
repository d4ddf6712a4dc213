// Programs without symbols, and the symbol versions that programs need: against readelf and strip, and with real programs that still run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { findTool, needs, tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { dynamic, makeModule, makeProgram, open, SECTION, stripped, symbols, versionNeeds } from './index.ts';

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-elf-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function run(program: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, `${program} ${words.join(' ')}: ${stderr}`);
  return stdout;
}

// What is loaded, as readelf tells it: program headers, dynamic section, dynamic symbols.
const loaded = (path: string): string => run(tool('readelf'), '--wide', '-l', '-d', '--dyn-syms', '-V', path).replaceAll(/^File:.*$/gm, '');

test('node itself, with its symbols left out, is what strip makes of it, and runs', (t) => {
  if (!needs(t, 'readelf')) return;
  const folder = scratch(t);
  const before = readFileSync(process.execPath);
  const after = stripped(bytesSource(before));
  const path = join(folder, 'node');
  writeFileSync(path, after, { mode: 0o755 });
  assert.equal(loaded(path), loaded(process.execPath));
  const elf = open(bytesSource(after));
  assert.ok(!elf.sections.some(({ type, name }) => type === SECTION.symtab || name.startsWith('.debug')));
  const original = open(bytesSource(before));
  for (const section of elf.sections.filter(({ name }) => name !== '' && name !== '.shstrtab')) {
    const { link, ...rest } = original.sections.find(({ name }) => name === section.name)!;
    const { link: ownLink, ...ownRest } = section;
    assert.deepEqual(ownRest, rest);
    assert.equal(elf.sections[ownLink]?.name, original.sections[link]?.name, section.name);
  }
  assert.deepEqual(symbols(elf, 'dynsym').length, symbols(original, 'dynsym').length);
  assert.equal(run(path, '-p', '6 * 7').trim(), '42');
  assert.deepEqual(stripped(bytesSource(after)), after, 'a second time changes nothing');
});

test('what has no sections, or nothing to leave out, stays what it is; a module is refused', () => {
  const target = { class: 64, endian: 'little', machine: 'x86_64' } as const;
  const module = makeModule({ target, modinfo: [['name', 'one']] });
  assert.throws(() => stripped(bytesSource(module)), { code: 'UNSUPPORTED' });
  const program = makeProgram({ target, interpreter: '/lib/ld.so', needed: ['liba.so'] });
  const out = stripped(bytesSource(program));
  assert.deepEqual(dynamic(open(bytesSource(out)))?.needed, ['liba.so']);
});

for (const name of ['sh', 'readelf', 'gzip', 'node']) {
  test(`versions that ${name} needs, as readelf tells them`, (t) => {
    if (!needs(t, 'readelf', 'sh', 'gzip')) return;
    const path = name === 'node' ? process.execPath : findTool(name)!;
    const told = run(tool('readelf'), '--wide', '-V', path).split('.gnu.version_r')[1] ?? '';
    const expected: { library: string; versions: string[] }[] = [];
    for (const [, library, version] of told.matchAll(/File: (\S+)|Name: (\S+) /g)) {
      if (library !== undefined) expected.push({ library, versions: [] });
      else expected.at(-1)!.versions.push(version!);
    }
    assert.deepEqual(versionNeeds(open(bytesSource(readFileSync(path)))), expected);
  });
}

test('property: changed bytes give an answer or a KindlingError', () => {
  const base = readFileSync(findTool('sh')!);
  const at = open(bytesSource(base)).sections.find(({ name }) => name === '.gnu.version_r')?.at ?? 0;
  const place = fc.oneof(
    fc.nat(120),
    fc.nat(64).map((offset) => at + offset),
    fc.nat(64 * 64).map((offset) => Math.max(0, base.length - 1 - offset)),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = new Uint8Array(base);
      for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
      for (const act of [() => versionNeeds(open(bytesSource(bytes))), () => stripped(bytesSource(bytes))]) {
        try {
          act();
        } catch (error) {
          assert.ok(error instanceof KindlingError, String(error));
        }
      }
    }),
    { seed: 11, numRuns: 1000 },
  );
});
