// Explains why a path is in an archive, from the reasons the archive carries: each reason, and what wanted the thing that wanted it.
import { nameFromBytes, readAll } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { Reason } from '../plan/index.ts';
import type { Tree } from '../tree/index.ts';
import { REASONS_PATH } from './encode.ts';
import { parseReasons } from './reasons.ts';

/** One link of a chain: a path and a reason it is in. */
export interface Link extends Reason {
  readonly path: string;
}

/** A chain starts with the path that was asked for; each following link is about the `because` of the one before. */
export type Chain = readonly Link[];

const REASONS_SIZE_MOST = 64 << 20;
const CHAINS_MOST = 64;

/** The reasons an archive carries. Throws NO_ENTRY when it has none (kindling did not make it). */
export function reasonsOf(tree: Tree): Map<string, Reason[]> {
  const entry = tree.get(REASONS_PATH);
  if (entry?.kind !== 'file') {
    throw new KindlingError('NO_ENTRY', `there is no "${REASONS_PATH}" in it: another program made this archive`, { path: REASONS_PATH });
  }
  if (entry.content.size > REASONS_SIZE_MOST) {
    throw new KindlingError('LIMIT', `the reasons take ${entry.content.size} bytes, at most ${REASONS_SIZE_MOST} are read`, {
      path: REASONS_PATH,
    });
  }
  return parseReasons(nameFromBytes(readAll(entry.content)));
}

/**
 * One chain for each reason of the path, each followed through the first reason of what wanted it until a part alone is the reason, or
 * round in a circle. Empty when nothing is known of the path.
 */
export function explain(path: string, reasons: ReadonlyMap<string, readonly Reason[]>): Chain[] {
  return (reasons.get(path) ?? []).slice(0, CHAINS_MOST).map((reason) => {
    const chain: Link[] = [{ path, ...reason }];
    const seen = new Set([path]);
    for (let because = reason.because; because !== undefined && !seen.has(because); ) {
      seen.add(because);
      const next: Reason | undefined = reasons.get(because)?.[0];
      if (next === undefined) break;
      chain.push({ path: because, ...next });
      because = next.because;
    }
    return chain;
  });
}
