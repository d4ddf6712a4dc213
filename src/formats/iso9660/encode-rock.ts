// Rock Ridge entries of a directory record (RRIP 1.12), and the area where those go that find no room in the record (SUSP 5.1).
import { alignUp, concat, nameToBytes, utf8 } from '../../bytes/index.ts';
import type { DeviceEntry, Node } from '../../tree/index.ts';
import { shortDate } from './dates.ts';
import { refuse } from './faults.ts';
import {
  COMPONENT_FLAGS,
  continuation,
  deviceEntry,
  MODE_TYPES,
  NAME_FLAGS,
  posixEntry,
  SECTOR_SIZE,
  suspHead,
  TIME_FLAGS,
} from './structs.ts';

const VERSION = 1;
const ENTRY_SIZE_MOST = 255;
const EXTENSION = {
  id: 'IEEE_P1282',
  text: 'THE IEEE P1282 PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS',
  source: 'PLEASE CONTACT THE IEEE STANDARDS DEPARTMENT, PISCATAWAY, NJ, USA FOR THE P1282 SPECIFICATION.',
} as const;

// made once: there are several entries for each name
const SIGNATURES = {
  SP: utf8('SP'),
  ER: utf8('ER'),
  CE: utf8('CE'),
  PX: utf8('PX'),
  TF: utf8('TF'),
  NM: utf8('NM'),
  SL: utf8('SL'),
  PN: utf8('PN'),
} as const;

function entry(signature: keyof typeof SIGNATURES, ...body: readonly Uint8Array[]): Uint8Array {
  const made = new Uint8Array(suspHead.size + sizeOf(body));
  made.set(SIGNATURES[signature]);
  made[2] = made.length;
  made[3] = VERSION;
  let at = suspHead.size;
  for (const piece of body) {
    made.set(piece, at);
    at += piece.length;
  }
  return made;
}

/** SP: the root says by it that system use areas are to be read (SUSP 5.3). */
function sharingEntry(): Uint8Array {
  return entry('SP', Uint8Array.of(0xbe, 0xef, 0));
}

/** ER: which extension is used (SUSP 5.5). */
function extensionEntry(): Uint8Array {
  const parts = [EXTENSION.id, EXTENSION.text, EXTENSION.source].map(utf8);
  return entry('ER', Uint8Array.from([...parts.map(({ length }) => length), VERSION]), ...parts);
}

function nameEntries(name: Uint8Array): Uint8Array[] {
  const most = ENTRY_SIZE_MOST - suspHead.size - 1;
  const entries: Uint8Array[] = [];
  for (let at = 0; at < name.length; at += most) {
    const flags = at + most < name.length ? NAME_FLAGS.goesOn : 0;
    entries.push(entry('NM', Uint8Array.of(flags), name.subarray(at, at + most)));
  }
  return entries;
}

function component(part: Uint8Array, flags: number): Uint8Array {
  return concat([Uint8Array.of(flags, part.length), part]);
}

/** Components of a link target. Empty ones stand for slashes in a row and at the end, so that a reader gets the very same text. */
function components(target: string, most: number): Uint8Array[] {
  if (target === '') return [];
  const isAbsolute = target.startsWith('/');
  const parts = target === '/' ? [] : (isAbsolute ? target.slice(1) : target).split('/');
  const found = isAbsolute ? [component(new Uint8Array(0), COMPONENT_FLAGS.root)] : [];
  for (const part of parts) {
    const bytes = nameToBytes(part);
    if (part === '.') found.push(component(new Uint8Array(0), COMPONENT_FLAGS.current));
    else if (part === '..') found.push(component(new Uint8Array(0), COMPONENT_FLAGS.parent));
    else if (bytes.length === 0) found.push(component(bytes, 0));
    for (let at = 0; part !== '.' && part !== '..' && at < bytes.length; at += most) {
      found.push(component(bytes.subarray(at, at + most), at + most < bytes.length ? COMPONENT_FLAGS.goesOn : 0));
    }
  }
  return found;
}

/**
 * SL entries of a link target. Where one entry ends, a component goes on in the next, if need be with no more bytes: Linux puts a slash
 * between components on both sides of that border, libarchive does not.
 */
function linkEntries(target: string): Uint8Array[] {
  const most = ENTRY_SIZE_MOST - suspHead.size - 1;
  const groups: Uint8Array[][] = [[]];
  let size = 0;
  for (const piece of components(target, most - EMPTY_COMPONENT.length * 2)) {
    if (size + piece.length > most) {
      const next = cut(groups.at(-1)!);
      groups.push(next);
      size = sizeOf(next);
    }
    groups.at(-1)!.push(piece);
    size += piece.length;
  }
  return groups.map((pieces, index) => entry('SL', Uint8Array.of(index < groups.length - 1 ? NAME_FLAGS.goesOn : 0), ...pieces));
}

const EMPTY_COMPONENT = component(new Uint8Array(0), 0);

/** Ends a full group with a component that goes on, and gives what the next one starts with. */
function cut(group: Uint8Array[]): Uint8Array[] {
  const last = group.findLastIndex(([flags = 0]) => (flags & ~COMPONENT_FLAGS.goesOn) === 0);
  if (last < 0) return []; // nothing but "..": those cannot go on
  const moved = group.splice(last + 1);
  const piece = group[last]!;
  if (piece[0] === COMPONENT_FLAGS.goesOn) return moved;
  group[last] = Uint8Array.from([COMPONENT_FLAGS.goesOn, ...piece.subarray(1)]);
  return [EMPTY_COMPONENT, ...moved];
}

/**
 * The two halves of a device number. Where all readers agree it stands in the lower half as on disk everywhere; larger ones are written as
 * Linux reads them, who tells the two forms apart by an upper half of 0.
 */
function deviceHalves({ path, major, minor }: DeviceEntry): { high: number; low: number } {
  if (minor <= 0xff) return { high: 0, low: major * 256 + minor };
  if (major === 0) throw refuse(`the device 0:${minor} of "${path}" has no form in Rock Ridge`, path, 'NOT_EXPRESSIBLE');
  return { high: major, low: minor };
}

/** The entries of one record. `name` is that of the record; "." and ".." have none. */
export function rockEntries({ entry: node, number: serial, linkCount }: Node, name: string | undefined): Uint8Array[] {
  const px = posixEntry.encode({
    signature: SIGNATURES.PX,
    entrySize: posixEntry.size,
    version: VERSION,
    mode: MODE_TYPES[node.kind] | node.mode,
    linkCount,
    uid: node.uid,
    gid: node.gid,
    serial,
  });
  const entries = [px, entry('TF', Uint8Array.of(TIME_FLAGS.modify), shortDate(node.mtime))];
  if (name !== undefined) entries.push(...nameEntries(nameToBytes(name)));
  if (node.kind === 'symlink') entries.push(...linkEntries(node.target));
  if (node.kind === 'char' || node.kind === 'block') {
    entries.push(deviceEntry.encode({ signature: SIGNATURES.PN, entrySize: deviceEntry.size, version: VERSION, ...deviceHalves(node) }));
  }
  return entries;
}

/** The entries of the root's own record: those of any ".", between what makes them known. */
export function rootEntries(root: Node): Uint8Array[] {
  return [sharingEntry(), ...rockEntries(root, undefined), extensionEntry()];
}

/** Bytes of the continuation area, from its start. */
interface Span {
  readonly offset: number;
  readonly size: number;
}

/** System use of a record: entries in it, and a span of the continuation area where they go on. */
export interface SystemUse {
  readonly size: number;
  readonly entries: readonly Uint8Array[];
  readonly rest: Span | undefined;
}

/** The area for what finds no room in records. It is laid out first and made when its place is known. */
export interface ContinuationArea {
  /** Bytes so far, whole sectors. */
  readonly size: number;
  /** Divides the entries of a record with so much room between it and the area. */
  divide(entries: readonly Uint8Array[], room: number): SystemUse;
  bytes(block: number): Uint8Array;
}

/** CE for a span of the area that starts at `block`. */
export function continuationEntry(block: number, { offset, size }: Span): Uint8Array {
  return continuation.encode({
    signature: SIGNATURES.CE,
    entrySize: continuation.size,
    version: VERSION,
    block: block + Math.floor(offset / SECTOR_SIZE),
    offset: offset % SECTOR_SIZE,
    size,
  });
}

function sizeOf(entries: readonly Uint8Array[]): number {
  return entries.reduce((size, { length }) => size + length, 0);
}

/** How many of the entries fit, with a CE behind them where not all do. */
function fitting(entries: readonly Uint8Array[], room: number): number {
  if (sizeOf(entries) <= room) return entries.length;
  let left = room - continuation.size;
  const first = entries.findIndex(({ length }) => {
    left -= length;
    return left < 0;
  });
  return first;
}

/** An empty area. A span lies in one sector, as readers want it; what is longer goes on in the next by a CE of its own. */
export function continuationArea(): ContinuationArea {
  const pieces: { readonly at: number; readonly entries: readonly Uint8Array[]; readonly rest: Span | undefined }[] = [];
  let end = 0;
  const place = (entries: readonly Uint8Array[]): Span => {
    const left = alignUp(end, SECTOR_SIZE) - end;
    if (sizeOf(entries) > left) end = alignUp(end, SECTOR_SIZE);
    const count = fitting(entries, SECTOR_SIZE);
    const here = entries.slice(0, count);
    const isLast = count === entries.length;
    const at = end;
    const size = sizeOf(here) + (isLast ? 0 : continuation.size);
    end += size;
    pieces.push({ at, entries: here, rest: isLast ? undefined : place(entries.slice(count)) });
    return { offset: at, size };
  };
  return {
    get size() {
      return alignUp(end, SECTOR_SIZE);
    },
    divide(entries, room) {
      const count = fitting(entries, room);
      const here = entries.slice(0, count);
      const isLast = count === entries.length;
      const size = sizeOf(here) + (isLast ? 0 : continuation.size);
      return { size, entries: here, rest: isLast ? undefined : place(entries.slice(count)) };
    },
    bytes(block) {
      const area = new Uint8Array(alignUp(end, SECTOR_SIZE));
      for (const { at, entries, rest } of pieces) {
        const ce = rest === undefined ? [] : [continuationEntry(block, rest)];
        area.set(concat([...entries, ...ce]), at);
      }
      return area;
    },
  };
}
