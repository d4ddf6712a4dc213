// Symbol tables (gABI chapter 4, "Symbol Table"), as far as module indexes need them: names, and whether defined here.
import { type Elf, sectionBytes, stringAt } from './decode.ts';
import { SECTION } from './structs.ts';

/** One symbol with a name. */
export interface ElfSymbol {
  readonly name: string;
  /** False for a symbol the object wants from elsewhere. */
  readonly defined: boolean;
}

/** The named symbols of `.symtab`, or of `.dynsym` when asked; empty when there is no such table. */
export function symbols(elf: Elf, table: 'symtab' | 'dynsym' = 'symtab'): ElfSymbol[] {
  const section = elf.sections.find((one) => one.type === SECTION[table]);
  const stringsSection = section === undefined ? undefined : elf.sections[section.link];
  if (section === undefined || stringsSection === undefined) return [];
  const bytes = sectionBytes(elf, section);
  const strings = sectionBytes(elf, stringsSection);
  const layout = elf.layout.symbol;
  const { name: nameField, section: sectionField } = layout.fields;
  const [nameOffset, sectionOffset] = [layout.offsetOf('name'), layout.offsetOf('section')];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: ElfSymbol[] = [];
  for (let at = 0; at + layout.size <= bytes.length; at += layout.size) {
    const nameAt = nameField.get(view, at + nameOffset);
    if (nameAt === 0) continue;
    found.push({ name: stringAt(strings, nameAt), defined: sectionField.get(view, at + sectionOffset) !== 0 });
  }
  return found;
}
