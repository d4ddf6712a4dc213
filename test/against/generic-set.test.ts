// Scope "generic" against MODULES=most of initramfs-tools on the same kernel: nothing it takes of the families the design names may be missing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { directoryRoot } from '../../src/node/directory.ts';
import { earlyTree } from '../../src/node/early-tree.ts';
import { DEFAULT_SETTINGS, moduleTreeOf, openModules, plan } from '../../src/plan/index.ts';
import { isCi } from '../tools.ts';
import { debianRoot } from '../world/index.ts';

const FUNCTIONS = '/usr/share/initramfs-tools/hook-functions';
// The families of the design's definition, and the drivers it names one by one.
const FAMILIES = /^kernel\/drivers\/(ata|scsi|nvme|mmc|ufs|block|virtio|hv|message|usb\/host|usb\/storage|hid)\//;
const NAMED = [
  'xen_blkfront',
  'hv_storvsc',
  'vmw_pvscsi',
  'vmd',
  'ext4',
  'xfs',
  'btrfs',
  'f2fs',
  'vfat',
  'isofs',
  'squashfs',
  'erofs',
  'overlay',
];

/** Names of modules that MODULES=most starts from; their dependencies are a matter of the closure. */
function mostModules(tree: string): string[] {
  const script = `. ${FUNCTIONS}; MODULESDIR=$1; version=x; verbose=n; manual_add_modules() { for name; do echo "$name"; done; }; auto_add_modules`;
  const text = execFileSync('sh', ['-c', script, 'sh', tree], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    maxBuffer: 1 << 24,
  });
  return text
    .split(/\s+/)
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}

test('the generic set holds everything MODULES=most takes of the named families', async (t) => {
  if (!existsSync(FUNCTIONS)) {
    if (isCi()) throw new Error('initramfs-tools-core is not installed (CI is set, so nothing is skipped)');
    t.skip('needs initramfs-tools-core, not installed here');
    return;
  }
  const { folder } = await debianRoot('amd64');
  const root = directoryRoot(folder);
  const decoders = nodeDecoders();
  const made = plan({ root, scope: 'generic', settings: DEFAULT_SETTINGS, early: earlyTree(), decoders });
  const tree = made.kernel.moduleTree ?? '';
  const set = openModules(root, moduleTreeOf(root, made.kernel.version) ?? '', decoders);
  const packed = new Set(made.packed);
  const most = mostModules(`${folder}/${tree}`);
  assert.ok(most.length > 400, `only ${most.length} names: is the peer asked in the right way?`);
  const inFamilies = most.filter((name) => FAMILIES.test(set.get(name)?.relative ?? ''));
  assert.ok(inFamilies.length > 200, `only ${inFamilies.length} of them are in the families`);
  assert.deepEqual(
    inFamilies.filter((name) => !packed.has(name)),
    [],
  );
  for (const name of NAMED) assert.ok(packed.has(name) || set.builtins.has(name), `${name} is neither packed nor built in`);
});
