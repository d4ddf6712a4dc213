// What a module says of itself as one line of text, to be kept between runs: reading it from thousands of ELF files is most of planning.
import { type ModuleInfo, mergeSoftdeps, parseSoftdep } from './module-info.ts';

/** The text of a module's words. */
export function moduleFacts({ name, depends, aliases, firmware, weakdep, vermagic, softdepLines }: ModuleInfo): string {
  return JSON.stringify([name ?? null, vermagic ?? null, depends, aliases, firmware, weakdep, softdepLines]);
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** The words again; undefined for a text that is none of these, which is then read from the module as ever. */
export function parseModuleFacts(text: string): ModuleInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // nothing is lost but time
  }
  if (!Array.isArray(value)) return undefined;
  const [name, vermagic, ...lists] = value as unknown[];
  const [depends, aliases, firmware, weakdep, softdepLines] = lists;
  if (!isText(name) || !isText(vermagic) || !isTexts(depends) || !isTexts(aliases) || !isTexts(firmware)) return undefined;
  if (!isTexts(weakdep) || !isTexts(softdepLines)) return undefined;
  const softdep = mergeSoftdeps(softdepLines.map(parseSoftdep));
  return { name: name ?? undefined, vermagic: vermagic ?? undefined, depends, softdep, weakdep, aliases, firmware, softdepLines };
}
