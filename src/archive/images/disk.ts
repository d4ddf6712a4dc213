// A partitioned disk as an image: it opens when exactly one of its partitions holds a file system that can be read.
import { type ByteSource, sliceSource } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { check as checkTable, decode as decodeTable, detect, type Partition } from '../../formats/partitions/index.ts';
import type { ImageFormat } from '../inner.ts';

interface Readable {
  readonly partition: Partition;
  readonly source: ByteSource;
  readonly format: ImageFormat;
}

function readable(source: ByteSource, formats: readonly ImageFormat[]): { readonly all: readonly Partition[]; readonly found: Readable[] } {
  const { partitions } = decodeTable(source);
  const found: Readable[] = [];
  for (const partition of partitions) {
    if (partition.firstByte >= source.size) continue;
    const inside = sliceSource(source, partition.firstByte, Math.min(partition.size, source.size - partition.firstByte));
    const format = formats.find((one) => one.detect(inside));
    if (format !== undefined) found.push({ partition, source: inside, format });
  }
  return { all: partitions, found };
}

function only(source: ByteSource, formats: readonly ImageFormat[]): Readable {
  const { all, found } = readable(source, formats);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const named = found.map(({ partition, format }) => `${partition.index} (${format.name})`).join(', ');
  const message =
    found.length === 0
      ? `none of its ${all.length} partitions holds a file system kindling reads`
      : `the partitions ${named} hold file systems: IMAGE@N names one of them`;
  throw new KindlingError('UNSUPPORTED', message, { structure: 'partition table' });
}

/** A reader of disks over readers of file systems. */
export function diskFormat(formats: readonly ImageFormat[]): ImageFormat {
  return {
    name: 'disk',
    detect,
    decode(source, options) {
      const { partition, source: inside, format } = only(source, formats);
      try {
        return format.decode(inside, options);
      } catch (error) {
        throw located(error, { structure: `partition ${partition.index}` });
      }
    },
    check(source, options) {
      const findings = checkTable(source);
      if (findings.some(({ severity }) => severity === 'error')) return findings;
      return [
        ...findings,
        ...readable(source, formats).found.flatMap(({ partition, source: inside, format }) =>
          format.check(inside, options).map((found) => ({
            ...found,
            where: { ...found.where, structure: `${found.where.structure ?? format.name} in partition ${partition.index}` },
          })),
        ),
      ];
    },
  };
}
