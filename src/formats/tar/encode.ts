// Writes a tree as tar: ustar headers, and a pax header before an entry that does not fit one.
import { alignUp, concat, nameToBytes, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { checkExpressible, type Entry, type Tree } from '../../tree/index.ts';
import { checksums, paxRecord } from './fields.ts';
import { BLOCK_SIZE, header, loses, MAGIC_USTAR } from './structs.ts';

const PIECE_SIZE = 1 << 20;
const RECORD_SIZE = 20 * BLOCK_SIZE;
const BLANK_8 = utf8('        ');

const TYPES = { file: '0', hardlink: '1', symlink: '2', char: '3', block: '4', directory: '5', fifo: '6', socket: '?' } as const;

/** How an archive is written. */
export interface WriteOptions {
  /** What paths begin with: "./" as `tar -C DIR .` writes them and Debian packages have them. */
  readonly prefix?: '' | './';
  /** Names of owners by number, beside the numbers; none unless told. */
  readonly ownerNames?: ReadonlyMap<number, string>;
  /** False where the reader knows plain ustar headers only: what needs a pax header is NOT_EXPRESSIBLE, when its turn comes. */
  readonly pax?: boolean;
}

/** The archive as chunks, ended by two blank blocks and filled to 10 KiB as tar does. Throws NOT_EXPRESSIBLE before the first chunk. */
export function* encode(tree: Tree, options: WriteOptions = {}): Generator<Uint8Array> {
  checkExpressible(tree.entries, loses);
  let size = 0;
  for (const entry of leadersFirst(tree)) {
    const head = headOf(entry, options);
    yield head;
    size += head.length;
    if (entry.kind !== 'file') continue;
    const { content } = entry;
    for (let at = 0; at < content.size; at += PIECE_SIZE) yield content.read(at, Math.min(PIECE_SIZE, content.size - at));
    const padding = alignUp(content.size, BLOCK_SIZE) - content.size;
    if (padding > 0) yield new Uint8Array(padding);
    size += content.size + padding;
  }
  yield new Uint8Array(alignUp(size + 2 * BLOCK_SIZE, RECORD_SIZE) - size);
}

/** In tar a link comes after what it names: the first name in order carries the content, whichever the tree chose. */
function* leadersFirst(tree: Tree): Generator<Entry> {
  const leaders = new Map<string, string>();
  for (const entry of tree.entries) {
    const named = entry.kind === 'hardlink' ? entry.to : entry.path;
    const leader = leaders.get(named);
    if (leader === undefined) {
      leaders.set(named, entry.path);
      const carried = entry.kind === 'hardlink' ? tree.get(named) : entry;
      if (carried !== undefined) yield { ...carried, path: entry.path };
    } else {
      yield { kind: 'hardlink', path: entry.path, to: leader, mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime };
    }
  }
}

function headOf(entry: Entry, { prefix = '', ownerNames, pax: isPax = true }: WriteOptions): Uint8Array {
  const pax: Uint8Array[] = [];
  const name = nameOf(entry, prefix);
  const target = entry.kind === 'symlink' ? entry.target : entry.kind === 'hardlink' ? `${prefix}${entry.to}` : '';
  const link = nameToBytes(target);
  const split = splitName(name);
  // In a pax record text is UTF-8 unless it says otherwise; in the header itself nobody asks.
  if ((split === undefined && !isUtf8(name)) || (link.length > 100 && !isUtf8(link))) pax.push(paxRecord('hdrcharset', utf8('BINARY')));
  if (split === undefined) pax.push(paxRecord('path', name));
  if (link.length > 100) pax.push(paxRecord('linkpath', link));
  const contentSize = entry.kind === 'file' ? entry.content.size : 0;
  const number = (key: string, value: number, digits: number): Uint8Array => {
    if (value >= 0 && value < 8 ** digits) return utf8(value.toString(8).padStart(digits, '0'));
    pax.push(paxRecord(key, utf8(String(value))));
    return utf8('0'.repeat(digits));
  };
  const isDevice = entry.kind === 'char' || entry.kind === 'block';
  const values = {
    name: split?.name ?? name.subarray(0, 100),
    mode: number('mode', entry.mode, 7),
    uid: number('uid', entry.uid, 7),
    gid: number('gid', entry.gid, 7),
    size: number('size', contentSize, 11),
    mtime: number('mtime', entry.mtime, 11),
    checksum: BLANK_8,
    type: TYPES[entry.kind].charCodeAt(0),
    linkName: link.subarray(0, 100),
    magic: utf8(MAGIC_USTAR),
    version: utf8('00'),
    userName: utf8(ownerNames?.get(entry.uid) ?? ''),
    groupName: utf8(ownerNames?.get(entry.gid) ?? ''),
    devMajor: number('SCHILY.devmajor', isDevice ? entry.major : 0, 7),
    devMinor: number('SCHILY.devminor', isDevice ? entry.minor : 0, 7),
    prefix: split?.prefix ?? new Uint8Array(0),
    reserved: new Uint8Array(0),
  };
  for (const [key, value] of entry.xattrs ?? []) pax.push(paxRecord(`SCHILY.xattr.${key}`, value));
  const own = withChecksum(header.encode(values));
  if (pax.length === 0) return own;
  if (!isPax)
    throw new KindlingError('NOT_EXPRESSIBLE', 'its names or numbers do not fit a plain header', {
      structure: header.name,
      path: entry.path,
    });
  return concat([paxHeader(concat(pax)), own]);
}

function nameOf(entry: Entry, prefix: string): Uint8Array {
  if (entry.path === '') return utf8('./');
  return nameToBytes(`${prefix}${entry.path}${entry.kind === 'directory' ? '/' : ''}`);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** A name cut at a slash into prefix (155 bytes) and name (100), or undefined when no slash allows it. */
function splitName(name: Uint8Array): { prefix: Uint8Array; name: Uint8Array } | undefined {
  if (name.length <= 100) return { prefix: new Uint8Array(0), name };
  const slash = name.indexOf(0x2f, name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

function withChecksum(block: Uint8Array): Uint8Array {
  block.set(utf8(`${checksums(block).unsigned.toString(8).padStart(6, '0')}\0 `), header.offsetOf('checksum'));
  return block;
}

function paxHeader(records: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE);
  const put = (field: Parameters<typeof header.offsetOf>[0], text: string): void => block.set(utf8(text), header.offsetOf(field));
  put('name', 'PaxHeaders/entry');
  put('mode', '0000644');
  put('uid', '0000000');
  put('gid', '0000000');
  put('size', records.length.toString(8).padStart(11, '0'));
  put('mtime', '00000000000');
  put('type', 'x');
  put('magic', MAGIC_USTAR);
  put('version', '00');
  const padded = new Uint8Array(alignUp(records.length, BLOCK_SIZE));
  padded.set(records);
  return concat([withChecksum(block), padded]);
}
