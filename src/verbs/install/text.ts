// Small text files of a root, as `install` reads them.
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { findFile, type Root } from '../../plan/index.ts';

const TEXT_MOST = 1024 * 1024;

/** The text of a file of the root; undefined where there is none. Throws LIMIT above a megabyte. */
export function textOf(root: Root, path: string): string | undefined {
  const found = findFile(root, path);
  if (found === undefined) return undefined;
  if (found.content.size > TEXT_MOST) throw new KindlingError('LIMIT', `${found.content.size} bytes, at most ${TEXT_MOST}`, { path });
  return nameFromBytes(readAll(found.content));
}

/** The value of NAME=value in a file of shell assignments (os-release), without quotation marks. */
export function shellValue(text: string, name: string): string | undefined {
  const line = new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim();
  return line?.replace(/^(["'])(.*)\1$/, '$2');
}
