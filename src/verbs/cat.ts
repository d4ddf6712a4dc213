// cat: the content of one file in an archive.
import type { ByteSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { type Root, resolve } from '../plan/index.ts';
import { treePath } from './select.ts';

/** The content of the regular file a path leads to; links are followed inside the archive. Throws NO_ENTRY or LINK_LOOP. */
export function cat(root: Root, path: string): ByteSource {
  const found = resolve(root, treePath(path));
  if (found.entry?.kind === 'file') return found.entry.content;
  const through = found.links.length === 0 ? '' : `, where ${found.links.length} symbolic link(s) lead`;
  if (found.entry === undefined && found.path !== '')
    throw new KindlingError('NO_ENTRY', `there is no "${found.path}"${through}`, { path });
  throw new KindlingError('NO_ENTRY', `"${found.path}" is a ${found.entry?.kind ?? 'directory'}, not a file`, { path });
}
