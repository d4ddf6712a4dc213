// Metadata as the image keeps it: blocks of 8192 bytes, each compressed by itself behind a two-byte header; and tables of fixed records,
// which are such blocks followed by an index of where each one starts.
import { concat, type Fields, type FieldTable, type Struct, u16le, u32le, u64le } from '../../bytes/index.ts';
import type { BlockCompressor } from './compressor.ts';
import { METADATA_RAW, METADATA_SIZE } from './structs.ts';

/** A place in a table: where its block starts, relative to the table and as stored, and the offset in the unpacked block. */
export interface Position {
  readonly blockAt: number;
  readonly offset: number;
}

/** A table being written. Items may lie across blocks. */
export interface MetadataTable {
  /** Bytes stored so far, blocks that are not full yet left out. */
  readonly size: number;
  /** Where each block starts, relative to the table; the last one is that being filled. */
  readonly starts: readonly number[];
  /** True when there is a full block to compress: `position` then has to wait for `settle`. */
  readonly isFull: boolean;
  /** Where the next item will be. */
  position(): Position;
  append(bytes: Uint8Array): void;
  /** Appends a structure. */
  put<T extends FieldTable>(form: Struct<T>, values: Fields<T>): void;
  /** Appends u32s. */
  putWords(words: Uint32Array): void;
  /** Compresses the full blocks. */
  settle(): Promise<void>;
  /** Compresses the rest and gives the whole table. */
  finish(): Promise<Uint8Array>;
}

/** Starts an empty table. */
export function metadataTable(compressor: BlockCompressor): MetadataTable {
  const stored: Uint8Array[] = [];
  const starts = [0];
  let pending = new Uint8Array(2 * METADATA_SIZE);
  let view = new DataView(pending.buffer);
  let pendingSize = 0;
  let size = 0;

  function reserve(more: number): void {
    if (pendingSize + more <= pending.length) return;
    const grown = new Uint8Array(2 * (pendingSize + more));
    grown.set(pending.subarray(0, pendingSize));
    pending = grown;
    view = new DataView(pending.buffer);
  }

  async function store(block: Uint8Array): Promise<void> {
    const slot = compressor.take();
    try {
      slot.bytes.set(block);
      const { bytes, compressed } = await slot.compress(block.length);
      const piece = new Uint8Array(u16le.size + bytes.length);
      u16le.set(new DataView(piece.buffer), 0, compressed ? bytes.length : bytes.length | METADATA_RAW);
      piece.set(bytes, u16le.size);
      stored.push(piece);
      size += piece.length;
      starts.push(size);
    } finally {
      slot.release();
    }
  }

  async function settle(): Promise<void> {
    let at = 0;
    for (; pendingSize - at >= METADATA_SIZE; at += METADATA_SIZE) await store(pending.subarray(at, at + METADATA_SIZE));
    pending.copyWithin(0, at, pendingSize);
    pendingSize -= at;
  }

  return {
    get size() {
      return size;
    },
    starts,
    get isFull() {
      return pendingSize >= METADATA_SIZE;
    },
    position: () => ({ blockAt: size, offset: pendingSize }),
    append(bytes) {
      reserve(bytes.length);
      pending.set(bytes, pendingSize);
      pendingSize += bytes.length;
    },
    put(form, values) {
      reserve(form.size);
      form.encodeInto(view, pendingSize, values);
      pendingSize += form.size;
    },
    putWords(words) {
      reserve(u32le.size * words.length);
      for (const word of words) {
        u32le.set(view, pendingSize, word);
        pendingSize += u32le.size;
      }
    },
    settle,
    async finish() {
      await settle();
      if (pendingSize > 0) await store(pending.subarray(0, pendingSize));
      pendingSize = 0;
      return concat(stored);
    },
  };
}

/** A finished table of records: its bytes, and the offset of its index in the image, which the superblock names. */
export interface RecordTable {
  readonly bytes: Uint8Array;
  readonly indexAt: number;
}

function indexOf(table: MetadataTable, tableAt: number): Uint8Array {
  const starts = table.starts.slice(0, -1);
  const index = new Uint8Array(u64le.size * starts.length);
  const view = new DataView(index.buffer);
  for (const [at, start] of starts.entries()) u64le.set(view, at * u64le.size, BigInt(tableAt + start));
  return index;
}

/** Records (their encoded bytes one after the other) as a table that starts at `tableAt` in the image; `head` goes between blocks and index. */
export async function recordTable(
  compressor: BlockCompressor,
  records: Uint8Array,
  tableAt: number,
  head?: Uint8Array,
): Promise<RecordTable> {
  const table = metadataTable(compressor);
  table.append(records);
  const blocks = await table.finish();
  return { bytes: concat([blocks, head ?? new Uint8Array(0), indexOf(table, tableAt)]), indexAt: tableAt + blocks.length };
}
