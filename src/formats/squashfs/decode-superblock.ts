// The superblock and the settings of the compressor behind it.
import { type ByteSource, toSize, u16le } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { located } from '../../errors.ts';
import { fault } from './faults.ts';
import {
  BLOCK_SIZES,
  COMPRESSORS,
  type CompressorName,
  FLAGS,
  gzipOptions,
  lz4Options,
  lzoOptions,
  MAGIC,
  METADATA_RAW,
  NONE64,
  superblock,
  VERSION,
  xzOptions,
  zstdOptions,
} from './structs.ts';

/** What the superblock says. Sizes and offsets in bytes; a table that is not there is undefined. */
export interface SquashfsFacts {
  readonly compressor: CompressorName;
  /** The compressor's settings as the image records them, by name; empty when it records none. */
  readonly compressorOptions: Readonly<Record<string, number>>;
  readonly blockSize: number;
  readonly inodeCount: number;
  /** When the image was made, seconds since 1970. */
  readonly time: number;
  readonly fragmentCount: number;
  readonly idCount: number;
  readonly flags: number;
  /** The image without padding. */
  readonly bytesUsed: number;
}

/** Where things are in the image, in bytes from its start. */
export interface Layout {
  readonly facts: SquashfsFacts;
  readonly decoder: Decoder & Required<Pick<Decoder, 'decodeBlock'>>;
  /** The root's inode, as `readInode` takes it. */
  readonly root: number;
  readonly inodeTableAt: number;
  readonly directoryTableAt: number;
  readonly idTableAt: number;
  readonly fragmentTableAt: number | undefined;
  readonly exportTableAt: number | undefined;
  readonly xattrTableAt: number | undefined;
}

const STRUCTURE = superblock.name;

/** True when a squashfs image of version 4 starts with these bytes (four are enough). */
export function detect(head: Uint8Array): boolean {
  return head[0] === 0x68 && head[1] === 0x73 && head[2] === 0x71 && head[3] === 0x73;
}

const OPTIONS = { gzip: gzipOptions, lzma: undefined, lzo: lzoOptions, xz: xzOptions, lz4: lz4Options, zstd: zstdOptions } as const;

function compressorOptions(source: ByteSource, name: CompressorName, flags: number): Record<string, number> {
  if ((flags & FLAGS.compressorOptions) === 0) return {};
  const form = OPTIONS[name];
  if (form === undefined) throw fault('BAD_VALUE', STRUCTURE, superblock.offsetOf('flags'), `settings of ${name}, which has none`);
  const head = source.read(superblock.size, u16le.size);
  const stored = u16le.get(new DataView(head.buffer, head.byteOffset, head.length), 0);
  if (stored !== (form.size | METADATA_RAW)) {
    const found = `a header of ${stored.toString(16)}, expected ${(form.size | METADATA_RAW).toString(16)}`;
    throw fault('BAD_VALUE', form.name, superblock.size, found);
  }
  return { ...form.decode(source.read(superblock.size + u16le.size, form.size)) };
}

/** Reads and checks the superblock. Throws TRUNCATED, BAD_MAGIC, UNSUPPORTED (version, compressor without a decoder) or BAD_VALUE. */
export function readSuperblock(source: ByteSource, decoders: readonly Decoder[]): Layout {
  if (source.size < superblock.size) throw fault('TRUNCATED', STRUCTURE, source.size, `needs ${superblock.size} bytes`);
  const stored = superblock.decode(source.read(0, superblock.size));
  const at = (field: keyof typeof stored) => superblock.offsetOf(field);
  if (stored.magic !== MAGIC) throw fault('BAD_MAGIC', STRUCTURE, 0, `magic ${stored.magic.toString(16)}, expected ${MAGIC.toString(16)}`);
  if (stored.major !== VERSION.major || stored.minor !== VERSION.minor) {
    throw fault('UNSUPPORTED', STRUCTURE, at('major'), `version ${stored.major}.${stored.minor}, only 4.0 is read`);
  }
  const { blockSize, blockLog, flags } = stored;
  if (blockSize < BLOCK_SIZES.least || blockSize > BLOCK_SIZES.most || blockSize !== 2 ** blockLog) {
    const found = `blocks of ${blockSize} bytes with logarithm ${blockLog}, expected a power of two from 4096 to 1048576`;
    throw fault('BAD_VALUE', STRUCTURE, at('blockSize'), found);
  }
  const name = (Object.keys(COMPRESSORS) as CompressorName[]).find((one) => COMPRESSORS[one] === stored.compressor);
  if (name === undefined) throw fault('UNSUPPORTED', STRUCTURE, at('compressor'), `compressor ${stored.compressor}, 1 to 6 are known`);
  const decoder = decoders.find((one) => one.name === name);
  if (decoder?.decodeBlock === undefined) throw fault('UNSUPPORTED', STRUCTURE, at('compressor'), `no decoder for ${name} was given`);
  const bytesUsed = place(stored.bytesUsed, 'bytesUsed', Number.MAX_SAFE_INTEGER);
  if (bytesUsed < superblock.size) throw fault('BAD_VALUE', STRUCTURE, at('bytesUsed'), `${bytesUsed} bytes used`);
  if (bytesUsed > source.size) {
    throw fault('TRUNCATED', STRUCTURE, at('bytesUsed'), `the image has ${bytesUsed} bytes, ${source.size} are there`);
  }

  function place(value: bigint, field: keyof typeof stored, most: number): number {
    try {
      const found = toSize(value, String(field));
      if (found <= most) return found;
    } catch (error) {
      throw located(error, { structure: STRUCTURE, offset: at(field) });
    }
    throw fault('BAD_VALUE', STRUCTURE, at(field), `${String(field)} is ${value}, the image ends at ${most}`);
  }
  function table(field: 'idTableAt' | 'inodeTableAt' | 'directoryTableAt' | 'fragmentTableAt' | 'exportTableAt' | 'xattrTableAt'): number {
    const found = place(stored[field], field, bytesUsed);
    if (found < superblock.size) throw fault('BAD_VALUE', STRUCTURE, at(field), `${field} is ${found}, inside the superblock`);
    return found;
  }
  const optional = (field: 'fragmentTableAt' | 'exportTableAt' | 'xattrTableAt') => (stored[field] === NONE64 ? undefined : table(field));
  if (stored.fragmentCount > bytesUsed) {
    throw fault('BAD_VALUE', STRUCTURE, at('fragmentCount'), `${stored.fragmentCount} fragments in an image of ${bytesUsed} bytes`);
  }
  if (stored.idCount === 0) throw fault('BAD_VALUE', STRUCTURE, at('idCount'), 'no owner at all, expected at least one');
  return {
    facts: {
      compressor: name,
      compressorOptions: compressorOptions(source, name, flags),
      blockSize,
      inodeCount: stored.inodeCount,
      time: stored.time,
      fragmentCount: stored.fragmentCount,
      idCount: stored.idCount,
      flags,
      bytesUsed,
    },
    decoder: { ...decoder, decodeBlock: decoder.decodeBlock },
    root: place(stored.root, 'root', Number.MAX_SAFE_INTEGER),
    inodeTableAt: table('inodeTableAt'),
    directoryTableAt: table('directoryTableAt'),
    idTableAt: table('idTableAt'),
    fragmentTableAt: optional('fragmentTableAt'),
    exportTableAt: optional('exportTableAt'),
    xattrTableAt: optional('xattrTableAt'),
  };
}
