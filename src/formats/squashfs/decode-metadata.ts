// Metadata: blocks of 8192 unpacked bytes behind two-byte headers. Readers hold a few of them and move through them with a cursor.
import { type ByteSource, type Fields, type FieldTable, type Struct, u16le, u64le } from '../../bytes/index.ts';
import type { Layout } from './decode-superblock.ts';
import { fault, inBlock } from './faults.ts';
import { METADATA_RAW, METADATA_SIZE } from './structs.ts';

/** Unpacked metadata kept in memory: 2048 blocks are 16 MiB. */
const HELD_MAX = 2048;

/** One unpacked metadata block, and the offset in the image at which the next one starts. */
export interface MetadataBlock {
  readonly bytes: Uint8Array;
  readonly nextAt: number;
  /** True when it is stored as it is. */
  readonly isRaw: boolean;
}

/** The metadata blocks of an image, by their offset in it. */
export interface Metadata {
  /** The block whose header is at `at`. Throws TRUNCATED, BAD_VALUE or what the decoder throws, with `structure` and offset. */
  blockAt(at: number, structure: string): MetadataBlock;
}

/** Opens the metadata of an image. */
export function openMetadata(source: ByteSource, { facts, decoder }: Layout): Metadata {
  const held = new Map<number, MetadataBlock>();
  function read(at: number, structure: string): MetadataBlock {
    if (at + u16le.size > facts.bytesUsed) throw fault('TRUNCATED', structure, at, `a metadata block past the end at ${facts.bytesUsed}`);
    const head = source.read(at, u16le.size);
    const header = u16le.get(new DataView(head.buffer, head.byteOffset, head.length), 0);
    const size = header & ~METADATA_RAW;
    const isRaw = (header & METADATA_RAW) !== 0;
    const dataAt = at + u16le.size;
    if (size === 0 || size > METADATA_SIZE)
      throw fault('BAD_VALUE', structure, at, `a metadata block of ${size} bytes, expected 1 to 8192`);
    if (dataAt + size > facts.bytesUsed) throw fault('TRUNCATED', structure, at, `a metadata block of ${size} bytes past the end`);
    const stored = source.read(dataAt, size);
    const bytes = isRaw ? stored.slice() : unpacked(stored, structure, at);
    if (bytes.length === 0) throw fault('BAD_VALUE', structure, at, 'a metadata block that unpacks to nothing');
    return { bytes, nextAt: dataAt + size, isRaw };
  }
  function unpacked(stored: Uint8Array, structure: string, at: number): Uint8Array {
    try {
      return decoder.decodeBlock(stored, METADATA_SIZE);
    } catch (error) {
      throw inBlock(error, structure, at);
    }
  }
  return {
    blockAt(at, structure) {
      let block = held.get(at);
      if (block === undefined) {
        block = read(at, structure);
        if (held.size >= HELD_MAX) held.delete(held.keys().next().value!);
        held.set(at, block);
      }
      return block;
    },
  };
}

/** A place in unpacked metadata that moves on as it is read. Items may lie across blocks. A stateful reader, so a class: one for each inode. */
export class Cursor {
  /** Offset in the image of the block that the next byte is in, for messages. */
  blockAt: number;
  /** Offset in that unpacked block. */
  offset: number;
  readonly #metadata: Metadata;
  readonly #structure: string;
  #block: MetadataBlock;

  /** At an offset of the unpacked block whose header is at `blockAt`. Throws BAD_VALUE for an offset outside of it. */
  constructor(metadata: Metadata, blockAt: number, offset: number, structure: string) {
    this.#metadata = metadata;
    this.#structure = structure;
    this.blockAt = blockAt;
    this.offset = offset;
    this.#block = metadata.blockAt(blockAt, structure);
    const { length } = this.#block.bytes;
    if (offset > length) throw fault('BAD_VALUE', structure, blockAt, `offset ${offset} in a metadata block of ${length} bytes`);
  }

  /** The next `size` bytes. The caller has bounded `size`. */
  take(size: number): Uint8Array {
    const { offset } = this;
    const { bytes: held } = this.#block;
    if (offset + size <= held.length) {
      this.offset = offset + size;
      return held.subarray(offset, offset + size);
    }
    const bytes = new Uint8Array(size);
    for (let have = 0; have < size; ) {
      if (this.offset === this.#block.bytes.length) this.#next();
      const count = Math.min(size - have, this.#block.bytes.length - this.offset);
      bytes.set(this.#block.bytes.subarray(this.offset, this.offset + count), have);
      have += count;
      this.offset += count;
    }
    return bytes;
  }

  /** The next bytes as a structure. */
  next<T extends FieldTable>(form: Struct<T>): Fields<T> {
    const { offset } = this;
    const { bytes: held } = this.#block;
    if (offset + form.size > held.length) return form.decode(this.take(form.size));
    this.offset = offset + form.size;
    return form.decode(held, offset);
  }

  #next(): void {
    this.blockAt = this.#block.nextAt;
    this.#block = this.#metadata.blockAt(this.blockAt, this.#structure);
    this.offset = 0;
  }
}

/** One record of a table: `index` says which, records of `size` bytes, the table's index of blocks at `indexAt` of the image. */
export function recordAt(
  source: ByteSource,
  metadata: Metadata,
  table: { readonly structure: string; readonly indexAt: number; readonly recordSize: number; readonly bytesUsed: number },
  index: number,
): Uint8Array {
  const { structure, indexAt, recordSize } = table;
  const perBlock = METADATA_SIZE / recordSize;
  const pointerAt = indexAt + Math.floor(index / perBlock) * u64le.size;
  if (pointerAt + u64le.size > table.bytesUsed)
    throw fault('TRUNCATED', structure, pointerAt, `the place of record ${index} is past the end`);
  const pointer = source.read(pointerAt, u64le.size);
  const blockAt = u64le.get(new DataView(pointer.buffer, pointer.byteOffset, pointer.length), 0);
  if (blockAt >= BigInt(table.bytesUsed)) throw fault('BAD_VALUE', structure, pointerAt, `a block at ${blockAt}, the image ends before`);
  const { bytes } = metadata.blockAt(Number(blockAt), structure);
  const at = (index % perBlock) * recordSize;
  if (at + recordSize > bytes.length) {
    throw fault('TRUNCATED', structure, Number(blockAt), `record ${index} at ${at} of a block of ${bytes.length} bytes`);
  }
  return bytes.subarray(at, at + recordSize);
}
