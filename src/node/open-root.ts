// Anything that can be a root: a directory, packages, a tar archive (plain or compressed), a squashfs,
// EROFS, ISO 9660 or FAT image, a disk with one of them in a partition (IMAGE@N: in partition N), a boot archive. What it is decides the content.
// Readers are imported when they are needed: a directory, the usual case, costs nothing more.
import { readdirSync, statSync } from 'node:fs';
import { type ByteSource, bytesSource, readAll } from '../bytes/index.ts';
import { type Decoder, detectDecoder } from '../codecs/index.ts';
import { KindlingError, located } from '../errors.ts';
import { type Root, treeRoot } from '../plan/index.ts';
import type { Tree } from '../tree/index.ts';
import { directoryRoot } from './directory.ts';
import { system } from './errno.ts';
import { partitionName } from './partition-name.ts';
import { fileSource } from './source.ts';

const UNPACKED_MOST = 2 ** 31 - 1;

function isDirectory(path: string): boolean {
  if (partitionName(path) !== undefined) return false;
  return system(() => statSync(path), { file: path }).isDirectory();
}

/** The packages of a directory that holds packages and no file system; empty for any other. */
function packagesIn(path: string): string[] {
  const names = system(() => readdirSync(path), { file: path });
  if (names.some((name) => ['usr', 'etc', 'bin', 'lib'].includes(name))) return [];
  return names
    .filter((name) => name.endsWith('.deb'))
    .sort()
    .map((name) => `${path}/${name}`);
}

async function packagesRoot(paths: readonly string[], decoders: readonly Decoder[]): Promise<Root> {
  const { decode, packagesTree } = await import('../formats/deb/index.ts');
  const parts = paths.map((path) => {
    try {
      return { label: path, data: decode(fileSource(path), { decoders }).data };
    } catch (error) {
      throw located(error, { file: path });
    }
  });
  return treeRoot(packagesTree(parts), paths.length === 1 ? paths[0]! : `${paths.length} packages`);
}

async function treeOf(path: string, source: ByteSource, decoders: readonly Decoder[]): Promise<Tree> {
  const tar = await import('../formats/tar/index.ts');
  const head = source.read(0, Math.min(512, source.size));
  if (tar.detect(head)) return tar.decode(source);
  const decoder = detectDecoder(decoders, head.subarray(0, 16));
  if (decoder !== undefined && /\.(tar\.\w+|tgz|txz|tzst)$/.test(path)) {
    return tar.decode(bytesSource(decoder.decode(readAll(source), UNPACKED_MOST).bytes));
  }
  const [archive, { IMAGE_FORMATS }] = await Promise.all([import('../archive/index.ts'), import('../archive/images/index.ts')]);
  return archive.decode(source, { decoders, images: IMAGE_FORMATS }).tree;
}

/** An image of any kind that can be a root, packages aside, as a tree. Throws what `openRoot` throws. */
export async function imageTree(path: string, decoders: readonly Decoder[]): Promise<Tree> {
  try {
    const source = partitionName(path) === undefined ? fileSource(path) : (await import('./image-source.ts')).imageSource(path);
    return await treeOf(path, source, decoders);
  } catch (error) {
    throw located(error, { file: path });
  }
}

/**
 * Opens a root from one path, or from several packages. Throws NO_ENTRY when there is nothing, UNRECOGNISED for a file that is no image
 * kindling reads, USAGE for several paths that are not all packages, and what the format's reader throws, with the file's name.
 */
export async function openRoot(paths: readonly string[], decoders: readonly Decoder[]): Promise<Root> {
  const packages = paths.flatMap((path) => (isDirectory(path) ? packagesIn(path) : path.endsWith('.deb') ? [path] : []));
  const others = paths.filter((path) => (isDirectory(path) ? packagesIn(path).length === 0 : !path.endsWith('.deb')));
  if (others.length === 0) return await packagesRoot(packages, decoders);
  if (paths.length > 1) throw new KindlingError('USAGE', `several roots must all be packages; ${others[0]} is none`);
  const path = paths[0]!;
  return isDirectory(path) ? directoryRoot(path) : treeRoot(await imageTree(path, decoders), path);
}
