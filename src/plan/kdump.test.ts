// Part kdump: dump targets as people write them, what goes in for one, and that no other archive holds any of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { file, makeTree } from '../tree/index.ts';
import { kdumpTarget, type Plan, plan, type Root } from './index.ts';
import { EARLY, planned, sample, settings, textIn, VIRTUAL } from './sample.fixture.ts';

const SCRIPTS = ['kdump.sh', 'kdump-first.sh'].map((name) => file(`usr/lib/kindling/early/${name}`, bytesSource(utf8('#\n'))));
const early = makeTree([...EARLY.entries, ...SCRIPTS]);

function capture(root: Root, said: Parameters<typeof settings>[0] = {}): Plan {
  return plan({
    root,
    scope: 'generic',
    settings: settings({ add: ['kdump'], 'kdump-target': ['LABEL=crash'], ...said }),
    early,
    decoders: [],
  });
}

const code = (wanted: string) => (error: unknown) => error instanceof KindlingError && error.code === wanted;

test('targets: device and directory', () => {
  const root = sample({
    'etc/fstab': 'UUID=abc / ext4 ro 0 1\nLABEL=var /var xfs nodev,noatime 0 2\n/dev/mapper/x /home ext4 defaults 0 0\n',
  });
  const of = (word: string) => {
    const target = kdumpTarget(word, root, undefined);
    return target.kind === 'raw' ? ['raw', target.device] : [target.device, target.path, target.type, target.options];
  };
  assert.deepEqual(of('auto'), ['LABEL=var', 'crash', 'xfs', 'nodev,noatime']);
  assert.deepEqual(of('LABEL=var'), ['LABEL=var', 'crash', 'xfs', 'nodev,noatime']);
  assert.deepEqual(of('LABEL=var:/'), ['LABEL=var', '', 'xfs', 'nodev,noatime']);
  assert.deepEqual(of('UUID=abc'), ['UUID=abc', 'var/crash', 'ext4', 'ro']);
  assert.deepEqual(of('UUID=def:dumps'), ['UUID=def', 'dumps', undefined, '']);
  assert.deepEqual(of('/dev/vdb1:/a//b/./c/'), ['/dev/vdb1', 'a/b/c', undefined, '']);
  const path = '/dev/disk/by-path/pci-0000:00:04.0-part1';
  assert.deepEqual(of(path), [path, 'var/crash', undefined, '']);
  assert.deepEqual(of(`${path}:/x`), [path, 'x', undefined, '']);
  assert.deepEqual(of('raw:PARTUUID=1-2'), ['raw', 'PARTUUID=1-2']);
});

test('targets that are refused, each with its reason', () => {
  const root = sample({ 'etc/fstab': '/dev/mapper/vg-root / ext4 defaults 0 1\n' });
  for (const word of ['nfs:host:/x', 'user@host:/x', 'host:/x', 'ssh:host', 'host:dir', '//host/share']) {
    assert.throws(() => kdumpTarget(word, root, undefined), /on a network/, word);
  }
  for (const word of ['auto', '/dev/mapper/vg-data', 'raw:/dev/md0', '/dev/dm-1:/x']) {
    assert.throws(() => kdumpTarget(word, root, undefined), code('UNSUPPORTED'), word);
  }
  for (const word of ['crash', 'raw:', 'raw:vda', 'UUID=', 'LABEL=x:../y']) {
    assert.throws(() => kdumpTarget(word, root, undefined), code('USAGE'), word);
  }
  assert.throws(() => kdumpTarget('auto', sample(), undefined), /does not say which file system holds \/var\/crash/);
  const tmpfs = sample({ 'etc/fstab': 'tmpfs /var tmpfs defaults 0 0\n' });
  assert.throws(() => kdumpTarget('auto', tmpfs, undefined), /is on tmpfs \(tmpfs\)/);
  assert.deepEqual(kdumpTarget('auto', sample(), VIRTUAL), {
    kind: 'directory',
    device: '/dev/vda1',
    path: 'var/crash',
    type: 'ext4',
    options: '',
  });
});

test('the script, the file system and makedumpfile go in; early.conf says the rest', () => {
  const root = sample({ 'usr/bin/makedumpfile': '#!/bin/sh\n', 'etc/fstab': 'LABEL=crash /var/crash ext4 defaults 0 2\n' });
  const made = capture(root, { omit: ['filesystems'] });
  assert.ok(made.tree.get('usr/lib/kindling/early/kdump.sh') !== undefined);
  assert.equal(made.tree.get('usr/lib/kindling/early/kdump-first.sh'), undefined);
  assert.ok(made.tree.get('usr/bin/makedumpfile') !== undefined);
  assert.ok(made.packed.includes('ext4') && made.packed.includes('crc32c_generic'));
  assert.equal(made.reasons.get('usr/bin/makedumpfile')?.[0]?.part, 'kdump');
  const lines = textIn(made, 'usr/lib/kindling/early.conf').split('\n');
  for (const line of [
    "KDUMP_DEVICE='LABEL=crash'",
    "KDUMP_PATH=''",
    "KDUMP_FSTYPE='ext4'",
    "KDUMP_CORE='-l -d 31'",
    "KDUMP_FINAL='reboot'",
    "KDUMP_RAW=''",
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('without makedumpfile, or when asked for, the dump is a plain copy; the first is a warning', () => {
  const plain = capture(sample());
  assert.match(textIn(plain, 'usr/lib/kindling/early.conf'), /^KDUMP_CORE=''$/m);
  assert.deepEqual(
    plain.findings.filter(({ code }) => code === 'kdump-plain-copy').map(({ severity }) => severity),
    ['warning'],
  );
  const asked = capture(sample({ 'usr/bin/makedumpfile': '#!/bin/sh\n' }), { 'kdump-format': ['copy'] });
  assert.equal(asked.tree.get('usr/bin/makedumpfile'), undefined);
  assert.equal(asked.findings.filter(({ code }) => code === 'kdump-plain-copy').length, 0);
});

test('a raw target needs no file system; a level out of range is BAD_CONFIG', () => {
  const made = capture(sample(), { 'kdump-target': ['raw:/dev/vda'], omit: ['filesystems'] });
  assert.ok(!made.packed.includes('ext4') && made.packed.includes('virtio_blk'));
  assert.match(textIn(made, 'usr/lib/kindling/early.conf'), /^KDUMP_RAW='1'$/m);
  assert.throws(() => capture(sample(), { 'kdump-level': ['32'] }), code('BAD_CONFIG'));
});

test('other archives hold nothing of it', () => {
  const made = plan({ root: sample(), scope: 'generic', settings: settings(), early, decoders: [] });
  assert.deepEqual(
    made.tree.entries.filter(({ path }) => path.includes('kdump')),
    [],
  );
  assert.doesNotMatch(textIn(made, 'usr/lib/kindling/early.conf'), /KDUMP/);
  assert.deepEqual(
    planned(sample()).tree.entries.map(({ path }) => path),
    made.tree.entries.map(({ path }) => path),
  );
});
