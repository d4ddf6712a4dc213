// Writes ar archives: short names as dpkg writes them (blank padded, no slash), or GNU's form with a long-name table.
import { type ByteSource, concat, nameToBytes, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { END_OF_HEADER, header, MAGIC, SIZE_MOST } from './structs.ts';

/** A member to write; owner and time are 0 and the mode 0100644 unless told. */
export interface NewMember {
  readonly name: string;
  readonly content: ByteSource;
  readonly mtime?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
}

/** Which way names are written: `dpkg` as in .deb packages (15 bytes at most), `gnu` as binutils' ar does. */
export type NameStyle = 'dpkg' | 'gnu';

const PIECE_SIZE = 1 << 20;

/** The archive as chunks. Throws NOT_EXPRESSIBLE before the first one when a name, size or number does not fit. */
export function* encode(members: readonly NewMember[], style: NameStyle): Generator<Uint8Array> {
  const long: Uint8Array[] = [];
  let longSize = 0;
  const names = members.map((member) => {
    const name = nameToBytes(member.name);
    checkName(member, name, style);
    if (style === 'dpkg') return name;
    if (name.length <= 15) return concat([name, utf8('/')]);
    const reference = utf8(`/${longSize}`);
    long.push(name, utf8('/\n'));
    longSize += name.length + 2;
    return reference;
  });
  const heads = members.map((member, index) => headerOf(names[index]!, member));
  yield utf8(MAGIC);
  if (longSize > 0) {
    const blank = new Uint8Array(0);
    // Here, as binutils does it, the padding counts.
    yield concat([encodeHeader(utf8('//'), [blank, blank, blank, blank], longSize + (longSize & 1)), ...long, ...padding(longSize)]);
  }
  for (const [index, { content }] of members.entries()) {
    yield heads[index]!;
    for (let at = 0; at < content.size; at += PIECE_SIZE) yield content.read(at, Math.min(PIECE_SIZE, content.size - at));
    yield* padding(content.size);
  }
}

function padding(size: number): Uint8Array[] {
  return (size & 1) === 1 ? [utf8('\n')] : [];
}

function checkName(member: NewMember, name: Uint8Array, style: NameStyle): void {
  const most = style === 'dpkg' ? 16 : 4095;
  const plain = name.length > 0 && name.length <= most && !/[\n/\0]/.test(member.name) && !(style === 'dpkg' && /^ | $/.test(member.name));
  if (plain) return;
  const message = `the member name ${JSON.stringify(member.name)} does not fit (1 to ${most} bytes, no "/", NUL or newline)`;
  throw new KindlingError('NOT_EXPRESSIBLE', message, { structure: header.name });
}

function headerOf(name: Uint8Array, member: NewMember): Uint8Array {
  const { content, mtime = 0, uid = 0, gid = 0, mode = 0o100644 } = member;
  const digits = (value: number, width: number, radix: 8 | 10, field: string): Uint8Array => {
    const text = value.toString(radix);
    if (!Number.isSafeInteger(value) || value < 0 || text.length > width) {
      throw new KindlingError('NOT_EXPRESSIBLE', `${field} ${value} of "${member.name}" does not fit ${width} digits`, {
        structure: header.name,
      });
    }
    return utf8(text);
  };
  if (content.size > SIZE_MOST) {
    throw new KindlingError('NOT_EXPRESSIBLE', `"${member.name}" has ${content.size} bytes, at most ${SIZE_MOST} fit`, {
      structure: header.name,
    });
  }
  const numbers = [digits(mtime, 12, 10, 'mtime'), digits(uid, 6, 10, 'uid'), digits(gid, 6, 10, 'gid'), digits(mode, 8, 8, 'mode')];
  return encodeHeader(name, numbers, content.size);
}

function encodeHeader(name: Uint8Array, numbers: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(header.size).fill(0x20);
  const put = (field: Parameters<typeof header.offsetOf>[0], value: Uint8Array): void => bytes.set(value, header.offsetOf(field));
  put('name', name);
  for (const [index, field] of (['mtime', 'uid', 'gid', 'mode'] as const).entries()) put(field, numbers[index]!);
  put('size', utf8(String(size)));
  put('end', utf8(END_OF_HEADER));
  return bytes;
}
