// The writing that newc and odc share: header, name, content and padding of each entry in the order given, then the trailer. What a form
// says for itself is its header, what it aligns to and which name of a hard-linked file carries the data.
import { alignUp, nameToBytes, utf8 } from '../../bytes/index.ts';
import { checkExpressible, type Entry } from '../../tree/index.ts';
import { type LinkData, type Numbered, number } from './number.ts';
import { gather, writeAll } from './write.ts';

const PIECE_SIZE = 1 << 20;
const TRAILER = utf8('TRAILER!!!');

/** What differs between the forms. Sizes in bytes, `nameSize` with its NUL. */
export interface CpioWriter {
  readonly headerSize: number;
  /** Name and content each end at a multiple of this. */
  readonly align: 1 | 4;
  readonly linkData: LinkData;
  /** What the form cannot say of an entry, as `checkExpressible` takes it. */
  readonly loses: Parameters<typeof checkExpressible>[1];
  /** Other inode numbers than those of `number`, where the form has fewer. */
  readonly renumber?: (items: readonly Numbered[]) => readonly Numbered[];
  header(item: Numbered, nameSize: number): Uint8Array;
  trailer(nameSize: number): Uint8Array;
}

/** A form's encoder. */
export interface CpioEncoder {
  encode(entries: readonly Entry[]): Generator<Uint8Array>;
  encodeWhole(entries: readonly Entry[], memory?: (size: number) => Uint8Array): Uint8Array;
  encodedSize(entries: readonly Entry[]): number;
}

/** The root entry is called ".". */
function nameOf(item: Numbered): Uint8Array {
  return nameToBytes(item.path === '' ? '.' : item.path);
}

/** The encoder of a form. Its functions throw NOT_EXPRESSIBLE before the first chunk. */
export function cpioEncoder(form: CpioWriter): CpioEncoder {
  const { headerSize, align, linkData, loses, renumber = (items) => items } = form;
  const headSize = (nameLength: number): number => alignUp(headerSize + nameLength + 1, align);

  function head(name: Uint8Array, header: Uint8Array): Uint8Array {
    const piece = new Uint8Array(headSize(name.length));
    piece.set(header, 0);
    piece.set(name, headerSize);
    return piece;
  }

  function* pieces(items: readonly Numbered[]): Generator<Uint8Array> {
    for (const item of items) {
      const name = nameOf(item);
      yield head(name, form.header(item, name.length + 1));
      const { content } = item;
      for (let at = 0; at < content.size; at += PIECE_SIZE) yield content.read(at, Math.min(PIECE_SIZE, content.size - at));
      const padding = alignUp(content.size, align) - content.size;
      if (padding > 0) yield new Uint8Array(padding);
    }
    yield head(TRAILER, form.trailer(TRAILER.length + 1));
  }

  function numbered(entries: readonly Entry[]): readonly Numbered[] {
    checkExpressible(entries, loses);
    return renumber(number(entries, linkData));
  }

  function sizeOf(items: readonly Numbered[]): number {
    let size = headSize(TRAILER.length);
    for (const item of items) size += headSize(nameOf(item).length) + alignUp(item.content.size, align);
    return size;
  }

  return {
    encode: (entries) => gather(pieces(numbered(entries))),
    encodeWhole(entries, memory = (size) => new Uint8Array(size)) {
      const items = numbered(entries);
      return writeAll(pieces(items), memory(sizeOf(items)));
    },
    encodedSize: (entries) => sizeOf(number(entries, linkData)),
  };
}
