// Small crash dumps of both forms, made from the structures.
import { alignUp, utf8 } from '../../bytes/index.ts';
import { encode, encodeNote, SECTION, SEGMENT } from '../elf/index.ts';
import { header, SIGNATURE, STATUS, subHeader } from './structs.ts';

/** VMCOREINFO of the fixtures. */
export const INFO = 'OSRELEASE=6.1.0-sample\nPAGESIZE=4096\nSYMBOL(x)=ffff\nCRASHTIME=1700000000\n';

/** An ELF core with the registers of two processors and 8 KiB of memory. */
export function elfCore(info: string | undefined = INFO, type: 'core' | 'executable' = 'core'): Uint8Array {
  const target = { class: 64, endian: 'little', machine: 'x86_64' } as const;
  const note = (owner: string, kind: number, desc: Uint8Array) => encodeNote(target, owner, kind, desc);
  const notes = [note('CORE', 1, new Uint8Array(8)), note('CORE', 1, new Uint8Array(8))];
  if (info !== undefined) notes.push(note('VMCOREINFO', 0, utf8(info)));
  const content = new Uint8Array(notes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of notes) {
    content.set(one, at);
    at += one.length;
  }
  return encode({
    ...target,
    type,
    sections: [
      { name: '.notes', type: SECTION.note, content, align: 4 },
      { name: '.memory', type: 1, content: new Uint8Array(8192).fill(7), align: 4096 },
    ],
    segments: [
      { type: SEGMENT.note, section: '.notes', align: 4 },
      { type: SEGMENT.load, section: '.memory' },
    ],
  });
}

/** makedumpfile's form: 11 pages of memory, compressed with lzo at level 31. */
export function kdumpFile(changes: { readonly status?: number; readonly blockSize?: number; readonly infoSize?: number } = {}): Uint8Array {
  const blockSize = 4096;
  const name = (text: string): Uint8Array => {
    const bytes = new Uint8Array(65);
    bytes.set(utf8(text));
    return bytes;
  };
  const info = utf8(INFO);
  const bytes = new Uint8Array(blockSize * 5);
  bytes.set(
    header.encode({
      signature: utf8(SIGNATURE),
      version: 6,
      system: name('Linux'),
      node: name('sample'),
      release: name('6.1.0-sample'),
      build: name('#1'),
      machine: name('x86_64'),
      domain: name(''),
      padding: new Uint8Array(6),
      seconds: 0n,
      microseconds: 0n,
      status: changes.status ?? STATUS.lzo,
      blockSize: changes.blockSize ?? blockSize,
      subHeaderSize: 1,
      bitmapSize: 2,
      pageCountShort: 16,
      ramPageCount: 0,
      deviceBlocks: 0,
      writtenBlocks: 0,
      processor: 0,
      processorCount: 2,
    }),
  );
  const at = blockSize + alignUp(subHeader.size, 512);
  bytes.set(
    subHeader.encode({
      physicalBase: 0n,
      dumpLevel: 31,
      split: 0,
      firstPage: 0n,
      lastPage: 16n,
      vmcoreinfoAt: BigInt(at),
      vmcoreinfoSize: BigInt(changes.infoSize ?? info.length),
      notesAt: 0n,
      notesSize: 0n,
    }),
    blockSize,
  );
  bytes.set(info, at);
  bytes.set([0xff, 0x07], blockSize * 2);
  bytes.set([0x0f], blockSize * 3);
  return bytes;
}
