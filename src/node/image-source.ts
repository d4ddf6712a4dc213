// A file, or one partition of it, as a source.
import { type ByteSource, sliceSource } from '../bytes/index.ts';
import { KindlingError, located } from '../errors.ts';
import { decode } from '../formats/partitions/index.ts';
import { partitionName } from './partition-name.ts';
import { fileSource } from './source.ts';

/** Opens FILE or IMAGE@N. Throws what `fileSource` throws, NO_ENTRY for a partition that is not there, and what reading the table throws. */
export function imageSource(path: string): ByteSource {
  const named = partitionName(path);
  if (named === undefined) return fileSource(path);
  const { file, index } = named;
  const source = fileSource(file);
  try {
    const { partitions, scheme } = decode(source);
    const partition = partitions.find((one) => one.index === index);
    if (partition === undefined) {
      const found = partitions.length === 0 ? 'none' : partitions.map((one) => one.index).join(', ');
      throw new KindlingError('NO_ENTRY', `its ${scheme.toUpperCase()} has no partition ${index}; it has ${found}`, { file });
    }
    return sliceSource(source, partition.firstByte, partition.size);
  } catch (error) {
    throw located(error, { file });
  }
}
