// How little memory archives should need to boot: what is in them, by the planner's law.
import { inspect } from '../archive/index.ts';
import { linux } from '../boot/index.ts';
import type { ByteSource } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { forecast, KERNEL_FLOOR } from '../plan/index.ts';

const MIB = 1 << 20;

/**
 * MiB that a machine needs for these archives, loaded one after the other; undefined when one cannot be read to its end. `append` are the
 * person's words of the kernel command line: with `root=` the archives unpack into a ramfs, without it into a tmpfs of limited size.
 */
export function memoryForecast(archives: readonly ByteSource[], decoders: readonly Decoder[], append: string): number | undefined {
  const rootGiven = linux.lastValue(append, 'root') !== undefined;
  let least = KERNEL_FLOOR / MIB;
  for (const source of archives) {
    const { tree, fault } = inspect(source, { decoders, checksums: false });
    if (fault !== undefined) return undefined;
    const law = forecast({ tree, segmentOf: new Map(), microcode: undefined }, source.size);
    least += ((rootGiven ? law.leastMemory : law.leastMemoryTmpfs) - KERNEL_FLOOR) / MIB;
  }
  return Math.ceil(least);
}
