// Writes a Debian package: deb(5) format 2.0, from the tree of its DEBIAN/ folder and the tree it installs.
import { alignUp, type ByteSource, bytesSource, concat, utf8 } from '../../bytes/index.ts';
import type { CodecChoice } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { directory, type Entry, makeTree, type Tree } from '../../tree/index.ts';
import { encode as encodeAr } from '../ar/index.ts';
import { encode as encodeTar } from '../tar/index.ts';
import { COMPRESSIONS, VERSION_MEMBER } from './structs.ts';

/** A package to write. */
export interface NewPackage {
  /** What DEBIAN/ holds, "control" at least. */
  readonly control: Tree;
  /** What it installs. */
  readonly data: Tree;
}

/** How a package is written. */
export interface WriteOptions {
  /** For both members. dpkg before 1.21.18 (Debian 11) reads none, gzip and xz, but no zstd. */
  readonly codec: CodecChoice;
  /** Time in the archive's own headers, seconds since 1970; entries carry their own. */
  readonly mtime: number;
}

const OWNER_NAMES: ReadonlyMap<number, string> = new Map([[0, 'root']]);
const DATA_SIZE_MOST = 2 ** 31 - 1;

/**
 * The package as chunks. Throws NOT_EXPRESSIBLE for what dpkg would not unpack (sockets, and what needs a pax
 * header: paths that ustar cannot divide, extended attributes), NO_ENTRY without a control file, LIMIT above 2 GiB, UNSUPPORTED for a codec that packages do not have.
 */
export async function encode(parts: NewPackage, options: WriteOptions): Promise<Uint8Array[]> {
  if (parts.control.get('control')?.kind !== 'file') throw new KindlingError('NO_ENTRY', 'the package has no file "control"');
  const ending = Object.entries(COMPRESSIONS).find(([, codec]) => (codec ?? 'none') === options.codec.encoder.name)?.[0];
  if (ending === undefined) throw new KindlingError('UNSUPPORTED', `packages are not compressed with ${options.codec.encoder.name}`);
  const member = async (name: string, tree: Tree): Promise<{ name: string; content: ByteSource; mtime: number }> => {
    const { encoder, level } = options.codec;
    return {
      name: `${name}${ending}`,
      content: bytesSource(await encoder.encode(tarOf(tree, options.mtime), level)),
      mtime: options.mtime,
    };
  };
  const version = { name: VERSION_MEMBER, content: bytesSource(utf8('2.0\n')), mtime: options.mtime };
  return [...encodeAr([version, await member('control.tar', parts.control), await member('data.tar', parts.data)], 'dpkg')];
}

/** dpkg reads ustar headers and no pax ones, and wants the top directory first and "./" before each path. */
function tarOf(tree: Tree, mtime: number): Uint8Array {
  const top: Entry[] = tree.get('') === undefined ? [{ ...directory(''), mtime }] : [];
  const whole = makeTree([...top, ...tree.entries]);
  const size = whole.entries.reduce((sum, entry) => sum + 1024 + (entry.kind === 'file' ? alignUp(entry.content.size, 512) : 0), 0);
  if (size > DATA_SIZE_MOST) throw new KindlingError('LIMIT', `${size} bytes to install, at most ${DATA_SIZE_MOST} are written`);
  return concat([...encodeTar(whole, { prefix: './', ownerNames: OWNER_NAMES, pax: false })]);
}
