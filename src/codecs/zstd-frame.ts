// Zstandard framing (RFC 8878 section 3.1): frame header, block headers, skippable frames.
// Walking the headers gives a frame's exact size, and a proven bound on what it unpacks to, without decompressing anything.
import { badMagic, badValue, truncated, unsupported } from './fault.ts';

const STRUCTURE = 'zstd frame';
/** Largest block, and largest window the kernel (and kindling) takes. */
export const BLOCK_SIZE_MAX = 128 * 1024;
const WINDOW_SIZE_MAX = 128 * 1024 * 1024;

/** True for a zstd frame or one of the sixteen skippable magics. */
export function detect(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return true;
  return isSkippable(head);
}

function isSkippable(head: Uint8Array): boolean {
  return (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
}

/** One block: where its content starts, its size in the input, and for RLE the size it stands for. */
export interface Block {
  readonly kind: 'raw' | 'rle' | 'compressed';
  readonly at: number;
  readonly size: number;
}

/** What the headers of one frame say. */
export interface Frame {
  /** Bytes of input the whole frame takes. */
  readonly consumed: number;
  /** Size it unpacks to, when the header states it. */
  readonly contentSize: number | undefined;
  /** It cannot unpack to more than this. */
  readonly contentBound: number;
  readonly windowSize: number;
  readonly blockSizeMax: number;
  readonly blocks: readonly Block[];
  /** Where the 4-byte content checksum is, when there is one. */
  readonly checksumAt: number | undefined;
}

function skippable(input: Uint8Array): Frame {
  if (input.length < 8) throw truncated('zstd skippable frame', input.length, 'its size');
  const consumed = 8 + new DataView(input.buffer, input.byteOffset).getUint32(4, true);
  if (consumed > input.length) throw truncated('zstd skippable frame', input.length, `${consumed - 8} bytes to skip`);
  return { consumed, contentSize: 0, contentBound: 0, windowSize: 0, blockSizeMax: 0, blocks: [], checksumAt: undefined };
}

/** Reads the headers of the frame at the start of `input`. Throws when the frame is damaged, cut short, or needs a dictionary or a huge window. */
export function walk(input: Uint8Array): Frame {
  if (input.length < 4) throw truncated(STRUCTURE, input.length, 'the magic number');
  if (isSkippable(input)) return skippable(input);
  if (!detect(input)) throw badMagic(STRUCTURE, 0);
  if (input.length < 6) throw truncated(STRUCTURE, input.length, 'the frame header');
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const descriptor = input[4]!;
  const single = (descriptor & 0x20) !== 0;
  if (descriptor & 8) throw badValue(STRUCTURE, 4, 'the reserved bit of the frame header is set');
  const dictionaryIdSize = [0, 1, 2, 4][descriptor & 3]!;
  const contentSizeKind = descriptor >> 6;
  const contentSizeSize = contentSizeKind === 0 ? (single ? 1 : 0) : 1 << contentSizeKind;
  let at = 5;
  if (at + (single ? 0 : 1) + dictionaryIdSize + contentSizeSize > input.length) {
    throw truncated(STRUCTURE, input.length, 'the frame header');
  }
  let windowSize = 0;
  if (!single) {
    const byte = input[at++]!;
    windowSize = 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8);
  }
  for (let index = 0; index < dictionaryIdSize; index++) {
    if (input[at + index] !== 0) throw unsupported(STRUCTURE, at, 'it needs a dictionary');
  }
  at += dictionaryIdSize;
  const contentSize = contentSizeAt(view, at, contentSizeSize);
  at += contentSizeSize;
  if (single) windowSize = contentSize!;
  if (!single && windowSize > WINDOW_SIZE_MAX) {
    throw unsupported(STRUCTURE, 5, `a window of ${windowSize} bytes, the kernel takes at most ${WINDOW_SIZE_MAX}`);
  }
  const blockSizeMax = Math.min(windowSize, BLOCK_SIZE_MAX);
  const { blocks, end, contentBound } = walkBlocks(input, at, blockSizeMax);
  const hasChecksum = (descriptor & 4) !== 0;
  if (hasChecksum && end + 4 > input.length) throw truncated(STRUCTURE, input.length, 'the content checksum');
  if (contentSize !== undefined && contentSize > contentBound) {
    throw badValue(STRUCTURE, 4, `a content size of ${contentSize}, its blocks hold at most ${contentBound}`);
  }
  return {
    consumed: end + (hasChecksum ? 4 : 0),
    contentSize,
    contentBound: contentSize ?? contentBound,
    windowSize,
    blockSizeMax,
    blocks,
    checksumAt: hasChecksum ? end : undefined,
  };
}

function contentSizeAt(view: DataView, at: number, size: number): number | undefined {
  if (size === 0) return undefined;
  if (size === 1) return view.getUint8(at);
  if (size === 2) return view.getUint16(at, true) + 256;
  if (size === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

function walkBlocks(input: Uint8Array, start: number, blockSizeMax: number): { blocks: Block[]; end: number; contentBound: number } {
  const blocks: Block[] = [];
  let contentBound = 0;
  let at = start;
  for (let last = false; !last; ) {
    if (at + 3 > input.length) throw truncated(STRUCTURE, input.length, 'a block header');
    const header = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16);
    const kind = (['raw', 'rle', 'compressed', undefined] as const)[(header >> 1) & 3];
    const size = header >>> 3;
    if (kind === undefined) throw badValue(STRUCTURE, at, 'block type 3, which is reserved');
    if (size > blockSizeMax) throw badValue(STRUCTURE, at, `a block of ${size} bytes, at most ${blockSizeMax} are allowed here`);
    at += 3;
    const held = kind === 'rle' ? 1 : size;
    if (at + held > input.length) throw truncated(STRUCTURE, input.length, `${held} bytes of a block`);
    blocks.push({ kind, at, size });
    contentBound += kind === 'compressed' ? blockSizeMax : size;
    at += held;
    last = (header & 1) === 1;
  }
  return { blocks, end: at, contentBound };
}
