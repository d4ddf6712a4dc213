// Writes a tree below a directory. Nothing outside the target is touched: no link is followed, an existing file is replaced and never
// written through. Directories get their mode and time last, on the way out, so that read-only ones can be filled.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { type ByteSource, nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { baseName, type DeviceEntry, type Entry, type FileEntry, parentOf, type SpecialEntry } from '../tree/index.ts';
import { onInterrupt } from './cleanup.ts';
import { errnoError, system } from './errno.ts';
import { openTarget, type SafeDirectory } from './safe-directory.ts';
import { runTool } from './tools.ts';

/** Something of an entry that was left out, and why. */
export interface Skipped {
  readonly path: string;
  readonly what: 'entry' | 'owner' | 'mode';
  readonly reason: string;
}

export interface Extracted {
  readonly entryCount: number;
  readonly skipped: readonly Skipped[];
}

export interface ExtractOptions {
  /** Told before each entry; throwing ends the work. */
  readonly onEntry?: (path: string) => void;
}

type Linked = Extract<Entry, { kind: 'hardlink' }>;

interface Open {
  readonly path: string;
  readonly directory: SafeDirectory;
  readonly entry: Entry | undefined;
}

const PIECE_SIZE = 1 << 20;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes entries (in tree order, parents included) below `target`, which is made when it is missing. An ordinary user gets everything but
 * devices, ownership and set-id bits; these are in `skipped`. What is at an entry's path is replaced, except that directories stay and
 * a directory is never replaced by something else (CONFLICT). Throws UNSAFE_PATH where a link in the target stands in the way, NO_SPACE,
 * NO_PERMISSION and the like; what was written before stays, a half-written file does not.
 */
export async function extractTree(entries: readonly Entry[], target: string, options: ExtractOptions = {}): Promise<Extracted> {
  const work = extraction(openTarget(target), process.getuid?.() === 0);
  try {
    for (const entry of entries) {
      options.onEntry?.(entry.path);
      await work.write(entry);
    }
    work.finish();
    return { entryCount: entries.length, skipped: work.skipped };
  } finally {
    work.close();
  }
}

function extraction(top: SafeDirectory, privileged: boolean) {
  const skipped: Skipped[] = [];
  const stack: Open[] = [{ path: '', directory: top, entry: undefined }];
  const written = new Set<string>();
  const skip = (path: string, what: Skipped['what'], reason: string) => void skipped.push({ path, what, reason });

  /** Permission bits this user may set, and whether the owner can be. */
  const modeFor = (entry: Entry): number => {
    if (privileged || (entry.mode & 0o6000) === 0) return entry.mode;
    skip(entry.path, 'mode', 'an ordinary user does not set set-uid and set-gid bits');
    return entry.mode & 0o1777;
  };
  const ownedByOther = (entry: Entry): boolean => !privileged && (entry.uid !== process.getuid?.() || entry.gid !== process.getgid?.());
  const owned = (entry: Entry): void => {
    if (ownedByOther(entry)) skip(entry.path, 'owner', `an ordinary user cannot give a file to ${entry.uid}:${entry.gid}`);
  };

  const settle = (fd: number, entry: Entry): void => {
    if (privileged) fchownSync(fd, entry.uid, entry.gid);
    fchmodSync(fd, modeFor(entry));
    futimesSync(fd, entry.mtime, entry.mtime);
  };
  const leave = (): void => {
    const { directory, entry } = stack.pop()!;
    try {
      if (entry !== undefined) system(() => settle(directory.fd, entry), { file: directory.label });
    } finally {
      directory.close();
    }
  };
  const directoryFor = (path: string): SafeDirectory => {
    const parent = parentOf(path);
    while (stack.at(-1)!.path !== parent && stack.length > 1) leave();
    const open = stack.at(-1)!;
    if (open.path === parent) return open.directory;
    throw new KindlingError('INTERNAL', `"${path}" came without its parent directory`, { path });
  };
  const file = (directory: SafeDirectory, name: string, entry: FileEntry): void => {
    const fd = openSync(directory.at(name), CREATE, 0o600);
    const withdraw = onInterrupt(() => unlinkSync(directory.at(name)));
    let whole = false;
    try {
      copy(entry.content, fd);
      settle(fd, entry);
      whole = true;
    } finally {
      withdraw();
      closeSync(fd);
      if (!whole) unlinkSync(directory.at(name));
    }
  };
  const node = async (directory: SafeDirectory, name: string, entry: DeviceEntry | SpecialEntry): Promise<void> => {
    if (entry.kind === 'socket') return skip(entry.path, 'entry', 'a socket is made by the program that listens on it');
    if (!privileged && entry.kind !== 'fifo') return skip(entry.path, 'entry', `an ordinary user cannot make a ${entry.kind} device`);
    const isDevice = entry.kind === 'char' || entry.kind === 'block';
    const numbers = isDevice ? [entry.kind === 'char' ? 'c' : 'b', String(entry.major), String(entry.minor)] : ['p'];
    // Under a plain name first: arguments of programs cannot carry names that are no UTF-8.
    const temporary = `.kindling-node-${process.pid}`;
    const made = await runTool('mknod', ['-m', (entry.mode & 0o7777).toString(8), '--', directory.outsideAt(temporary), ...numbers]);
    if (made.code !== 0) return skip(entry.path, 'entry', `mknod refused: ${made.stderr.trim()}`);
    renameSync(directory.at(temporary), directory.at(name));
    if (privileged) lchownSync(directory.at(name), entry.uid, entry.gid);
    lutimesSync(directory.at(name), entry.mtime, entry.mtime);
  };
  const link = (directory: SafeDirectory, name: string, entry: Linked): void => {
    if (!written.has(entry.to)) {
      skip(entry.path, 'entry', `the file it is another name of, "${entry.to}", was left out`);
      return;
    }
    const walked: SafeDirectory[] = [];
    try {
      let from = top;
      for (const part of parentOf(entry.to)
        .split('/')
        .filter((component) => component !== '')) {
        from = from.enter(part);
        walked.push(from);
      }
      linkSync(from.at(baseName(entry.to)), directory.at(name));
    } finally {
      for (const opened of walked) opened.close();
    }
  };

  const write = async (entry: Entry): Promise<void> => {
    if (entry.path === '') {
      stack[0] = { ...stack[0]!, entry };
      return;
    }
    const directory = directoryFor(entry.path);
    const name = baseName(entry.path);
    const label = `${directory.label}/${name}`;
    try {
      if (entry.kind === 'directory') {
        const there = directory.look(name);
        if (there === undefined) mkdirSync(directory.at(name), 0o700);
        else if (!there.isDirectory()) refuse(there, label);
        const entered = directory.enter(name);
        // An existing directory without write permission must still take its children.
        if (!privileged && there !== undefined) fchmodSync(entered.fd, there.mode | 0o700);
        owned(entry);
        stack.push({ path: entry.path, directory: entered, entry });
        return;
      }
      makeRoom(directory, name);
      if (entry.kind === 'file') file(directory, name, entry);
      else if (entry.kind === 'symlink') {
        symlinkSync(Buffer.from(nameToBytes(entry.target)), directory.at(name));
        if (privileged) lchownSync(directory.at(name), entry.uid, entry.gid);
        lutimesSync(directory.at(name), entry.mtime, entry.mtime);
      } else if (entry.kind === 'hardlink') link(directory, name, entry);
      else await node(directory, name, entry);
      if (directory.look(name) !== undefined) {
        written.add(entry.path);
        if (entry.kind !== 'hardlink') owned(entry);
      }
    } catch (error) {
      throw errnoError(error, { file: label, path: entry.path }) ?? error;
    }
  };

  return {
    write,
    skipped,
    /** Sets modes and times of the directories still open. */
    finish() {
      while (stack.length > 0) leave();
    },
    /** Closes what is open after a failure. */
    close() {
      for (const { directory } of stack.splice(0)) directory.close();
    },
  };
}

/** A link or file where a directory must be: somebody may have put it there to lead the writing elsewhere. */
function refuse(there: Stats, file: string): never {
  const what = there.isSymbolicLink() ? 'a symbolic link' : 'something else';
  throw new KindlingError('UNSAFE_PATH', `${what} is where a directory must be; it is neither followed nor removed`, { file });
}

/** Takes away what is at a name; a link or file is unlinked, never followed; a directory only when it is empty. */
function makeRoom(directory: SafeDirectory, name: string): void {
  const there = directory.look(name);
  if (there === undefined) return;
  if (!there.isDirectory()) {
    unlinkSync(directory.at(name));
    return;
  }
  try {
    rmdirSync(directory.at(name));
  } catch (error) {
    throw new KindlingError(
      'CONFLICT',
      'a directory that is not empty is where a file must be',
      { file: `${directory.label}/${name}` },
      error,
    );
  }
}

function copy(content: ByteSource, fd: number): void {
  for (let at = 0; at < content.size; at += PIECE_SIZE) {
    const piece = content.read(at, Math.min(PIECE_SIZE, content.size - at));
    for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done, piece.length - done);
  }
}
