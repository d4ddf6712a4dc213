// Firmware: search order, suffixes, links, wildcards.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeOver, openModules } from './index.ts';
import { SAMPLE_TREE, SAMPLE_VERSION, sampleRoot } from './sample-tree.ts';

function firmwareOf(wanted: string[], files: Record<string, string>, suffixes?: ('.zst' | '.xz')[]) {
  const set = openModules(sampleRoot({ modules: { 'a.ko': { firmware: wanted } }, files }), SAMPLE_TREE, []);
  const { firmware, findings } = closeOver(set, ['a'], suffixes === undefined ? {} : { firmware: { suffixes } });
  return { paths: firmware.map((one) => one.path), firmware, codes: findings.map((finding) => finding.code) };
}

const F = 'usr/lib/firmware';

test('all places with the plain name before any with a suffix, updates and the release first', () => {
  const files = { lib: '-> usr/lib', [`${F}/x.bin`]: '1', [`${F}/${SAMPLE_VERSION}/x.bin`]: '2', [`${F}/updates/x.bin.xz`]: '3' };
  assert.deepEqual(firmwareOf(['x.bin'], files).paths, [`${F}/${SAMPLE_VERSION}/x.bin`]);
  assert.deepEqual(firmwareOf(['x.bin'], { ...files, [`${F}/updates/x.bin`]: '4' }).paths, [`${F}/updates/x.bin`]);
  assert.deepEqual(firmwareOf(['y'], { [`${F}/y.xz`]: '', [`${F}/y.zst`]: '' }).paths, [`${F}/y.zst`]);
  assert.deepEqual(firmwareOf(['y'], { [`${F}/y.xz`]: '', [`${F}/y.zst`]: '' }, ['.xz']).paths, [`${F}/y.xz`]);
  assert.deepEqual(firmwareOf(['y'], { [`${F}/y.xz`]: '' }, []).codes, ['firmware-missing']);
});

test('a root without merged /usr', () => {
  assert.deepEqual(firmwareOf(['x'], { 'lib/firmware/x': '' }).paths, ['lib/firmware/x']);
});

test('chains of links are given with the file at their end', () => {
  const files = { [`${F}/a.bin`]: '-> v2/a.bin', [`${F}/v2`]: '-> v3', [`${F}/v3/a.bin`]: 'data' };
  const [found] = firmwareOf(['a.bin'], files).firmware;
  assert.equal(found?.path, `${F}/a.bin`);
  assert.equal(found?.file.path, `${F}/v3/a.bin`);
  assert.deepEqual(
    found?.links.map((link) => link.path),
    [`${F}/a.bin`, `${F}/v2`],
  );
});

test('wildcards, in names and directories, with and without suffix', () => {
  const files = {
    [`${F}/brcm/one-pcie.a.txt`]: '',
    [`${F}/brcm/two-pcie.b.txt.xz`]: '',
    [`${F}/brcm/other`]: '',
    [`${F}/c1/fw`]: '',
    [`${F}/c2/fw`]: '',
  };
  assert.deepEqual(firmwareOf(['brcm/*-pcie.*.txt'], files).paths, [`${F}/brcm/one-pcie.a.txt`, `${F}/brcm/two-pcie.b.txt.xz`]);
  assert.deepEqual(firmwareOf(['c*/fw'], files).paths, [`${F}/c1/fw`, `${F}/c2/fw`]);
  assert.deepEqual(firmwareOf(['d*/fw'], files).codes, ['firmware-missing']);
});

test('names that would leave the directory are not followed', () => {
  assert.deepEqual(firmwareOf(['../../etc/shadow', '/etc/shadow'], { 'etc/shadow': '', [`${F}/x`]: '' }).codes, [
    'firmware-missing',
    'firmware-missing',
  ]);
});
