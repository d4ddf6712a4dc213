// A tree as files that foreign writers can pack, and how the images they make are held against it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lutimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { isCi, needs, tool } from '../../../test/tools.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { fileSource } from '../../node/source.ts';
import { printManifest, type Tree } from '../../tree/index.ts';
import { check, decode, type SquashfsImage } from './index.ts';
import { written } from './written.fixture.ts';

/** True where tools and rights are there; otherwise the test is skipped, or fails where CI is set. */
export function ready(t: TestContext, ...tools: string[]): boolean {
  if (!needs(t, 'unsquashfs', ...tools)) return false;
  if (process.getuid?.() === 0) return true;
  assert.ok(!isCi(), 'needs root (CI is set, so nothing is skipped)');
  t.skip('needs root, which alone can make devices and give files away');
  return false;
}

/** The tree as files in `folder`/tree: made by unsquashfs of our own image, which `against-write` holds against the tree. */
export async function unpack(tree: Tree, folder: string, blockSize: number): Promise<void> {
  if (process.getuid?.() !== 0) return;
  writeFileSync(join(folder, 'own.sq'), await written(tree, { codec: 'gzip:1', blockSize }));
  try {
    execFileSync(tool('unsquashfs'), ['-no-progress', '-quiet', '-d', 'tree', 'own.sq'], { cwd: folder, stdio: 'pipe' });
    // mksquashfs tells hard links by everything stat says, and its own readlink changes the access time unless that is later than all others
    lutimesSync(join(folder, 'tree/target-long'), Date.now() / 1000 + 3600, 0);
  } catch (error) {
    if (isCi()) throw error;
  }
}

/** The tree as text. */
export const manifest = (of: Tree): string => printManifest(of, { sha256 });

/** Reads an image and holds it against the tree; `check` has to find nothing but notes. */
export function same(image: string, expected: Tree): SquashfsImage {
  const decoded = decode(fileSource(image), { decoders: nodeDecoders() });
  const [found, wanted] = [manifest(decoded.tree), manifest(expected)];
  const [ours, theirs] = [found, wanted].map((text) => text.split('\n').map((line) => line.slice(0, 300)));
  assert.deepEqual(ours, theirs);
  assert.ok(found === wanted, 'long attributes differ');
  const findings = check(fileSource(image), { decoders: nodeDecoders() }).filter(({ severity }) => severity !== 'note');
  assert.deepEqual(findings, []);
  return decoded;
}
