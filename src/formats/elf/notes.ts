// Notes (gABI chapter 5, "Note Section"): owner, type and descriptor; with the dlopen metadata note of the UAPI group
// (https://uapi-group.org/specifications/specs/elf_dlopen_metadata/) and Xen's PVH entry note (xen/include/public/elfnote.h).
import { alignUp, nameFromBytes } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type Elf, ranged } from './decode.ts';
import { SECTION, SEGMENT } from './structs.ts';

/** One note; who wrote it gives `type` its meaning. `desc` is the uninterpreted content. */
export interface Note {
  readonly owner: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

/** A library an object may open by itself. `sonames` are alternatives, the preferred one first. */
export interface DlopenNote {
  readonly sonames: readonly string[];
  readonly feature: string | undefined;
  readonly description: string | undefined;
  readonly priority: 'required' | 'recommended' | 'suggested';
}

const NOTES_SIZE_MOST = 1 << 22;
const NOTES_MOST = 1 << 14;
const DLOPEN_TYPE = 0x407c0c0a;
const XEN_PHYS32_ENTRY = 18;

/** All notes of the note segments, or of the note sections where there are no segments (modules). Throws TRUNCATED or LIMIT. */
export function notes(elf: Elf): Note[] {
  const ranges = elf.segments.some((one) => one.type === SEGMENT.note)
    ? elf.segments.filter((one) => one.type === SEGMENT.note)
    : elf.sections.filter((one) => one.type === SECTION.note);
  const found: Note[] = [];
  for (const range of ranges) readRange(elf, range, found);
  return found;
}

function readRange(elf: Elf, range: { at: number; size: number; align: number }, found: Note[]): void {
  const structure = 'ELF note';
  if (range.size > NOTES_SIZE_MOST)
    throw new KindlingError('LIMIT', `${range.size} bytes of notes, at most ${NOTES_SIZE_MOST} are read`, { structure });
  const bytes = ranged(elf.source, range.at, range.size, structure);
  const unit = range.align === 8 ? 8 : 4;
  let at = 0;
  while (at + elf.layout.note.size <= bytes.length) {
    const { nameSize, descSize, type } = elf.layout.note.decode(bytes, at);
    const nameAt = at + elf.layout.note.size;
    const descAt = at + alignUp(elf.layout.note.size + nameSize, unit);
    if (descAt + descSize > bytes.length) {
      throw new KindlingError('TRUNCATED', `a note of ${nameSize} + ${descSize} bytes leaves its segment`, {
        structure,
        offset: range.at + at,
      });
    }
    if (found.length >= NOTES_MOST) throw new KindlingError('LIMIT', `more than ${NOTES_MOST} notes`, { structure, offset: range.at + at });
    const name = bytes.subarray(nameAt, nameAt + nameSize);
    const end = name.indexOf(0);
    found.push({ owner: nameFromBytes(end < 0 ? name : name.subarray(0, end)), type, desc: bytes.subarray(descAt, descAt + descSize) });
    at = descAt + alignUp(descSize, unit);
  }
}

/** The dlopen metadata of an object. Throws BAD_VALUE when the JSON is not what the specification says. */
export function dlopenNotes(elf: Elf): DlopenNote[] {
  return notes(elf).flatMap((note) => (note.owner === 'FDO' && note.type === DLOPEN_TYPE ? parseDlopen(note.desc) : []));
}

function parseDlopen(desc: Uint8Array): DlopenNote[] {
  const end = desc.indexOf(0);
  const text = nameFromBytes(end < 0 ? desc : desc.subarray(0, end));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KindlingError('BAD_VALUE', 'the dlopen note is not JSON', { structure: '.note.dlopen' }, error);
  }
  return (Array.isArray(value) ? value : [value]).map(dlopenItem);
}

function dlopenItem(item: unknown): DlopenNote {
  const fields: Record<string, unknown> = typeof item === 'object' && item !== null ? { ...item } : {};
  const sonames = typeof fields.soname === 'string' ? [fields.soname] : fields.soname;
  if (!Array.isArray(sonames) || sonames.length === 0 || !sonames.every((name) => typeof name === 'string' && name !== '')) {
    throw new KindlingError('BAD_VALUE', 'a dlopen note has no list of sonames', { structure: '.note.dlopen' });
  }
  const { feature, description, priority } = fields;
  return {
    sonames,
    feature: typeof feature === 'string' ? feature : undefined,
    description: typeof description === 'string' ? description : undefined,
    priority: priority === 'required' || priority === 'suggested' ? priority : 'recommended',
  };
}

/** The physical 32-bit entry point of a kernel that can be started directly (PVH), or undefined. */
export function pvhEntry(elf: Elf): number | undefined {
  const note = notes(elf).find((one) => one.owner === 'Xen' && one.type === XEN_PHYS32_ENTRY);
  if (note === undefined || note.desc.length < 4) return undefined;
  const view = new DataView(note.desc.buffer, note.desc.byteOffset, note.desc.byteLength);
  return view.getUint32(0, elf.endian === 'little');
}
