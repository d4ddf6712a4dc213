// The record of an archive: what it was made from, so that anyone can say later whether it is still true. It lies beside the root, in
// var/lib/kindling/ID/record; its text form is in text.ts, the comparison with a root in compare.ts. Described in docs/record.md.
import type { FileStat } from '../../plan/index.ts';
import type { EntryKind } from '../../tree/index.ts';

/** One path of the root that the plan looked at. */
export interface InputRecord {
  /** Relative to the root. */
  readonly path: string;
  /** What was there; "absent" when nothing was, which counts like any other answer. */
  readonly kind: EntryKind | 'absent';
  /** Permission bits; 0 for what was absent. */
  readonly mode: number;
  /** What the disk said; undefined for what was absent. */
  readonly stat: FileStat | undefined;
  /** Of a directory whose listing was used: its names, sorted. */
  readonly names?: readonly string[];
  /** Of a file whose content was read or packed: its SHA-256. */
  readonly content?: string;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Whether it is in the archive, as it is or unpacked. */
  readonly packed: boolean;
  /** Whether a machine boots even though the archive's copy is an old one. */
  readonly safe: boolean;
}

/** One compressed member of the archive. Sizes and positions in bytes. */
export interface MemberRecord {
  /** Digest over everything that decides its bytes. */
  readonly key: string;
  readonly at: number;
  readonly size: number;
  readonly unpackedSize: number;
  /** Of the packed bytes. */
  readonly sha256: string;
}

/** What an archive file was when its record was made. A rename or a further link leaves all of it as it is, so no ctime. */
export interface ArchiveFile {
  readonly size: number;
  readonly mtime: number;
  readonly inode: number;
  readonly sha256: string;
}

/** Everything an archive was made from, and which file it is: what is written beside the root as its record. */
export interface ArchiveRecord {
  /** Release of the kernel it is for. */
  readonly kernel: string;
  /** The archive's id. */
  readonly id: string;
  readonly archive: ArchiveFile;
  /** Milliseconds since 1970 when planning began: what changed shortly before or since is not trusted by its times. */
  readonly made: number;
  /** Words of the plan and of the form: scope, layout, codec. For `status`; what decides is in `inputs` and `outside`. */
  readonly words: Readonly<Record<string, string>>;
  /** Least memory in bytes that the forecast gives. */
  readonly memory: number;
  /** Inputs that are not in the root: kindling's version, early userspace, facts of the machine. Name and digest. */
  readonly outside: readonly { readonly name: string; readonly digest: string }[];
  readonly members: readonly MemberRecord[];
  /** Sorted by path. */
  readonly inputs: readonly InputRecord[];
}

/** Directory of all records below a root. */
export const RECORDS_DIRECTORY = 'var/lib/kindling';

// Two changes within one tick of a file system's clock look the same; FAT counts in steps of two seconds.
const RACY_TIME = 2000;

/** Whether a stat says nothing although it is equal: the file changed when the record was being made, or shortly before. */
export function isRacy(stat: FileStat, made: number): boolean {
  return Math.max(stat.ctime, stat.mtime) > made - RACY_TIME;
}

/** Whether two stats are of the same, untouched file. */
export function sameStat(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
}
