// Plans for a made root: what goes in, why, and what stands in the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { resolve, treeRoot } from './root.ts';
import { busybox, planned, sample, textIn, VIRTUAL } from './sample.fixture.ts';

const TREE = 'usr/lib/modules/6.1.0-sample';

function refused(code: string, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof KindlingError && error.code === code, `expected ${code}`);
}

test('a generic plan has the tools, early userspace, and the drivers of every machine with what they need', () => {
  const made = planned(sample());
  assert.equal(made.kernel.version, '6.1.0-sample');
  for (const name of ['ahci', 'libata', 'scsi_mod', 'sd_mod', 'virtio_blk', 'virtio_pci', 'ext4', 'jbd2', 'crc32c_generic', 'hid']) {
    assert.ok(made.packed.includes(name), `${name} is missing`);
  }
  assert.deepEqual([...made.deferred].sort(), ['e1000', 'hid_wacom', 'jfs', 'radeon']);
  for (const path of ['init', 'bin/sh', 'sbin/modprobe', 'sbin/switch_root', 'dev/console', 'newroot']) {
    assert.ok(resolve(treeRoot(made.tree, 'plan'), path).entry !== undefined, `${path} is missing`);
  }
  const order = (name: string): number => made.packed.indexOf(name);
  assert.ok(order('jbd2') < order('ext4') && order('scsi_mod') < order('libata') && order('libata') < order('ahci'));
  assert.match(textIn(made, `${TREE}/modules.dep`), /^kernel\/drivers\/ata\/ahci\.ko: /m);
});

test('every entry has a reason, and every chain of reasons ends at a part', () => {
  const made = planned(sample({ 'etc/modprobe.d/a.conf': 'options ext4 x=1\n' }));
  for (const { path } of made.tree.entries) {
    const reasons = made.reasons.get(path) ?? [];
    assert.ok(reasons.length > 0, `${path} has no reason`);
    const seen = new Set<string>();
    for (let at: string | undefined = path; at !== undefined; at = made.reasons.get(at)?.[0]?.because) {
      assert.ok(made.reasons.has(at), `${path} is there because of ${at}, which is not`);
      assert.ok(!seen.has(at), `the reasons of ${path} go round at ${at}`);
      seen.add(at);
    }
  }
  const jbd2 = made.reasons.get(`${TREE}/kernel/fs/jbd2/jbd2.ko`);
  assert.deepEqual(jbd2, [{ part: 'filesystems', text: 'dependency of ext4', because: `${TREE}/kernel/fs/ext4/ext4.ko` }]);
});

test('links of a merged root stay links, and paths go through them', () => {
  const made = planned(sample());
  assert.equal(made.tree.get('bin')?.kind, 'symlink');
  assert.equal(made.tree.get('usr/bin/sh')?.kind, 'symlink');
  assert.equal(made.tree.get('bin/sh'), undefined);
});

test('a root that is not merged keeps its directories', () => {
  const made = planned(sample({ bin: undefined, sbin: undefined, lib: undefined, 'usr/bin/busybox': undefined, 'bin/busybox': busybox() }));
  assert.equal(made.tree.get('bin')?.kind, 'directory');
  assert.equal(made.tree.get('bin/busybox')?.kind, 'file');
  assert.equal(made.tree.get('sbin/modprobe')?.kind, 'symlink');
});

test('scope host takes what the machine has, and the file system of its root', () => {
  const made = planned(sample(), {}, VIRTUAL);
  for (const name of ['virtio_blk', 'virtio_pci', 'virtio', 'ext4', 'jbd2']) assert.ok(made.packed.includes(name), `${name} is missing`);
  for (const name of ['ahci', 'libata', 'radeon']) assert.ok(!made.packed.includes(name), `${name} is not of this machine`);
  assert.match(textIn(made, 'usr/lib/kindling/early.conf'), /^FILESYSTEMS='ext4'$/m);
});

test('a module that the other kernel had built in is taken by its name', () => {
  const facts = { ...VIRTUAL, modaliases: [], loaded: [], chain: [], modules: ['sd_mod', 'ext4'] };
  assert.ok(planned(sample(), {}, facts).packed.includes('sd_mod'));
});

test('missing firmware is a note for a possible module and an error for a loaded one', () => {
  const severity = (made: ReturnType<typeof planned>): string | undefined =>
    made.findings.find(({ code }) => code === 'firmware-missing')?.severity;
  assert.equal(severity(planned(sample())), 'note');
  assert.equal(severity(planned(sample(), {}, { ...VIRTUAL, loaded: ['ahci'], modules: ['ahci'] })), 'error');
  const held = planned(sample({ 'usr/lib/firmware/ahci.bin': 'firmware' }));
  assert.equal(severity(held), undefined);
  assert.equal(textIn(held, 'lib/firmware/ahci.bin'), 'firmware');
  assert.equal(held.segmentOf.get('usr/lib/firmware/ahci.bin'), 'firmware');
});

test('settings choose modules, and a named one that is nowhere is NO_MODULE', () => {
  const made = planned(sample(), { modules: ['jfs'], 'omit-modules': ['ahci'] });
  assert.ok(made.packed.includes('jfs'));
  assert.ok(!made.packed.includes('ahci'));
  assert.match(textIn(made, 'usr/lib/kindling/early.conf'), /^LOAD='jfs'$/m);
  refused('NO_MODULE', () => planned(sample(), { modules: ['no_such'] }));
});

test('modprobe.d: refused and blacklisted modules stay out, the files come along, /dev/null masks', () => {
  const root = sample({
    'etc/modprobe.d/off.conf': 'install ahci /bin/false\nblacklist virtio_blk\n',
    'usr/lib/modprobe.d/kept.conf': 'options ext4 x=1\n',
    'usr/lib/modprobe.d/masked.conf': 'blacklist ext4\n',
    'etc/modprobe.d/masked.conf': '-> /dev/null',
  });
  const made = planned(root);
  assert.ok(!made.packed.includes('ahci') && !made.packed.includes('virtio_blk') && made.packed.includes('ext4'));
  assert.equal(textIn(made, 'etc/modprobe.d/kept.conf'), 'options ext4 x=1\n');
  assert.equal(made.tree.get('etc/modprobe.d/masked.conf'), undefined);
  assert.deepEqual(
    made.findings
      .filter(({ code }) => /^module-(refused|blacklisted)$/.test(code))
      .map(({ code }) => code)
      .sort(),
    ['module-blacklisted', 'module-refused'],
  );
});

test('modules-load.d and etc/modules are packed and loaded first', () => {
  const made = planned(sample({ 'etc/modules-load.d/a.conf': '# x\njfs\n', 'etc/modules': 'e1000\n' }));
  assert.ok(made.packed.includes('jfs') && made.packed.includes('e1000'));
  assert.match(textIn(made, 'usr/lib/kindling/early.conf'), /^LOAD='jfs e1000'$/m);
});

test('parts are added and omitted by name; impossible wishes are refused', () => {
  assert.ok(planned(sample(), { add: ['network'] }).packed.includes('e1000'));
  assert.ok(!planned(sample(), { omit: ['storage'] }).packed.includes('ahci'));
  refused('BAD_CONFIG', () => planned(sample(), { add: ['no-such'] }));
  refused('BAD_CONFIG', () => planned(sample(), { omit: ['init'] }));
  refused('CONFLICT', () => planned(sample(), { add: ['fsck'], omit: ['fsck'] }));
  refused('CONFLICT', () => planned(sample(), { modules: ['jfs'], 'omit-modules': ['j*'] }));
});

test('a separate /usr and a resume device are honoured', () => {
  const root = sample({
    'etc/fstab': 'UUID=1 / ext4 defaults 0 1\nLABEL=usr /usr jfs ro 0 2\n',
    'etc/initramfs-tools/conf.d/resume': 'RESUME=UUID=77\n',
  });
  const made = planned(root);
  assert.ok(made.packed.includes('jfs'));
  assert.ok(made.findings.some(({ code }) => code === 'separate-usr'));
  assert.match(textIn(made, 'usr/lib/kindling/early.conf'), /^RESUME='UUID=77'$/m);
});

test('microcode is joined into the early segment', () => {
  const made = planned(
    sample({
      'usr/lib/firmware/intel-ucode/06-01-01': 'one',
      'usr/lib/firmware/intel-ucode/06-01-02': 'old',
      'usr/lib/firmware/intel-ucode/06-01-02.early': 'two',
      'usr/lib/firmware/amd-ucode/microcode_amd.bin': 'amd',
      'usr/lib/firmware/amd-ucode/README': 'no',
    }),
  );
  const content = (path: string): string => {
    const entry = made.microcode?.get(path);
    return entry?.kind === 'file' ? String.fromCharCode(...entry.content.read(0, entry.content.size)) : 'missing';
  };
  assert.equal(content('kernel/x86/microcode/GenuineIntel.bin'), 'onetwo');
  assert.equal(content('kernel/x86/microcode/AuthenticAMD.bin'), 'amd');
});

test('a root without busybox gives its own programs, and one without a shell is NO_PROGRAM', () => {
  const own = Object.fromEntries(
    ['sh', 'mount', 'umount', 'modprobe', 'switch_root', 'sleep', 'mkdir', 'cat'].map((name) => [`usr/bin/${name}`, busybox([])]),
  );
  const made = planned(sample({ 'usr/bin/busybox': undefined, ...own }));
  assert.equal(made.tree.get('usr/bin/switch_root')?.kind, 'file');
  assert.match(textIn(made, 'usr/lib/kindling/early.conf'), /^TOOLS='programs'$/m);
  refused('NO_PROGRAM', () => planned(sample({ 'usr/bin/busybox': undefined })));
});

test('programs and files that the settings name are taken, and take the place of applets', () => {
  const made = planned(sample({ 'usr/bin/vi': busybox([]), 'etc/secret/a': 'x', 'etc/secret/b': '-> a' }), {
    programs: ['/usr/bin/vi'],
    files: ['/etc/secret'],
  });
  assert.equal(made.tree.get('usr/bin/vi')?.kind, 'file');
  assert.equal(textIn(made, 'etc/secret/b'), 'x');
  refused('NO_ENTRY', () => planned(sample(), { files: ['/etc/none'] }));
  refused('NO_PROGRAM', () => planned(sample(), { programs: ['/usr/bin/none'] }));
});

test('two parts that want different things at one path are a CONFLICT', () => {
  refused('CONFLICT', () => planned(sample({ 'usr/bin/cat': busybox([]) }), { files: ['/usr/bin/cat'] }));
});

test('a root without a kernel, or without this one, is NO_KERNEL', () => {
  const bare = treeRoot(planned(sample()).tree, 'bare');
  refused('NO_KERNEL', () => planned({ ...bare, names: () => [] }));
});

test('a plan made twice is the same plan', () => {
  const [a, b] = [planned(sample()), planned(sample())];
  assert.deepEqual(
    a.tree.entries.map(({ path, mode }) => [path, mode]),
    b.tree.entries.map(({ path, mode }) => [path, mode]),
  );
  assert.deepEqual([...a.reasons], [...b.reasons]);
  assert.deepEqual(a.packed, b.packed);
});
