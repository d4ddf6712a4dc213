// A program without what is only there for debuggers and linkers: every section that is not loaded (symbols, debugging information, comments) is
// left out. What runs is unchanged, byte for byte and at its place; dynamic symbols are loaded, so they stay (gABI chapters 4 and 5).
import { alignUp, type ByteSource, readAll, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { open, openHeader, openSectionTable, stringAt } from './decode.ts';
import { SECTION } from './structs.ts';

const ALLOCATED = 0x2n;
const INFO_IS_SECTION = 0x40n;
const SIZE_MOST = 1 << 30;
const NAMES_SIZE_MOST = 1 << 20;
const NAMES = '.shstrtab';

/** The program or library without sections that are not loaded. Throws UNSUPPORTED for another kind of object, TRUNCATED where the file ends before what is loaded, LIMIT above 1 GiB, and what `open` throws. */
export function stripped(source: ByteSource): Uint8Array {
  const { type, segments } = open(source);
  if (type !== 'executable' && type !== 'shared') {
    throw new KindlingError('UNSUPPORTED', `the object is ${type}, expected executable or shared`, { structure: 'ELF header' });
  }
  if (source.size > SIZE_MOST) throw new KindlingError('LIMIT', `the program has ${source.size} bytes, at most ${SIZE_MOST} are read`);
  const { layout, header } = openHeader(source);
  const table = openSectionTable(source, layout, header);
  if (table === undefined) return readAll(source);
  const rows = Array.from({ length: table.count }, (_, index) => layout.section.decode(table.bytes, index * table.entrySize));
  const kept = rows.map((row, index) => ({ row, index })).filter(({ row, index }) => index === 0 || (row.flags & ALLOCATED) !== 0n);
  const newIndex = new Map(kept.map(({ index }, place) => [index, place]));
  const tableEnd = header.segmentsAt + header.segmentCount * header.segmentSize;
  const stored = kept.filter(({ row }) => row.type !== SECTION.nobits && row.type !== SECTION.null);
  const ends = [tableEnd, ...segments.map(({ at, size }) => at + size), ...stored.map(({ row }) => row.at + row.size)];
  const loadedSize = Math.max(...ends);
  if (loadedSize > source.size) {
    throw new KindlingError('TRUNCATED', `${loadedSize} bytes are loaded, the file has ${source.size}`, {
      structure: 'ELF program header',
    });
  }

  let names = '\0';
  const nameAt = (name: string): number => {
    const at = names.length;
    names += `${name}\0`;
    // Many long names may share their bytes in a file that means harm.
    if (names.length > NAMES_SIZE_MOST) throw new KindlingError('LIMIT', `more than ${NAMES_SIZE_MOST} bytes of section names`);
    return at;
  };
  const sections = kept.map(({ row, index }) =>
    layout.section.encode({
      ...row,
      name: index === 0 ? 0 : nameAt(stringAt(table.names, row.name)),
      link: newIndex.get(row.link) ?? 0,
      info: (row.flags & INFO_IS_SECTION) === 0n ? row.info : (newIndex.get(row.info) ?? 0),
    }),
  );
  const ownName = nameAt(NAMES);
  const namesBytes = utf8(names);
  const plain = { flags: 0n, address: 0n, link: 0, info: 0, entrySize: 0 };
  sections.push(
    layout.section.encode({ ...plain, name: ownName, type: SECTION.strtab, at: loadedSize, size: namesBytes.length, align: 1n }),
  );
  const sectionsAt = alignUp(loadedSize + namesBytes.length, 8);
  const bytes = new Uint8Array(sectionsAt + sections.length * layout.section.size);
  bytes.set(source.read(0, loadedSize));
  bytes.set(
    layout.header.encode({
      ...header,
      sectionsAt,
      sectionSize: layout.section.size,
      sectionCount: sections.length,
      namesIndex: sections.length - 1,
    }),
  );
  bytes.set(namesBytes, loadedSize);
  for (const [index, section] of sections.entries()) bytes.set(section, sectionsAt + index * layout.section.size);
  return bytes;
}
