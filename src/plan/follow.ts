// Taking something of the root with everything that leads to it: each symbolic link on the way is kept as a link.
import type { Entry } from '../tree/index.ts';
import type { Reason, SegmentName, Wanted } from './plan.ts';
import { type Root, resolve } from './root.ts';

/** What a path leads to in the root, as wanted entries: the links first, the final entry last. */
export interface Followed {
  /** The final entry; undefined when the path leads nowhere (then nothing is wanted). */
  readonly entry: Entry | undefined;
  readonly path: string;
  readonly wanted: readonly Wanted[];
}

/** Follows a path. The reason goes to the final entry; each link is there because of it. */
export function followed(root: Root, path: string, segment: SegmentName, reason: Reason): Followed {
  const found = resolve(root, path);
  if (found.entry === undefined) return { entry: undefined, path: found.path, wanted: [] };
  const wanted: Wanted[] = found.links.map((entry) => ({
    entry,
    segment,
    reason: {
      part: reason.part,
      text: `link to /${found.path}: ${reason.text}`,
      ...(reason.because === undefined ? {} : { because: reason.because }),
    },
  }));
  if (found.entry.kind !== 'directory') wanted.push({ entry: { ...found.entry, path: found.path }, segment, reason });
  return { entry: found.entry, path: found.path, wanted };
}
