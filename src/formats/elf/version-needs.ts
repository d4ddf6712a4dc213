// Which versions of symbols an object needs of which library: section .gnu.version_r (Linux Standard Base Core 5.0, 10.7.3).
import { struct, u16be, u16le, u32be, u32le } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type Elf, sectionBytes, stringAt } from './decode.ts';

const VERNEED = 0x6ffffffe;
const SIZE_MOST = 1 << 20;
const STRINGS_SIZE_MOST = 1 << 26;
const NEEDS_MOST = 1 << 14;

/** A library by the name it is needed under, and the versions ("GLIBC_2.28") that the dynamic loader must find in it. */
export interface VersionNeed {
  readonly library: string;
  readonly versions: readonly string[];
}

/** What an object needs, in its own order; nothing for one without versions. Throws BAD_VALUE, TRUNCATED or LIMIT where the section is damaged. */
export function versionNeeds(elf: Elf): VersionNeed[] {
  const section = elf.sections.find(({ type }) => type === VERNEED);
  if (section === undefined) return [];
  const bytes = sectionBytes(elf, section, SIZE_MOST);
  const names = elf.sections[section.link];
  if (names === undefined) throw damaged(`its strings are in section ${section.link} of ${elf.sections.length}`);
  const strings = sectionBytes(elf, names, STRINGS_SIZE_MOST);
  const [half, word] = elf.endian === 'little' ? [u16le, u32le] : [u16be, u32be];
  const needed = struct('ELF version need', 16, { version: half, count: half, file: word, first: word, next: word });
  const auxiliary = struct('ELF needed version', 16, { hash: word, flags: half, other: half, name: word, next: word });
  const needs: VersionNeed[] = [];
  let steps = 0;
  const step = (): void => {
    steps += 1;
    if (steps > NEEDS_MOST) throw new KindlingError('LIMIT', `more than ${NEEDS_MOST} versions are needed`, { structure: section.name });
  };
  for (let at = 0, isLast = false; !isLast; ) {
    step();
    const need = needed.decode(bytes, at);
    if (need.version !== 1) throw damaged(`its revision is ${need.version}, expected 1`);
    const versions: string[] = [];
    let versionAt = at + need.first;
    for (let index = 0; index < need.count; index++) {
      step();
      const { name, next } = auxiliary.decode(bytes, versionAt);
      versions.push(stringAt(strings, name));
      versionAt += next;
    }
    needs.push({ library: stringAt(strings, need.file), versions });
    isLast = need.next === 0;
    at += need.next;
  }
  return needs;
}

function damaged(message: string): KindlingError {
  return new KindlingError('BAD_VALUE', message, { structure: '.gnu.version_r' });
}
