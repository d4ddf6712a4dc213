// Library closure over made programs: search order, interpreters, links, notes, and what is missing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { makeProgram } from '../../formats/elf/index.ts';
import { type Entry, file, makeTree, symlink, withParents } from '../../tree/index.ts';
import { type Root, treeRoot } from '../root.ts';
import { busybox } from '../sample.fixture.ts';
import { applets, closeOverPrograms } from './index.ts';

const LOADER = '/lib64/ld-linux-x86-64.so.2';
const library = (soname: string, needed: readonly string[] = [], more = {}): Uint8Array => makeProgram({ soname, needed, ...more });

function rootWith(files: Readonly<Record<string, string | Uint8Array>>): Root {
  const all: Record<string, string | Uint8Array> = { 'lib64/ld-linux-x86-64.so.2': library('ld-linux-x86-64.so.2'), ...files };
  const entries = Object.entries(all).map(([path, content]): Entry => {
    if (typeof content === 'string' && content.startsWith('-> ')) return symlink(path, content.slice(3));
    return file(path, bytesSource(typeof content === 'string' ? utf8(content) : content), 0o755);
  });
  return treeRoot(makeTree(withParents(entries)), 'a root');
}

function closure(root: Root, path: string, provided: readonly string[] = []) {
  const { wanted, findings } = closeOverPrograms(root, [{ path, part: 'test', text: 'asked for' }], (one) => provided.includes(one));
  return { paths: [...new Set(wanted.map(({ entry }) => entry.path))].sort(), wanted, findings };
}

function refused(code: string, run: () => unknown, message = /./): void {
  assert.throws(run, (error) => error instanceof KindlingError && error.code === code && message.test(error.message));
}

test('libraries of libraries, the interpreter at its literal path, and every link on the way', () => {
  const root = rootWith({
    'usr/bin/a': makeProgram({ interpreter: LOADER, needed: ['libone.so.1'] }),
    'usr/lib/x86_64-linux-gnu/libone.so.1': '-> libone.so.1.2',
    'usr/lib/x86_64-linux-gnu/libone.so.1.2': library('libone.so.1', ['libtwo.so']),
    'usr/lib/libtwo.so': library('libtwo.so', ['libone.so.1']),
  });
  const made = closure(root, '/usr/bin/a');
  assert.deepEqual(made.paths, [
    'lib64/ld-linux-x86-64.so.2',
    'usr/bin/a',
    'usr/lib/libtwo.so',
    'usr/lib/x86_64-linux-gnu/libone.so.1',
    'usr/lib/x86_64-linux-gnu/libone.so.1.2',
  ]);
  assert.equal(
    made.wanted.find(({ entry }) => entry.path === 'usr/lib/libtwo.so')?.reason.because,
    'usr/lib/x86_64-linux-gnu/libone.so.1.2',
  );
});

test("RUNPATH with $ORIGIN is the object's own; RPATH reaches its libraries too; RUNPATH switches RPATH off", () => {
  const program = (more: object): Uint8Array => makeProgram({ interpreter: LOADER, needed: ['libp.so'], ...more });
  const files = { 'opt/a/lib/libp.so': library('libp.so', ['libq.so']), 'opt/a/lib/libq.so': library('libq.so') };
  refused(
    'NO_LIBRARY',
    () => closure(rootWith({ ...files, 'opt/a/bin/x': program({ runpath: '$ORIGIN/../lib' }) }), 'opt/a/bin/x'),
    /libq\.so/,
  );
  assert.ok(
    closure(rootWith({ ...files, 'opt/a/bin/x': program({ rpath: `$\{ORIGIN}/../lib` }) }), 'opt/a/bin/x').paths.includes(
      'opt/a/lib/libq.so',
    ),
  );
  refused('NO_LIBRARY', () =>
    closure(rootWith({ ...files, 'opt/a/bin/x': program({ rpath: '$ORIGIN/../lib', runpath: '/nowhere' }) }), 'opt/a/bin/x'),
  );
});

test('a library that is loaded already satisfies later needs of its name', () => {
  const root = rootWith({
    'usr/bin/a': makeProgram({ interpreter: LOADER, needed: ['libp.so', 'libq.so'], runpath: '/opt/private' }),
    'opt/private/libp.so': library('libp.so'),
    'usr/lib/libq.so': library('libq.so', ['libp.so']),
  });
  assert.ok(closure(root, 'usr/bin/a').paths.includes('opt/private/libp.so'));
});

test('a library that only ld.so.conf leads to is linked into a default directory', () => {
  const root = rootWith({
    'usr/bin/a': makeProgram({ interpreter: LOADER, needed: ['libp.so'] }),
    'etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
    'etc/ld.so.conf.d/x.conf': '# comment\n/opt/x/lib\n',
    'opt/x/lib/libp.so': library('libp.so'),
    'usr/lib/libother.so': library('libother.so'),
  });
  const link = closure(root, 'usr/bin/a').wanted.find(({ entry }) => entry.kind === 'symlink');
  assert.equal(link?.entry.path, 'lib64/libp.so');
});

test('objects of another machine or class are passed over', () => {
  const root = rootWith({
    'usr/bin/a': makeProgram({ interpreter: LOADER, needed: ['libp.so'] }),
    'lib/x86_64-linux-gnu/libp.so': library('libp.so', [], { target: { class: 64, endian: 'little', machine: 'aarch64' } }),
    'lib/libp.so': library('libp.so', [], { target: { class: 32, endian: 'little', machine: '386' } }),
    'usr/lib/libp.so': library('libp.so'),
  });
  assert.ok(closure(root, 'usr/bin/a').paths.includes('usr/lib/libp.so'));
});

test('a copy for newer processors alone is a warning', () => {
  const root = rootWith({
    'usr/bin/a': makeProgram({ interpreter: LOADER, needed: ['libp.so'] }),
    'usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libp.so': library('libp.so'),
  });
  assert.deepEqual(
    closure(root, 'usr/bin/a').findings.map(({ code, severity }) => [code, severity]),
    [['library-hardware', 'warning']],
  );
});

test('notes of libraries opened at run time: required must be there, recommended may, suggested are not taken', () => {
  const note = (soname: string, priority: string): string => JSON.stringify([{ soname: [soname], priority }]);
  const root = (priority: string): Root =>
    rootWith({
      'usr/bin/a': makeProgram({ interpreter: LOADER, needed: [], dlopen: [note('libz.so.1', priority), note('libhere.so', priority)] }),
      'usr/lib/libhere.so': library('libhere.so'),
    });
  refused('NO_LIBRARY', () => closure(root('required'), 'usr/bin/a'), /libz/);
  const made = closure(root('recommended'), 'usr/bin/a');
  assert.ok(made.paths.includes('usr/lib/libhere.so'));
  assert.deepEqual(
    made.findings.map(({ code }) => code),
    ['library-missing'],
  );
  assert.ok(!closure(root('suggested'), 'usr/bin/a').paths.includes('usr/lib/libhere.so'));
});

test('scripts bring their interpreter, also through env, unless the archive provides it', () => {
  const root = rootWith({
    'usr/bin/script': '#!/usr/bin/env -S awk -f\n',
    'usr/bin/env': busybox([]),
    'usr/bin/awk': '-> /etc/alternatives/awk',
    'etc/alternatives/awk': '-> ../../usr/bin/mawk',
    'usr/bin/mawk': busybox([]),
    'usr/bin/plain': '#! /bin/sh -e\n',
    'usr/bin/loop': '#!/usr/bin/loop\n',
  });
  assert.deepEqual(closure(root, 'usr/bin/script').paths, [
    'etc/alternatives/awk',
    'usr/bin/awk',
    'usr/bin/env',
    'usr/bin/mawk',
    'usr/bin/script',
  ]);
  assert.deepEqual(closure(root, 'usr/bin/plain', ['bin/sh']).paths, ['usr/bin/plain']);
  refused('NO_PROGRAM', () => closure(root, 'usr/bin/plain'), /interpreter of the script/);
  assert.deepEqual(closure(root, 'usr/bin/loop').paths, ['usr/bin/loop']);
});

test('a missing library says who needs it; a missing interpreter too; a link loop ends', () => {
  const root = rootWith({
    'usr/bin/a': makeProgram({ interpreter: LOADER, needed: ['libp.so'] }),
    'usr/lib/libp.so': library('libp.so', ['libgone.so']),
    'usr/bin/b': makeProgram({ interpreter: '/lib/ld-none.so.1' }),
    'usr/bin/c': '-> c',
  });
  refused('NO_LIBRARY', () => closure(root, 'usr/bin/a'), /usr\/lib\/libp\.so, a library of \/usr\/bin\/a, needs libgone\.so/);
  refused('NO_LIBRARY', () => closure(root, 'usr/bin/b'), /ld-none/);
  refused('NO_PROGRAM', () => closure(root, 'usr/bin/none'));
  refused('LINK_LOOP', () => closure(root, 'usr/bin/c'));
});

test('musl searches its own directories', () => {
  const root = rootWith({
    'lib/ld-musl-x86_64.so.1': library('libc.musl-x86_64.so.1'),
    'etc/ld-musl-x86_64.path': '/opt/musl\n',
    'bin/a': makeProgram({ interpreter: '/lib/ld-musl-x86_64.so.1', needed: ['libp.so'] }),
    'opt/musl/libp.so': library('libp.so'),
  });
  assert.ok(closure(root, 'bin/a').paths.includes('opt/musl/libp.so'));
});

test('applets are read from the table in the binary', () => {
  const entry = file('bin/busybox', bytesSource(busybox(['[', '[[', 'ash', 'cat', 'sh', 'vi'])));
  assert.deepEqual([...applets(entry)].sort(), ['[', '[[', 'ash', 'cat', 'sh', 'vi']);
  assert.equal(applets(file('bin/x', bytesSource(utf8('nothing of the kind')))).size, 0);
  assert.equal(applets(file('bin/x', bytesSource(new Uint8Array(4)))).size, 0);
});
