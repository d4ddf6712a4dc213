// safe: which files of an archive may be older than the root's when a machine boots. Not safe is what the way to the root depends on:
// modules, firmware, the tools that find and mount it, and configuration that is read before it is mounted.
import { matches } from './modules/index.ts';
import type { Plan } from './plan.ts';

// What these parts want is for the person at the console, or was asked for by name; a machine boots with last week's copy.
const SAFE_PARTS = new Set(['console', 'files']);
const UNSAFE_SEGMENTS = new Set(['microcode', 'modules', 'firmware']);

/**
 * Tells for a path of the archive whether a machine boots although the root's file is newer. `patterns` are those of setting `safe`: paths
 * in which "*" stands for any characters; one that ends in "/" means all below it.
 */
export function safeIn(plan: Plan, patterns: readonly string[]): (path: string) => boolean {
  const wanted = patterns.map((pattern) => pattern.replace(/^\/+/, '')).map((one) => (one.endsWith('/') ? `${one}*` : one));
  return (path) => {
    if (wanted.some((pattern) => matches(pattern, path))) return true;
    const reasons = plan.reasons.get(path);
    const segment = plan.segmentOf.get(path);
    if (reasons === undefined || segment === undefined || UNSAFE_SEGMENTS.has(segment)) return false;
    return reasons.every(({ part }) => SAFE_PARTS.has(part));
  };
}
