// `.modinfo` of kernel modules (include/linux/moduleinfo.h, scripts/mod/modpost.c): NUL-separated key=value strings, keys repeat.
// The planner asks this of thousands of modules, so it touches only the header, the section table, its names and the one section.
import { type ByteSource, bytesSource, nameFromBytes, readAll, readInto } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { openHeader, openSectionTable, ranged } from './decode.ts';
import { SECTION } from './structs.ts';

const MODINFO_SIZE_MOST = 1 << 24;
const NAME = Uint8Array.from('.modinfo\0', (char) => char.charCodeAt(0));

/** One `key=value` of `.modinfo`. */
export type ModinfoPair = readonly [key: string, value: string];

/** Splits NUL-separated `key=value` strings (a `.modinfo` section or a `modules.builtin.modinfo` file); strings without "=" are passed over. */
export function parseModinfo(bytes: Uint8Array): ModinfoPair[] {
  const pairs: ModinfoPair[] = [];
  for (const text of nameFromBytes(bytes).split('\0')) {
    const equals = text.indexOf('=');
    if (equals > 0) pairs.push([text.slice(0, equals), text.slice(equals + 1)]);
  }
  return pairs;
}

/** All pairs of a kernel module (uncompressed), in file order. Throws BAD_VALUE when it has no `.modinfo` section, and what `open` throws. */
export function modinfo(module: ByteSource): ModinfoPair[] {
  const source = thrifty(module);
  const { layout, header } = openHeader(source);
  const table = openSectionTable(source, layout, header);
  if (table !== undefined) {
    const view = new DataView(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength);
    const nameOffset = layout.section.offsetOf('name');
    const nameField = layout.section.fields.name;
    for (let index = 0; index < table.count; index++) {
      const at = index * table.entrySize;
      if (!startsAt(table.names, nameField.get(view, at + nameOffset), NAME)) continue;
      const section = layout.section.decode(table.bytes, at);
      if (section.type === SECTION.nobits) break;
      if (section.size > MODINFO_SIZE_MOST) {
        throw new KindlingError('LIMIT', `.modinfo has ${section.size} bytes, at most ${MODINFO_SIZE_MOST} are read`, {
          structure: 'ELF section .modinfo',
        });
      }
      return parseModinfo(ranged(source, section.at, section.size, 'ELF section .modinfo'));
    }
  }
  throw new KindlingError('BAD_VALUE', 'there is no .modinfo section, so this is no kernel module', { structure: 'ELF section .modinfo' });
}

function startsAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  if (at + expected.length > bytes.length) return false;
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false;
  return true;
}

const WHOLE_SIZE = 1 << 16;
const BEFORE_SIZE = 1 << 11;

/**
 * A view of a module that costs few and small reads: a small file is read at once, of a larger one exactly what is asked for and the
 * little before it, because linkers put the section names right before the section headers.
 */
function thrifty(module: ByteSource): ByteSource {
  if (module.size <= WHOLE_SIZE) return bytesSource(readAll(module));
  let heldAt = 0;
  let held: Uint8Array = new Uint8Array(0);
  return {
    size: module.size,
    read(at, size) {
      if (at < heldAt || at + size > heldAt + held.length) {
        if (at + size > module.size) return module.read(at, size); // which says why it cannot
        heldAt = Math.max(0, at - BEFORE_SIZE);
        held = new Uint8Array(at + size - heldAt);
        readInto(module, heldAt, held);
      }
      return held.subarray(at - heldAt, at - heldAt + size);
    },
  };
}
