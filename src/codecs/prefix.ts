// The first bytes of compressed data whose unpacked size is known from elsewhere, as file systems store it: bare LZ4 blocks, bare deflate
// streams, and MicroLZMA (LZMA whose first byte, always zero, holds the inverted properties instead; from XZ Utils). What follows is left alone.
import { KindlingError } from '../errors.ts';
import { badValue, truncated } from './fault.ts';
import { inflate } from './inflate.ts';
import { decodeBlock } from './lz4-block.ts';
import { Lzma, propertiesOf } from './lzma.ts';
import { Output } from './output.ts';

/** The longest single step of an LZMA or deflate decoder: a stored deflate block. */
const STEP_MAX = 65536;

function exactly(structure: string, output: Output, size: number, inputSize: number): Uint8Array {
  if (output.size < size) throw truncated(structure, inputSize, `${size - output.size} more bytes of ${size}`);
  return output.bytes.subarray(0, size);
}

/** The first `size` bytes that an LZ4 block unpacks to. Throws TRUNCATED or BAD_VALUE; the caller has bounded `size`. */
export function lz4(input: Uint8Array, size: number): Uint8Array {
  const output = new Output('lz4 block', size, size);
  decodeBlock(input, 0, input.length, output, size, true);
  return exactly('lz4 block', output, size, input.length);
}

/** The first `size` bytes that a raw deflate stream (RFC 1951) unpacks to. Throws TRUNCATED or BAD_VALUE; the caller has bounded `size`. */
export function deflate(input: Uint8Array, size: number): Uint8Array {
  const output = new Output('deflate stream', size + STEP_MAX, size + STEP_MAX);
  try {
    inflate(input, 0, output);
  } catch (error) {
    // there is more than was asked for: the limit stopped it one step at most before
    if (!(error instanceof KindlingError && error.code === 'LIMIT')) throw error;
  }
  return exactly('deflate stream', output, size, input.length);
}

/** The first `size` bytes that a MicroLZMA stream unpacks to. Throws TRUNCATED or BAD_VALUE; the caller has bounded `size`. */
export function microLzma(input: Uint8Array, size: number): Uint8Array {
  if (input.length === 0) throw truncated('lzma stream', 0, 'the properties byte');
  const properties = propertiesOf(~input[0]! & 255, 0);
  if (properties.lc + properties.lp > 4)
    throw badValue('lzma stream', 0, `lc ${properties.lc} and lp ${properties.lp}, more than 4 in all`);
  const plain = input.slice();
  plain[0] = 0;
  const output = new Output('lzma stream', size + STEP_MAX, size + STEP_MAX);
  const lzma = new Lzma(plain, output, properties);
  lzma.start(0);
  lzma.run(size, plain.length, false, true);
  return exactly('lzma stream', output, size, plain.length);
}
