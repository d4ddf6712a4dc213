// Names of FAT: long ones (UTF-16, stored beside) and the 8.3 alias that every file has. Microsoft's rules ("Basis-Name Generation").
import { LONG_NAME_MOST, UNITS_PER_RECORD } from './structs.ts';

const ILLEGAL = /[\u0000-\u001f"*/:<>?\\|]/;
const SHORT_CHARS = "A-Z0-9!#$%&'()\\-@^_`{}~";
const PLAIN_SHORT = new RegExp(`^[${SHORT_CHARS}]{1,8}(?:\\.[${SHORT_CHARS}]{1,3})?$`);
const NO_SHORT_CHAR = new RegExp(`[^${SHORT_CHARS}]`, 'gu');
const TAIL_MOST = 999_999;

/** Why FAT cannot hold a name, or undefined when it can. */
export function nameFault(name: string): string | undefined {
  if (/\p{Cs}/u.test(name)) return 'is not UTF-8, which long names of FAT cannot hold';
  const illegal = ILLEGAL.exec(name)?.[0];
  if (illegal !== undefined) return `holds ${JSON.stringify(illegal)}, which FAT does not allow`;
  if (/[. ]$/.test(name)) return 'ends in a dot or a space, which FAT drivers drop';
  if (name.length > LONG_NAME_MOST) return `has ${name.length} UTF-16 units, FAT holds ${LONG_NAME_MOST}`;
  return undefined;
}

/** A name as FAT compares it: without regard to case. Only characters whose capital is one unit are folded, as drivers do. */
export function foldCase(name: string): string {
  if (/^[\u0000-\u007f]*$/.test(name)) return name.toUpperCase();
  let folded = '';
  for (const char of name) {
    const upper = char.toUpperCase();
    folded += upper.length === char.length ? upper : char;
  }
  return folded;
}

/** The two names of a file. */
export interface FatName {
  /** Base and extension of the alias, without padding. */
  readonly base: string;
  readonly extension: string;
  /** The name as UTF-16, when the alias alone does not say it. */
  readonly long: string | undefined;
}

function split(short: string): { base: string; extension: string } {
  const at = short.lastIndexOf('.');
  return at < 0 ? { base: short, extension: '' } : { base: short.slice(0, at), extension: short.slice(at + 1) };
}

/** What the alias is made from, and whether something was lost on the way. */
function basisOf(name: string): { base: string; extension: string; lossy: boolean } {
  const bare = name.replace(/^[. ]+/, '');
  const { base, extension } = split(bare);
  const clean = (part: string) => foldCase(part.replace(/[. ]/g, '')).replace(NO_SHORT_CHAR, '_');
  const [cleanBase, cleanExtension] = [clean(base), clean(extension)];
  const short = cleanExtension === '' ? cleanBase : `${cleanBase}.${cleanExtension}`;
  const lossy = short !== foldCase(name) || cleanBase.length > 8 || cleanExtension.length > 3;
  return { base: cleanBase.slice(0, 8), extension: cleanExtension.slice(0, 3), lossy };
}

/**
 * The names of all entries of one directory, in the order given. Names that are an alias as they are (in any case) keep it; the others get
 * a numeric tail, counted up in order, so equal directories get equal aliases.
 */
export function nameAll(names: readonly string[]): FatName[] {
  const taken = new Set<string>();
  for (const name of names) {
    const folded = foldCase(name);
    if (PLAIN_SHORT.test(folded)) taken.add(folded);
  }
  const nextTail = new Map<string, number>();
  return names.map((name) => {
    if (PLAIN_SHORT.test(name)) return { ...split(name), long: undefined };
    if (PLAIN_SHORT.test(foldCase(name))) return { ...split(foldCase(name)), long: name };
    return { ...withTail(basisOf(name), taken, nextTail), long: name };
  });
}

function withTail(
  { base, extension, lossy }: { base: string; extension: string; lossy: boolean },
  taken: Set<string>,
  nextTail: Map<string, number>,
): { base: string; extension: string } {
  const joined = (start: string) => (extension === '' ? start : `${start}.${extension}`);
  if (!lossy && base !== '' && !taken.has(joined(base))) {
    taken.add(joined(base));
    return { base, extension };
  }
  const key = joined(base);
  for (let tail = nextTail.get(key) ?? 1; tail <= TAIL_MOST; tail++) {
    const suffix = `~${tail}`;
    const tried = `${base.slice(0, 8 - suffix.length)}${suffix}`;
    if (taken.has(joined(tried))) continue;
    taken.add(joined(tried));
    nextTail.set(key, tail + 1);
    return { base: tried, extension };
  }
  // a directory holds 65536 entries, so a million tails are never used up
  return { base, extension };
}

/** The eleven bytes of an alias. Its characters are ASCII. */
export function shortBytes({ base, extension }: { readonly base: string; readonly extension: string }): Uint8Array {
  return Uint8Array.from(base.padEnd(8) + extension.padEnd(3), (char) => char.charCodeAt(0));
}

/** The checksum that ties the pieces of a long name to their alias. */
export function aliasChecksum(short: Uint8Array): number {
  let sum = 0;
  for (const byte of short) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 255;
  return sum;
}

/** How many entries of a directory a file takes. */
export function recordCount({ long }: FatName): number {
  return 1 + (long === undefined ? 0 : Math.ceil(long.length / UNITS_PER_RECORD));
}

/** A label as the eleven bytes of FAT, or why it is none. */
export function labelFault(label: string): string | undefined {
  if (label.length > 11) return `has ${label.length} characters, FAT holds 11`;
  if (!/^[\x20-\x7e]*$/.test(label)) return 'holds a character that is not ASCII';
  const illegal = /["*+,./:;<=>?[\\\]|]/.exec(label)?.[0];
  if (illegal !== undefined) return `holds ${JSON.stringify(illegal)}, which FAT labels do not allow`;
  if (label !== label.trim()) return 'begins or ends in a space';
  return undefined;
}
