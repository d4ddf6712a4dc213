// GRUB as the loader of a medium: for BIOS and UEFI, made of modules or, where Secure Boot is to accept it, signed by a distribution and started by
// its shim. Kernel, archive and menu lie on the medium, which GRUB finds by a file of the medium's own name.
import { asciiFrom, type ByteSource, bytesSource, nameFromBytes, nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { decode, section } from '../formats/pe/index.ts';
import { EFI_PATH } from './esp.ts';
import { firstLines, markerPath } from './grub.ts';
import type { BiosLoader, Loader, Startup } from './loader.ts';
import type { MediumFile } from './medium.ts';
import { ARCHIVE_PATH, grubMenu, KERNEL_PATH, LOOPBACK_PATH, loopbackMenu, MENU_PATH } from './menu.ts';

const text = (path: string, content: string): MediumFile => ({ path, content: bytesSource(nameToBytes(content)) });

function mediumFiles({ id, kernel, archive, menu }: Startup): MediumFile[] {
  return [
    { path: KERNEL_PATH, content: kernel },
    { path: ARCHIVE_PATH, content: archive },
    text(markerPath(id), `${id}\n`),
    text(MENU_PATH, grubMenu(menu)),
    text(LOOPBACK_PATH, loopbackMenu(menu)),
  ];
}

/** GRUB from its modules; `efi` is its program for UEFI. */
export function grubLoader(startup: Startup, efi: Uint8Array, bios: BiosLoader | undefined): Loader {
  const program: MediumFile = { path: EFI_PATH, content: bytesSource(efi) };
  return { esp: [program], medium: [...mediumFiles(startup), program], bios };
}

/** Programs that a distribution has signed. */
export interface SignedPrograms {
  /** Signed by Microsoft, whose key firmware has. */
  readonly shim: ByteSource;
  /** Signed by the distribution, whose key shim has. */
  readonly grub: ByteSource;
  /** MokManager, for keys of the machine's owner. */
  readonly keys?: ByteSource | undefined;
}

/**
 * The distribution's own GRUB behind its shim: Secure Boot accepts both, and through them a kernel that the distribution has signed. Throws
 * UNSUPPORTED for a program or a kernel without signature, BAD_VALUE for a GRUB that does not say where its configuration is.
 */
export function signedGrubLoader(startup: Startup, { shim, grub, keys }: SignedPrograms, bios: BiosLoader | undefined): Loader {
  for (const [what, image] of [
    ['shim', shim],
    ['GRUB', grub],
    [`kernel ${startup.version}`, startup.kernel],
  ] as const) {
    if (decode(image).signatures === undefined) {
      throw new KindlingError('UNSUPPORTED', `${what} is not signed: with Secure Boot on it would not be started`, { structure: 'PE' });
    }
  }
  const prefix = grubPrefix(grub)?.replace(/^\/+/, '');
  if (prefix === undefined || prefix === '' || prefix.startsWith('(')) {
    throw new KindlingError('BAD_VALUE', 'the signed GRUB does not say in which directory its configuration is', { structure: 'mods' });
  }
  const esp: MediumFile[] = [
    { path: EFI_PATH, content: shim },
    { path: 'EFI/BOOT/grubx64.efi', content: grub },
    ...(keys === undefined ? [] : [{ path: 'EFI/BOOT/mmx64.efi', content: keys }]),
    text(`${prefix}/grub.cfg`, firstLines(startup.id)),
  ];
  return { esp, medium: [...mediumFiles(startup), ...esp], bios };
}

const MODULE_MAGIC = 'mimg';
const PREFIX_OBJECT = 3;
const OBJECTS_MOST = 4096;

/**
 * Where a core image of GRUB looks for its files: the prefix among its modules (GRUB's include/grub/kernel.h); undefined when it has none.
 */
export function grubPrefix(source: ByteSource): string | undefined {
  const modules = section(source, decode(source), 'mods');
  if (modules === undefined || modules.size < 24 || asciiFrom(modules.read(0, 4)) !== MODULE_MAGIC) return undefined;
  const word = (at: number): number => {
    const bytes = modules.read(at, 4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  };
  const end = Math.min(modules.size, word(16));
  let at = word(8);
  for (let count = 0; count < OBJECTS_MOST && at + 8 <= end; count++) {
    const [type, size] = [word(at), word(at + 4)];
    if (size < 8) return undefined;
    if (type === PREFIX_OBJECT) return nameFromBytes(modules.read(at + 8, Math.min(size - 8, end - at - 8))).replace(/\0.*$/s, '');
    at += size;
  }
  return undefined;
}
