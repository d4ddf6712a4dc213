// Hostile and damaged roots: a plan or a KindlingError, never another throw, never an endless walk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { makeProgram } from '../formats/elf/index.ts';
import { file } from '../tree/index.ts';
import { plan } from './resolve-plan.ts';
import type { Root } from './root.ts';
import { EARLY, planned, sample, settings } from './sample.fixture.ts';

function outcome(run: () => unknown): string {
  try {
    run();
    return 'planned';
  } catch (error) {
    if (error instanceof KindlingError && error.code !== 'INTERNAL') return error.code;
    throw error;
  }
}

test('links that go round, dangle, or climb out of the root', () => {
  assert.equal(
    outcome(() => planned(sample({ lib: '-> lib' }))),
    'LINK_LOOP',
  );
  assert.equal(
    outcome(() => planned(sample({ 'usr/bin/busybox': '-> busybox' }))),
    'LINK_LOOP',
  );
  assert.equal(
    outcome(() => planned(sample({ 'etc/modprobe.d': '-> ../../../../nowhere' }))),
    'planned',
  );
  assert.equal(
    outcome(() => planned(sample({ 'etc/fstab': '-> /dev/null' }))),
    'planned',
  );
  const made = planned(sample({ 'etc/outside': '-> ../../../../../etc/passwd', 'etc/passwd': "the root's own\n" }), {
    files: ['/etc/outside'],
  });
  assert.equal(made.tree.get('etc/passwd')?.kind, 'file');
  assert.ok(made.tree.entries.every(({ path }) => !path.includes('..')));
});

test('directories without end are LIMIT', () => {
  const endless = (prefix: string): Root => {
    const base = sample();
    const isBelow = (path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
    return {
      ...base,
      entry: (path) => (isBelow(path) ? { kind: 'directory', path, mode: 0o755, uid: 0, gid: 0, mtime: 0 } : base.entry(path)),
      names: (path) => (isBelow(path) ? ['deeper'] : base.names(path)),
    };
  };
  assert.equal(
    outcome(() => planned(endless('usr/lib/modules/6.1.0-sample/kernel/endless'))),
    'planned',
  ); // not reachable by name
  assert.equal(
    outcome(() => planned(endless('usr/lib/modules/6.1.0-sample/kernel'))),
    'LIMIT',
  );
  assert.equal(
    outcome(() => planned(endless('srv'), { files: ['/srv'] })),
    'LIMIT',
  );
});

test('configuration that is far too big is LIMIT', () => {
  const huge = new Uint8Array(8 << 20).fill(0x61);
  for (const path of ['etc/kindling.conf', 'etc/modprobe.d/a.conf', 'etc/modules', 'etc/fstab']) {
    const root = sample({ [path]: huge });
    const code = outcome(() => planned(root));
    assert.equal(code, path === 'etc/kindling.conf' ? 'planned' : 'LIMIT', path); // kindling.conf is read by readConfiguration alone
  }
});

test('flipped bytes in programs give a plan or an error with a code', () => {
  const program = makeProgram({
    interpreter: '/lib64/ld.so',
    needed: ['libc.so.6'],
    runpath: '$ORIGIN/../lib',
    dlopen: ['[{"soname":["libz.so"]}]'],
  });
  const flips = fc.array(fc.tuple(fc.nat(program.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(flips, fc.nat(program.length), (changes, cut) => {
      const bytes = program.slice(0, cut % 3 === 0 ? cut : program.length);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const root = sample({ 'usr/sbin/fsck.ext4': bytes, 'lib64/ld.so': program, 'usr/lib/libc.so.6': program });
      outcome(() => planned(root));
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("any text in the root's configuration gives a plan or an error with a code", () => {
  const words = fc.constantFrom(
    'install',
    'blacklist',
    'alias',
    'softdep',
    'ext4',
    'pre:',
    '/bin/false',
    '[',
    '*',
    '#',
    '\\',
    '\n',
    ' ',
    '\0',
    '/usr',
    '\u{1f525}',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
      const text = parts.join(' ');
      const root = sample({
        'etc/modprobe.d/x.conf': text,
        'etc/modules-load.d/x.conf': text,
        'etc/fstab': text,
        'etc/ld.so.conf': text,
        'etc/depmod.d/x.conf': text,
      });
      outcome(() => planned(root));
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('early userspace that names commands the root lacks is NO_PROGRAM', () => {
  const early = {
    ...EARLY,
    get: (path: string) =>
      path.endsWith('/commands') ? file(path, bytesSource(new TextEncoder().encode('sh\nteleport\n'))) : EARLY.get(path),
  };
  assert.equal(
    outcome(() => plan({ root: sample(), scope: 'generic', settings: settings(), early, decoders: [] })),
    'NO_PROGRAM',
  );
});
