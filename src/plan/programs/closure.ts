// Everything a program needs to run: libraries breadth first as the loader finds them, its interpreter at the literal path,
// a script's interpreter, and what it announces to open by itself. Nothing of the root is executed.
import { type Finding, KindlingError } from '../../errors.ts';
import { baseName, joinPath, symlink } from '../../tree/index.ts';
import { followed } from '../follow.ts';
import type { Reason, Wanted } from '../plan.ts';
import { type Root, resolve } from '../root.ts';
import { readObject, type Script } from './objects.ts';
import { type LibrarySearch, type Loading, librarySearch } from './search.ts';

/** A program that someone wants. */
export interface Asked {
  readonly path: string;
  readonly part: string;
  readonly text: string;
}

/** The entries that programs need, themselves included. */
export interface ProgramClosure {
  readonly wanted: readonly Wanted[];
  readonly findings: readonly Finding[];
}

/** Opened by glibc or by the library itself without a note. */
const KNOWN_OPENS: Readonly<Record<string, readonly string[]>> = {
  'libpthread.so.0': ['libgcc_s.so.1'],
  'libcryptsetup.so.12': ['libgcc_s.so.1'],
};

const PATHS = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'sbin', 'bin'];
const NESTING_MOST = 8;

/** The path of a command in the root, as a PATH search would find it; undefined when there is none. */
export function findProgram(root: Root, name: string): string | undefined {
  return PATHS.map((home) => joinPath(home, name)).find((path) => {
    const { entry } = resolve(root, path);
    return entry?.kind === 'file' && (entry.mode & 0o111) !== 0;
  });
}

/**
 * Closes over programs. `provided` says which paths the archive has from elsewhere: a shell that busybox stands in for is not taken twice.
 * Throws NO_PROGRAM for a program that is not in the root, NO_LIBRARY for a library or interpreter that is not.
 */
export function closeOverPrograms(root: Root, programs: readonly Asked[], provided: (path: string) => boolean): ProgramClosure {
  const search = librarySearch(root);
  const state: State = { root, search, provided, wanted: [], findings: [], done: new Set() };
  for (const asked of programs) takeProgram(state, asked, undefined, 0);
  return { wanted: state.wanted, findings: state.findings };
}

interface State {
  readonly root: Root;
  readonly search: LibrarySearch;
  readonly provided: (path: string) => boolean;
  readonly wanted: Wanted[];
  readonly findings: Finding[];
  readonly done: Set<string>;
}

function reasonOf(asked: Asked, text: string, because: string | undefined): Reason {
  return because === undefined ? { part: asked.part, text } : { part: asked.part, text, because };
}

function takeProgram(state: State, asked: Asked, because: string | undefined, nesting: number): void {
  const path = asked.path.replace(/^\/+/, '');
  const taken = followed(state.root, path, 'base', reasonOf(asked, asked.text, because));
  if (taken.entry?.kind !== 'file') {
    throw new KindlingError('NO_PROGRAM', `/${path} (${asked.text}) is not in ${state.root.label}`, { path });
  }
  state.wanted.push(...taken.wanted);
  if (state.done.has(taken.path)) return;
  state.done.add(taken.path);
  const object = readObject(taken.entry, state.root.facts);
  if (object.kind === 'script') takeInterpreter(state, asked, taken.path, object, nesting);
  if (object.kind === 'elf') takeLibraries(state, asked, { path: taken.path, object, from: undefined });
}

function takeInterpreter(state: State, asked: Asked, script: string, { interpreter, argument }: Script, nesting: number): void {
  if (nesting > NESTING_MOST) throw new KindlingError('LIMIT', `scripts run by scripts, more than ${NESTING_MOST} deep`, { path: script });
  const take = (path: string, text: string): void => {
    if (!state.provided(path.replace(/^\/+/, ''))) takeProgram(state, { ...asked, path, text }, script, nesting + 1);
  };
  take(interpreter, `interpreter of the script /${script}`);
  if (baseName(interpreter) !== 'env' || argument === undefined) return;
  const name = argument.split(/[ \t]+/).find((word) => !word.startsWith('-') && !word.includes('='));
  if (name === undefined || PATHS.some((home) => state.provided(joinPath(home, name)))) return;
  const found = findProgram(state.root, name);
  if (found === undefined)
    throw new KindlingError('NO_PROGRAM', `the script /${script} needs "${name}", which is not in ${state.root.label}`, { path: script });
  take(found, `interpreter of the script /${script}`);
}

function takeLibraries(state: State, asked: Asked, program: Loading): void {
  const loader = program.object.interpreter;
  if (loader !== undefined) {
    const taken = followed(state.root, loader, 'base', reasonOf(asked, `program interpreter of /${program.path}`, program.path));
    if (taken.entry?.kind !== 'file') {
      throw new KindlingError('NO_LIBRARY', `/${program.path} is run by ${loader}, which is not in ${state.root.label}`, {
        path: program.path,
      });
    }
    state.wanted.push(...taken.wanted);
  }
  // One list per program: a library that is loaded already satisfies every later need of its name, wherever it lies.
  const loaded = new Set<string>(loader === undefined ? [] : [baseName(loader)]);
  const queue: Loading[] = [program];
  for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
    for (const need of needsOf(one)) {
      if (loaded.has(need.names[0]!)) continue;
      const found = findFirst(state.search, need.names, one, loader);
      if (found === undefined) {
        missing(state, asked, program, one, need);
        continue;
      }
      for (const name of need.names) loaded.add(name);
      if (found.object.dynamic?.soname !== undefined) loaded.add(found.object.dynamic.soname);
      takeLibrary(state, asked, one, need, found);
      queue.push({ path: found.resolved.path, object: found.object, from: one });
    }
  }
}

interface Need {
  /** Alternatives, the preferred one first. */
  readonly names: readonly string[];
  readonly weight: 'must' | 'should' | 'may';
  readonly text: string;
}

function needsOf(one: Loading): Need[] {
  const needs: Need[] = (one.object.dynamic?.needed ?? []).map((name) => ({ names: [name], weight: 'must', text: `library ${name}` }));
  for (const note of one.object.opens) {
    if (note.sonames.length === 0 || note.priority === 'suggested') continue;
    const what = note.description ?? note.feature ?? 'named in its notes';
    needs.push({ names: note.sonames, weight: note.priority === 'required' ? 'must' : 'should', text: `opened at run time: ${what}` });
  }
  const known = [
    ...(one.object.dynamic?.needed ?? []).flatMap((name) => KNOWN_OPENS[name] ?? []),
    ...(one.object.cancels ? ['libgcc_s.so.1'] : []),
  ];
  for (const name of new Set(known)) needs.push({ names: [name], weight: 'may', text: 'opened at run time when a thread is cancelled' });
  return needs;
}

function findFirst(search: LibrarySearch, names: readonly string[], by: Loading, loader: string | undefined) {
  for (const name of names) {
    const found = search.find(name, by, loader === undefined ? undefined : baseName(loader));
    if (found !== undefined) return found;
  }
  return undefined;
}

function missing(state: State, asked: Asked, program: Loading, by: Loading, need: Need): void {
  const name = need.names.join(' or ');
  const where = by.path === program.path ? `/${program.path}` : `/${by.path}, a library of /${program.path},`;
  if (need.weight === 'must') {
    throw new KindlingError('NO_LIBRARY', `${where} needs ${name}, which is not in ${state.root.label} (${asked.text})`, { path: by.path });
  }
  if (need.weight === 'may') return;
  const message = `${where} may open ${name} (${need.text}), which is not in the root`;
  state.findings.push({ code: 'library-missing', severity: 'note', where: { path: by.path }, message });
}

type FoundLibrary = NonNullable<ReturnType<LibrarySearch['find']>>;

function takeLibrary(state: State, asked: Asked, by: Loading, need: Need, found: FoundLibrary): void {
  const reason = reasonOf(asked, need.text, by.path);
  state.wanted.push(...followed(state.root, found.path, 'base', reason).wanted);
  if (found.linkIn !== undefined) {
    const link = symlink(joinPath(found.linkIn, baseName(found.path)), `/${found.path}`);
    const text = `${need.text}: the loader finds it in a default directory, as the archive has no ld.so.cache`;
    state.wanted.push({ entry: link, segment: 'base', reason: reasonOf(asked, text, by.path) });
  }
  if (found.path.includes('/glibc-hwcaps/')) {
    const message = `/${found.path} is for newer processors and there is no plain copy of it: older machines cannot run /${by.path}`;
    state.findings.push({ code: 'library-hardware', severity: 'warning', where: { path: found.path }, message });
  }
}
