// The system use area of a record: its entries (SUSP 5), and what Rock Ridge says by them (RRIP 4.1).
import { asciiFrom, concat, nameFromBytes, u32le } from '../../bytes/index.ts';
import { PATH_MAX } from '../../tree/index.ts';
import { LONG_DATE_SIZE, readLongDate, readShortDate, SHORT_DATE_SIZE } from './dates.ts';
import type { DirectoryRecord } from './decode-directory.ts';
import { bytesAt, type Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
import { COMPONENT_FLAGS, continuation, deviceEntry, NAME_FLAGS, OLD_POSIX_SIZE, posixEntry, suspHead, TIME_FLAGS } from './structs.ts';

/** What Rock Ridge says of a record. What it does not say is undefined. */
export interface Rock {
  readonly name: string | undefined;
  readonly posix: { readonly mode: number; readonly linkCount: number; readonly uid: number; readonly gid: number } | undefined;
  /** Inode number, since RRIP 1.12. */
  readonly serial: number | undefined;
  readonly mtime: number | undefined;
  readonly target: string | undefined;
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  /** Block of the directory that is here, though it is stored elsewhere (CL). */
  readonly childBlock: number | undefined;
  /** This directory belongs where a CL names it (RE). */
  readonly isRelocated: boolean;
  /** What of the content is not read here: `ZF` (compressed) or `SF` (sparse). */
  readonly transformed: string | undefined;
}

// signature, size, version and flags of SL
const LINK_HEAD = 5;

interface SystemUseEntry {
  readonly signature: string;
  readonly at: number;
  /** The whole entry. */
  readonly bytes: Uint8Array;
}

/** As many as Linux follows. */
const CONTINUATIONS_MOST = 32;
const CONTINUATION_SIZE_MOST = 64 * 1024;

/** Bytes to pass over in each system use area, as SP in the root's "." says; undefined when there is no SP. */
export function sharedSkip({ systemUse }: DirectoryRecord): number | undefined {
  for (const at of [0, 14]) {
    // the second place is behind what CD-ROM XA has there
    const [s, p, , , be, ef, skip] = systemUse.subarray(at);
    if (s === 0x53 && p === 0x50 && be === 0xbe && ef === 0xef) return skip ?? 0;
  }
  return undefined;
}

/**
 * Bytes of the entry at an offset. genisoimage puts more than 255 bytes into the second SL entry of a long target, and counts them wrong: such
 * an entry ends where a component would begin with a letter, which is the signature of the next entry.
 */
function wholeSize(area: Uint8Array, offset: number): number {
  const size = area[offset + 2]!;
  if (area[offset] !== 0x53 || area[offset + 1] !== 0x4c || size < LINK_HEAD) return size;
  const isEntry = (at: number): boolean => at + suspHead.size <= area.length && area[at]! >= 0x41 && area[at]! <= 0x5a;
  const end = offset + size;
  const isPadding = end + 2 > area.length || (area[end] === 0 && area[end + 1] === 0);
  if (isPadding || isEntry(end)) return size;
  let at = offset + LINK_HEAD;
  while (at < end || (at < area.length && !isEntry(at))) at += 2 + (area[at + 1] ?? 0);
  return isEntry(at) ? at - offset : size;
}

function* entriesOf(volume: Volume, { at, systemUse }: DirectoryRecord, skip: number): Generator<SystemUseEntry> {
  let area = systemUse.subarray(Math.min(skip, systemUse.length));
  for (let followed = 0; ; followed++) {
    let next: Uint8Array | undefined;
    for (let offset = 0; offset + suspHead.size <= area.length; ) {
      if (area[offset] === 0) break; // filled up with zeros
      const size = wholeSize(area, offset);
      const bytes = area.subarray(offset, offset + size);
      if (size < suspHead.size || bytes.length < size) {
        throw fault('BAD_VALUE', suspHead.name, at, `${size} bytes where ${area.length - offset} are left`);
      }
      const signature = asciiFrom(bytes.subarray(0, 2));
      if (signature === 'ST') break;
      if (signature === 'CE') {
        const { block, offset: inBlock, size: restSize } = continuation.decode(bytes);
        if (restSize > CONTINUATION_SIZE_MOST) throw fault('LIMIT', 'CE entry', at, `${restSize} bytes of further entries`);
        next = bytesAt(volume, block * volume.blockSize + inBlock, restSize, 'CE entry');
      } else yield { signature, at, bytes };
      offset += size;
    }
    if (next === undefined) return;
    if (followed === CONTINUATIONS_MOST) throw fault('LIMIT', 'CE entry', at, `more than ${CONTINUATIONS_MOST} one after the other`);
    area = next;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return u32le.get(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at);
}

function modifyTime(bytes: Uint8Array): number | undefined {
  const flags = bytes[4] ?? 0;
  const isLong = (flags & TIME_FLAGS.long) !== 0;
  const size = isLong ? LONG_DATE_SIZE : SHORT_DATE_SIZE;
  const date = bytes.subarray(5 + (flags & TIME_FLAGS.creation ? size : 0)).subarray(0, size);
  if ((flags & TIME_FLAGS.modify) === 0 || date.length < size) return undefined;
  return isLong ? readLongDate(date) : readShortDate(date);
}

/** A link target in the making, over several SL entries. */
function targetReader(): { add(entry: SystemUseEntry): void; target(): string } {
  const pieces: Uint8Array[] = [];
  const slash = Uint8Array.of(0x2f);
  let size = 0;
  let isDue = false;
  const push = (piece: Uint8Array): void => {
    pieces.push(piece);
    size += piece.length;
  };
  const textOf = (flags: number, text: Uint8Array, at: number): Uint8Array => {
    switch (flags & ~COMPONENT_FLAGS.goesOn) {
      case 0:
        return text;
      case COMPONENT_FLAGS.current:
        return Uint8Array.of(0x2e);
      case COMPONENT_FLAGS.parent:
        return Uint8Array.of(0x2e, 0x2e);
      case COMPONENT_FLAGS.root:
        return slash;
      default:
        throw fault('UNSUPPORTED', 'SL entry', at, `a component with the flags ${flags}`);
    }
  };
  return {
    add({ at, bytes }) {
      for (let offset = LINK_HEAD; offset + 2 <= bytes.length; ) {
        const [flags = 0, count = 0] = bytes.subarray(offset);
        offset += 2 + count;
        if (offset > bytes.length) throw fault('BAD_VALUE', 'SL entry', at, `a component of ${count} bytes, fewer are left`);
        if (isDue) push(slash);
        push(textOf(flags, bytes.subarray(offset - count, offset), at));
        isDue = (flags & (COMPONENT_FLAGS.goesOn | COMPONENT_FLAGS.root)) === 0;
        if (size >= PATH_MAX) throw fault('LIMIT', 'SL entry', at, `a link target of more than ${PATH_MAX - 1} bytes`);
      }
    },
    target: () => nameFromBytes(concat(pieces)),
  };
}

/** Linux's reading of PN (fs/isofs/rock.c): some writers have the whole number in its lower half. */
function deviceOf(bytes: Uint8Array): { major: number; minor: number } {
  const { high, low } = deviceEntry.decode(bytes);
  return high === 0 && low > 0xff ? { major: low >>> 8, minor: low & 0xff } : { major: high, minor: low };
}

/** Reads the Rock Ridge entries of a record. Throws BAD_VALUE, TRUNCATED, LIMIT, UNSUPPORTED. */
export function readRock(volume: Volume, record: DirectoryRecord, skip: number): Rock {
  const found: { -readonly [K in keyof Rock]?: Rock[K] } = {};
  const names: Uint8Array[] = [];
  let nameSize = 0;
  let target: ReturnType<typeof targetReader> | undefined;
  for (const entry of entriesOf(volume, record, skip)) {
    const { signature, at, bytes } = entry;
    const least = LEAST[signature];
    if (least !== undefined && bytes.length < least)
      throw fault('BAD_VALUE', `${signature} entry`, at, `${bytes.length} bytes, expected ${least}`);
    if (signature === 'PX') {
      const [mode, linkCount, uid, gid] = [word(bytes, 4), word(bytes, 12), word(bytes, 20), word(bytes, 28)];
      found.posix = { mode, linkCount, uid, gid };
      if (bytes.length >= posixEntry.size) found.serial = word(bytes, posixEntry.offsetOf('serial'));
    } else if (signature === 'TF') found.mtime = modifyTime(bytes) ?? found.mtime;
    else if (signature === 'NM' && (bytes[4]! & (NAME_FLAGS.current | NAME_FLAGS.parent)) === 0) {
      names.push(bytes.subarray(5));
      nameSize += bytes.length - 5;
      if (nameSize >= PATH_MAX) throw fault('LIMIT', 'NM entry', at, `a name of more than ${PATH_MAX - 1} bytes`);
    } else if (signature === 'SL') {
      target ??= targetReader();
      target.add(entry);
    } else if (signature === 'PN') found.device = deviceOf(bytes);
    else if (signature === 'CL') found.childBlock = word(bytes, 4);
    else if (signature === 'RE') found.isRelocated = true;
    else if (signature === 'ZF' || signature === 'SF') found.transformed = signature;
  }
  const { posix, serial, mtime, device, childBlock, isRelocated = false, transformed } = found;
  const name = names.length === 0 ? undefined : nameFromBytes(concat(names));
  return { name, posix, serial, mtime, target: target?.target(), device, childBlock, isRelocated, transformed };
}

/** Fewest bytes of entries that are read. */
const LEAST: Readonly<Record<string, number>> = {
  PX: OLD_POSIX_SIZE,
  TF: 5,
  NM: 5,
  SL: 5,
  PN: deviceEntry.size,
  CL: 12,
  CE: continuation.size,
};
