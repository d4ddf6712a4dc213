// xz: one stream with the padding after it. LZMA2 chunks into one output, filters undone in place, every block's check verified.
import type { Decoded, Decoder } from './codec.ts';
import { crc32, crc64 } from './crc.ts';
import { badValue, mustMatch } from './fault.ts';
import { Lzma, propertiesOf } from './lzma.ts';
import { Output } from './output.ts';
import { sha256 } from './sha256.ts';
import { wholeFrame } from './whole-frame.ts';
import { undoFilter } from './xz-filters.ts';
import { detect, walk, type XzBlock, type XzStream } from './xz-frame.ts';

const STRUCTURE = 'LZMA2 chunk';

/** Unpacks the LZMA2 chunks of [at, end); the walk has already checked their headers. */
function lzma2(input: Uint8Array, start: number, output: Output): void {
  let lzma: Lzma | undefined;
  let windowFrom: number | undefined;
  let needsProperties = true;
  for (let at = start; input[at] !== 0; ) {
    const control = input[at]!;
    const low = ((input[at + 1]! << 8) | input[at + 2]!) + 1;
    if (control === 1 || control >= 0xe0) {
      windowFrom = output.size;
      needsProperties = true;
      if (lzma !== undefined) lzma.windowFrom = windowFrom;
    }
    if (windowFrom === undefined) throw badValue(STRUCTURE, at, 'the first chunk does not reset the dictionary');
    if (control < 0x80) {
      output.append(input.subarray(at + 3, at + 3 + low));
      at += 3 + low;
      continue;
    }
    const newProperties = control >= 0xc0;
    const dataAt = at + (newProperties ? 6 : 5);
    const dataEnd = dataAt + ((input[at + 3]! << 8) | input[at + 4]!) + 1;
    if (newProperties) {
      const properties = propertiesOf(input[at + 5]!, at + 5);
      if (properties.lc + properties.lp > 4) throw badValue(STRUCTURE, at + 5, 'lc + lp is more than 4');
      if (lzma === undefined) {
        lzma = new Lzma(input, output, properties);
        lzma.windowFrom = windowFrom;
      } else lzma.reset(properties);
      needsProperties = false;
    } else if (lzma === undefined || needsProperties) throw badValue(STRUCTURE, at, 'a chunk that lacks the properties it needs');
    else if (control >= 0xa0) lzma.reset();
    lzma.start(dataAt);
    lzma.run(output.size + ((control & 31) << 16) + low, dataEnd, false);
    if (lzma.inputAt !== dataEnd) throw badValue(STRUCTURE, at, `${dataEnd - lzma.inputAt} bytes are left over`);
    at = dataEnd;
  }
}

/** Compares the check stored after a block with its unpacked bytes. */
function verify(input: Uint8Array, stream: XzStream, block: XzBlock, bytes: Uint8Array): void {
  const at = block.checkAt;
  const stored = new DataView(input.buffer, input.byteOffset + at, stream.checkSize);
  if (stream.check === 'crc32') mustMatch('xz block', at, 'CRC-32', stored.getUint32(0, true), crc32(bytes));
  if (stream.check === 'crc64') {
    const { low, high } = crc64(bytes);
    mustMatch('xz block', at, 'CRC-64 (low half)', stored.getUint32(0, true), low);
    mustMatch('xz block', at + 4, 'CRC-64 (high half)', stored.getUint32(4, true), high);
  }
  if (stream.check === 'sha256') {
    const digest = sha256(bytes);
    for (let word = 0; word < 8; word++) mustMatch('xz block', at + word * 4, 'SHA-256', stored.getUint32(word * 4), digest[word]!);
  }
}

function decode(input: Uint8Array, limit: number): Decoded {
  const stream = walk(input);
  const output = new Output('xz stream', limit, stream.contentSize);
  for (const block of stream.blocks) {
    const from = output.size;
    lzma2(input, block.at, output);
    const bytes = output.bytes.subarray(from, output.size);
    for (const filter of block.filters.toReversed()) undoFilter(filter, bytes, block.at);
    verify(input, stream, block, bytes);
  }
  return { bytes: output.take(), consumed: stream.consumed };
}

/** The pure xz decoder. */
export const xz: Decoder = { name: 'xz', detect, decode, decodeBlock: wholeFrame(decode) };
