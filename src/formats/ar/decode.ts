// Reads ar archives. Symbol tables and the long-name table are consumed, not returned.
import { asciiFrom, type ByteSource, nameFromBytes, sliceSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { END_OF_HEADER, header, MAGIC, THIN_MAGIC } from './structs.ts';

/** One member. `mode` is the whole st_mode with its type bits; `headerAt` is in bytes from the start of the archive. */
export interface Member {
  readonly name: string;
  readonly mtime: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly content: ByteSource;
  readonly headerAt: number;
}

/** Bounds of one decoding. */
export interface ReadOptions {
  /** Most members; 1,000,000 unless told. */
  readonly memberCountMost?: number;
}

const NAME_SIZE_MOST = 4096;
const NAMES_SIZE_MOST = 64 * 1024 * 1024;

/** True when an ar archive starts with these bytes (eight are enough). */
export function detect(head: Uint8Array): boolean {
  return asciiFrom(head.subarray(0, 8)) === MAGIC;
}

/**
 * All members in order. A missing final padding byte is forgiven, as ar and dpkg do.
 * Throws BAD_MAGIC, TRUNCATED, BAD_VALUE, LIMIT, or UNSUPPORTED for a thin archive, each with the offset of the header.
 */
export function decode(source: ByteSource, options: ReadOptions = {}): Member[] {
  const memberCountMost = options.memberCountMost ?? 1_000_000;
  checkMagic(source);
  const members: Member[] = [];
  let longNames: Uint8Array | undefined;
  let at = MAGIC.length;
  while (at < source.size) {
    const raw = readHeader(source, at);
    const contentAt = at + header.size;
    if (raw.size > source.size - contentAt) {
      throw new KindlingError('TRUNCATED', `the member announces ${raw.size} bytes, ${source.size - contentAt} are left`, here(at));
    }
    if (raw.name === '//') {
      if (raw.size > NAMES_SIZE_MOST) throw new KindlingError('LIMIT', `the long-name table takes ${raw.size} bytes`, here(at));
      longNames = source.read(contentAt, raw.size);
    } else if (!isSymbolTable(raw.name)) {
      if (members.length >= memberCountMost) throw new KindlingError('LIMIT', `over ${memberCountMost} members`, here(at));
      members.push(member(source, raw, at, longNames));
    }
    at = contentAt + raw.size + (raw.size & 1);
  }
  return members;
}

function here(offset: number): { structure: string; offset: number } {
  return { structure: header.name, offset };
}

function checkMagic(source: ByteSource): void {
  const magic = asciiFrom(source.read(0, Math.min(8, source.size)));
  if (magic === MAGIC) return;
  if (magic === THIN_MAGIC)
    throw new KindlingError('UNSUPPORTED', 'a thin archive holds no members itself', { structure: 'ar magic', offset: 0 });
  throw new KindlingError('BAD_MAGIC', `found ${JSON.stringify(magic)}, expected ${JSON.stringify(MAGIC)}`, {
    structure: 'ar magic',
    offset: 0,
  });
}

interface RawHeader {
  readonly name: string;
  readonly mtime: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly size: number;
}

function readHeader(source: ByteSource, at: number): RawHeader {
  if (source.size - at < header.size) {
    throw new KindlingError('TRUNCATED', `a header needs ${header.size} bytes, ${source.size - at} are left`, here(at));
  }
  const fields = header.decode(source.read(at, header.size));
  const end = asciiFrom(fields.end);
  if (end !== END_OF_HEADER) {
    throw new KindlingError(
      'BAD_MAGIC',
      `the header ends with ${JSON.stringify(end)}, expected ${JSON.stringify(END_OF_HEADER)}`,
      here(at),
    );
  }
  const size = number(fields.size, 10, 'size', at);
  if (asciiFrom(fields.size).trim() === '') throw new KindlingError('BAD_VALUE', 'the size is blank', here(at));
  return {
    name: nameFromBytes(fields.name).replace(/ +$/, ''),
    // GNU ar leaves these blank for its own tables.
    mtime: number(fields.mtime, 10, 'mtime', at),
    uid: number(fields.uid, 10, 'uid', at),
    gid: number(fields.gid, 10, 'gid', at),
    mode: number(fields.mode, 8, 'mode', at),
    size,
  };
}

function number(bytes: Uint8Array, radix: 8 | 10, field: string, at: number): number {
  const text = asciiFrom(bytes).replace(/ +$/, '');
  if (text === '') return 0;
  if (!(radix === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(text)) {
    throw new KindlingError('BAD_VALUE', `${field} is ${JSON.stringify(text)}, expected digits in base ${radix}`, here(at));
  }
  return Number.parseInt(text, radix);
}

function isSymbolTable(name: string): boolean {
  return name === '/' || name === '/SYM64/' || name.startsWith('__.SYMDEF');
}

function member(source: ByteSource, raw: RawHeader, at: number, longNames: Uint8Array | undefined): Member {
  const { name, prefixSize } = memberName(source, raw, at, longNames);
  const content = sliceSource(source, at + header.size + prefixSize, raw.size - prefixSize);
  return { name, mtime: raw.mtime, uid: raw.uid, gid: raw.gid, mode: raw.mode, content, headerAt: at };
}

function memberName(
  source: ByteSource,
  raw: RawHeader,
  at: number,
  longNames: Uint8Array | undefined,
): { name: string; prefixSize: number } {
  const bsd = /^#1\/([0-9]+)$/.exec(raw.name);
  if (bsd !== null) {
    // BSD: the name stands before the content, counted in its size and padded with NULs.
    const nameSize = Number(bsd[1]);
    if (nameSize > Math.min(raw.size, NAME_SIZE_MOST)) {
      throw new KindlingError('BAD_VALUE', `the name announces ${nameSize} bytes in a member of ${raw.size}`, here(at));
    }
    const bytes = source.read(at + header.size, nameSize);
    const end = bytes.indexOf(0);
    return { name: nameFromBytes(end < 0 ? bytes : bytes.subarray(0, end)), prefixSize: nameSize };
  }
  const gnu = /^\/([0-9]+)$/.exec(raw.name);
  if (gnu !== null) return { name: longName(longNames, Number(gnu[1]), at), prefixSize: 0 };
  // GNU ends short names with "/", so that they may hold spaces; BSD and dpkg do not.
  return { name: raw.name.endsWith('/') ? raw.name.slice(0, -1) : raw.name, prefixSize: 0 };
}

function longName(table: Uint8Array | undefined, nameAt: number, at: number): string {
  if (table === undefined) throw new KindlingError('BAD_VALUE', 'the name refers to a long-name table that is not there', here(at));
  if (nameAt >= table.length) {
    throw new KindlingError('BAD_VALUE', `the name is at ${nameAt} of a long-name table of ${table.length} bytes`, here(at));
  }
  const end = table.indexOf(0x0a, nameAt);
  const bytes = table.subarray(nameAt, end < 0 ? table.length : end);
  if (bytes.length > NAME_SIZE_MOST) throw new KindlingError('LIMIT', `a name of ${bytes.length} bytes`, here(at));
  const name = nameFromBytes(bytes);
  return name.endsWith('/') ? name.slice(0, -1) : name;
}
