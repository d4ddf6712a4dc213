// The journal of a bundle in a root: what was put where, and what was there before. With it an interrupted apply is finished or undone,
// and a bundle is taken out again. Form: docs/itu.md.
import { nameFromBytes, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { escapeName, unescapeName } from '../../tree/index.ts';

/** A file or link as it is or was; owners count only where something is restored. */
export type ItuState =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file';
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly mtime: number;
      readonly sha256: string;
    }
  | { readonly kind: 'link'; readonly uid: number; readonly gid: number; readonly target: string };

/** One path of the root, which need not be the bundle's: links of the root are followed. */
export interface ItuPut {
  /** In the bundle. */
  readonly from: string;
  /** In the root. */
  readonly path: string;
  readonly now: ItuState;
  readonly was: ItuState;
}

/** What one bundle did to a root. */
export interface ItuJournal {
  readonly state: 'applying' | 'applied' | 'removing';
  /** Grows with every bundle that is applied: of two that put something at one path, the later one is there. */
  readonly serial: number;
  /** Digest of the bundle as a file. */
  readonly bundle: string;
  /** The key that signed it, or undefined when it was accepted unsigned. */
  readonly key: string | undefined;
  /** Kernels of the root it was applied for. */
  readonly kernels: readonly string[];
  /** Directories that were made, parents first. */
  readonly made: readonly string[];
  readonly puts: readonly ItuPut[];
}

const FIRST = 'kindling itu journal 1';
const LAST = 'end';

function printState(state: ItuState): string {
  if (state.kind === 'absent') return 'absent';
  if (state.kind === 'link') return `link:${state.uid}:${state.gid}:${escapeName(state.target)}`;
  return `file:${state.mode.toString(8)}:${state.uid}:${state.gid}:${state.mtime}:${state.sha256}`;
}

/** The bytes of a journal. */
export function encodeJournal(journal: ItuJournal): Uint8Array {
  const lines = [
    FIRST,
    `state ${journal.state}`,
    `serial ${journal.serial}`,
    `bundle ${journal.bundle}`,
    ...(journal.key === undefined ? [] : [`key ${escapeName(journal.key)}`]),
    ...journal.kernels.map((release) => `kernel ${escapeName(release)}`),
    ...journal.made.map((path) => `made ${escapeName(path)}`),
    ...journal.puts.map(({ from, path, now, was }) => `put ${escapeName(from)} ${escapeName(path)} ${printState(now)} ${printState(was)}`),
    LAST,
  ];
  return utf8(lines.map((line) => `${line}\n`).join(''));
}

function bad(message: string, line: number): KindlingError {
  return new KindlingError('BAD_VALUE', `line ${line}: ${message}`, { structure: 'itu journal' });
}

function parseState(text: string, line: number): ItuState {
  if (text === 'absent') return { kind: 'absent' };
  const link = /^link:(\d{1,10}):(\d{1,10}):(\S+)$/.exec(text);
  if (link !== null) return { kind: 'link', uid: Number(link[1]), gid: Number(link[2]), target: unescapeName(link[3]!) };
  const file = /^file:([0-7]{1,4}):(\d{1,10}):(\d{1,10}):(-?\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (file === null) throw bad(`"${text.slice(0, 80)}" is no state of a file`, line);
  const [, mode, uid, gid, mtime, sha256] = file;
  return { kind: 'file', mode: Number.parseInt(mode!, 8), uid: Number(uid), gid: Number(gid), mtime: Number(mtime), sha256: sha256! };
}

/** Reads a journal. Throws BAD_MAGIC or BAD_VALUE with the line: a damaged one is never half believed. */
export function parseJournal(bytes: Uint8Array): ItuJournal {
  const lines = nameFromBytes(bytes).split('\n');
  if (lines[0] !== FIRST) throw new KindlingError('BAD_MAGIC', `expected "${FIRST}" on the first line`, { structure: 'itu journal' });
  if (lines.at(-1) !== '' || lines.at(-2) !== LAST) throw bad('it was cut off', lines.length);
  const one = new Map<string, string>();
  const kernels: string[] = [];
  const made: string[] = [];
  const puts: ItuPut[] = [];
  for (const [index, line] of lines.slice(1, -2).entries()) {
    const at = index + 2;
    const [key = '', ...words] = line.split(' ');
    const [word] = words;
    if (key === 'put' && words.length === 4) {
      const [from, path, now, was] = words as [string, string, string, string];
      puts.push({ from: unescapeName(from), path: unescapeName(path), now: parseState(now, at), was: parseState(was, at) });
    } else if (words.length !== 1 || word === undefined || word === '') throw bad(`"${line.slice(0, 80)}" means nothing`, at);
    else if (key === 'kernel') kernels.push(unescapeName(word));
    else if (key === 'made') made.push(unescapeName(word));
    else if (['state', 'serial', 'bundle', 'key'].includes(key) && !one.has(key)) one.set(key, word);
    else throw bad(`"${line.slice(0, 80)}" means nothing here`, at);
  }
  const [state, serial, bundle, key] = ['state', 'serial', 'bundle', 'key'].map((name) => one.get(name));
  if (state !== 'applying' && state !== 'applied' && state !== 'removing') throw bad(`the state is "${state}"`, 2);
  if (serial === undefined || !/^\d{1,9}$/.test(serial)) throw bad(`the serial is "${serial}"`, 3);
  if (bundle === undefined || !/^[0-9a-f]{64}$/.test(bundle)) throw bad(`the bundle is "${bundle}"`, 4);
  return { state, serial: Number(serial), bundle, key: key === undefined ? undefined : unescapeName(key), kernels, made, puts };
}

/** Whether two states are the same to a program that reads the file. */
export function sameState(a: ItuState, b: ItuState): boolean {
  if (a.kind === 'link') return b.kind === 'link' && a.target === b.target;
  if (a.kind === 'file') return b.kind === 'file' && a.mode === b.mode && a.sha256 === b.sha256;
  return b.kind === 'absent';
}
