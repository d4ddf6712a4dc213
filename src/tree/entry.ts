// One entry of a tree: what every format encodes and decodes.
import type { ByteSource } from '../bytes/index.ts';

/** What all entries have. `path` is relative, without leading or trailing "/", "" for the root itself; names as `bytes/text` makes them. */
export interface EntryCommon {
  readonly path: string;
  /** Permission bits, 0 to 0o7777 (set-uid, set-gid and sticky included); the type is `kind`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Extended attributes by full name (`security.capability`); absent where the source keeps none. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

/** A directory; its children are entries of their own. */
export interface DirectoryEntry extends EntryCommon {
  readonly kind: 'directory';
}
/** A regular file with its bytes. */
export interface FileEntry extends EntryCommon {
  readonly kind: 'file';
  readonly content: ByteSource;
}
/** A symbolic link; the target is kept as it is, resolved by nobody. */
export interface SymlinkEntry extends EntryCommon {
  readonly kind: 'symlink';
  readonly target: string;
}
/** A device node, with its numbers as the kernel splits them. */
export interface DeviceEntry extends EntryCommon {
  readonly kind: 'char' | 'block';
  readonly major: number;
  readonly minor: number;
}
/** A named pipe or a socket: a name and nothing more. */
export interface SpecialEntry extends EntryCommon {
  readonly kind: 'fifo' | 'socket';
}
/** Another name of the entry at `to` (which is no directory and no hard link); metadata is that of the entry it names. */
export interface HardlinkEntry extends EntryCommon {
  readonly kind: 'hardlink';
  readonly to: string;
}

/** An entry of a tree. */
export type Entry = DirectoryEntry | FileEntry | SymlinkEntry | DeviceEntry | SpecialEntry | HardlinkEntry;
/** What an entry can be, as its `kind` says. */
export type EntryKind = Entry['kind'];

const DEFAULTS = { uid: 0, gid: 0, mtime: 0 };

/** A directory owned by root, mode 0755 unless told. */
export function directory(path: string, mode = 0o755): DirectoryEntry {
  return { kind: 'directory', path, mode, ...DEFAULTS };
}
/** A regular file owned by root, mode 0644 unless told. */
export function file(path: string, content: ByteSource, mode = 0o644): FileEntry {
  return { kind: 'file', path, content, mode, ...DEFAULTS };
}
/** A symbolic link; its mode is always 0777. */
export function symlink(path: string, target: string): SymlinkEntry {
  return { kind: 'symlink', path, target, mode: 0o777, ...DEFAULTS };
}
/** A device node owned by root. */
export function device(kind: 'char' | 'block', path: string, major: number, minor: number, mode = 0o600): DeviceEntry {
  return { kind, path, major, minor, mode, ...DEFAULTS };
}
