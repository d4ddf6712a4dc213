// Members: a segment's entries cut into pieces that are compressed by themselves. Each holds one whole cpio archive, since the kernel
// refuses an archive that goes on in a second frame. Cuts depend on names and sizes alone, never on cores or on entries far away, so
// that changing one file changes one member.
import { utf8 } from '../bytes/index.ts';
import { comparePaths, type Entry, parentOf, type Tree } from '../tree/index.ts';

/** Where to cut, in unpacked bytes: never below `least`, wherever a path says so above it, always before `most`. */
export interface MemberSizes {
  readonly least: number;
  readonly most: number;
}

/** The usual bounds of a member in unpacked bytes; between them the content decides where to cut. */
export const MEMBER_SIZES: MemberSizes = { least: 2 << 20, most: 8 << 20 };

const CUT_MASK = 15; // one path in sixteen is a place to cut

/** FNV-1a, 32 bits: spreads paths evenly over cut and no cut. */
function spread(path: string): number {
  let hash = 0x811c9dc5;
  for (const byte of utf8(path)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash ^ (hash >>> 15);
}

function sizeOf(entry: Entry): number {
  return 128 + entry.path.length + (entry.kind === 'file' ? entry.content.size : 0);
}

/**
 * Cuts entries (in tree order) into members. All names of a hard-linked file go where its first name is; every member repeats the
 * directories above its entries, taken from `tree`, so that each unpacks by itself.
 */
export function cut(entries: readonly Entry[], tree: Tree, sizes: MemberSizes = MEMBER_SIZES): Entry[][] {
  const members: Entry[][] = [];
  let current: Entry[] = [];
  let size = 0;
  for (const unit of units(entries)) {
    const unitSize = unit.reduce((sum, entry) => sum + sizeOf(entry), 0);
    if (current.length > 0 && size + unitSize > sizes.most) {
      members.push(current);
      current = [];
      size = 0;
    }
    current.push(...unit);
    size += unitSize;
    if (size >= sizes.least && (spread(unit[0]!.path) & CUT_MASK) === 0) {
      members.push(current);
      current = [];
      size = 0;
    }
  }
  if (current.length > 0) members.push(current);
  return members.map((member) => withAncestors(member, tree));
}

/** Entries one by one, hard-linked names together. */
function* units(entries: readonly Entry[]): Generator<Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) if (entry.kind === 'hardlink') groups.set(entry.to, []);
  if (groups.size === 0) {
    for (const entry of entries) yield [entry];
    return;
  }
  for (const entry of entries) groups.get(entry.kind === 'hardlink' ? entry.to : entry.path)?.push(entry);
  const given = new Set<Entry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.kind === 'hardlink' ? entry.to : entry.path);
    if (group === undefined) yield [entry];
    else if (!given.has(group)) {
      given.add(group);
      yield group;
    }
  }
}

function withAncestors(member: readonly Entry[], tree: Tree): Entry[] {
  const have = new Set(member.map((entry) => entry.path));
  const added: Entry[] = [];
  for (const entry of member) {
    for (let path = parentOf(entry.path); path !== '' && !have.has(path); path = parentOf(path)) {
      have.add(path);
      added.push(tree.get(path)!);
    }
  }
  return [...member, ...added].sort((a, b) => comparePaths(a.path, b.path));
}
