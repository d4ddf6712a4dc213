// kmod and busybox take our index files of a real kernel's modules: depmod makes the same ones, and modprobe resolves every module alike.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { cacheFolder, debianKernel, type Kernel, staticBusybox } from '../../../test/world/index.ts';
import { nameFromBytes } from '../../bytes/index.ts';
import { directoryRoot } from '../../node/index.ts';
import {
  closeOver,
  decodeIndex,
  type IndexFile,
  inDirectory,
  type KernelModule,
  type ModuleSet,
  moduleIndexes,
  openModules,
} from './index.ts';

const FAMILIES = ['ata', 'scsi', 'nvme', 'block', 'virtio', 'usb/host', 'usb/storage', 'hid', 'net/ethernet/intel'].map(
  (name) => `drivers/${name}`,
);

let kernel: Kernel;
let set: ModuleSet;
let modules: readonly KernelModule[];
let ours: readonly IndexFile[];

before(async () => {
  kernel = await debianKernel('amd64');
  set = openModules(directoryRoot(kernel.root), `usr/lib/modules/${kernel.version}`, []);
  const names = [
    ...FAMILIES.flatMap((family) => inDirectory(set, family).map((module) => module.name)),
    'ext4',
    'btrfs',
    'xfs',
    'vfat',
    'cifs',
  ];
  modules = closeOver(set, names).modules;
  ours = moduleIndexes(set, modules, { symbols: true });
});

/** A base directory for modprobe and depmod that holds the packed modules (hard links) and the files the kernel package brings. */
function baseDirectory(t: TestContext, version: string): { base: string; tree: string } {
  // beside the unpacked kernel, so that hard links can be made
  mkdirSync(join(cacheFolder(), 'scratch'), { recursive: true });
  const base = mkdtempSync(join(cacheFolder(), 'scratch', 'modules-'));
  t.after(() => rmSync(base, { recursive: true }));
  const tree = join(base, 'lib/modules', version);
  for (const module of modules) {
    const target = join(tree, module.relative);
    mkdirSync(dirname(target), { recursive: true });
    linkSync(join(kernel.root, module.path), target);
  }
  return { base, tree };
}

function writeIndexes(tree: string, names?: readonly string[]): void {
  for (const { name, bytes } of ours) if (names === undefined || names.includes(name)) writeFileSync(join(tree, name), bytes);
}

function run(program: string, ...args: string[]): string {
  const ran = spawnSync(tool(program), args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(ran.status, 0, `${program} ${args.slice(0, 8).join(' ')}: ${ran.stderr.slice(0, 2000)}`);
  return ran.stdout;
}

const COPIED = ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'];

test('there is enough to compare', () => {
  assert.ok(modules.length > 350, `${modules.length} modules`);
});

test('depmod writes the same text and the same tries', (t) => {
  if (!needs(t, 'depmod')) return;
  const { base, tree } = baseDirectory(t, kernel.version);
  writeIndexes(tree, COPIED);
  run('depmod', '-b', base, kernel.version);
  const sorted = (line: string) => line.split(' ').sort().join(' ');
  for (const { name, bytes } of ours) {
    // kmod 30, Debian 12's, does not know weak dependencies yet
    if (name === 'modules.weakdep') continue;
    const theirs = readFileSync(join(tree, name));
    if (!name.endsWith('.bin')) {
      const lines = (content: Uint8Array) =>
        nameFromBytes(content)
          .split('\n')
          .map((line) => (name === 'modules.dep' ? sorted(line) : line));
      // depmod lists symbols in the order of its hash table
      if (name === 'modules.symbols') assert.deepEqual(lines(bytes).sort(), lines(theirs).sort(), name);
      else assert.deepEqual(lines(bytes), lines(theirs), name);
      continue;
    }
    const rows = (content: Uint8Array) =>
      decodeIndex(content)
        .map(({ key, value }) => `${key} ${name === 'modules.dep.bin' ? sorted(value) : value}`)
        .sort();
    assert.deepEqual(rows(bytes), rows(theirs), name);
  }
});

/** What "insmod PATH [OPTIONS]" and "builtin NAME" lines say: the paths under the module tree, in order. */
function shown(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().replace(/^insmod .*\/lib\/modules\/[^/]+\//, ''));
}

test('modprobe resolves every module from our files as it does from those of depmod', (t) => {
  if (!needs(t, 'depmod', 'modprobe')) return;
  const mine = baseDirectory(t, kernel.version);
  writeIndexes(mine.tree);
  const theirs = baseDirectory(t, kernel.version);
  writeIndexes(theirs.tree, COPIED);
  run('depmod', '-b', theirs.base, kernel.version);
  const aliases = ['fs-ext4', 'crypto-crc32c', 'pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01', 'virtio:d00000002v00001AF4'];
  const single = modules.filter((_, index) => index % 5 === 0).map((module) => module.name);
  const ask = (base: string) =>
    [...single, ...aliases].map((name) =>
      shown(run('modprobe', '-C', '/dev/null', '-d', base, '-S', kernel.version, '--show-depends', name)),
    );
  // every module in one run, which tells each dependency once; then a fifth of them alone, to see the order as well
  const together = (base: string) =>
    shown(
      run('modprobe', '-C', '/dev/null', '-d', base, '-S', kernel.version, '-a', '--show-depends', ...modules.map((module) => module.name)),
    );
  assert.deepEqual(new Set(together(mine.base)), new Set(together(theirs.base)));
  const order = new Map(modules.map((module) => [module.relative, module]));
  const [fromOurs, fromTheirs] = [ask(mine.base), ask(theirs.base)];
  for (const [index, lines] of fromOurs.entries()) {
    assert.deepEqual([...lines].sort(), [...fromTheirs[index]!].sort());
    const seen = new Set<string>();
    for (const line of lines) {
      const module = order.get(line);
      for (const need of module === undefined ? [] : set.info(module).depends) {
        const file = set.get(need);
        assert.ok(file === undefined || seen.has(file.relative), `${need} before ${line}`);
      }
      seen.add(line);
    }
  }
});

test('busybox modprobe resolves every module from our text files', async (t) => {
  if (!needs(t, 'unshare', 'chroot')) return;
  // busybox looks under the running kernel's release, whatever that is
  const { base, tree } = baseDirectory(t, release());
  writeIndexes(tree);
  copyFileSync(await staticBusybox('amd64'), join(base, 'busybox'));
  chmodSync(join(base, 'busybox'), 0o755);
  const ran = spawnSync(
    tool('unshare'),
    ['-r', tool('chroot'), base, '/busybox', 'modprobe', '-D', '-a', ...modules.map((module) => module.name)],
    { encoding: 'utf8' },
  );
  if (ran.status !== 0 && /unshare/.test(ran.stderr)) {
    t.skip(`no user namespace here: ${ran.stderr.trim()}`);
    return;
  }
  assert.equal(ran.status, 0, ran.stderr.slice(0, 2000));
  const told = new Set(shown(ran.stdout).map((line) => line.replace(/^insmod /, '').replace(/ .*$/, '')));
  assert.deepEqual(
    modules.filter((module) => !told.has(module.relative)).map((module) => module.name),
    [],
  );
});

test('the files are the same from a tree that depmod has indexed', (t) => {
  if (!needs(t, 'depmod')) return;
  const { base, tree } = baseDirectory(t, kernel.version);
  writeIndexes(tree, COPIED);
  const asked = ['ext4', 'ahci', 'virtio_blk', 'pci:v00008086d000010D3sv*sd*bc*sc*i*'];
  const look = () => {
    const one = openModules(directoryRoot(base), `lib/modules/${kernel.version}`, []);
    const closed = closeOver(one, asked.slice(0, 3));
    return {
      indexed: one.indexed,
      modules: closed.modules.map((module) => module.name),
      found: asked.map((name) => one.find(name)),
      files: moduleIndexes(one, closed.modules),
    };
  };
  const scanned = look();
  run('depmod', '-b', base, kernel.version);
  const indexed = look();
  assert.deepEqual([scanned.indexed, indexed.indexed], [false, true]);
  assert.deepEqual({ ...indexed, indexed: false }, scanned);
});
