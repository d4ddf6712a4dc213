// GRUB as a medium needs it: which core images are made of which modules, and the few bytes of its boot sectors that say where they lie
// (GRUB 2.06: include/grub/i386/pc/boot.h, grub-core/boot/i386/pc/{boot,diskboot,cdboot}.S; docs/live.md, "Loaders").
import { KindlingError } from '../errors.ts';

/** A core image that a medium needs. */
export interface CoreRequest {
  /** GRUB's name of the platform's image format. */
  readonly format: 'i386-pc-eltorito' | 'i386-pc' | 'x86_64-efi';
  readonly modules: readonly string[];
  /** Where GRUB looks for its files. */
  readonly prefix: string;
  /** What the core image runs first. */
  readonly config: string;
}

// What the menu and its commands use, and the file systems a medium can be.
const COMMON = [
  ...['normal', 'configfile', 'linux', 'search', 'search_fs_file', 'search_label', 'search_fs_uuid', 'test', 'echo', 'ls', 'cat'],
  ...['minicmd', 'sleep', 'reboot', 'halt', 'loopback', 'regexp', 'part_gpt', 'part_msdos', 'iso9660', 'fat', 'exfat', 'ext2'],
  ...['serial', 'terminal', 'gzio', 'boot', 'keystatus', 'chain'],
];
const BIOS = [...COMMON, 'biosdisk', 'vga_text', 'vbe', 'video'];
const EFI = [...COMMON, 'efi_gop', 'efi_uga', 'all_video', 'efifwsetup', 'video'];

/** The file that says to a loader that this is its medium. */
export function markerPath(id: string): string {
  return `boot/grub/medium-${id.slice(0, 32)}`;
}

/** What GRUB runs first. Disks are numbered anew at each boot, and another medium may have a file of the usual names: it looks for its own. */
export function firstLines(id: string): string {
  return [
    `search --no-floppy --set=root --file /${markerPath(id)} --hint $root`,
    'set prefix=($root)/boot/grub',
    'configfile $prefix/grub.cfg',
    '',
  ].join('\n');
}

/** The core images: for a disc started by a BIOS, for a disk started by a BIOS, and for EFI. */
export function coreRequests(id: string): Readonly<Record<'disc' | 'disk' | 'efi', CoreRequest>> {
  const shared = { prefix: '/boot/grub', config: firstLines(id) };
  return {
    disc: { format: 'i386-pc-eltorito', modules: BIOS, ...shared },
    disk: { format: 'i386-pc', modules: BIOS, ...shared },
    efi: { format: 'x86_64-efi', modules: EFI, ...shared },
  };
}

const SECTOR = 512;
const CODE_SIZE = 440;
// boot_hybrid.img: the sector (of 512 bytes) that it loads, 64 bits
const HYBRID_SECTOR_AT = 0x1b0;
// boot.img: the same at another place, and the jump that trusts the drive number the BIOS gives
const SECTOR_AT = 0x5c;
const DRIVE_CHECK_AT = 0x66;
// diskboot.img, the core image's first sector: the one block list entry at its end (start, count, segment)
const LIST_AT = SECTOR - 12;
const LIST_SEGMENT = 0x820;
// cdboot.img, four sectors, stands before diskboot.img in an El Torito image
const CDBOOT_SECTORS = 4;

function bootCode(image: Uint8Array, name: string): Uint8Array {
  if (image.length !== SECTOR || image[510] !== 0x55 || image[511] !== 0xaa) {
    throw new KindlingError('BAD_MAGIC', `${name} has ${image.length} bytes, expected a boot sector of 512 that ends in 55 AA`, {
      file: name,
    });
  }
  return image.slice();
}

function sectorBytes(sector: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(sector), true);
  return bytes;
}

/**
 * The first 446 bytes of a hybrid disc, for a BIOS that starts it as a disk: GRUB's boot_hybrid.img with the sector of the boot image's
 * diskboot. `imageAt` is where the El Torito image begins, in bytes.
 */
export function hybridCode(bootHybrid: Uint8Array, imageAt: number): Uint8Array {
  const sector = bootCode(bootHybrid, 'boot_hybrid.img');
  sector.set(sectorBytes(imageAt / SECTOR + CDBOOT_SECTORS), HYBRID_SECTOR_AT);
  return sector.subarray(0, CODE_SIZE);
}

/** The boot code of a disk: GRUB's boot.img with the sector at which the core image begins. */
export function diskCode(bootImage: Uint8Array, coreSector: number): Uint8Array {
  const sector = bootCode(bootImage, 'boot.img');
  sector.set(sectorBytes(coreSector), SECTOR_AT);
  // two no-ops in the jump's place: for a hard disk GRUB's installer trusts 0x80 more than a BIOS that says 0 or 1
  sector.set([0x90, 0x90], DRIVE_CHECK_AT);
  return sector.subarray(0, CODE_SIZE);
}

/** A core image as it lies on a disk from `coreSector` on: its first sector is told where the rest is. Padded to whole sectors. */
export function placedCore(core: Uint8Array, coreSector: number): Uint8Array {
  const count = Math.ceil(core.length / SECTOR);
  const placed = new Uint8Array(count * SECTOR);
  placed.set(core);
  placed.set(sectorBytes(coreSector + 1), LIST_AT);
  placed.set([(count - 1) & 0xff, (count - 1) >> 8, LIST_SEGMENT & 0xff, LIST_SEGMENT >> 8], LIST_AT + 8);
  return placed;
}
