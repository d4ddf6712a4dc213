// Writes a partition table of either kind.
import { type EncodedTable, encodeGpt, type GptOptions } from './encode-gpt.ts';
import { encodeMbr, type MbrOptions } from './encode-mbr.ts';

/** The bytes of a partition table. Throws BAD_VALUE for what it cannot hold, CONFLICT for partitions that overlap. */
export function encode(options: GptOptions | MbrOptions): EncodedTable {
  if (options.scheme === 'gpt') return encodeGpt(options);
  return { primary: encodeMbr(options), backup: new Uint8Array(0), backupAt: options.size };
}
