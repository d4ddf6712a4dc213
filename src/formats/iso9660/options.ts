// What is asked of the writer, and what it answers before a byte of contents is read.
import type { ByteSource, ChunkOptions } from '../../bytes/index.ts';

/** Firmware that an entry of the boot catalog is for. */
export type BootPlatform = 'bios' | 'efi';

/** A file of the tree that firmware starts, in "no emulation". */
export interface BootEntry {
  readonly platform: BootPlatform;
  /** The image: a program for `bios`, a FAT file system for `efi`. */
  readonly path: string;
  /** Writes where the image is into its bytes 8 to 63, as isolinux and GRUB's El Torito images want. */
  readonly bootInfoTable?: boolean;
  /** Writes where the rest of the image is into its bytes 2548 to 2555, as GRUB 2's El Torito images want. */
  readonly grub2BootInfo?: boolean;
  /** Sectors of 512 bytes that firmware loads: 4 for `bios`, the whole file for `efi` unless told. */
  readonly loadSectors?: number;
}

/** Bytes of an image, from its start. */
export interface Extent {
  readonly at: number;
  readonly size: number;
}

/** Where everything is going to be. */
export interface IsoLayout {
  /** Bytes of the whole image, trailer included. */
  readonly size: number;
  /** Where the trailer starts; `size` when there is none. */
  readonly trailerAt: number;
  /** Where a file's bytes are, in one piece whatever its size. Throws NO_ENTRY for what is no file of the tree. */
  extentOf(path: string): Extent;
}

/** Bytes behind everything else: a backup GPT. Its size must be known before it is made. */
export interface Trailer {
  /** Rounded up to whole sectors of 2048 bytes; the bytes are at their end then, zeros before them. */
  readonly size: number;
  bytes(layout: IsoLayout): Uint8Array;
}

/** What `encode` takes besides the tree. Only `volumeId` and `time` are needed. */
export interface EncodeOptions {
  /** Name of the volume, 1 to 32 printable ASCII characters; what `blkid` calls its label. */
  readonly volumeId: string;
  /** When the image was made, seconds since 1970. */
  readonly time: number;
  /** Names, owners, modes, links and devices as on Linux; true unless told. */
  readonly rockRidge?: boolean;
  /** A second set of directories, for Windows; false unless told. */
  readonly joliet?: boolean;
  /** What firmware can start; the first one is the default. None unless told. */
  readonly bootEntries?: readonly BootEntry[];
  /** Where the boot catalog is seen as a file; nowhere unless told. */
  readonly catalogPath?: string;
  /** The first 32 KiB, which ISO 9660 leaves free: MBR, GPT. Shorter ones are filled up with zeros. */
  readonly systemArea?: (layout: IsoLayout) => Uint8Array;
  readonly trailer?: Trailer;
  /** The image's size is a multiple of this many bytes, itself one of 2048, which is also the default. */
  readonly alignTo?: number;
  /** Zeros behind the contents, for drives that read ahead of the end of a disc: 307200 bytes unless told. */
  readonly padding?: number;
  /** Files that start at a multiple of so many bytes (of 2048), by path. */
  readonly alignments?: ReadonlyMap<string, number>;
  /** Files with higher numbers are stored first; 0 for what is not named. */
  readonly order?: ReadonlyMap<string, number>;
  /** Equal files are stored once; true unless told. Which are equal is found out by reading those of equal size. */
  readonly duplicates?: boolean;
}

/** An image that can be written: its layout, and its bytes. */
export interface IsoPlan extends IsoLayout {
  /** What `blkid` and GRUB's `search --fs-uuid` call the image: its time, in hundredths of a second, as `2026-01-31-12-00-00-00`. */
  readonly uuid: string;
  /** A file as it is going to be stored: with the boot information that `bootEntries` asks for. Throws NO_ENTRY as `extentOf` does. */
  contentOf(path: string): ByteSource;
  /** The image from front to back, in pieces of up to 1 MiB, each of its own unless told. Throws what reading the files throws. */
  chunks(options?: ChunkOptions): Generator<Uint8Array>;
}
