// Which kernel is the newest, and where its facts come from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, kernelFacts, kernelVersions } from './kernel.ts';
import { sample } from './sample.fixture.ts';

test('releases are ordered as people count', () => {
  const sorted = ['6.1.0-rc2', '6.1.0', '6.1.0-5-amd64', '6.1.0-56-amd64', '6.9.0', '6.10.0'];
  assert.deepEqual([...sorted].reverse().sort(compareVersions), sorted);
});

test('a root with several kernels gives the newest, and left-over directories do not count', () => {
  const root = sample({
    'usr/lib/modules/6.2.0/modules.builtin': 'kernel/fs/ext4/ext4.ko\n',
    'usr/lib/modules/6.3.0/modules.dep': '',
    'boot/vmlinuz-5.10.0': 'image',
    'boot/vmlinuz-9.0.0.old': 'image',
  });
  assert.deepEqual(kernelVersions(root), ['6.2.0', '6.1.0-sample', '5.10.0']);
  assert.equal(kernelFacts(root, undefined).version, '6.2.0');
  assert.equal(kernelFacts(root, { version: '5.10.0' }).moduleTree, undefined);
  assert.throws(() => kernelFacts(root, { version: '6.3.0' }), /no kernel 6\.3\.0, only/);
});

test('the configuration gives the machine and the options', () => {
  const root = sample({ 'boot/config-6.1.0-sample': 'CONFIG_ARM64=y\n# CONFIG_RD_XZ is not set\nCONFIG_NAME="a b"\n' });
  const { machine, config } = kernelFacts(root, undefined);
  assert.equal(machine, 'aarch64');
  assert.equal(config?.get('RD_XZ'), 'n');
  assert.equal(config?.get('NAME'), 'a b');
});
