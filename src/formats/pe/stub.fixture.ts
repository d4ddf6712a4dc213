// A small EFI program to add sections to: headers and two sections, as a linker would lay them out.
import { nameToBytes } from '../../bytes/index.ts';
import { COFF_HEADER, PE_POINTER_AT, PE32_PLUS_HEADER, SECTION_HEADER } from './structs.ts';

const PE_AT = 0x80;
const DIRECTORIES_SIZE = 16 * 8;

/** Places of the sample's headers. */
export const STUB_AT = {
  coff: PE_AT + 4,
  optional: PE_AT + 4 + COFF_HEADER.size,
  directories: PE_AT + 4 + COFF_HEADER.size + PE32_PLUS_HEADER.size,
  table: PE_AT + 4 + COFF_HEADER.size + PE32_PLUS_HEADER.size + DIRECTORIES_SIZE,
} as const;

/** The program: `.text` at 0x1000 and `.data` at 0x2000, 512 bytes each, headers of `headersSize`. */
export function sampleStub(headersSize = 1024): Uint8Array {
  const bytes = new Uint8Array(headersSize + 1024);
  const view = new DataView(bytes.buffer);
  bytes.set(nameToBytes('MZ'));
  view.setUint32(PE_POINTER_AT, PE_AT, true);
  bytes.set(nameToBytes('PE\0\0'), PE_AT);
  COFF_HEADER.encodeInto(view, STUB_AT.coff, {
    ...{ machine: 0x8664, sectionCount: 2, time: 0, symbolsAt: 0, symbolCount: 0 },
    ...{ optionalSize: PE32_PLUS_HEADER.size + DIRECTORIES_SIZE, characteristics: 0x206 },
  });
  PE32_PLUS_HEADER.encodeInto(view, STUB_AT.optional, {
    ...PE32_PLUS_HEADER.decode(new Uint8Array(PE32_PLUS_HEADER.size)),
    ...{ magic: 0x20b, entryAddress: 0x1000, sectionAlignment: 512, fileAlignment: 512, imageSize: 0x2200, headersSize, subsystem: 10 },
    directoryCount: 16,
  });
  for (const [index, name] of ['.text', '.data'].entries()) {
    SECTION_HEADER.encodeInto(view, STUB_AT.table + index * SECTION_HEADER.size, {
      ...SECTION_HEADER.decode(new Uint8Array(SECTION_HEADER.size)),
      ...{ name: nameToBytes(name.padEnd(8, '\0')), virtualSize: 500, virtualAddress: 0x1000 * (index + 1) },
      ...{ rawSize: 512, rawAt: headersSize + index * 512, characteristics: 0x6000_0020 },
    });
    bytes.fill(index + 1, headersSize + index * 512, headersSize + index * 512 + 500);
  }
  return bytes;
}
