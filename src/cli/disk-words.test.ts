import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { diskFrom } from './disk-words.ts';

const from = (value: string, writes = false) => diskFrom(value, { bus: 'virtio', writes }, (file) => file.endsWith('.qcow2'));

test('a disk by its file alone, and word by word', () => {
  assert.deepEqual(from('a,b.img'), { file: 'a,b.img', bus: 'virtio', format: 'raw', readOnly: false, writes: false });
  assert.deepEqual(from('d.qcow2', true), { file: 'd.qcow2', bus: 'virtio', format: 'qcow2', readOnly: false, writes: true });
  assert.deepEqual(from('file=a,,b.img,bus=nvme,ro', true), { file: 'a,b.img', bus: 'nvme', format: 'raw', readOnly: true, writes: false });
  assert.deepEqual(from('file=a=b,format=qcow2,write'), { file: 'a=b', bus: 'virtio', format: 'qcow2', readOnly: false, writes: true });
});

test('what is no disk is refused', () => {
  for (const value of ['', 'file=', 'file=a,bus=floppy', 'file=a,format=vmdk', 'file=a,snapshot=off', 'file=a,ro,write', 'file=a,ro=on']) {
    assert.throws(
      () => from(value),
      (error) => error instanceof KindlingError && error.code === 'USAGE',
      value,
    );
  }
});
