// Patterns of paths that are left out of a bundle: "*" and "?" stay within a name, "**" crosses directories, "[abc]" is one of these; a
// pattern that fits a directory covers all it holds.
import { KindlingError } from '../../errors.ts';
import { type Entry, parentOf } from '../../tree/index.ts';

/** Something left out: a path (or, in a rule, a pattern) and the reason. */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

const PATTERN_MOST = 4096;

function expression(pattern: string): RegExp {
  const text = pattern.replace(/^\/+|\/+$/g, '');
  if (text === '' || text.length > PATTERN_MOST) {
    throw new KindlingError('USAGE', `the pattern ${JSON.stringify(pattern.slice(0, 80))} names no path`);
  }
  const source = text.replace(/\*\*\/|\*+|\?|\[!?[^\]/]+\]|[\\^$.|()+{}[\]]/g, (token) => {
    if (token === '**/') return '(?:[^/]+/)*';
    if (token.startsWith('**')) return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.length > 1) return token.replace(/^\[!/, '[^').replace(/\\/g, '\\\\');
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`, 's');
}

/** The entries that stay, and the highest path of each thing that does not. */
export function withoutMatches(
  entries: readonly Entry[],
  reasonOf: (entry: Entry) => string | undefined,
): { kept: Entry[]; leftOut: LeftOut[] } {
  const gone = new Set<string>();
  const kept: Entry[] = [];
  const leftOut: LeftOut[] = [];
  for (const entry of entries) {
    const isBelow = entry.path !== '' && gone.has(parentOf(entry.path));
    const reason = isBelow || entry.path === '' ? undefined : reasonOf(entry);
    if (reason !== undefined) leftOut.push({ path: entry.path, reason });
    if (isBelow || reason !== undefined) gone.add(entry.path);
    else kept.push(entry);
  }
  return { kept, leftOut };
}

/** Answers why a path is left out: the reason of the first rule that fits it or a directory above it; undefined when it stays. Throws USAGE for an empty pattern. */
export function matcher(rules: readonly LeftOut[]): (path: string) => string | undefined {
  const compiled = rules.map(({ path, reason }) => ({ fits: expression(path), reason }));
  const known = new Map<string, string | undefined>();
  const own = (path: string) => compiled.find(({ fits }) => fits.test(path))?.reason;
  return function reasonFor(path: string): string | undefined {
    const above: string[] = [];
    for (let at = path; at !== ''; at = parentOf(at)) above.push(at);
    let reason: string | undefined;
    for (const at of above.reverse()) {
      if (!known.has(at)) known.set(at, reason ?? own(at));
      reason = known.get(at);
    }
    return reason;
  };
}
