// Small looks into files that belong to a boot: the end of its console, the kind of a disk image.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { system } from './errno.ts';

const TAIL_SIZE = 8192;
const QCOW2_MAGIC = [0x51, 0x46, 0x49, 0xfb];

function bytesOf(path: string, from: (size: number) => number, most: number): Uint8Array {
  const descriptor = system(() => openSync(path, 'r'), { file: path });
  try {
    const buffer = new Uint8Array(most);
    const at = from(fstatSync(descriptor).size);
    return buffer.subarray(
      0,
      system(() => readSync(descriptor, buffer, 0, most, at), { file: path }),
    );
  } finally {
    closeSync(descriptor);
  }
}

/** The last lines of a console file, at most `count`. */
export function consoleTail(path: string, count = 15): readonly string[] {
  const text = new TextDecoder().decode(bytesOf(path, (size) => Math.max(0, size - TAIL_SIZE), TAIL_SIZE));
  return text
    .split(/[\r\n]+/)
    .filter((line) => line !== '')
    .slice(-count);
}

/** Whether a disk image is one of QEMU's own format. Throws NO_ENTRY or NO_PERMISSION when it cannot be read. */
export function isQcow2(path: string): boolean {
  const head = bytesOf(path, () => 0, QCOW2_MAGIC.length);
  return QCOW2_MAGIC.every((byte, index) => head[index] === byte);
}
