// bytes: structures as tables, integers, sources, sinks, names. The lowest room; everything above reads and writes through it.
export { type ChunkOptions, chunked, type Piece } from './chunks.ts';
export type { Sha256 } from './digest.ts';
export {
  alignUp,
  bytesField,
  type FieldKind,
  i16le,
  i32be,
  i32le,
  toSize,
  u8,
  u16be,
  u16le,
  u32be,
  u32le,
  u64be,
  u64le,
} from './ints.ts';
export { type Recent, type RecentBounds, recent } from './recent.ts';
export { type ByteSink, memorySink } from './sink.ts';
export { type ByteSource, bytesSource, EMPTY, lazySource, readAll, readInto, sliceSource } from './source.ts';
export { type Fields, type FieldTable, type Struct, struct } from './struct.ts';
export { asciiFrom, compareBytes, compareNames, concat, nameFromBytes, nameToBytes, utf8 } from './text.ts';
