// Part check: what an archive holds of it, and which files may be old at a boot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { file, makeTree } from '../tree/index.ts';
import { EARLY_CONF, type Plan, plan, safeIn } from './index.ts';
import { busybox, EARLY, sample, settings, textIn } from './sample.fixture.ts';

const SCRIPTS = ['usr/lib/kindling/early/check.sh', 'usr/lib/kindling/early/check-closer.sh'];
const early = makeTree([
  ...EARLY.entries,
  ...[...SCRIPTS, 'usr/lib/kindling/early/kdump.sh'].map((path) => file(path, bytesSource(utf8('#\n')))),
]);
const APPLETS = [
  'cat',
  'dd',
  'ls',
  'mkdir',
  'modprobe',
  'mount',
  'readlink',
  'sh',
  'sha256sum',
  'sleep',
  'stat',
  'switch_root',
  'umount',
  'xargs',
];

function planned(
  said: Parameters<typeof settings>[0],
  files: Parameters<typeof sample>[0] = { 'usr/bin/busybox': busybox(APPLETS) },
): Plan {
  return plan({ root: sample(files), scope: 'generic', settings: settings(said), early, decoders: [] });
}

const codes = (made: Plan): string[] => made.findings.map(({ code }) => code).filter((code) => code.startsWith('check-'));

test('an archive planned with the check holds its scripts and commands and is told the mode', () => {
  for (const mode of ['warn', 'stop']) {
    const made = planned({ check: [mode] });
    for (const path of [...SCRIPTS, 'usr/bin/sha256sum', 'usr/bin/xargs', 'usr/bin/stat'])
      assert.ok(made.tree.get(path) !== undefined, path);
    assert.match(textIn(made, EARLY_CONF), new RegExp(`^CHECK='${mode}'$`, 'm'));
    assert.deepEqual(codes(made), []);
  }
});

test('an archive planned without it, and a capture archive, hold nothing of it', () => {
  for (const said of [{}, { check: ['off'] }, { check: ['stop'], add: ['kdump'], 'kdump-target': ['LABEL=crash'] }]) {
    const made = planned(said);
    for (const path of [...SCRIPTS, 'usr/bin/sha256sum']) assert.equal(made.tree.get(path), undefined, path);
    assert.doesNotMatch(textIn(made, EARLY_CONF), /CHECK/);
  }
});

test('a root without the commands is a finding, and without the scripts an error', () => {
  assert.deepEqual(codes(planned({ check: ['warn'] }, {})), ['check-impossible']);
  assert.deepEqual(codes(planned({ check: ['warn'] }, { 'usr/bin/busybox': busybox(APPLETS.filter((one) => one !== 'sha256sum')) })), [
    'check-by-stat',
  ]);
  assert.throws(
    () => plan({ root: sample(), scope: 'generic', settings: settings({ check: ['warn'] }), early: EARLY, decoders: [] }),
    (error) => error instanceof KindlingError && error.code === 'NO_ENTRY',
  );
});

test('safe is what was packed for a person; what the way to the root takes is not, unless a pattern says so', () => {
  const files = {
    'usr/bin/busybox': busybox(APPLETS),
    'etc/modprobe.d/a.conf': 'options ext4 x=1\n',
    'etc/motd': 'hello\n',
    'usr/share/map/de': 'x\n',
  };
  const made = planned({ files: ['etc/motd', 'usr/share/map'] }, files);
  const of = (patterns: readonly string[]): string[] => made.tree.entries.map(({ path }) => path).filter(safeIn(made, patterns));
  const usual = of([]);
  assert.deepEqual(
    usual.filter((path) => made.tree.get(path)?.kind === 'file'),
    ['etc/motd', 'usr/share/map/de'],
  );
  const module = made.tree.entries.find(({ path }) => path.endsWith('/ext4.ko'))!.path;
  for (const path of ['usr/bin/busybox', 'etc/modprobe.d/a.conf', module, 'init']) {
    assert.ok(made.tree.get(path) !== undefined, path);
    assert.ok(!usual.includes(path), path);
  }
  const wider = of(['/usr/lib/modules/*/kernel/fs/', 'usr/bin/busybox']);
  assert.ok(wider.includes(module) && wider.includes('usr/bin/busybox'));
  assert.ok(!wider.some((path) => path.includes('/drivers/') && path.endsWith('.ko')));
});
