// The cache of glibc's loader, /etc/ld.so.cache, in the form "glibc-ld.so.cache1.1" (glibc, sysdeps/generic/dl-cache.h): a header, one record
// a library in the order in which the loader searches (descending), strings, and an extension that names the directories for newer processors.
// Little-endian machines only: the others have loaders that are looked for elsewhere.
import {
  alignUp,
  type ByteSource,
  bytesField,
  concat,
  nameFromBytes,
  nameToBytes,
  readAll,
  struct,
  u8,
  u32le,
  u64le,
  utf8,
} from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

/** One library of the cache. */
export interface CachedLibrary {
  /** What programs ask for ("libc.so.6"). */
  readonly soname: string;
  /** Absolute path. */
  readonly path: string;
  /** Kind of library and machine, as ldconfig numbers them. */
  readonly flags: number;
  /** Directory below glibc-hwcaps, for processors that can run it ("x86-64-v3"). */
  readonly level?: string;
}

const MAGIC = 'glibc-ld.so.cache1.1';
const LITTLE = 2;
const EXTENSION_MAGIC = 0xeaa42174;
const TAG_LEVELS = 1;
const LEVEL_BIT = 1n << 62n;
const SIZE_MOST = 1 << 26;
const STRING_MOST = 4096;

const header = struct('ld.so.cache header', 48, {
  magic: bytesField(20),
  libraryCount: u32le,
  stringsSize: u32le,
  flags: u8,
  padding: bytesField(3),
  extensionAt: u32le,
  unused: bytesField(12),
});
const record = struct('ld.so.cache library', 24, { flags: u32le, sonameAt: u32le, pathAt: u32le, osVersion: u32le, hwcap: u64le });
const extension = struct('ld.so.cache extension', 8, { magic: u32le, count: u32le });
const section = struct('ld.so.cache section', 16, { tag: u32le, flags: u32le, at: u32le, size: u32le });

/** Order of two names as glibc's binary search expects it: runs of digits by value. */
export function compareSonames(a: string, b: string): number {
  const [x, y] = [nameToBytes(a), nameToBytes(b)];
  const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
  const number = (bytes: Uint8Array, from: number): { value: number; end: number } => {
    let [value, end] = [0, from];
    while (isDigit(bytes[end])) value = (value * 10 + bytes[end++]! - 0x30) | 0;
    return { value, end };
  };
  let [i, j] = [0, 0];
  while (i < x.length) {
    if (isDigit(x[i]) && isDigit(y[j])) {
      const [left, right] = [number(x, i), number(y, j)];
      if (left.value !== right.value) return left.value - right.value;
      [i, j] = [left.end, right.end];
    } else if (isDigit(x[i]) || isDigit(y[j])) return isDigit(x[i]) ? 1 : -1;
    else if (x[i] !== y[j]) return (x[i] ?? 0) - (y[j] ?? 0);
    else [i, j] = [i + 1, j + 1];
  }
  return 0 - (y[j] ?? 0);
}

function compareLibraries(a: CachedLibrary, b: CachedLibrary): number {
  const byName = compareSonames(b.soname, a.soname);
  if (byName !== 0) return byName;
  if (a.flags !== b.flags) return b.flags - a.flags;
  // the loader stops at the first library for any processor
  if ((a.level === undefined) !== (b.level === undefined)) return a.level === undefined ? 1 : -1;
  return a.level === b.level ? 0 : (a.level ?? '') < (b.level ?? '') ? -1 : 1;
}

/** The cache's bytes; libraries of one name stay in the order given. */
export function encodeLdCache(libraries: readonly CachedLibrary[]): Uint8Array {
  const sorted = libraries.toSorted(compareLibraries);
  const levels = [...new Set(sorted.flatMap(({ level }) => (level === undefined ? [] : [level])))].sort();
  const places = new Map<string, number>();
  const strings: Uint8Array[] = [];
  const base = header.size + sorted.length * record.size;
  let at = base;
  const place = (text: string): number => {
    const held = places.get(text);
    if (held !== undefined) return held;
    const bytes = concat([nameToBytes(text), new Uint8Array(1)]);
    strings.push(bytes);
    places.set(text, at);
    at += bytes.length;
    return at - bytes.length;
  };
  const records = sorted.map(({ soname, path, flags, level }) => {
    const pathAt = place(path);
    const isTail = path.endsWith(`/${soname}`);
    const sonameAt = isTail ? pathAt + nameToBytes(path).length - nameToBytes(soname).length : place(soname);
    return record.encode({
      flags,
      sonameAt,
      pathAt,
      osVersion: 0,
      hwcap: level === undefined ? 0n : LEVEL_BIT | BigInt(levels.indexOf(level)),
    });
  });
  const levelPlaces = levels.map(place);
  const stringsSize = at - base;
  const extensionAt = levels.length === 0 ? 0 : alignUp(at, 4);
  const head = header.encode({
    magic: utf8(MAGIC),
    libraryCount: sorted.length,
    stringsSize,
    flags: LITTLE,
    padding: new Uint8Array(3),
    extensionAt,
    unused: new Uint8Array(12),
  });
  const pieces = [head, ...records, ...strings];
  if (extensionAt > 0) {
    const listAt = extensionAt + extension.size + section.size;
    const list = new Uint8Array(levels.length * u32le.size);
    for (const [index, levelAt] of levelPlaces.entries()) u32le.set(new DataView(list.buffer), index * u32le.size, levelAt);
    pieces.push(new Uint8Array(extensionAt - at), extension.encode({ magic: EXTENSION_MAGIC, count: 1 }));
    pieces.push(section.encode({ tag: TAG_LEVELS, flags: 0, at: listAt, size: list.length }), list);
  }
  return concat(pieces);
}

/** The libraries of a cache; undefined for another form of it (that of glibc before 2.32 starts with an older table). Throws TRUNCATED, BAD_VALUE or LIMIT. */
export function decodeLdCache(source: ByteSource): CachedLibrary[] | undefined {
  if (source.size > SIZE_MOST)
    throw new KindlingError('LIMIT', `${source.size} bytes, at most ${SIZE_MOST} are read`, { structure: header.name });
  const bytes = readAll(source);
  if (bytes.length < header.size || nameFromBytes(bytes.subarray(0, MAGIC.length)) !== MAGIC) return undefined;
  const { libraryCount, extensionAt } = header.decode(bytes);
  if (header.size + libraryCount * record.size > bytes.length) {
    throw new KindlingError('TRUNCATED', `${libraryCount} libraries do not fit ${bytes.length} bytes`, { structure: header.name });
  }
  const textAt = (at: number): string => {
    const rest = bytes.subarray(at, at + STRING_MOST);
    const end = rest.indexOf(0);
    if (end >= 0) return nameFromBytes(rest.subarray(0, end));
    throw new KindlingError('BAD_VALUE', `a string is at ${at}, outside the file or without an end`, {
      structure: header.name,
      offset: at,
    });
  };
  const levels = extensionAt === 0 ? [] : levelsAt(bytes, extensionAt).map(textAt);
  return Array.from({ length: libraryCount }, (_, index) => {
    const { flags, sonameAt, pathAt, hwcap } = record.decode(bytes, header.size + index * record.size);
    const level = (hwcap & LEVEL_BIT) === 0n ? undefined : levels[Number(hwcap & 0xffffffffn)];
    return { soname: textAt(sonameAt), path: textAt(pathAt), flags, ...(level === undefined ? {} : { level }) };
  });
}

function levelsAt(bytes: Uint8Array, extensionAt: number): number[] {
  const { magic, count } = extension.decode(bytes, extensionAt);
  if (magic !== EXTENSION_MAGIC) return [];
  for (let index = 0; index < count; index++) {
    const { tag, at, size } = section.decode(bytes, extensionAt + extension.size + index * section.size);
    if (tag !== TAG_LEVELS) continue;
    if (at + size > bytes.length)
      throw new KindlingError('TRUNCATED', 'the list of levels leaves the file', { structure: section.name, offset: at });
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: Math.floor(size / u32le.size) }, (_, place) => u32le.get(view, at + place * u32le.size));
  }
  return [];
}
