// What starts a medium, as data: files that firmware reads, files of the medium, and what a BIOS starts. The forms (iso.ts, disk.ts, a folder) place
// them and know no loader by name (docs/live.md, "Loaders").
import { type ByteSource, bytesSource, nameToBytes } from '../bytes/index.ts';
import { espSumsPath, type MediumFile, type MediumParts, type SourceDigest, sumsText } from './medium.ts';
import type { MenuOptions } from './menu.ts';

/** What a loader is to start. */
export interface Startup {
  /** The medium's id. */
  readonly id: string;
  readonly kernel: ByteSource;
  /** The kernel's version. */
  readonly version: string;
  readonly archive: ByteSource;
  readonly menu: MenuOptions;
  /** The system's os-release; "" where it has none. */
  readonly osRelease: string;
}

/** What a BIOS starts. */
export interface BiosLoader {
  /** GRUB's core image: of format i386-pc-eltorito for a disc, of i386-pc for a disk. */
  readonly core: Uint8Array;
  /** The boot sector that loads it: boot_hybrid.img for a disc, boot.img for a disk. */
  readonly sector: Uint8Array;
}

/** A loader on a medium. */
export interface Loader {
  /** Files of the EFI system partition; firmware starts EFI/BOOT/BOOTX64.EFI. */
  readonly esp: readonly MediumFile[];
  /** Files of the medium. Where one is in both, it is the same. */
  readonly medium: readonly MediumFile[];
  /** Undefined where a BIOS finds nothing. */
  readonly bios?: BiosLoader | undefined;
}

/**
 * The medium with the loader's files on it, for forms that have an EFI system partition of their own. Files that are there alone are in no list of the
 * medium's files: they get a list of their own.
 */
export function withLoader(parts: MediumParts, loader: Loader, digest: SourceDigest): MediumParts {
  const held = new Set(loader.medium.map(({ path }) => path));
  const alone = loader.esp.filter(({ path }) => !held.has(path));
  const sums = sumsText(new Map(alone.map(({ path, content }) => [path, digest(content)])));
  const list: MediumFile[] = alone.length === 0 ? [] : [{ path: espSumsPath(parts.data), content: bytesSource(nameToBytes(sums)) }];
  return { ...parts, files: [...parts.files, ...loader.medium, ...list] };
}

/** The medium and the EFI system partition as one: what is copied to a stick that is both. */
export function withWholeLoader(parts: MediumParts, loader: Loader): MediumParts {
  const held = new Set(loader.medium.map(({ path }) => path));
  const files = [...loader.medium, ...loader.esp.filter(({ path }) => !held.has(path))];
  return { ...parts, files: [...parts.files, ...files] };
}
