// The running system as a target: which systems are live, and what becomes of the modules that a bundle wants loaded.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { liveSystem, loadModules } from '../src/node/itu/live.ts';
import { kindling, PLAIN_MANIFEST } from './itu.fixture.ts';

test('modules are loaded in their order; one that fails does not stop the others', async () => {
  const asked: string[] = [];
  const results = await loadModules(
    { ...PLAIN_MANIFEST, load: ['first', 'there', 'broken', 'last'] },
    {
      isLoaded: (name) => name === 'there',
      modprobe: async (name) => {
        asked.push(name);
        return name === 'broken' ? { code: 1, stderr: 'modprobe: invalid module format\n' } : { code: 0, stderr: '' };
      },
    },
  );
  assert.deepEqual(asked, ['first', 'broken', 'last']);
  assert.deepEqual(
    results.map(({ name, result }) => [name, result]),
    [
      ['first', 'loaded'],
      ['there', 'kept'],
      ['broken', 'failed'],
      ['last', 'loaded'],
    ],
  );
  assert.equal(results[2]?.message, 'modprobe: invalid module format');
});

test('an installed system is left alone unless that is said', (t) => {
  const { live, why } = liveSystem();
  assert.notEqual(why, '');
  if (live) return t.skip(`this test runs on a live system: ${why}`);
  const folder = mkdtempSync(`${tmpdir()}/kindling-itu-live-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const ended = kindling(folder, 'itu', 'apply', '.', '--yes');
  assert.equal(ended.code, 2);
  assert.match(ended.err, /the running system is no live or installer system .*say --live .* or name a root with -R/);
});
