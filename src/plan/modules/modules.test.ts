// Opening a tree and closing over needs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pureDecoders } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Root } from '../root.ts';
import { closeOver, openModules } from './index.ts';
import { SAMPLE_TREE, type SampleRoot, sampleModule, sampleRoot } from './sample-tree.ts';

const SAMPLE: SampleRoot = {
  modules: {
    'kernel/arch/x86/crypto/crc32c-intel.ko': { alias: ['crypto-crc32c', 'crc32c'] },
    'kernel/crypto/crc32c_generic.ko': { alias: 'crypto-crc32c' },
    'kernel/lib/crc16.ko': {},
    'kernel/fs/mbcache.ko': {},
    'kernel/fs/jbd2/jbd2.ko': {},
    'kernel/fs/ext4/ext4.ko': { depends: 'jbd2,crc16,mbcache', softdep: 'pre: crypto-crc32c', alias: ['fs-ext4', 'ext3'] },
    'kernel/drivers/usb/host/ehci-hcd.ko': { alias: 'pci:v*d*sv*sd*bc0Csc03i20*' },
    'kernel/drivers/usb/host/uhci-hcd.ko': { softdep: 'pre: ehci-hcd post: late' },
    'kernel/drivers/late.ko': { weakdep: 'weak' },
    'kernel/drivers/weak.ko': {},
    'kernel/fs/fat/fat.ko': {},
    'kernel/fs/fat/vfat.ko': { depends: 'fat' },
    'kernel/fs/nls/nls_cp437.ko': {},
    'kernel/fs/nls/nls_iso8859-1.ko': {},
  },
  files: {
    [`${SAMPLE_TREE}/modules.builtin`]: 'kernel/drivers/tty/serial/8250/8250.ko\nkernel/fs/nls/nls_utf8.ko\n',
    [`${SAMPLE_TREE}/modules.builtin.modinfo`]: '8250.alias=platform:serial8250\0' + '8250.firmware=uart.bin\0',
  },
};

const names = (modules: readonly { name: string }[]) => modules.map((module) => module.name);

function open(sample: SampleRoot = SAMPLE) {
  return openModules(sampleRoot(sample), SAMPLE_TREE, pureDecoders);
}

test('modules come in modules.order, unlisted ones after them by path', () => {
  const set = open({
    modules: { 'kernel/b.ko': {}, 'kernel/a.ko': {}, 'kernel/z.ko': {}, 'kernel/c.ko': {} },
    files: { [`${SAMPLE_TREE}/modules.order`]: 'kernel/z.ko\nkernel/b.ko\n' },
  });
  assert.deepEqual(names(set.modules), ['z', 'b', 'a', 'c']);
  assert.equal(set.version, '6.1.0-sample');
  assert.equal(set.indexed, false);
});

test('names are found in any spelling, aliases by pattern, built-in ones too', () => {
  const set = open();
  assert.equal(set.get('crc32c_intel')?.path, `${SAMPLE_TREE}/kernel/arch/x86/crypto/crc32c-intel.ko`);
  assert.equal(set.get('crc32c-intel'), set.get('crc32c_intel'));
  assert.deepEqual(set.find('pci:v00008086d0000293Asv00001AF4sd00001100bc0Csc03i20'), ['ehci_hcd']);
  assert.deepEqual(set.find('crypto-crc32c'), ['crc32c_intel', 'crc32c_generic']);
  assert.deepEqual(set.find('platform:serial8250'), ['8250']);
  assert.deepEqual(set.find('nls-utf8'), ['nls_utf8']);
  assert.deepEqual(set.find('nothing'), []);
  assert.deepEqual([set.builtins.has('8250'), set.builtins.has('ext4')], [true, false]);
});

test('softdeps go through aliases, and everything is loaded before who needs it', () => {
  const { modules, reasons, findings } = closeOver(open(), ['ext4']);
  assert.deepEqual(names(modules), ['crc32c_intel', 'crc32c_generic', 'jbd2', 'crc16', 'mbcache', 'ext4']);
  assert.deepEqual(reasons.get('crc32c_generic'), { by: 'ext4', how: 'softdep' });
  assert.deepEqual(reasons.get('jbd2'), { by: 'ext4', how: 'depends' });
  assert.deepEqual(reasons.get('ext4'), { by: undefined, how: 'named' });
  assert.deepEqual(findings, []);
});

test('post softdeps and weakdeps come after', () => {
  assert.deepEqual(names(closeOver(open(), ['uhci_hcd']).modules), ['ehci_hcd', 'uhci_hcd', 'late', 'weak']);
});

test('needs that nobody declares: character sets of vfat', () => {
  const { modules, builtins, reasons } = closeOver(open(), ['vfat']);
  assert.deepEqual(names(modules), ['nls_cp437', 'nls_iso8859_1', 'fat', 'vfat']);
  assert.deepEqual(builtins, ['nls_utf8']);
  assert.deepEqual(reasons.get('nls_cp437'), { by: 'fat', how: 'hidden' });
});

test('softdeps from configuration are added', () => {
  const softdeps = new Map([['crc16', { pre: ['mbcache'], post: [] }]]);
  assert.deepEqual(names(closeOver(open(), ['crc16'], { softdeps }).modules), ['mbcache', 'crc16']);
  const weakdeps = new Map([['crc16', ['mbcache']]]);
  assert.deepEqual(names(closeOver(open(), ['crc16'], { weakdeps }).modules), ['crc16', 'mbcache']);
});

test('a name that is nowhere is NO_MODULE; a built-in one is not', () => {
  assert.throws(
    () => closeOver(open(), ['ext5']),
    (error) => error instanceof KindlingError && error.code === 'NO_MODULE' && error.message.includes('"ext5"'),
  );
  assert.deepEqual(closeOver(open(), ['8250']).builtins, ['8250']);
});

test('a dependency that is nowhere is a finding', () => {
  const { modules, findings } = closeOver(open({ modules: { 'kernel/a.ko': { depends: 'gone' } } }), ['a']);
  assert.deepEqual(names(modules), ['a']);
  assert.deepEqual(
    findings.map(({ code, severity }) => [code, severity]),
    [['module-dependency-missing', 'error']],
  );
});

test('circles end, and long chains do not exhaust the stack', () => {
  assert.deepEqual(names(closeOver(open({ modules: { 'a.ko': { depends: 'b' }, 'b.ko': { depends: 'a' } } }), ['a']).modules), ['b', 'a']);
  const chain = Object.fromEntries(
    Array.from({ length: 3000 }, (_, index) => [`m${index}.ko`, { depends: index < 2999 ? `m${index + 1}` : '' }]),
  );
  assert.equal(names(closeOver(open({ modules: chain }), ['m0']).modules)[0], 'm2999');
});

test('compressed modules are read through the decoders; anything else is refused with its path', () => {
  const plain = sampleModule('a.ko', { depends: 'b' });
  const set = open({ modules: { 'a.ko.gz': gzipSync(plain), 'b.ko.zst': zstdCompressSync(plain), 'c.ko.xz': Uint8Array.of(1, 2, 3) } });
  assert.deepEqual(set.info(set.get('a')!).depends, ['b']);
  assert.deepEqual(set.info(set.get('b')!).depends, ['b']);
  assert.throws(
    () => set.info(set.get('c')!),
    (error) => error instanceof KindlingError && error.code === 'BAD_MAGIC' && error.where.path === `${SAMPLE_TREE}/c.ko.xz`,
  );
});

test('of directories that changed after the index was written the modules are asked, of others it is believed', () => {
  const modules = { 'kernel/old/a.ko': { alias: 'from-module-a' }, 'kernel/new/b.ko': { alias: 'from-module-b' } };
  const files = {
    [`${SAMPLE_TREE}/modules.alias`]: 'alias from-index-a a\nalias from-index-b b\n',
    [`${SAMPLE_TREE}/modules.dep`]: 'kernel/old/a.ko:\nkernel/new/b.ko:\n',
  };
  const root = sampleRoot({ modules, files });
  const dated = (path: string, mtime: number): Root => ({
    ...root,
    entry(at) {
      const entry = root.entry(at);
      return entry === undefined ? undefined : { ...entry, mtime: at === path ? mtime : 100 };
    },
  });
  const found = (mtime: number) => {
    const set = openModules(dated(`${SAMPLE_TREE}/kernel/new`, mtime), SAMPLE_TREE, pureDecoders);
    return [set.indexed, ...['from-index-a', 'from-index-b', 'from-module-a', 'from-module-b'].map((alias) => set.find(alias).join())];
  };
  assert.deepEqual(found(100), [true, 'a', 'b', '', '']);
  assert.deepEqual(found(101), [false, 'a', '', '', 'b']);
});

test('index files that fit are used; ones that do not are reported and passed by', () => {
  const modules = { 'kernel/a.ko': { alias: 'from-module' } };
  const alias = { [`${SAMPLE_TREE}/modules.alias`]: '# comment\nalias from-index a\nalias with space a\n' };
  const fitting = open({ modules, files: { ...alias, [`${SAMPLE_TREE}/modules.dep`]: 'kernel/a.ko:\n' } });
  assert.equal(fitting.indexed, true);
  assert.deepEqual([fitting.find('from_index'), fitting.find('from-module')], [['a'], []]);
  const stale = open({ modules, files: { ...alias, [`${SAMPLE_TREE}/modules.dep`]: 'kernel/b.ko:\n' } });
  assert.equal(stale.indexed, false);
  assert.deepEqual([stale.find('from_index'), stale.find('from-module')], [[], ['a']]);
  assert.deepEqual(
    stale.findings.map((finding) => finding.code),
    ['modules-dep-stale'],
  );
});

test('a tree that is not there is NO_KERNEL', () => {
  assert.throws(
    () => openModules(sampleRoot(SAMPLE), 'usr/lib/modules/7', []),
    (error) => error instanceof KindlingError && error.code === 'NO_KERNEL',
  );
});

test('directories that lead round in a circle, and links to modules', () => {
  const set = open({
    modules: { 'kernel/a.ko': {}, 'extra/b.ko': {} },
    files: {
      [`${SAMPLE_TREE}/kernel/loop`]: '-> ../kernel',
      [`${SAMPLE_TREE}/weak-updates/b.ko`]: '-> ../extra/b.ko',
      [`${SAMPLE_TREE}/build`]: '-> /usr/src',
    },
  });
  assert.deepEqual(names(set.modules), ['a', 'b']);
  assert.equal(set.info(set.get('b')!).name, 'b');
});

test('of several modules behind one alias, one that needs another still comes after it', () => {
  const modules = { 'x.ko': { softdep: 'pre: crypto-c' }, 'a.ko': { alias: 'crypto-c', depends: 'b' }, 'b.ko': { alias: 'crypto-c' } };
  assert.deepEqual(names(closeOver(open({ modules }), ['x']).modules), ['b', 'a', 'x']);
});
