// Adds sections to a PE32+ image: behind all that is there, in the file and in memory, so that nothing of it moves.
//
//   headers | sections of the stub | symbols | new section | padding | new section | ...
//             at their addresses               next free multiple of 4096 in memory, of FileAlignment in the file
import { alignUp, bytesSource, nameToBytes } from '../../bytes/index.ts';
import { KindlingError, type Where } from '../../errors.ts';
import { decode, signatureAt } from './decode.ts';
import { COFF_HEADER, DATA_TO_READ, EFI_APPLICATION, MAGIC, PE32_PLUS_HEADER, SECTION_HEADER } from './structs.ts';

/** A section to be added. */
export interface NewSection {
  /** At most eight bytes. */
  readonly name: string;
  readonly content: Uint8Array;
}

// Stubs have been linked with 512; what is added is mapped by pages by whoever looks at it.
const PAGE = 4096;
const IMAGE_MOST = 2 ** 31;
const CHECKSUM_AT = PE32_PLUS_HEADER.offsetOf('checksum');

const fault = (code: 'BAD_VALUE' | 'LIMIT' | 'CONFLICT' | 'UNSUPPORTED', message: string, where: Where = {}): KindlingError =>
  new KindlingError(code, message, { structure: 'PE', ...where });

interface Stub {
  readonly coffAt: number;
  readonly coff: ReturnType<typeof COFF_HEADER.decode>;
  readonly header: ReturnType<typeof PE32_PLUS_HEADER.decode>;
  readonly tableAt: number;
  /** First address behind everything. */
  readonly end: number;
}

const isPowerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

/** What must hold of an image that sections are added to. */
function stubOf(bytes: Uint8Array): Stub {
  const source = bytesSource(bytes);
  const pe = decode(source);
  const coffAt = signatureAt(source)! + 4;
  const coff = COFF_HEADER.decode(bytes, coffAt);
  const optionalAt = coffAt + COFF_HEADER.size;
  if (pe.bits !== 64) throw fault('UNSUPPORTED', 'the stub is no PE32+ image', { offset: optionalAt });
  const header = PE32_PLUS_HEADER.decode(bytes, optionalAt);
  const { fileAlignment, sectionAlignment, headersSize, imageSize } = header;
  if (header.magic !== MAGIC.pe32Plus || pe.subsystem !== EFI_APPLICATION) {
    throw fault('BAD_VALUE', `the stub's subsystem is ${pe.subsystem}, expected ${EFI_APPLICATION}: a program that firmware starts`);
  }
  if (pe.signatures !== undefined) throw fault('UNSUPPORTED', 'the stub is signed, and a signature holds for no more than it was made of');
  for (const [what, value] of [
    ['FileAlignment', fileAlignment],
    ['SectionAlignment', sectionAlignment],
  ] as const) {
    if (!isPowerOfTwo(value) || value > 1 << 20) throw fault('BAD_VALUE', `${what} is ${value}, expected a power of two up to 1 MiB`);
  }
  const tableAt = optionalAt + coff.optionalSize;
  if (headersSize > bytes.length || tableAt + coff.sectionCount * SECTION_HEADER.size > headersSize) {
    throw fault('BAD_VALUE', `the headers are to take ${headersSize} bytes, the section table ends behind them or the file before`);
  }
  let end = headersSize;
  for (const { name, at, size, address, memorySize } of pe.sections) {
    const where = { path: name };
    if (at + size > bytes.length)
      throw new KindlingError('TRUNCATED', `section ${name} ends behind the file`, { structure: 'PE', ...where });
    if (size > 0 && at < headersSize) throw fault('BAD_VALUE', `section ${name} begins in the headers`, where);
    if (address < end) throw fault('BAD_VALUE', `section ${name} is at address ${address}, behind it is used up to ${end}`, where);
    end = address + Math.max(size, memorySize);
  }
  if (end > imageSize) throw fault('BAD_VALUE', `the sections end at address ${end}, the image is to take ${imageSize}`);
  return { coffAt, coff, header, tableAt, end };
}

/**
 * The image with further sections. Throws what `decode` throws, BAD_VALUE and UNSUPPORTED for a stub that cannot be added to, CONFLICT for a section
 * that it has already, LIMIT where its headers have no room or the image would become too large.
 */
export function withSections(stub: Uint8Array, sections: readonly NewSection[]): Uint8Array {
  const { coffAt, coff, header, tableAt, end } = stubOf(stub);
  const names = new Set(decode(bytesSource(stub)).sections.map(({ name }) => name));
  const count = coff.sectionCount + sections.length;
  const room = header.headersSize - tableAt;
  if (count * SECTION_HEADER.size > room) {
    throw fault('LIMIT', `${count} sections need ${count * SECTION_HEADER.size} bytes, the stub's headers have room for ${room}`);
  }
  let address = end;
  let at = stub.length;
  const placed = sections.map(({ name, content }) => {
    const encoded = nameToBytes(name);
    if (encoded.length === 0 || encoded.length > 8 || encoded.includes(0)) throw fault('BAD_VALUE', `a section cannot be named "${name}"`);
    if (names.has(name)) throw fault('CONFLICT', `there is a section ${name} already`, { path: name });
    if (content.length === 0) throw fault('BAD_VALUE', `section ${name} would be empty`, { path: name });
    names.add(name);
    address = alignUp(address, Math.max(PAGE, header.sectionAlignment));
    at = alignUp(at, header.fileAlignment);
    const place = { name: encoded, content, address, at, rawSize: alignUp(content.length, header.fileAlignment) };
    address += content.length;
    at += place.rawSize;
    if (at > IMAGE_MOST || address > IMAGE_MOST) throw fault('LIMIT', `the image would have more than ${IMAGE_MOST} bytes`, { path: name });
    return place;
  });
  const bytes = new Uint8Array(at);
  bytes.set(stub);
  const view = new DataView(bytes.buffer);
  COFF_HEADER.encodeInto(view, coffAt, { ...coff, sectionCount: count });
  const optionalAt = coffAt + COFF_HEADER.size;
  PE32_PLUS_HEADER.encodeInto(view, optionalAt, {
    ...header,
    initializedSize: (header.initializedSize + placed.reduce((sum, { rawSize }) => sum + rawSize, 0)) >>> 0,
    imageSize: Math.max(header.imageSize, alignUp(address, header.sectionAlignment)),
    checksum: 0,
  });
  for (const [index, one] of placed.entries()) {
    SECTION_HEADER.encodeInto(view, tableAt + (coff.sectionCount + index) * SECTION_HEADER.size, {
      ...{ name: one.name, virtualSize: one.content.length, virtualAddress: one.address, rawSize: one.rawSize, rawAt: one.at },
      ...{ relocationsAt: 0, linesAt: 0, relocationCount: 0, lineCount: 0, characteristics: DATA_TO_READ },
    });
    bytes.set(one.content, one.at);
  }
  view.setUint32(optionalAt + CHECKSUM_AT, checksum(bytes), true);
  return bytes;
}

/** The image's checksum, its own field being zero: words of 16 bits added with their carries, and the file's size. */
function checksum(bytes: Uint8Array): number {
  const words = new Uint16Array(bytes.buffer, 0, bytes.length >> 1);
  let sum = bytes.length % 2 === 0 ? 0 : bytes[bytes.length - 1]!;
  for (const word of words) sum += word;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return (sum + bytes.length) >>> 0;
}
