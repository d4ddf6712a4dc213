// depmod.d and modprobe.d.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDepmod } from './depmod-config.ts';
import { confFiles, openModules, splitLines } from './index.ts';
import { isRefusal, modprobeConfig, parseModprobe } from './modprobe-config.ts';
import { SAMPLE_TREE, SAMPLE_VERSION, sampleRoot } from './sample-tree.ts';

function pathOf(files: Record<string, string>, modules: readonly string[], name = 'm'): string | undefined {
  const root = sampleRoot({ modules: Object.fromEntries(modules.map((path) => [path, {}])), files });
  return openModules(root, SAMPLE_TREE, []).get(name)?.relative;
}

const COPIES = ['kernel/drivers/m.ko', 'extra/m.ko', 'updates/dkms/m.ko', 'other/m.ko'];

test('without configuration updates/ wins over the rest', () => {
  assert.equal(pathOf({}, COPIES), 'updates/dkms/m.ko');
});

test('the search order decides', () => {
  const conf = (line: string) => ({ 'usr/lib/depmod.d/dist.conf': `# order\n${line}\n` });
  assert.equal(pathOf(conf('search extra updates built-in'), COPIES), 'extra/m.ko');
  assert.equal(pathOf(conf('search built-in updates extra'), ['extra/m.ko', 'kernel/m.ko']), 'kernel/m.ko');
  assert.equal(pathOf(conf('search updates/dkms built-in updates'), ['updates/m.ko', 'kernel/m.ko']), 'kernel/m.ko');
});

test('an override wins over any order, for its version only', () => {
  const conf = (version: string) => ({ 'etc/depmod.d/a.conf': `override m ${version} other\n` });
  assert.equal(pathOf(conf('*'), COPIES), 'other/m.ko');
  assert.equal(pathOf(conf(SAMPLE_VERSION), COPIES), 'other/m.ko');
  assert.equal(pathOf(conf('5.10'), COPIES), 'updates/dkms/m.ko');
});

test('external directories and excluded ones', () => {
  const root = sampleRoot({
    modules: { 'kernel/m.ko': {}, 'old/n.ko': {} },
    files: { 'opt/drivers/x.ko': 'x', 'etc/depmod.d/a.conf': 'external * /opt/drivers\nexclude old\n' },
  });
  const set = openModules(root, SAMPLE_TREE, []);
  assert.deepEqual(
    set.modules.map((module) => [module.path, module.relative]),
    [
      [`${SAMPLE_TREE}/kernel/m.ko`, 'kernel/m.ko'],
      ['opt/drivers/x.ko', '/opt/drivers/x.ko'],
    ],
  );
});

test('depmod lines for all versions, by prefix, and unknown ones', () => {
  const config = parseDepmod(splitLines('override a-b 6.* x\nmake_map_files no\noverride c 5.* y\n', 'f'), '6.1');
  assert.deepEqual([...config.overrides], [['a_b', 'x']]);
  assert.deepEqual(config.search, ['updates', 'built-in']);
});

test('a file hides those of its name in later places; one order for all; only .conf counts', () => {
  const root = sampleRoot({
    modules: {},
    files: {
      'usr/lib/modprobe.d/b.conf': 'options x lib=1',
      'usr/lib/modprobe.d/a.conf': 'options x first=1',
      'etc/modprobe.d/b.conf': 'options x etc=1',
      'etc/modprobe.d/c.conf~': 'options x backup=1',
      'run/modprobe.d/z.conf': '-> /dev/null',
      'usr/lib/modprobe.d/z.conf': 'options x hidden=1',
    },
  });
  assert.deepEqual(confFiles(root, 'modprobe.d'), ['usr/lib/modprobe.d/a.conf', 'etc/modprobe.d/b.conf', 'run/modprobe.d/z.conf']);
  assert.deepEqual([...modprobeConfig(root).options], [['x', 'first=1 etc=1']]);
});

test('every modprobe.d command', () => {
  const text = [
    '# comment',
    'options snd-hda model=auto \\',
    '  index=0',
    'alias net-pf-10 off',
    'alias my-* real-one',
    'blacklist floppy',
    'install usb-storage /bin/true',
    'install usb-storage echo second',
    'remove a b c',
    'softdep ext9 pre: crc9 post: more',
    'softdep ext9 pre: crc10',
    'weakdep a b c',
    'include /x',
    'nonsense y z',
    'options alone',
  ].join('\n');
  const config = parseModprobe(splitLines(text, 'etc/modprobe.d/t.conf'));
  assert.deepEqual([...config.options], [['snd_hda', 'model=auto    index=0']]);
  assert.deepEqual(config.aliases.find('my-thing'), ['real_one']);
  assert.deepEqual([...config.blacklist], ['floppy']);
  assert.deepEqual([...config.install], [['usb_storage', '/bin/true']]);
  assert.deepEqual([...config.remove], [['a', 'b c']]);
  assert.deepEqual([...config.softdeps], [['ext9', { pre: ['crc9', 'crc10'], post: ['more'] }]]);
  assert.deepEqual([...config.weakdeps], [['a', ['b', 'c']]]);
  assert.deepEqual(
    config.findings.map(({ where }) => where.structure),
    ['line 14', 'line 15'],
  );
});

test('install commands that only refuse', () => {
  assert.deepEqual(['/bin/true', '/usr/bin/false', ':', 'modprobe x', '/bin/true; modprobe x'].map(isRefusal), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
