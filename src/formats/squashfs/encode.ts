// Writes a squashfs 4.0 image: the superblock's place, compressor options, data and fragments, inodes, directories, then the tables
// fragments, export, ids, attributes, each right behind the last; padding; and the superblock last. Layout: docs/formats/squashfs.md.
import { alignUp, concat, u16le, u32le, u64le } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { checkExpressible, type Tree } from '../../tree/index.ts';
import type { EncodeOptions, Piece } from './compressor.ts';
import { dataPart, type FragmentBlock } from './encode-data.ts';
import { checkIds, metadataOf } from './encode-metadata.ts';
import { dataOrder, nodesOf } from './encode-nodes.ts';
import { xattrPart } from './encode-xattrs.ts';
import { loses } from './loses.ts';
import {
  BLOCK_SIZES,
  COMPRESSORS,
  FLAGS,
  fragmentEntry,
  MAGIC,
  METADATA_RAW,
  METADATA_SIZE,
  NONE64,
  superblock,
  VERSION,
} from './structs.ts';
import { type Position, recordTable } from './tables.ts';

const PIECE_SIZE = 1 << 20;

function refuse(what: string): KindlingError {
  return new KindlingError('BAD_VALUE', what, { structure: 'squashfs' });
}

function checkOptions({ blockSize, compressor, time, padding }: EncodeOptions): void {
  const isPower = Number.isInteger(Math.log2(blockSize));
  if (!isPower || blockSize < BLOCK_SIZES.least || blockSize > BLOCK_SIZES.most) {
    throw refuse(`the block size is ${blockSize}, expected a power of two from ${BLOCK_SIZES.least} to ${BLOCK_SIZES.most}`);
  }
  if (compressor.blockSize < Math.max(blockSize, METADATA_SIZE)) {
    throw refuse(`the compressor takes blocks of ${compressor.blockSize}, ${Math.max(blockSize, METADATA_SIZE)} are needed`);
  }
  if (compressor.slotCount < 2) throw refuse(`the compressor has ${compressor.slotCount} slots, at least 2 are needed`);
  if (!Number.isInteger(time) || time < 0 || time > 0xffffffff) throw refuse(`the time is ${time}, expected 0 to 4294967295`);
  if (!Number.isInteger(padding) || padding < 0) throw refuse(`the padding is ${padding}, expected a whole number`);
}

function optionsBlock(record: Uint8Array | undefined): Uint8Array {
  if (record === undefined) return new Uint8Array(0);
  const head = new Uint8Array(u16le.size);
  u16le.set(new DataView(head.buffer), 0, record.length | METADATA_RAW);
  return concat([head, record]);
}

function reference({ blockAt, offset }: Position): bigint {
  return (BigInt(blockAt) << 16n) | BigInt(offset);
}

function fragmentRecords(fragments: readonly FragmentBlock[]): Uint8Array {
  return concat(fragments.map(({ startAt, word }) => fragmentEntry.encode({ startAt: BigInt(startAt), size: word, unused: 0 })));
}

function exportRecords(positions: readonly Position[]): Uint8Array {
  const bytes = new Uint8Array(u64le.size * positions.length);
  const view = new DataView(bytes.buffer);
  for (const [index, position] of positions.entries()) u64le.set(view, index * u64le.size, reference(position));
  return bytes;
}

function idRecords(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(u32le.size * ids.length);
  const view = new DataView(bytes.buffer);
  for (const [index, id] of ids.entries()) u32le.set(view, index * u32le.size, id);
  return bytes;
}

function flagsOf(options: EncodeOptions, compressorRecord: Uint8Array | undefined): number {
  return (
    (options.fragments === 'none' ? FLAGS.noFragments : 0) |
    (options.fragments === 'always' ? FLAGS.alwaysFragments : 0) |
    (options.duplicates ? FLAGS.duplicates : 0) |
    (options.exportTable ? FLAGS.exportTable : 0) |
    (options.xattrs ? 0 : FLAGS.noXattrs) |
    (compressorRecord === undefined ? 0 : FLAGS.compressorOptions)
  );
}

/** Everything behind the superblock, in order; then the superblock itself as the generator's value. */
async function* image(tree: Tree, options: EncodeOptions): AsyncGenerator<Uint8Array, Uint8Array> {
  const { compressor, blockSize } = options;
  const nodes = nodesOf(tree);
  checkIds(nodes);
  const xattrs = options.xattrs ? xattrPart(nodes.all) : undefined;
  let at = superblock.size;
  const counted = (bytes: Uint8Array): Uint8Array => {
    at += bytes.length;
    return bytes;
  };
  yield counted(optionsBlock(compressor.options));
  const data = dataPart(dataOrder(nodes, tree, options.order), options, at);
  for await (const bytes of data.chunks()) yield counted(bytes);
  const metadata = await metadataOf(tree, nodes, data, xattrs, compressor);
  const inodeTableAt = at;
  yield counted(metadata.inodeTable);
  const directoryTableAt = at;
  yield counted(metadata.directoryTable);
  const records = async (bytes: Uint8Array): Promise<{ bytes: Uint8Array; tableAt: bigint }> => {
    if (bytes.length === 0) return { bytes, tableAt: NONE64 };
    const table = await recordTable(compressor, bytes, at);
    return { bytes: table.bytes, tableAt: BigInt(table.indexAt) };
  };
  const fragmentTable = await records(fragmentRecords(data.fragments));
  yield counted(fragmentTable.bytes);
  const exportTable = await records(exportRecords(options.exportTable ? metadata.positions : []));
  yield counted(exportTable.bytes);
  const ids = await records(idRecords(metadata.ids));
  yield counted(ids.bytes);
  let xattrTableAt = NONE64;
  if (xattrs !== undefined && xattrs.count > 0) {
    const table = await xattrs.write(compressor, at);
    xattrTableAt = BigInt(table.indexAt);
    yield counted(table.bytes);
  }
  const bytesUsed = at;
  if (options.padding > 0) yield counted(new Uint8Array(alignUp(at, options.padding) - at));
  return superblock.encode({
    magic: MAGIC,
    inodeCount: nodes.all.length,
    time: options.time,
    blockSize,
    fragmentCount: data.fragments.length,
    compressor: COMPRESSORS[compressor.name],
    blockLog: Math.log2(blockSize),
    flags: flagsOf(options, compressor.options),
    idCount: metadata.ids.length,
    ...VERSION,
    root: reference(metadata.root),
    bytesUsed: BigInt(bytesUsed),
    idTableAt: ids.tableAt,
    xattrTableAt,
    inodeTableAt: BigInt(inodeTableAt),
    directoryTableAt: BigInt(directoryTableAt),
    fragmentTableAt: fragmentTable.tableAt,
    exportTableAt: exportTable.tableAt,
  });
}

/**
 * The image of a tree, in pieces of about 1 MiB from offset 96 on without gaps; the superblock is the last piece and goes to 0, so that an
 * image that is not finished is no image. Equal trees and options give equal bytes, whatever the compressor's slots and speed are.
 * Throws NOT_EXPRESSIBLE or BAD_VALUE before the first piece, and what reading the files throws.
 */
export async function* encode(tree: Tree, options: EncodeOptions): AsyncGenerator<Piece> {
  checkOptions(options);
  checkExpressible(tree.entries, loses);
  const gathered = new Uint8Array(PIECE_SIZE);
  let size = 0;
  let at = superblock.size;
  const chunks = image(tree, options);
  try {
    for (;;) {
      const { value, done } = await chunks.next();
      if (done === true || size + value.length > PIECE_SIZE) {
        if (size > 0) yield { at, bytes: gathered.subarray(0, size) };
        at += size;
        size = 0;
      }
      if (done === true) {
        yield { at: 0, bytes: value };
        return;
      }
      if (value.length > PIECE_SIZE) {
        yield { at, bytes: value };
        at += value.length;
      } else {
        gathered.set(value, size);
        size += value.length;
      }
    }
  } finally {
    await chunks.return(gathered);
  }
}
