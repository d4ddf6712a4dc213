// The two directories of a root that `update` and `status` work in, boot/ and var/lib/kindling/, as an interface. `node/` has the real one;
// nothing in it leads out of the root. Reading and writing are apart, because a dry run is never given the second.
import type { ByteSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

/** A file in boot/, as lstat tells it. Times in milliseconds since 1970. */
export interface BootFile {
  readonly name: string;
  readonly isFile: boolean;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly inode: number;
}

/** Room in the file system of boot/. */
export interface BootRoom {
  /** Bytes. */
  readonly free: number;
  /** Whether it is a FAT: a previous archive is a copy, which needs room of its own. */
  readonly isFat: boolean;
}

/** Looking at a root's archives and records. */
export interface ReadStore {
  /** Path of boot/ for messages and other programs. */
  readonly boot: string;
  /** Path of the directory of records, for messages. */
  readonly records: string;
  /** Names in boot/; none when there is no such directory. */
  bootNames(): readonly string[];
  look(name: string): BootFile | undefined;
  /** Opens an archive. Throws NO_PERMISSION, NO_ENTRY, and CONFLICT for what is no file. */
  open(name: string): ByteSource;
  room(): BootRoom;
  /** Ids of all records. */
  ids(): readonly string[];
  /** A file of a record, or of all records where the id is "". Undefined when there is none. */
  recordFile(id: string, name: string): Uint8Array | undefined;
}

/** An archive that is written and not yet in its place. */
export interface NewArchive {
  /** Path while it has no place. */
  readonly path: string;
  readonly file: BootFile;
  readonly sha256: string;
  source(): ByteSource;
  /** Gives it its place, in one step. */
  place(): void;
  /** Removes it, unless it has its place. */
  discard(): void;
}

/** Removes an archive that came to nothing. Where even that fails the next run does it; what made us give up is what is reported. */
export function giveUp(archive: NewArchive): void {
  try {
    archive.discard();
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
  }
}

/** Changing a root's archives and records. Whatever is done here can be cut off before any operation of the disk. */
export interface WriteStore extends ReadStore {
  /** Writes a file beside `name`, mode 0600, synced. */
  write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<NewArchive>;
  /** Makes or replaces a record; its directory appears whole. */
  writeRecord(id: string, files: ReadonlyMap<string, Uint8Array>, mode: number): Promise<void>;
  /** Makes or replaces one file in the directory of records. */
  writeShared(name: string, bytes: Uint8Array): Promise<void>;
  /** The archive as it is also gets the name of the previous one: a further link, or a copy where there are none. */
  keepPrevious(name: string): Promise<void>;
  /** Removes a record. */
  dropRecord(id: string): void;
  /** Removes what a run that was cut off left behind. Answers what. */
  sweep(): readonly string[];
}

/** Name of the archive of a kernel, in boot/. */
export function archiveName(kernel: string): string {
  return `kindling-${kernel}.img`;
}

/** Name of the one it replaced. */
export function previousName(kernel: string): string {
  return `${archiveName(kernel)}.previous`;
}

/** Name of the archive that depends on no detection. */
export const FAILSAFE_NAME = 'kindling-failsafe.img';

/** The kernel that a name in boot/ is the archive of, or undefined. */
export function kernelOfArchive(name: string): string | undefined {
  if (name === FAILSAFE_NAME) return undefined;
  return /^kindling-(.+)\.img$/.exec(name)?.[1];
}

/** Facts of the machine that a root of scope "host" runs on, in the directory of records: for who updates it from another system. */
export const FACTS_NAME = 'facts.json';
/** What an archive file was when its content was last compared with its record's digest, beside the record. */
export const SEEN_NAME = 'seen';
/** The record itself. */
export const RECORD_NAME = 'record';
/** The last proof, beside the record. */
export const PROOF_NAME = 'proof.json';
