// What late modules spare a live medium: the archive is small against one with all drivers in it, and `kindling plan` says by how much and what a
// loader takes to read either. test/boots/live-read.long.ts has GRUB read both.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lateRoot } from './boots/early-world.ts';
import { CLONE, mustRun } from './world/index.ts';

const KINDLING = join(CLONE, 'bin/kindling');
const folder = mkdtempSync(join(tmpdir(), 'kindling-live-sizes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the live archive is less than a third of the monolithic one: plan says both sizes and what a loader takes to read them', async () => {
  const root = await lateRoot();
  const words = ['--root', root, '--add', 'live'];
  const said = await mustRun(KINDLING, ['plan', ...words]);
  const { forecast, monolithic, packed, deferred } = JSON.parse(await mustRun(KINDLING, ['plan', '--json', ...words]));
  assert.equal(monolithic.modules, packed.length + deferred.length);
  assert.ok(forecast.archiveSize * 3 < monolithic.archiveSize, `${forecast.archiveSize} and ${monolithic.archiveSize} bytes`);
  assert.ok(forecast.unpackedSize * 3 < monolithic.unpackedSize, `${forecast.unpackedSize} and ${monolithic.unpackedSize} bytes unpacked`);
  const mib = (size: number): string => `${(size / 2 ** 20).toFixed(1)} MiB`;
  const sizes = `with all ${monolithic.modules} modules in it: about ${mib(monolithic.archiveSize)}, ${mib(monolithic.unpackedSize)} unpacked`;
  assert.ok(said.includes(`archive: about ${mib(forecast.archiveSize)}`) && said.includes(sizes), said);
  const seconds = (size: number): string => `${(size / 10e6).toFixed(1)} s`;
  assert.ok(said.includes(`10 MB/s: about ${seconds(forecast.archiveSize)} in place of ${seconds(monolithic.archiveSize)}`), said);
  // what was estimated is what is made
  await mustRun(KINDLING, ['build', ...words, '-o', join(folder, 'live.img')]);
  const { size } = statSync(join(folder, 'live.img'));
  assert.ok(Math.abs(size - forecast.archiveSize) < forecast.archiveSize / 4, `${size} bytes, ${forecast.archiveSize} were expected`);
});
