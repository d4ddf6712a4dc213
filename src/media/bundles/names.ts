// Names of bundles and the order they stand in: the number in front of the file name, then the name byte by byte (docs/bundle.md, "Order").
// Slax sorts with `sort -n`, where ties depend on the locale; here they do not.
import { compareNames } from '../../bytes/index.ts';
import { baseName } from '../../tree/index.ts';

/** What a bundle's file name ends in. */
export const BUNDLE_SUFFIX = '.sb';

/** A bundle's file name, taken apart: `01-core.sb` is number "1", title "core", stem "01-core". */
export interface BundleName {
  /** The file name without directories. */
  readonly file: string;
  /** The file name without its suffix. */
  readonly stem: string;
  /** Digits in front without leading zeros, "0" where there are none. A string: it may be longer than any number. */
  readonly number: string;
  /** What follows the number and the dash. */
  readonly title: string;
}

/** Takes a file name or path apart; undefined when it is no bundle's (`.sb` behind something that does not start with a dot). */
export function parseBundleName(path: string): BundleName | undefined {
  const file = baseName(path);
  const parts = /^(\d*)(-?)([^\0]*)\.sb$/s.exec(file);
  if (parts === null || file.startsWith('.')) return undefined;
  const stem = file.slice(0, -BUNDLE_SUFFIX.length);
  return { file, stem, number: parts[1]!.replace(/^0+(?=.)/, '') || '0', title: parts[3]! };
}

/** Stacking order of two file names (directories do not count): lower layers first. A name without a number counts as 0. */
export function compareBundleNames(a: string, b: string): number {
  const [x, y] = [leadingNumber(baseName(a)), leadingNumber(baseName(b))];
  if (x.length !== y.length) return x.length < y.length ? -1 : 1;
  if (x !== y) return x < y ? -1 : 1;
  return compareNames(baseName(a), baseName(b));
}

function leadingNumber(file: string): string {
  return (/^\d*/.exec(file)?.[0] ?? '').replace(/^0+/, '');
}
