// Opening an archive for its names. Loading the decoders costs more than listing an archive that is not compressed and has no image inside.
import { type Archive, type DecodeOptions, imageEntry, inspect } from '../archive/index.ts';
import type { ByteSource } from '../bytes/index.ts';
import { located } from '../errors.ts';
import { partitionName } from '../node/partition-name.ts';
import { fileSource } from '../node/source.ts';

/** Reads an archive as `openArchive` does, with the same result and errors; decoders are loaded only where something is compressed. */
export async function openForNames(path: string, options: Omit<DecodeOptions, 'decoders'> = {}): Promise<Archive> {
  let source: ByteSource;
  try {
    source = partitionName(path) === undefined ? fileSource(path) : (await import('../node/image-source.ts')).imageSource(path);
    const archive = inspect(source, { decoders: [], ...options });
    if (archive.fault === undefined && imageEntry(archive.outer) === undefined) return archive;
  } catch (error) {
    throw located(error, { file: path });
  }
  const { decodeArchive } = await import('./image.ts');
  return decodeArchive(source, path, options);
}
