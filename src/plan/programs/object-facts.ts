// What a program or library says of itself as one line of text, to be kept between runs (see FileFacts in plan/root).
import type { DlopenNote } from '../../formats/elf/index.ts';
import type { LoadedObject, Plain, Script } from './objects.ts';

/** The text of what was read. */
export function objectFacts(object: LoadedObject | Script | Plain): string {
  return JSON.stringify(object);
}

type Shape = Readonly<Record<string, unknown>>;

function isShape(value: unknown): value is Shape {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || isText(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}

function notesOf(value: unknown): DlopenNote[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const notes = value.flatMap((note): DlopenNote[] => {
    if (!isShape(note)) return [];
    const { sonames, feature, description, priority } = note;
    if (!isTexts(sonames) || !isOptionalText(feature) || !isOptionalText(description)) return [];
    if (priority !== 'required' && priority !== 'recommended' && priority !== 'suggested') return [];
    return [{ sonames, feature, description, priority }];
  });
  return notes.length === value.length ? notes : undefined;
}

function dynamicOf(value: unknown): LoadedObject['dynamic'] | 'bad' {
  if (value === undefined) return undefined;
  if (!isShape(value)) return 'bad';
  const { needed, soname, rpath, runpath, noDefaultLibraries } = value;
  if (!isTexts(needed) || !isOptionalText(soname) || !isTexts(rpath) || !isTexts(runpath)) return 'bad';
  return typeof noDefaultLibraries === 'boolean' ? { needed, soname, rpath, runpath, noDefaultLibraries } : 'bad';
}

/** What was read, again; undefined for a text that is none of these, and the file is read as ever. */
export function parseObjectFacts(text: string): LoadedObject | Script | Plain | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // nothing is lost but time
  }
  if (!isShape(value)) return undefined;
  if (value.kind === 'plain') return { kind: 'plain' };
  if (value.kind === 'script') {
    const { interpreter, argument } = value;
    return isText(interpreter) && isOptionalText(argument) ? { kind: 'script', interpreter, argument } : undefined;
  }
  const { elf, interpreter, cancels } = value;
  const [dynamic, opens] = [dynamicOf(value.dynamic), notesOf(value.opens)];
  if (value.kind !== 'elf' || !isShape(elf) || dynamic === 'bad' || opens === undefined) return undefined;
  const { machine, class: width, endian } = elf;
  if (!isText(machine) || (width !== 32 && width !== 64) || (endian !== 'little' && endian !== 'big')) return undefined;
  if (!isOptionalText(interpreter) || typeof cancels !== 'boolean') return undefined;
  return { kind: 'elf', elf: { machine, class: width, endian }, dynamic, interpreter, opens, cancels };
}
