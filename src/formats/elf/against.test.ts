// binutils' readelf says the same of what we write and of real programs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findTool, needs, tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { dynamic, interpreter, makeModule, makeProgram, notes, open, symbols, type Target } from './index.ts';

function readelf(bytes: Uint8Array, ...options: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-elf-'));
  try {
    const path = join(folder, 'object');
    writeFileSync(path, bytes);
    const ran = execFileSync(tool('readelf'), ['--wide', ...options, path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    return ran;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function bracketed(text: string, tag: string): string[] {
  return [...text.matchAll(new RegExp(`\\(${tag}\\).*\\[(.*)\\]`, 'g'))].map((match) => match[1]!);
}

const TARGETS: readonly (Target & { says: string })[] = [
  { class: 64, endian: 'little', machine: 'x86_64', says: 'X86-64' },
  { class: 64, endian: 'little', machine: 'aarch64', says: 'AArch64' },
  { class: 32, endian: 'big', machine: 'sparc', says: 'Sparc' },
  { class: 64, endian: 'big', machine: 's390', says: 'S/390' },
  { class: 32, endian: 'little', machine: 'arm', says: 'ARM' },
];

for (const { says, ...target } of TARGETS) {
  test(`readelf reads our ${target.machine} objects`, (t) => {
    if (!needs(t, 'readelf')) return;
    const program = makeProgram({ target, interpreter: '/lib/ld.so', needed: ['liba.so', 'libb.so'], soname: 'me', runpath: '/x:/y' });
    const text = readelf(program, '-h', '-d', '-l');
    assert.match(text, new RegExp(`Machine: +.*${says.replace('/', '\\/')}`));
    assert.match(text, new RegExp(`Class: +ELF${target.class}`));
    assert.match(text, /Requesting program interpreter: \/lib\/ld\.so/);
    assert.deepEqual(bracketed(text, 'NEEDED'), ['liba.so', 'libb.so']);
    assert.deepEqual(bracketed(text, 'RUNPATH'), ['/x:/y']);
    const module = makeModule({ target, modinfo: [['name', 'one']], symbols: ['given'], imports: ['taken'] });
    assert.match(readelf(module, '-p', '.modinfo'), /name=one/);
    assert.match(readelf(module, '-s'), /GLOBAL .* UND taken/);
  });
}

for (const name of ['sh', 'busybox', 'readelf', 'gzip']) {
  test(`${name} of this machine: needs, interpreter, notes and symbols as readelf tells them`, (t) => {
    if (!needs(t, 'readelf', name)) return;
    const bytes = readFileSync(findTool(name)!);
    const elf = open(bytesSource(bytes));
    const text = readelf(bytes, '-d', '-l');
    assert.deepEqual(dynamic(elf)?.needed ?? [], bracketed(text, 'NEEDED'));
    assert.equal(interpreter(elf), /interpreter: (.*)\]/.exec(text)?.[1]);
    const told = readelf(bytes, '-n').matchAll(/^ {2}(\S+) +0x[0-9a-f]{8}\t/gm);
    assert.deepEqual(new Set(notes(elf).map((note) => note.owner)), new Set([...told].map((match) => match[1]!)));
    const rows = readelf(bytes, '--dyn-syms')
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    const named = rows.flatMap((row) => (/^\d+:$/.test(row[0]!) && row[7] !== undefined ? [row[7].split('@')[0]!] : []));
    assert.deepEqual(
      symbols(elf, 'dynsym').map((symbol) => symbol.name),
      named,
    );
  });
}
