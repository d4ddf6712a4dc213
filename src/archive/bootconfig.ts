// The bootconfig trailer (Documentation/admin-guide/bootconfig.rst): data, padding, size le32, byte sum le32, "#BOOTCONFIG\n", at the very
// end of the file. The kernel also looks one to three bytes earlier, because GRUB pads initrds to a multiple of 4.
import { asciiFrom, type ByteSource, u32le } from '../bytes/index.ts';
import type { Finding } from '../errors.ts';

const MAGIC = '#BOOTCONFIG\n';
const TAIL_SIZE = 8 + MAGIC.length;
/** XBC_DATA_MAX of the kernel. */
const DATA_MOST = 32 * 1024 - 1;

/** Where a bootconfig is, or undefined. A damaged one is a finding, and its bytes are then taken for part of the archive, as the kernel does. */
export function bootconfigAt(source: ByteSource, findings: Finding[]): { at: number; size: number } | undefined {
  for (let slack = 0; slack < 4; slack++) {
    const tailAt = source.size - slack - TAIL_SIZE;
    if (tailAt < 0) return undefined;
    const tail = source.read(tailAt, TAIL_SIZE);
    if (asciiFrom(tail.subarray(8)) !== MAGIC) continue;
    const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
    const size = u32le.get(view, 0);
    const sum = u32le.get(view, 4);
    const bad = (message: string): undefined => {
      findings.push({ code: 'bad-bootconfig', severity: 'error', where: { structure: 'bootconfig', offset: tailAt }, message });
    };
    if (size > DATA_MOST || size > tailAt) return bad(`its size is ${size}, more than the kernel or the file allows`);
    let found = 0;
    for (const byte of source.read(tailAt - size, size)) found = (found + byte) >>> 0;
    if (found !== sum) return bad(`its byte sum is ${found}, the trailer says ${sum}`);
    return { at: tailAt - size, size: size + TAIL_SIZE };
  }
  return undefined;
}
