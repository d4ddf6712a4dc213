// Reads vectors.json: what the real tools made of the sample.
import { readFileSync } from 'node:fs';
import { type Decoder, detectDecoder } from '../index.ts';

/** One tool's output. `guarded` says whether a checksum covers the unpacked bytes. */
export interface Vector {
  readonly command: string;
  readonly name: Decoder['name'];
  readonly packed: Uint8Array;
  readonly guarded: boolean;
}

const rows = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8')) as Record<string, [Decoder['name'], string]>;

/** Every golden vector. */
export const vectors: readonly Vector[] = Object.entries(rows).map(([command, [name, base64]]) => ({
  command,
  name,
  packed: new Uint8Array(Buffer.from(base64, 'base64')),
  guarded: name !== 'lzma' && name !== 'lz4' && !/--check=none|--no-check/.test(command),
}));

/** The decoder for bytes that some decoder must know. */
export function decoderOf(decoders: readonly Decoder[], packed: Uint8Array): Decoder {
  const found = detectDecoder(decoders, packed.subarray(0, 16));
  if (found === undefined) throw new Error('no decoder knows these bytes');
  return found;
}
