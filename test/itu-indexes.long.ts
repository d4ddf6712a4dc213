// A driver of Debian's kernel, taken out of its module tree and brought back by a bundle: the index files are those that depmod makes, all 4000
// modules of them, and kmod finds the driver by them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nameFromBytes } from '../src/bytes/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { carryOutPlans, planApply } from '../src/node/itu/carry-out.ts';
import { openSite, takeOut } from '../src/node/itu/remove.ts';
import { decodeIndex } from '../src/plan/modules/index.ts';
import { bundlesOf, kindling } from './itu.fixture.ts';
import { needs, tool } from './tools.ts';
import { cacheFolder, debianKernel, linkTree } from './world/index.ts';

const NAMES = ['dep', 'dep.bin', 'alias', 'alias.bin', 'softdep', 'symbols', 'symbols.bin', 'devname', 'builtin.bin'];

const sorted = (line: string): string => line.split(' ').sort().join(' ');

/** An index as lines that can be compared: dependencies and hash tables have no order of their own. */
function rows(name: string, content: Uint8Array): string[] {
  const lines = name.endsWith('.bin')
    ? decodeIndex(content).map(({ key, value }) => `${key} ${name === 'dep.bin' ? sorted(value) : value}`)
    : nameFromBytes(content)
        .split('\n')
        .map((line) => (name === 'dep' ? sorted(line) : line));
  return lines.sort();
}

test('after a bundle the indexes are those of depmod, and after its removal too', async (t) => {
  if (!needs(t, 'depmod', 'modprobe')) return;
  const kernel = await debianKernel('amd64');
  mkdirSync(join(cacheFolder(), 'scratch'), { recursive: true });
  const folder = mkdtempSync(join(cacheFolder(), 'scratch', 'itu-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const root = join(folder, 'root');
  const place = `usr/lib/modules/${kernel.version}`;
  linkTree(join(kernel.root, place), join(root, place));
  symlinkSync('usr/lib', join(root, 'lib'));
  const stock = join(root, place, 'kernel/drivers/block/virtio_blk.ko');
  rmSync(stock);
  const compare = (when: string): void => {
    const ours = new Map(NAMES.map((name) => [name, readFileSync(join(root, place, `modules.${name}`))]));
    for (const name of NAMES) rmSync(join(root, place, `modules.${name}`));
    execFileSync(tool('depmod'), ['-b', root, kernel.version]);
    for (const [name, bytes] of ours) {
      assert.deepEqual(rows(name, bytes), rows(name, readFileSync(join(root, place, `modules.${name}`))), `modules.${name} ${when}`);
    }
  };
  const made = kindling(
    folder,
    'itu',
    'make',
    '--name',
    'virtio',
    '--number',
    '1',
    '--module',
    join(kernel.root, place, 'kernel/drivers/block/virtio_blk.ko'),
    '-o',
    '.',
  );
  assert.equal(made.code, 0, made.err);
  const site = openSite(root);
  t.after(() => site.close());
  await carryOutPlans(site, await planApply(site, await bundlesOf(join(folder, '001-virtio.itu')), nodeDecoders()), nodeDecoders());
  compare('with the bundle');
  const shown = execFileSync(
    tool('modprobe'),
    ['-C', '/dev/null', '-d', root, '-S', kernel.version, '--show-depends', 'virtio:d00000002v00001AF4'],
    {
      encoding: 'utf8',
    },
  );
  assert.match(shown, /updates\/drivers\/block\/virtio_blk\.ko/);
  await takeOut(site, 'virtio', nodeDecoders());
  compare('without it');
});
