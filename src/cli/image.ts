// Opening what a person names on the command line: an archive to read, or a directory or archive as a tree.
import { statSync } from 'node:fs';
import { IMAGE_FORMATS } from '../archive/images/index.ts';
import { type Archive, type DecodeOptions, decode } from '../archive/index.ts';
import type { ByteSource } from '../bytes/index.ts';
import { KindlingError, located } from '../errors.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { directoryTree } from '../node/directory.ts';
import { system } from '../node/errno.ts';
import { imageSource } from '../node/image-source.ts';
import { partitionName } from '../node/partition-name.ts';
import type { Tree } from '../tree/index.ts';

/** Reads an archive file that must be whole. Errors name the file. */
export function openArchive(path: string, options: Omit<DecodeOptions, 'decoders'> = {}): Archive {
  return decodeArchive(opened(path), path, options);
}

function opened(path: string): ByteSource {
  try {
    return imageSource(path);
  } catch (error) {
    throw located(error, { file: path });
  }
}

/** The same for a file that is open: a pipe gives its bytes only once. */
export function decodeArchive(source: ByteSource, path: string, options: Omit<DecodeOptions, 'decoders'> = {}): Archive {
  try {
    return decode(source, { decoders: nodeDecoders(), images: IMAGE_FORMATS, ...options });
  } catch (error) {
    throw located(error, { file: path });
  }
}

/** A directory, or whatever image can be read, as a tree. */
export function openTree(path: string): Tree {
  if (partitionName(path) !== undefined) return openArchive(path).tree;
  const stats = system(() => statSync(path, { throwIfNoEntry: false }));
  if (stats === undefined) throw new KindlingError('NO_ENTRY', 'there is no such file or directory', { file: path });
  return stats.isDirectory() ? directoryTree(path) : openArchive(path).tree;
}
