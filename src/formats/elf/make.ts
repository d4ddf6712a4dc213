// Small objects of the two kinds that planners meet, a kernel module and a dynamic program: what tests and fixtures are made of.
import { concat, utf8 } from '../../bytes/index.ts';
import { encode, type SectionSpec, type SegmentSpec } from './encode.ts';
import type { ModinfoPair } from './modinfo.ts';
import { type ElfClass, type Endian, layoutOf, SECTION, SEGMENT, TAG } from './structs.ts';

/** For which processor. */
export interface Target {
  readonly class: ElfClass;
  readonly endian: Endian;
  /** By ELF's name, as `open` gives it. */
  readonly machine: string;
}

const X86_64: Target = { class: 64, endian: 'little', machine: 'x86_64' };

/** A kernel module that says what it is told to say and holds no code. `symbols` are exported to others, `imports` wanted from them. */
export interface ModuleSpec {
  readonly modinfo: readonly ModinfoPair[];
  readonly symbols?: readonly string[];
  readonly imports?: readonly string[];
  readonly target?: Target;
}

/** Encodes a kernel module. */
export function makeModule(spec: ModuleSpec): Uint8Array {
  const target = spec.target ?? X86_64;
  const { symbol } = layoutOf(target.class, target.endian);
  const rows = [
    ...(spec.symbols ?? []).map((name) => ({ name: `__ksymtab_${name}`, section: 1 })),
    ...(spec.imports ?? []).map((name) => ({ name, section: 0 })),
  ];
  const strings = stringTable(rows.map(({ name }) => name));
  const table = [{ name: 0, section: 0 }, ...rows.map(({ name, section }) => ({ name: strings.at(name), section }))].map((row) =>
    symbol.encode({ ...row, value: 0n, size: 0n, info: 0x10, other: 0 }),
  );
  const exported = utf8((spec.symbols ?? []).map((name) => `${name}\0`).join(''));
  return encode({
    ...target,
    type: 'relocatable',
    sections: [
      { name: '.modinfo', type: SECTION.progbits, content: utf8(spec.modinfo.map(([key, value]) => `${key}=${value}\0`).join('')) },
      { name: '__ksymtab_strings', type: SECTION.progbits, content: exported },
      { name: '.symtab', type: SECTION.symtab, content: concat(table), link: '.strtab', align: 8, entrySize: symbol.size },
      { name: '.strtab', type: SECTION.strtab, content: strings.bytes },
    ],
  });
}

/** A dynamic program or library that needs what it is told to need. */
export interface ProgramSpec {
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** Text of dlopen metadata notes (JSON). */
  readonly dlopen?: readonly string[];
  /** No dynamic section at all. */
  readonly static?: boolean;
  readonly target?: Target;
}

/** Encodes a program (with an interpreter or static) or a library (with neither). */
export function makeProgram(spec: ProgramSpec): Uint8Array {
  const target = spec.target ?? X86_64;
  const layout = layoutOf(target.class, target.endian);
  const sections: SectionSpec[] = [];
  const segments: SegmentSpec[] = [{ type: SEGMENT.load, align: 4096 }];
  const add = (section: SectionSpec, segment?: number) => {
    sections.push(section);
    if (segment !== undefined) segments.push({ type: segment, section: section.name, align: section.align ?? 1 });
  };
  if (spec.interpreter !== undefined) {
    add({ name: '.interp', type: SECTION.progbits, content: utf8(`${spec.interpreter}\0`) }, SEGMENT.interp);
  }
  if (spec.dlopen !== undefined) {
    const notes = spec.dlopen.map((json) => encodeNote(target, 'FDO', 0x407c0c0a, utf8(`${json}\0`)));
    add({ name: '.note.dlopen', type: SECTION.note, content: concat(notes), align: 4 }, SEGMENT.note);
  }
  if (spec.static !== true) {
    const texts: [number, string | undefined][] = [
      ...(spec.needed ?? []).map((name): [number, string] => [TAG.needed, name]),
      [TAG.soname, spec.soname],
      [TAG.rpath, spec.rpath],
      [TAG.runpath, spec.runpath],
    ];
    const rows = texts.flatMap(([tag, text]) => (text === undefined ? [] : [{ tag, text }]));
    const strings = stringTable(rows.map(({ text }) => text));
    const row = (tag: number, value: number) => layout.dynamic.encode({ tag: BigInt(tag), value: BigInt(value) });
    add({ name: '.dynstr', type: SECTION.strtab, content: strings.bytes });
    const make = (addressOf: (name: string) => number) =>
      concat([
        ...rows.map(({ tag, text }) => row(tag, strings.at(text))),
        row(TAG.strtab, addressOf('.dynstr')),
        row(TAG.strsz, strings.bytes.length),
        row(TAG.null, 0),
      ]);
    const size = (rows.length + 3) * layout.dynamic.size;
    add(
      { name: '.dynamic', type: SECTION.dynamic, content: { size, make }, link: '.dynstr', align: 8, entrySize: layout.dynamic.size },
      SEGMENT.dynamic,
    );
  }
  return encode({ ...target, type: spec.static === true ? 'executable' : 'shared', sections, segments });
}

/** Encodes one note, padded to 4 bytes. */
export function encodeNote(target: Target, owner: string, type: number, desc: Uint8Array): Uint8Array {
  const { note } = layoutOf(target.class, target.endian);
  const name = utf8(`${owner}\0`);
  const padded = (bytes: Uint8Array) => concat([bytes, new Uint8Array(-bytes.length & 3)]);
  return concat([note.encode({ nameSize: name.length, descSize: desc.length, type }), padded(name), padded(desc)]);
}

function stringTable(texts: readonly string[]): { bytes: Uint8Array; at(text: string): number } {
  const places = new Map<string, number>();
  let joined = '\0';
  for (const text of texts) {
    if (places.has(text)) continue;
    places.set(text, utf8(joined).length);
    joined += `${text}\0`;
  }
  return { bytes: utf8(joined), at: (text) => places.get(text)! };
}
