// Extended attributes: one list for each distinct set, inodes name lists by index. A value that another list holds already is referred to.
import { concat, nameToBytes } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Node } from '../../tree/index.ts';
import type { BlockCompressor } from './compressor.ts';
import { XATTR_OUT_OF_LINE, XATTR_PREFIXES, xattrHeader, xattrId, xattrReference, xattrTableHeader, xattrValue } from './structs.ts';
import { metadataTable, type Position, recordTable } from './tables.ts';

type Xattr = readonly [name: string, value: Uint8Array];

/** The attribute lists of an image. */
export interface XattrPart {
  /** The list of an inode, or undefined when it has none. */
  indexOf(node: Node): number | undefined;
  readonly count: number;
  /** The table and its index, and the offset of that in the image, for a table that starts at `tableAt`. */
  write(compressor: BlockCompressor, tableAt: number): Promise<{ readonly bytes: Uint8Array; readonly indexAt: number }>;
}

const VALUE_MOST = 65536; // Linux XATTR_SIZE_MAX
const NAME_MOST = 255;

function prefixOf(name: string): number {
  return XATTR_PREFIXES.findIndex((prefix) => name.startsWith(prefix));
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

/** The attributes squashfs has a form for, by name. */
function kept({ entry }: Node): Xattr[] {
  const xattrs = [...(entry.xattrs ?? [])].filter(([name]) => prefixOf(name) >= 0);
  for (const [name, value] of xattrs) {
    const nameSize = nameToBytes(name).length;
    if (nameSize > NAME_MOST || value.length > VALUE_MOST) {
      throw new KindlingError(
        'NOT_EXPRESSIBLE',
        `the attribute ${name} has a name of ${nameSize} and a value of ${value.length} bytes, Linux holds ${NAME_MOST} and ${VALUE_MOST}`,
        { path: entry.path, structure: 'squashfs' },
      );
    }
  }
  return xattrs.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Collects the attributes of these inodes. Throws NOT_EXPRESSIBLE for what Linux could not hold. */
export function xattrPart(nodes: readonly Node[]): XattrPart {
  const lists: Xattr[][] = [];
  const indexes = new Map<string, number>();
  const indexOf = new Map<Node, number>();
  for (const node of nodes) {
    if (node.entry.xattrs === undefined || node.entry.xattrs.size === 0) continue;
    const list = kept(node);
    if (list.length === 0) continue;
    const key = JSON.stringify(list.map(([name, value]) => [name, latin1(value)]));
    const index = indexes.get(key) ?? lists.length;
    if (index === lists.length) {
      lists.push(list);
      indexes.set(key, index);
    }
    indexOf.set(node, index);
  }
  return {
    indexOf: (node) => indexOf.get(node),
    count: lists.length,
    write: (compressor, tableAt) => writeLists(lists, compressor, tableAt),
  };
}

function reference({ blockAt, offset }: Position): bigint {
  return (BigInt(blockAt) << 16n) | BigInt(offset);
}

async function writeLists(lists: readonly Xattr[][], compressor: BlockCompressor, tableAt: number) {
  const table = metadataTable(compressor);
  const values = new Map<string, bigint>();
  const place = async (): Promise<bigint> => {
    if (table.isFull) await table.settle();
    return reference(table.position());
  };
  const ids: Uint8Array[] = [];
  for (const list of lists) {
    const listAt = await place();
    let size = 0;
    for (const [name, value] of list) {
      const type = prefixOf(name);
      const rest = nameToBytes(name.slice(XATTR_PREFIXES[type]!.length));
      size += nameToBytes(name).length + 1 + value.length;
      const key = latin1(value);
      const there = value.length > xattrReference.size ? values.get(key) : undefined;
      table.append(xattrHeader.encode({ type: there === undefined ? type : type | XATTR_OUT_OF_LINE, nameSize: rest.length }));
      table.append(rest);
      if (there === undefined) {
        values.set(key, await place());
        table.append(concat([xattrValue.encode({ size: value.length }), value]));
      } else {
        table.append(concat([xattrValue.encode({ size: xattrReference.size }), xattrReference.encode({ reference: there })]));
      }
    }
    ids.push(xattrId.encode({ reference: listAt, count: list.length, size }));
  }
  const stored = await table.finish();
  const head = xattrTableHeader.encode({ tableAt: BigInt(tableAt), idCount: lists.length, unused: 0 });
  const index = await recordTable(compressor, concat(ids), tableAt + stored.length, head);
  return { bytes: concat([stored, index.bytes]), indexAt: index.indexAt };
}
