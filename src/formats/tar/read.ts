// Reads a tar archive header by header into records: names and numbers settled between header, GNU long names and pax records.
import { asciiFrom, type ByteSource, concat, nameFromBytes, sliceSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { checksums, numberFrom, paxRecords, untilNul } from './fields.ts';
import { BLOCK_SIZE, header, MAGIC_GNU, MAGIC_USTAR } from './structs.ts';

/** One entry as the archive has it. `path` and `linkTarget` are as stored; `type` is the type byte as text ("0", "5", ...). */
export interface TarRecord {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds, rounded down. */
  readonly mtime: number;
  readonly linkTarget: string;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly content: ByteSource;
  /** Offset of the entry's own header (after its extended headers). */
  readonly headerAt: number;
}

/** Bounds of one decoding. */
export interface ReadOptions {
  /** Most entries; 4,000,000 unless told. */
  readonly entryCountMost?: number;
}

const META_SIZE_MOST = 1 << 20;
const XATTR = 'SCHILY.xattr.';

type Pax = ReadonlyMap<string, Uint8Array>;
const NO_PAX: Pax = new Map();

/**
 * All entries in archive order. A missing end (no blocks of NULs) is forgiven, as every tar does; what follows the end is not looked at.
 * Throws TRUNCATED, BAD_CHECKSUM, BAD_VALUE, LIMIT, or UNSUPPORTED (sparse and multi-volume entries), with the offset of the header.
 */
export function* records(source: ByteSource, options: ReadOptions = {}): Generator<TarRecord> {
  const entryCountMost = options.entryCountMost ?? 4_000_000;
  let global = NO_PAX;
  let local = NO_PAX;
  let longName: Uint8Array | undefined;
  let longLink: Uint8Array | undefined;
  let entryCount = 0;
  for (let at = 0; at < source.size; ) {
    if (source.size - at < BLOCK_SIZE) {
      throw new KindlingError('TRUNCATED', `a header needs ${BLOCK_SIZE} bytes, ${source.size - at} are left`, here(at));
    }
    const block = source.read(at, BLOCK_SIZE);
    if (isBlank(block)) return;
    const fields = checkedHeader(block, at);
    const type = String.fromCharCode(fields.type);
    const contentAt = at + BLOCK_SIZE;
    const pax = merged(global, local);
    // Links have no content whatever their size says (GNU tar stores the size of what they name); the same holds for all but files.
    const size = hasContent(type) ? sizeOf(fields.size, 'xgLK'.includes(type) ? NO_PAX : pax, at) : 0;
    const left = source.size - contentAt;
    if (size > left) throw new KindlingError('TRUNCATED', `the entry announces ${size} bytes, ${left} are left`, here(at));
    // The last padding may be missing.
    const next = contentAt + Math.min(Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE, left);
    const meta = (): Uint8Array => {
      if (size > META_SIZE_MOST)
        throw new KindlingError('LIMIT', `an extended header of ${size} bytes, at most ${META_SIZE_MOST}`, here(at));
      return source.read(contentAt, size);
    };
    if (type === 'x') local = merged(local, paxRecords(meta(), contentAt));
    else if (type === 'g') global = bounded(merged(global, paxRecords(meta(), contentAt)), at);
    else if (type === 'L') longName = untilNul(meta());
    else if (type === 'K') longLink = untilNul(meta());
    else {
      entryCount += 1;
      if (entryCount > entryCountMost) throw new KindlingError('LIMIT', `over ${entryCountMost} entries`, here(at));
      // V names the volume and is nothing to keep.
      if (type !== 'V') yield recordFrom(fields, type, pax, { longName, longLink }, sliceSource(source, contentAt, size), at);
      local = NO_PAX;
      longName = undefined;
      longLink = undefined;
    }
    at = next;
  }
}

function here(offset: number): { structure: string; offset: number } {
  return { structure: header.name, offset };
}

function isBlank(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

function checkedHeader(block: Uint8Array, at: number): ReturnType<typeof header.decode> {
  const fields = header.decode(block);
  const { unsigned, signed } = checksums(block);
  const stored = numberFrom(fields.checksum, 'checksum', at);
  if (stored === unsigned || stored === signed) return fields;
  throw new KindlingError('BAD_CHECKSUM', `the header's checksum is ${stored}, its bytes add up to ${unsigned}`, here(at));
}

function hasContent(type: string): boolean {
  return !'123456V'.includes(type);
}

function sizeOf(field: Uint8Array, pax: Pax, at: number): number {
  const size = paxNumber(pax, 'size', at) ?? numberFrom(field, 'size', at);
  if (size < 0) throw new KindlingError('BAD_VALUE', `the size is ${size}`, here(at));
  return size;
}

function merged(under: Pax, over: Pax): Pax {
  if (over.size === 0) return under;
  const all = new Map(under);
  for (const [key, value] of over) {
    // An empty value takes back what a header further out said.
    if (value.length === 0 && !key.startsWith(XATTR)) all.delete(key);
    else all.set(key, value);
  }
  return all;
}

// Global records accumulate, and every entry's records are laid over them: without a bound the time would grow with the square of the input.
function bounded(pax: Pax, at: number): Pax {
  if (pax.size > 100) throw new KindlingError('LIMIT', `${pax.size} global records, at most 100`, here(at));
  return pax;
}

function paxNumber(pax: Pax, key: string, at: number): number | undefined {
  const value = pax.get(key);
  if (value === undefined) return undefined;
  const text = asciiFrom(value);
  const number = /^-?[0-9]{1,16}(\.[0-9]*)?$/.test(text) ? Math.floor(Number(text)) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new KindlingError('BAD_VALUE', `the record ${key} is ${JSON.stringify(text.slice(0, 40))}, expected a number`, here(at));
}

function recordFrom(
  fields: ReturnType<typeof header.decode>,
  type: string,
  pax: Pax,
  long: { longName: Uint8Array | undefined; longLink: Uint8Array | undefined },
  content: ByteSource,
  headerAt: number,
): TarRecord {
  if (type === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
    throw new KindlingError('UNSUPPORTED', 'a sparse file (made with --sparse)', here(headerAt));
  }
  const owner = (key: 'uid' | 'gid'): number => {
    const value = paxNumber(pax, key, headerAt) ?? numberFrom(fields[key], key, headerAt);
    if (value >= 0 && value <= 0xffffffff) return value;
    throw new KindlingError('BAD_VALUE', `${key} is ${value}`, here(headerAt));
  };
  const deviceNumber = (key: 'devMajor' | 'devMinor'): number => {
    if (type !== '3' && type !== '4') return 0;
    const value = paxNumber(pax, `SCHILY.${key.toLowerCase()}`, headerAt) ?? numberFrom(fields[key], key, headerAt);
    if (value >= 0 && value <= 0xffffffff) return value;
    throw new KindlingError('BAD_VALUE', `${key} is ${value}`, here(headerAt));
  };
  return {
    path: nameFromBytes(pax.get('path') ?? long.longName ?? storedName(fields)),
    type,
    mode: numberFrom(fields.mode, 'mode', headerAt) & 0o7777,
    uid: owner('uid'),
    gid: owner('gid'),
    mtime: paxNumber(pax, 'mtime', headerAt) ?? numberFrom(fields.mtime, 'mtime', headerAt),
    linkTarget: nameFromBytes(pax.get('linkpath') ?? long.longLink ?? untilNul(fields.linkName)),
    major: deviceNumber('devMajor'),
    minor: deviceNumber('devMinor'),
    xattrs: xattrsOf(pax),
    content,
    headerAt,
  };
}

function storedName(fields: ReturnType<typeof header.decode>): Uint8Array {
  const name = untilNul(fields.name);
  if (asciiFrom(fields.magic) !== MAGIC_USTAR) return name;
  const prefix = untilNul(fields.prefix);
  return prefix.length === 0 ? name : concat([prefix, Uint8Array.of(0x2f), name]);
}

function xattrsOf(pax: Pax): ReadonlyMap<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of pax) if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), value);
  return xattrs;
}

/** True when a POSIX or GNU tar header starts with these bytes (512 are needed). Older archives without a magic are told by their checksum. */
export function detect(head: Uint8Array): boolean {
  if (head.length < BLOCK_SIZE) return false;
  const block = head.subarray(0, BLOCK_SIZE);
  const magic = asciiFrom(block.subarray(header.offsetOf('magic'), header.offsetOf('version')));
  if (magic === MAGIC_USTAR || magic === MAGIC_GNU) return true;
  const field = asciiFrom(block.subarray(header.offsetOf('checksum'), header.offsetOf('checksum') + 8));
  const digits = /^ *([0-7]{1,6})[\0 ]/.exec(field);
  return digits !== null && block[0] !== 0 && Number.parseInt(digits[1]!, 8) === checksums(block).unsigned;
}
