// IMAGE@N on the command line: the partition N of a disk or of an image of one. A file of that very name wins.
import { existsSync } from 'node:fs';

/** The two halves of such a name, or undefined when it is none. Apart from the reader, so that other names do not load it. */
export function partitionName(path: string): { readonly file: string; readonly index: number } | undefined {
  const found = /^(.+)@([1-9][0-9]{0,3})$/s.exec(path);
  if (found === null || existsSync(path)) return undefined;
  return { file: found[1]!, index: Number(found[2]) };
}
