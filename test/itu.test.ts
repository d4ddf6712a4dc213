// Install-time updates as a person uses them: bundles are made, signed, listed, verified, applied and taken out again.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bytesSource, concat, utf8 } from '../src/bytes/index.ts';
import { encode as encodeDeb } from '../src/formats/deb/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { nodeEncoders } from '../src/node/codecs-encode.ts';
import { directoryRoot } from '../src/node/directory.ts';
import { carryOutPlans, planApply } from '../src/node/itu/carry-out.ts';
import { openSite } from '../src/node/itu/remove.ts';
import { openModules } from '../src/plan/modules/index.ts';
import { file, makeTree, symlink, withParents } from '../src/tree/index.ts';
import { codecChoice } from '../src/verbs/build.ts';
import { bundlesOf, type Ended, keysAt, kindling, moduleAt, rootAt, SAMPLE_TREE, snapshot } from './itu.fixture.ts';
import { needs } from './tools.ts';

let folder = '';
let keys: ReturnType<typeof keysAt>;
const at = (path: string): string => join(folder, path);
const run = (...argv: string[]): Ended => kindling(folder, 'itu', ...argv);

function made(...argv: string[]): string {
  const { code, err, out } = run('make', ...argv, '--json');
  assert.equal(code, 0, err);
  return JSON.parse(out).output;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-itu-'));
  moduleAt(at('in/raid9.ko'), {
    depends: 'scsi_mod',
    imports: ['scsi_host_alloc'],
    alias: 'pci:v00001234d*sv*sd*bc*sc*i*',
    firmware: 'raid9.bin',
  });
  moduleAt(at('in/virtio_blk.ko'), { depends: 'virtio', alias: 'virtio:d00000002v*', imports: ['__blk_mq_alloc_disk'] });
  writeFileSync(at('in/raid9.bin'), 'firmware');
  writeFileSync(at('in/raid9.conf'), 'options raid9 depth=4\n');
  writeFileSync(at('in/tool'), '#!/bin/sh\necho tool\n', { mode: 0o755 });
  keys = keysAt(folder, 'vendor');
});
after(() => rmSync(folder, { recursive: true, force: true }));

const FULL = ['--name', 'raid9', '--number', '10', '--version', '2.1', '--description', 'Raid nine', '--module', 'in/raid9.ko'];
const REST = [
  '--firmware',
  'in/raid9.bin',
  '--config',
  'in/raid9.conf=/etc/modprobe.d/raid9.conf',
  '--file',
  'in/tool=/usr/sbin/raid9-tool',
];

test('a bundle is an archive that kindling and cpio read, equal each time, with a signature that openssl accepts', (t) => {
  if (!needs(t, 'openssl', 'cpio', 'gzip')) return;
  const root = rootAt(at('make-root'));
  const path = made(...FULL, ...REST, '--sign', keys.secret, '-R', root, '-o', '.');
  assert.equal(path, '010-raid9.itu');
  const first = readFileSync(at(path));
  const signature = readFileSync(at(`${path}.sig`));
  made(...FULL, ...REST, '--sign', keys.secret, '-o', '.');
  assert.deepEqual(readFileSync(at(path)), first);
  assert.deepEqual(readFileSync(at(`${path}.sig`)), signature);
  const checked = spawnSync(
    'openssl',
    ['pkeyutl', '-verify', '-pubin', '-inkey', keys.open, '-rawin', '-in', path, '-sigfile', `${path}.sig`],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  assert.match(checked.stdout, /Verified Successfully/);
  const module = `${SAMPLE_TREE}/updates/drivers/scsi/raid9.ko`;
  const listed = kindling(folder, 'list', path).out.trim().split('\n');
  const cpio = execFileSync('sh', ['-c', `gzip -dc ${path} | cpio -t --quiet`], { cwd: folder, encoding: 'utf8' });
  assert.deepEqual(listed, cpio.trim().split('\n'));
  assert.ok(listed.includes(module) && listed.includes('usr/lib/firmware/raid9.bin') && listed.includes('usr/sbin/raid9-tool'));
  const manifest = kindling(folder, 'cat', path, 'usr/lib/kindling/itu/raid9/manifest').out;
  assert.match(
    manifest,
    /^kindling itu 1\nname raid9\nnumber 10\nversion 2\.1\ndescription Raid nine\narchitecture x86_64\nkernel 6\.1\.0-sample\nload raid9\n/,
  );
  assert.match(manifest, /^config 0644 22 [0-9a-f]{64} etc\/modprobe\.d\/raid9\.conf$/m);
  assert.match(manifest, /^file 0755 \d+ [0-9a-f]{64} usr\/sbin\/raid9-tool$/m);
});

test('what does not fit is found before a bundle is written', () => {
  const root = rootAt(at('fit-root'));
  const refused = (expected: RegExp, code: number, ...argv: string[]): void => {
    const ended = run('make', '--name', 'wrong', '--number', '1', '-o', 'wrong.itu', ...argv);
    assert.equal(ended.code, code, ended.err);
    assert.match(ended.err, expected);
    assert.ok(!existsSync(at('wrong.itu')));
  };
  moduleAt(at('in/lost.ko'), { depends: 'nowhere,scsi_mod' });
  writeFileSync(at('in/text.ko'), 'this is text');
  refused(/depends on nowhere, which is neither in the bundle nor in the target/, 1, '--module', 'in/lost.ko', '-R', root);
  refused(/the module is for kernel 6\.1\.0-sample, the bundle for 5\.0/, 1, '--module', 'in/raid9.ko', '-k', '5.0');
  refused(/BAD_MAGIC.*in\/text\.ko/, 3, '--module', 'in/text.ko');
  refused(/NO_ENTRY.*in\/none\.ko/, 3, '--module', 'in/none.ko');
  refused(/configuration goes below \/etc/, 2, '--config', 'in/raid9.conf=/usr/share/x');
  refused(/both go to/, 3, '--file', 'in/tool=/usr/bin/x', '--file', 'in/raid9.conf=/bin/x');
  refused(/nothing is written to \/etc\/kindling/, 3, '--file', `${keys.open}=/etc/kindling/keys/mine.pem`);
  refused(/has the component "\.\."|BAD_NAME|UNSAFE_PATH/, 3, '--file', 'in/tool=/usr/../../x');
  refused(/where it goes is missing/, 2, '--file', 'in/tool');
  refused(/there is nothing to put into the bundle/, 2);
  refused(/the version is "1 2"/, 2, '--version=1 2', '--file', 'in/tool=/usr/bin/x');
  const unchecked = run('make', '--name', 'noted', '--number', '1', '--module', 'in/lost.ko', '-o', 'noted.itu', '-v');
  assert.equal(unchecked.code, 0, unchecked.err);
  assert.match(unchecked.err, /depends on nowhere, which the target must have: no --root was given/);
});

async function packageAt(path: string): Promise<void> {
  const text = (name: string, content: string, mode?: number) => file(name, bytesSource(utf8(content)), mode);
  const control = makeTree([
    text('control', 'Package: driver\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a driver\n'),
    text('conffiles', '/etc/driver.conf\n'),
    text('postinst', '#!/bin/sh\n', 0o755),
  ]);
  const data = makeTree(
    withParents([
      text('etc/driver.conf', 'x=1\n'),
      text('sbin/driver', '#!/bin/sh\n', 0o755),
      symlink('usr/bin/driver', '/usr/sbin/driver'),
      text('usr/share/doc/driver/copyright', 'free\n'),
    ]),
  );
  writeFileSync(path, concat(await encodeDeb({ control, data }, { codec: codecChoice('gzip', nodeEncoders()), mtime: 0 })));
}

test('a package comes in as its files, with its configuration known as such, and its scripts are not run', async () => {
  await packageAt(at('in/driver.deb'));
  const path = made('--name', 'packaged', '--number', '30', '--deb', 'in/driver.deb', '-o', 'packaged.itu');
  const manifest = kindling(folder, 'cat', path, 'usr/lib/kindling/itu/packaged/manifest').out;
  assert.match(manifest, /^architecture any$/m);
  assert.match(manifest, /^config 0644 \d+ \S+ etc\/driver\.conf$/m);
  assert.match(manifest, /^file 0755 \d+ \S+ usr\/sbin\/driver$/m);
  assert.match(manifest, /^link usr\/bin\/driver \.\.\/\.\.\/usr\/sbin\/driver$/m);
  assert.doesNotMatch(manifest, /usr\/share\/doc/);
  assert.match(run('make', '--name', 'packaged', '--number', '30', '--deb', 'in/driver.deb', '-n').err, /postinst will not be run/);
});

test('only a good signature, or none and the word for it, lets a bundle through', () => {
  const medium = at('medium/kindling/itu');
  mkdirSync(medium, { recursive: true });
  const other = keysAt(folder, 'other');
  const root = rootAt(at('signed-root'));
  const before = snapshot(root);
  const path = made(...FULL, '--sign', keys.secret, '-o', medium);
  const verdict = (expected: number, text: RegExp, ...argv: string[]): void => {
    const ended = run('verify', 'medium', '-R', root, ...argv);
    assert.equal(ended.code, expected, ended.out + ended.err);
    assert.match(ended.out, text);
  };
  const notApplied = (text: RegExp, ...argv: string[]): void => {
    const ended = run('apply', 'medium', '--yes', '--no-live', '-R', root, ...argv);
    assert.equal(ended.code, 3, ended.err);
    assert.match(ended.err, text);
    assert.deepEqual(snapshot(root), before);
  };
  verdict(0, /signed \(vendor\.pem\)/, '--key', keys.open);
  verdict(1, /by none of the 1 known keys/, '--key', other.open);
  notApplied(/by none of the 1 known keys/, '--key', other.open, '--unsigned');
  notApplied(/there is no key to check that with/);
  const whole = readFileSync(path);
  const changed = Uint8Array.from(whole, (byte, index) => (index === whole.length >> 1 ? byte ^ 1 : byte));
  writeFileSync(path, changed);
  notApplied(/by none of the 1 known keys/, '--key', keys.open, '--unsigned');
  writeFileSync(path, whole);
  writeFileSync(`${path}.sig`, 'short');
  notApplied(/the signature has 5 bytes, expected 64/, '--key', keys.open, '--unsigned');
  rmSync(`${path}.sig`);
  notApplied(/is not signed; --unsigned takes it/, '--key', keys.open);
  verdict(1, /not signed/);
  verdict(0, /not signed/, '--unsigned');
  notApplied(/BAD_VALUE.*private key, expected a public one/, '--key', keys.secret);
  copyFileSync(path, join(medium, '020-other.itu'));
  verdict(1, /the bundle calls itself 010-raid9\.itu/, '--unsigned');
});

test('what was verified is what is applied, whatever the medium holds by then', async () => {
  const root = rootAt(at('swapped-root'));
  const path = made('--name', 'swapped', '--number', '1', '--file', 'in/tool=/usr/sbin/tool', '-o', 'swapped.itu');
  const [bundle] = await bundlesOf(at(path));
  writeFileSync(at(path), 'something else');
  const site = openSite(root);
  await carryOutPlans(site, await planApply(site, [bundle!], nodeDecoders()), nodeDecoders());
  site.close();
  assert.deepEqual(readFileSync(join(root, 'usr/sbin/tool')), readFileSync(at('in/tool')));
});

function applied(root: string, ...argv: string[]): Ended {
  const ended = run('apply', ...argv, '--unsigned', '--yes', '--no-live', '--no-update', '-R', root);
  assert.equal(ended.code, 0, ended.err);
  return ended;
}

test('a bundle goes into a root and out of it again, and leaves everything as it was', () => {
  const root = rootAt(at('there-and-back'), {
    'etc/modprobe.d/raid9.conf': '# the administrator wrote this\n',
    'usr/lib/firmware/raid9.bin': '-> nowhere',
  });
  utimesSync(join(root, 'etc/modprobe.d/raid9.conf'), 1_500_000_000, 1_500_000_000);
  applied(root, made('--name', 'warm-up', '--number', '1', '--module', 'in/raid9.ko', '-o', 'warm.itu'));
  run('remove', 'warm-up', '--no-update', '-R', root); // the root has index files now, as an installed one does
  const before = snapshot(root);
  const path = made(...FULL, ...REST, '--module', 'in/virtio_blk.ko', '-o', 'full.itu');
  const dry = run('apply', path, '--unsigned', '--no-live', '-n', '-R', root);
  assert.match(dry.err, /would put 5 files for 6\.1\.0-sample there/);
  assert.deepEqual(snapshot(root), before);
  applied(root, path);
  const tree = join(root, SAMPLE_TREE);
  assert.match(
    readFileSync(join(tree, 'modules.dep'), 'utf8'),
    /^updates\/drivers\/scsi\/raid9\.ko: kernel\/drivers\/scsi\/scsi_mod\.ko$/m,
  );
  assert.match(readFileSync(join(tree, 'modules.dep'), 'utf8'), /^updates\/drivers\/block\/virtio_blk\.ko: /m);
  assert.match(readFileSync(join(tree, 'modules.alias'), 'utf8'), /^alias pci:v00001234d\S+ raid9$/m);
  assert.equal(readFileSync(join(root, 'etc/modprobe.d/raid9.conf'), 'utf8'), 'options raid9 depth=4\n');
  const { applied: listed } = JSON.parse(run('list', '-R', root, '--json').out);
  assert.deepEqual([listed.length, listed[0].name, listed[0].state, listed[0].appliedFor], [1, 'raid9', 'applied', ['6.1.0-sample']]);
  assert.match(applied(root, path).err, /is there already/);
  const removed = run('remove', 'raid9', '--no-update', '-R', root);
  assert.equal(removed.code, 0, removed.err);
  assert.deepEqual(snapshot(root), before);
  assert.equal(execFileSync('stat', ['-c', '%Y', join(root, 'etc/modprobe.d/raid9.conf')], { encoding: 'utf8' }), '1500000000\n');
  assert.equal(run('remove', 'raid9', '--no-update', '-R', root).code, 3);
});

test('the plan of an archive takes the driver of a bundle, in place of the stock one too', () => {
  const root = rootAt(at('planned-root'));
  const planned = (): string =>
    kindling(folder, 'plan', '--root', root, '--list').out + kindling(folder, 'plan', '--root', root, '--json').out;
  assert.doesNotMatch(planned(), /raid9/);
  applied(root, made(...FULL, '--module', 'in/virtio_blk.ko', '-o', 'planned.itu'));
  const set = openModules(directoryRoot(root), SAMPLE_TREE, nodeDecoders());
  assert.equal(set.get('virtio_blk')?.relative, 'updates/drivers/block/virtio_blk.ko');
  assert.ok(set.indexed, 'the indexes fit the files');
  const archive = at('planned.img');
  const built = kindling(folder, 'build', '--root', root, '-o', archive);
  assert.equal(built.code, 0, built.err);
  const listed = kindling(folder, 'list', archive).out;
  assert.match(listed, /updates\/drivers\/scsi\/raid9\.ko/);
  assert.match(listed, /updates\/drivers\/block\/virtio_blk\.ko/);
  assert.doesNotMatch(listed, /kernel\/drivers\/block\/virtio_blk\.ko/);
});

test('the archive of the root is made anew with the bundle, and without it when it goes', () => {
  const root = rootAt(at('rebuilt-root'), { 'boot/vmlinuz-6.1.0-sample': 'a kernel', 'boot/initrd.img-6.1.0-sample': 'of another tool' });
  const archive = join(root, 'boot/kindling-6.1.0-sample.img');
  const holds = (): boolean => kindling(folder, 'list', archive).out.includes('/raid9.ko');
  const path = made(...FULL, '-o', 'rebuilt.itu');
  const ended = run('apply', path, '--unsigned', '--no-live', '-R', root, '--json');
  assert.equal(ended.code, 0, ended.err);
  const { targets } = JSON.parse(ended.out);
  assert.equal(targets[0].rebuilt.archives[0].outcome, 'made');
  assert.ok(holds());
  assert.equal(kindling(folder, 'update', '-n', '-R', root).code, 0);
  assert.equal(run('remove', 'raid9', '-R', root).code, 0);
  assert.ok(!holds());
  assert.equal(kindling(folder, 'update', '-n', '-R', root).code, 0);
});

test('of two bundles the later one wins, and either can go first', () => {
  const bundle = (name: string, number: string, text: string): string => {
    writeFileSync(at(`in/${name}`), text);
    return made(
      '--name',
      name,
      '--number',
      number,
      '--file',
      `in/${name}=/usr/share/shared`,
      '--file',
      `in/${name}=/usr/share/${name}/own`,
      '-o',
      `${name}.itu`,
    );
  };
  const [first, second] = [bundle('first', '1', 'one'), bundle('second', '2', 'two')];
  const shared = (root: string): string => readFileSync(join(root, 'usr/share/shared'), 'utf8');
  const orders: readonly (readonly [string, string])[] = [
    ['first', 'second'],
    ['second', 'first'],
  ];
  for (const [goes, stays] of orders) {
    const root = rootAt(at(`two-${goes}`), { 'usr/share/shared': 'stock' });
    const before = snapshot(root, ['var']);
    // by number, whatever the order on the command line
    const { err } = applied(root, second, first);
    assert.match(err, /second replaces \/usr\/share\/shared, which first put there: the last one wins/);
    assert.equal(shared(root), 'two');
    const gone = run('remove', goes, '--no-update', '-R', root);
    assert.equal(gone.code, 0, gone.err);
    assert.equal(shared(root), stays === 'second' ? 'two' : 'one');
    run('remove', stays, '--no-update', '-R', root);
    assert.equal(shared(root), 'stock');
    assert.deepEqual(snapshot(root, ['var']), before);
  }
});

test('a newer version takes the place of the older one, and what somebody changed is left alone', () => {
  const root = rootAt(at('versions-root'));
  const before = snapshot(root, ['var']);
  writeFileSync(at('in/v1'), 'one');
  writeFileSync(at('in/v2'), 'two');
  const version = (number: string, ...files: string[]): string =>
    made(
      '--name',
      'versions',
      '--number',
      '7',
      '--version',
      number,
      ...files.flatMap((name) => ['--file', `in/v${number}=/usr/share/${name}`]),
      '-o',
      `v${number}.itu`,
    );
  applied(root, version('1', 'a', 'b'));
  assert.match(applied(root, version('2', 'b', 'c')).err, /after its earlier state is taken out/);
  assert.ok(!existsSync(join(root, 'usr/share/a')));
  assert.equal(readFileSync(join(root, 'usr/share/b'), 'utf8'), 'two');
  writeFileSync(join(root, 'usr/share/c'), 'changed by hand');
  const removed = run('remove', 'versions', '--no-update', '-R', root);
  assert.equal(removed.code, 1);
  assert.match(removed.err, /usr\/share\/c was changed since and stays as it is/);
  assert.equal(readFileSync(join(root, 'usr/share/c'), 'utf8'), 'changed by hand');
  rmSync(join(root, 'usr/share'), { recursive: true });
  assert.deepEqual(snapshot(root, ['var']), before);
});

test('a bundle for other kernels is refused, one for several goes where its kernels are', () => {
  const root = rootAt(at('kernels-root'));
  const before = snapshot(root);
  moduleAt(at('in/other/raid9.ko'), {});
  const bytes = readFileSync(at('in/other/raid9.ko'));
  const elsewhere = Buffer.from(bytes.toString('latin1').replace('6.1.0-sample SMP', '6.1.0-foobar SMP'), 'latin1');
  writeFileSync(at('in/other/raid9.ko'), elsewhere);
  const other = made('--name', 'other', '--number', '1', '--module', 'in/other/raid9.ko', '-o', 'other.itu');
  const ended = run('apply', other, '--unsigned', '--no-live', '-R', root);
  assert.equal(ended.code, 1);
  assert.match(ended.err, /it is for 6\.1\.0-foobar, and .* has none of these kernels/);
  assert.deepEqual(snapshot(root), before);
  const both = made('--name', 'both', '--number', '1', '--module', 'in/other/raid9.ko', '--module', 'in/raid9.ko', '-o', 'both.itu');
  assert.match(applied(root, both).err, /has no kernel 6\.1\.0-foobar: the bundle's modules for it are left out/);
  assert.ok(existsSync(join(root, SAMPLE_TREE, 'updates/drivers/scsi/raid9.ko')));
  assert.ok(!existsSync(join(root, 'usr/lib/modules/6.1.0-foobar')));
});

test('links of the root are followed inside it and never out of it', () => {
  const outside = at('outside');
  mkdirSync(outside);
  const root = rootAt(at('linked-root'), {
    'etc/up.d': '-> ../../../../../../../srv/data',
    'etc/shared.d': '-> /usr/share',
    'etc/out.d': `-> ${outside}`,
    'usr/share/y': '',
  });
  const into = (name: string): string =>
    made('--name', name, '--number', '1', '--config', `in/raid9.conf=/etc/${name}.d/x`, '-o', `${name}.itu`);
  applied(root, into('shared'));
  assert.ok(existsSync(join(root, 'usr/share/x')));
  // above the root is the root, as when it is booted
  applied(root, into('up'));
  assert.ok(existsSync(join(root, 'srv/data/x')));
  run('remove', 'up', '--no-update', '-R', root);
  assert.ok(!existsSync(join(root, 'srv')));
  const ended = run('apply', into('out'), '--unsigned', '--no-live', '-R', root);
  assert.equal(ended.code, 3, ended.err);
  assert.match(ended.err, /a link of the root leads to .*outside\/x, where no bundle writes/);
  assert.equal(snapshot(outside).length, 1);
});

test('a root that is not there is not made', () => {
  const path = made(...FULL, '-o', 'nowhere.itu');
  for (const words of [['apply', path, '--unsigned', '--no-live'], ['list'], ['remove', 'raid9']]) {
    assert.equal(run(...words, '-R', at('nowhere')).code, 3, words.join(' '));
    assert.ok(!existsSync(at('nowhere')));
  }
});

test('nobody is asked where nobody can answer', () => {
  const root = rootAt(at('asked-root'));
  mkdirSync(at('asked/ITUs'), { recursive: true });
  made(...FULL, '-o', 'asked/ITUs/');
  const ended = run('apply', 'asked', '--unsigned', '--no-live', '-R', root);
  assert.equal(ended.code, 2);
  assert.match(ended.err, /say --yes for all bundles, or name them with --bundle/);
  assert.equal(run('apply', 'asked', '--unsigned', '--no-live', '-R', root, '--bundle', 'nobody').code, 3);
  assert.equal(run('apply', 'asked', '--unsigned', '--no-live', '--no-update', '-R', root, '--bundle', 'raid9').code, 0);
});
