// The first program: is there an /init, can the kernel start it, and does everything executable find what it needs?
import { readAll } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { closeOverPrograms, resolve } from '../../plan/index.ts';
import type { Entry, FileEntry } from '../../tree/index.ts';
import { finding, type Subject } from './subject.ts';

/** Findings about /init itself. Without an executable /init the kernel ignores the archive and mounts the root by itself, if it can. */
export function checkInit({ inside }: Subject): Finding[] {
  const { entry, path } = resolve(inside, 'init');
  if (entry === undefined) return [finding('init-missing', 'error', 'there is no /init: the kernel would ignore the archive', 'init')];
  if (entry.kind !== 'file') return [finding('init-not-file', 'error', `/init leads to a ${entry.kind}, not to a program`, path)];
  if ((entry.mode & 0o111) === 0)
    return [finding('init-not-executable', 'error', `/init has mode ${entry.mode.toString(8)}, the kernel cannot start it`, path)];
  const head = entry.content.read(0, Math.min(4, entry.content.size));
  const isElf = head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
  const isScript = head[0] === 0x23 && head[1] === 0x21;
  if (!isElf && !isScript) return [finding('init-unstartable', 'error', '/init is neither an ELF program nor starts with "#!"', path)];
  return [];
}

function isProgram(entry: Entry): entry is FileEntry {
  if (entry.kind !== 'file' || (entry.mode & 0o111) === 0 || entry.content.size < 4) return false;
  const head = entry.content.read(0, 4);
  return (head[0] === 0x23 && head[1] === 0x21) || (head[0] === 0x7f && head[1] === 0x45);
}

/** Programs that lack a library or interpreter inside the archive. Those of /init's own chain are errors; a script nobody needs is a warning. */
export function checkClosure({ tree, inside }: Subject): Finding[] {
  const findings: Finding[] = [];
  const initPath = resolve(inside, 'init').path;
  for (const entry of tree.entries) {
    if (!isProgram(entry) || isLibrary(entry.path)) continue;
    try {
      closeOverPrograms(inside, [{ path: entry.path, part: 'archive', text: 'program in the archive' }], () => false);
    } catch (error) {
      if (!(error instanceof KindlingError)) throw error;
      const isScript = entry.content.read(0, 2)[0] === 0x23;
      const severity = isScript && entry.path !== initPath ? 'warning' : 'error';
      findings.push(finding(codeOf(error), severity, error.message, entry.path));
    }
  }
  return findings;
}

function codeOf(error: KindlingError): string {
  if (error.code === 'NO_LIBRARY') return 'library-missing';
  return error.code === 'NO_PROGRAM' ? 'interpreter-missing' : 'program-damaged';
}

// Shared objects are often executable; they are looked at through the programs that load them.
function isLibrary(path: string): boolean {
  return /(^|\/)(lib[^/]*|ld[^/]*)\.so(\.|$)/.test(path) || /\.so$/.test(path);
}

/** Symbolic links that lead nowhere inside the archive and not into what the boot mounts (/dev, /proc, /sys, /run). */
export function checkLinks({ tree, inside }: Subject): Finding[] {
  const findings: Finding[] = [];
  for (const entry of tree.entries) {
    if (entry.kind !== 'symlink') continue;
    try {
      const { entry: found, path } = resolve(inside, entry.path);
      if (found !== undefined || /^(dev|proc|sys|run)(\/|$)/.test(path)) continue;
      findings.push(finding('link-dangling', 'note', `leads to /${path}, which is not in the archive`, entry.path));
    } catch (error) {
      if (!(error instanceof KindlingError)) throw error;
      findings.push(finding('link-loop', 'warning', error.message, entry.path));
    }
  }
  return findings;
}

/** Files whose bytes are not those of the root's file of the same path: the archive was made from something older, or something else. */
export function checkStale({ tree, root }: Subject): Finding[] {
  if (root === undefined) return [];
  const findings: Finding[] = [];
  for (const entry of tree.entries) {
    if (entry.kind !== 'file' || isOwn(entry.path)) continue;
    const { entry: held } = resolve(root, entry.path);
    if (held?.kind !== 'file') {
      findings.push(finding('not-in-root', 'note', 'the root has no such file', entry.path));
      continue;
    }
    if (held.content.size === entry.content.size && sameBytes(entry, held)) continue;
    findings.push(
      finding(
        'differs-from-root',
        'warning',
        `the root's file is another (${held.content.size} bytes, ${entry.content.size} in the archive)`,
        entry.path,
      ),
    );
  }
  return findings;
}

// Made for the archive, so the root has no such file or another one: early userspace, the modules' index files, the list of links.
function isOwn(path: string): boolean {
  return (
    path === 'init' ||
    path.startsWith('usr/lib/kindling/') ||
    /(^|\/)lib\/modules\/[^/]+\/modules\.[^/]+$/.test(path) ||
    path.startsWith('etc/')
  );
}

function sameBytes(a: FileEntry, b: FileEntry): boolean {
  const left = readAll(a.content);
  const right = readAll(b.content);
  return left.every((byte, index) => byte === right[index]);
}
