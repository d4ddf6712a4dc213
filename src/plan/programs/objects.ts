// Files of the root that may be run or loaded, each opened once: an ELF object, a script, or neither.
import { asciiFrom } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { type DlopenNote, type Dynamic, dlopenNotes, dynamic, type Elf, interpreter, open, symbols } from '../../formats/elf/index.ts';
import type { FileEntry } from '../../tree/index.ts';
import type { FileFacts } from '../root.ts';
import { objectFacts, parseObjectFacts } from './object-facts.ts';

/** What decides which objects can run together. */
export type ElfKind = Pick<Elf, 'machine' | 'class' | 'endian'>;

/** An ELF object, with what the loader would read. */
export interface LoadedObject {
  readonly kind: 'elf';
  readonly elf: ElfKind;
  /** Undefined for a static program. */
  readonly dynamic: Dynamic | undefined;
  readonly interpreter: string | undefined;
  readonly opens: readonly DlopenNote[];
  /** It uses pthread_cancel, for which glibc opens libgcc_s by itself. */
  readonly cancels: boolean;
}

/** A script: the words after "#!". */
export interface Script {
  readonly kind: 'script';
  readonly interpreter: string;
  readonly argument: string | undefined;
}

/** Any other file. */
export interface Plain {
  readonly kind: 'plain';
}

const LINE_MOST = 256;
const SYMBOLS_SIZE_MOST = 1 << 20;

function cancels(elf: Elf, needs: Dynamic | undefined): boolean {
  if (needs === undefined || needs.needed.length === 0 || elf.source.size > SYMBOLS_SIZE_MOST) return false;
  return symbols(elf, 'dynsym').some(({ name, defined }) => name === 'pthread_cancel' && !defined);
}

const KIND = 'object';

/** Looks at a file, unless what it says is known. Damaged ELF objects throw with the file's path. */
export function readObject(entry: FileEntry, facts?: FileFacts): LoadedObject | Script | Plain {
  const text = facts?.recall(KIND, entry.path);
  const known = text === undefined ? undefined : parseObjectFacts(text);
  if (known !== undefined) return known;
  const object = lookInto(entry);
  facts?.note(KIND, entry.path, objectFacts(object));
  return object;
}

function lookInto(entry: FileEntry): LoadedObject | Script | Plain {
  const head = entry.content.read(0, Math.min(LINE_MOST, entry.content.size));
  if (head[0] === 0x23 && head[1] === 0x21) {
    const line = asciiFrom(head).split('\n')[0]!.slice(2).trim();
    const [first, ...rest] = line.split(/[ \t]+/);
    if (first === undefined || first === '') return { kind: 'plain' };
    return { kind: 'script', interpreter: first, argument: rest.length === 0 ? undefined : rest.join(' ') };
  }
  if (head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46) return { kind: 'plain' };
  try {
    const elf = open(entry.content);
    const needs = dynamic(elf);
    const opens = needs === undefined ? [] : dlopenNotes(elf);
    const { machine, class: width, endian } = elf;
    return {
      kind: 'elf',
      elf: { machine, class: width, endian },
      dynamic: needs,
      interpreter: interpreter(elf),
      opens,
      cancels: cancels(elf, needs),
    };
  } catch (error) {
    throw error instanceof KindlingError ? located(error, { path: entry.path }) : error;
  }
}
