// files: programs and files that the settings name.
import { KindlingError } from '../../errors.ts';
import { joinPath } from '../../tree/index.ts';
import { followed } from '../follow.ts';
import type { Part } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { type Root, resolve } from '../root.ts';

const PART = 'files';
const DEPTH_MOST = 64;

function below(root: Root, path: string, depth: number, because: string | undefined, into: Wanted[]): void {
  const text = 'named in the settings';
  const reason = because === undefined ? { part: PART, text } : { part: PART, text: 'below a directory named in the settings', because };
  const found = followed(root, path, 'configuration', reason);
  if (found.entry === undefined) throw new KindlingError('NO_ENTRY', `/${path}, named in the settings, is not in ${root.label}`, { path });
  into.push(...found.wanted);
  if (found.entry.kind !== 'directory') return;
  if (depth > DEPTH_MOST) throw new KindlingError('LIMIT', `directories more than ${DEPTH_MOST} deep below /${path}`, { path });
  into.push({ entry: { ...found.entry, path: found.path }, segment: 'configuration', reason });
  for (const name of root.names(found.path)) {
    const child = joinPath(found.path, name);
    const entry = root.entry(child);
    if (entry === undefined) continue;
    const own = { part: PART, text: 'below a directory named in the settings', because: found.path };
    // A link inside is taken as it is; it may well lead out of what was named.
    if (entry.kind === 'directory') below(root, child, depth + 1, found.path, into);
    else if (entry.kind !== 'socket') into.push({ entry, segment: 'configuration', reason: own });
  }
}

/** The files part. */
export const files: Part = {
  name: PART,
  summary: 'programs and files that the settings name',
  when: 'always',
  wants({ root, settings }) {
    const entries: Wanted[] = [];
    for (const path of settings.files) below(root, path.replace(/^\/+|\/+$/g, ''), 0, undefined, entries);
    const programs = settings.programs.map((path) => ({ path: programPath(root, path), text: 'named in the settings' }));
    return { entries, programs };
  },
};

function programPath(root: Root, path: string): string {
  if (path.includes('/')) return path;
  const homes = ['usr/sbin', 'usr/bin', 'sbin', 'bin'];
  return homes.map((home) => joinPath(home, path)).find((one) => resolve(root, one).entry?.kind === 'file') ?? path;
}
