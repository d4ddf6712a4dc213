// The root as `install` and `uninstall` change it: one interface, so that a test can stop it between any two steps. `node/` has the real one.

/** What is at a path; links are not followed. */
export interface Found {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly size: number;
  /** Of a link. */
  readonly target?: string;
}

/**
 * A root that is changed. Paths are relative to it. Links in the directories on the way are followed inside the root as if it were "/",
 * never out of it; a link at the path itself is not followed.
 */
export interface InstallDisk {
  /** How messages call it. */
  readonly label: string;
  /** What is at a path; undefined for nothing. */
  look(path: string): Found | undefined;
  /** Names in a directory, sorted; none where there is no directory. */
  names(path: string): readonly string[];
  /** Content of a file of at most so many bytes (LIMIT). */
  read(path: string, most: number): Uint8Array;
  /** The path of a file for whoever reads it by itself, without links on the way. */
  placeOf(path: string): string;
  /** SHA-256 of a file of any size. */
  digest(path: string): string;
  /** Bytes that can still be written in a directory. */
  free(path: string): number;
  makeDirectory(path: string): void;
  /** The file appears whole, synced and with exactly this mode, or not at all; what was there is replaced. */
  writeFile(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** The same with the content of another file of this root. */
  copyFile(from: string, path: string, mode: number): Promise<void>;
  makeLink(path: string, target: string): void;
  /** Removes a file or link, with what a killed run left beside it; nothing there is no error. */
  remove(path: string): void;
  /** Removes a directory when it is empty and says whether it is gone. */
  removeDirectory(path: string): boolean;
}
