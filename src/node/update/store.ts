// boot/ and var/lib/kindling/ of a root on a disk. Every name is taken below an open directory that was reached inside the root. What a run
// that was cut off leaves behind has names that only an update makes; the next one, which holds the lock then, removes it.
import { readInto } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { BootFile, NewArchive, WriteStore } from '../../verbs/update/store.ts';
import { type Confined, openConfined } from '../confined.ts';
import { freshBytes } from '../descriptors.ts';
import { runningSha256 } from '../digest.ts';
import { type Disk, isErrno } from '../disk.ts';
import { errnoError, system } from '../errno.ts';
import { type FileSource, openedSource } from '../source.ts';
import { newFile, writeChunks } from '../write.ts';

const BOOT = 'boot';
const RECORDS = 'var/lib/kindling';
const ID = /^[0-9a-f]{64}$/;
const NEW_ARCHIVE = /^\.kindling-.+\.img(\.previous)?\.new$/;
const NEW_RECORD = /^\.[0-9a-f]{64}\.new$/;
const NEW_FILE = /^\.[a-z]+(\.json)?\.new$/;
const FILE_MOST = 64 << 20;
const COPY_SIZE = 1 << 20;

/** The store of a root, to be closed when it is done with. */
export interface OpenStore extends WriteStore {
  /** Opens the directory of records, making it where it is missing: who writes does this first. */
  makeRecords(): Confined;
  close(): void;
}

/** Opens the store of the root at `base`. Nothing is made or changed until something is written. */
export function openStore(disk: Disk, base: string): OpenStore {
  const top = base.replace(/\/+$/, '');
  const held = new Map<string, Confined>();
  const place = (path: string, make: boolean): Confined | undefined => {
    const known = held.get(path);
    if (known !== undefined) return known;
    const opened = openConfined(disk, base, path, make);
    if (opened !== undefined) held.set(path, opened);
    return opened;
  };
  const boot = (): Confined => {
    const found = place(BOOT, false);
    if (found === undefined) throw new KindlingError('NO_ENTRY', 'there is no such directory', { file: `${top}/${BOOT}` });
    return found;
  };
  const records = (): Confined => place(RECORDS, true)!;
  const recordAt = (id: string): string => (id === '' ? RECORDS : `${RECORDS}/${id}`);

  const look = (name: string): BootFile | undefined => {
    const where = place(BOOT, false);
    if (where === undefined) return undefined;
    const stats = system(() => disk.look(where.at(name)), { file: `${where.label}/${name}` });
    if (stats === undefined) return undefined;
    return { name, isFile: stats.isFile(), size: stats.size, mtime: stats.mtimeMs, ctime: stats.ctimeMs, inode: stats.ino };
  };
  const open = (name: string): FileSource => {
    const where = boot();
    const label = `${where.label}/${name}`;
    const stats = system(() => disk.look(where.at(name)), { file: label });
    if (stats === undefined) throw new KindlingError('NO_ENTRY', 'there is no such file', { file: label });
    if (!stats.isFile()) throw new KindlingError('CONFLICT', 'it is no regular file', { file: label });
    return openedSource({ path: where.at(name), label, size: stats.size, dev: stats.dev, ino: stats.ino, noFollow: true });
  };

  return {
    boot: `${top}/${BOOT}`,
    records: `${top}/${RECORDS}`,
    bootNames: () => namesOf(disk, place(BOOT, false)),
    look,
    open,
    room: () => system(() => disk.room(boot().self), { file: boot().label }),
    ids: () => namesOf(disk, place(RECORDS, false)).filter((name) => ID.test(name)),
    recordFile(id, name) {
      const where = place(recordAt(id), false);
      if (where === undefined) return undefined;
      const label = `${where.label}/${name}`;
      const stats = system(() => disk.look(where.at(name)), { file: label });
      if (stats?.isFile() !== true || stats.size > FILE_MOST) return undefined;
      return system(() => disk.read(where.at(name)), { file: label });
    },
    write: (name, chunks) => write(disk, boot(), name, chunks, look, open),
    writeRecord: (id, files, mode) => writeRecord(disk, records(), place(recordAt(id), false), { id, files, mode }),
    writeShared: (name, bytes) => writeFiles(disk, records(), new Map([[name, bytes]]), 0o644),
    keepPrevious: (name) => keepPrevious(disk, boot(), name, open),
    dropRecord(id) {
      const where = place(recordAt(id), false);
      held.delete(recordAt(id));
      if (where !== undefined) removeDirectory(disk, records(), id, where);
    },
    sweep() {
      const gone: string[] = [];
      const sweepFiles = (where: Confined | undefined, pattern: RegExp): void => {
        for (const name of namesOf(disk, where)) {
          if (!pattern.test(name)) continue;
          system(() => disk.unlink(where!.at(name)), { file: `${where!.label}/${name}` });
          gone.push(`${where!.label}/${name}`);
        }
      };
      sweepFiles(place(BOOT, false), NEW_ARCHIVE);
      const shared = place(RECORDS, false);
      for (const name of namesOf(disk, shared)) {
        if (ID.test(name)) sweepFiles(place(recordAt(name), false), NEW_FILE);
        else if (NEW_RECORD.test(name)) {
          removeDirectory(disk, shared!, name, shared!.enter(name));
          gone.push(`${shared!.label}/${name}`);
        }
      }
      sweepFiles(shared, NEW_FILE);
      return gone;
    },
    makeRecords: records,
    close() {
      for (const one of held.values()) one.close();
      held.clear();
    },
  };
}

function namesOf(disk: Disk, where: Confined | undefined): string[] {
  return where === undefined ? [] : system(() => disk.names(where.self), { file: where.label }).sort();
}

/** Failures of system calls with the name of the file that a person knows. */
async function named<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw errnoError(error, { file }) ?? error;
  }
}

async function write(
  disk: Disk,
  boot: Confined,
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  look: (name: string) => BootFile | undefined,
  open: (name: string) => FileSource,
): Promise<NewArchive> {
  const temporary = `.${name}.new`;
  const label = `${boot.label}/${temporary}`;
  const digest = runningSha256();
  const file = await named(label, async () => {
    const made = newFile(disk, boot.at(temporary), 0o600);
    await made.fill((fd) => writeChunks(disk, fd, digested(chunks, digest)), 0o600);
    return made;
  });
  const sources: FileSource[] = [];
  const release = (): void => {
    for (const one of sources.splice(0)) one.release();
  };
  const stats = look(temporary);
  if (stats === undefined) throw new KindlingError('IO', 'the file that was just written is gone', { file: label });
  return {
    path: label,
    file: stats,
    sha256: digest.finish(),
    source() {
      sources.push(open(temporary));
      return sources.at(-1)!;
    },
    place() {
      release();
      // what the name will lead to first, or a boot loader that reads no journal may find the name of an empty file
      system(() => disk.settle(boot.self), { file: boot.label });
      system(() => disk.rename(boot.at(temporary), boot.at(name)), { file: `${boot.label}/${name}` });
      file.keep();
      system(() => disk.syncDirectory(boot.self), { file: boot.label });
      system(() => disk.settle(boot.self), { file: boot.label });
    },
    discard() {
      release();
      system(() => file.remove(), { file: label });
    },
  };
}

async function* digested(chunks: AsyncIterable<Uint8Array>, digest: ReturnType<typeof runningSha256>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    digest.update(chunk);
    yield chunk;
  }
}

/** Files that appear one by one, each whole; the last of the map is the last to appear. */
async function writeFiles(disk: Disk, where: Confined, files: ReadonlyMap<string, Uint8Array>, mode: number): Promise<void> {
  for (const [name, bytes] of files) {
    const label = `${where.label}/${name}`;
    await named(label, async () => {
      const file = newFile(disk, where.at(`.${name}.new`), mode);
      await file.fill((fd) => writeChunks(disk, fd, [bytes]), mode);
      try {
        disk.rename(where.at(`.${name}.new`), where.at(name));
      } catch (error) {
        system(() => file.remove(), { file: label });
        throw error;
      }
      file.keep();
    });
  }
  system(() => disk.syncDirectory(where.self), { file: where.label });
}

/** A record: a directory that appears whole, or new files in one that is there. */
async function writeRecord(
  disk: Disk,
  records: Confined,
  held: Confined | undefined,
  { id, files, mode }: { readonly id: string; readonly files: ReadonlyMap<string, Uint8Array>; readonly mode: number },
): Promise<void> {
  if (held !== undefined) return await writeFiles(disk, held, files, mode);
  const name = `.${id}.new`;
  const label = `${records.label}/${name}`;
  system(() => disk.mkdir(records.at(name), 0o755), { file: label });
  const where = records.enter(name);
  try {
    await writeFiles(disk, where, files, mode);
    system(() => disk.rename(records.at(name), records.at(id)), { file: `${records.label}/${id}` });
  } catch (error) {
    try {
      removeDirectory(disk, records, name, where, false);
    } catch {
      // Where even that is not possible the next run does it; what stopped this one is what is reported.
    }
    throw error;
  } finally {
    where.close();
  }
  system(() => disk.syncDirectory(records.self), { file: records.label });
}

function removeDirectory(disk: Disk, above: Confined, name: string, where: Confined, close = true): void {
  const label = `${above.label}/${name}`;
  try {
    // The record last: as long as it is there, the directory is one that can be judged.
    const names = namesOf(disk, where).sort((a, b) => Number(a === 'record') - Number(b === 'record'));
    for (const one of names) system(() => disk.unlink(where.at(one)), { file: `${label}/${one}` });
    system(() => disk.rmdir(above.at(name)), { file: label });
  } finally {
    if (close) where.close();
  }
}

async function keepPrevious(disk: Disk, boot: Confined, name: string, open: (name: string) => FileSource): Promise<void> {
  const previous = `${name}.previous`;
  const temporary = `.${previous}.new`;
  const label = `${boot.label}/${previous}`;
  const [from, before] = system(() => [disk.look(boot.at(name)), disk.look(boot.at(previous))] as const, { file: label });
  // Two names of one file already: a run was cut off right here. To rename one over the other would do nothing and leave both.
  if (from !== undefined && before !== undefined && from.ino === before.ino && from.nlink > 1) return;
  try {
    system(() => disk.link(boot.at(name), boot.at(temporary)), { file: label });
  } catch (error) {
    const cause = error instanceof KindlingError ? error.cause : error;
    if (!isErrno(cause, 'EPERM', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK')) throw error;
    await copy(disk, boot, name, temporary, open);
  }
  try {
    system(() => disk.rename(boot.at(temporary), boot.at(previous)), { file: label });
  } catch (error) {
    system(() => disk.unlink(boot.at(temporary)), { file: label });
    throw error;
  }
  system(() => disk.syncDirectory(boot.self), { file: boot.label });
}

/** A copy with the same time of change, where a file has only one name. */
async function copy(disk: Disk, boot: Confined, name: string, temporary: string, open: (name: string) => FileSource): Promise<void> {
  const label = `${boot.label}/${temporary}`;
  const source = open(name);
  const { free } = system(() => disk.room(boot.self), { file: boot.label });
  if (source.size > free) {
    throw new KindlingError('NO_SPACE', `${source.size} bytes are needed to keep the previous archive, ${free} are free`, { file: label });
  }
  const pieces = function* (): Generator<Uint8Array> {
    const piece = freshBytes(COPY_SIZE);
    for (let at = 0; at < source.size; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, source.size - at));
      readInto(source, at, part);
      yield part;
    }
  };
  try {
    await named(label, async () => {
      const file = newFile(disk, boot.at(temporary), 0o600);
      await file.fill((fd) => writeChunks(disk, fd, pieces()), 0o600);
      file.keep();
      const mtime = disk.look(boot.at(name))?.mtimeMs;
      if (mtime !== undefined) disk.setTime(boot.at(temporary), mtime);
    });
  } finally {
    source.release();
  }
}
