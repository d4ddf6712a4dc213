// What firmware would start from a medium, followed to the kernel and the archive: GRUB, alone or behind a shim, systemd-boot, or a unified kernel
// image (docs/live.md, "Trying and checking").
import { type ByteSource, nameFromBytes, readAll } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import * as pe from '../formats/pe/index.ts';
import { ARCHIVE_PATH, EFI_PATH, ENTRIES_PATH, grubPrefix, KERNEL_PATH, MENU_PATH } from '../media/index.ts';
import type { Tree } from '../tree/index.ts';

/** The loader that UEFI finds. */
export type FoundLoader = 'grub' | 'grub-signed' | 'systemd-boot' | 'uki';

/** Where a start from UEFI leads to. */
export interface FoundStart {
  /** Undefined where there is no program for UEFI, or none that is known. */
  readonly loader: FoundLoader | undefined;
  /** The boot archive, and what it is called. */
  readonly archive: ByteSource | undefined;
  readonly archivePath: string;
}

type Add = (code: string, severity: Finding['severity'], message: string, path?: string) => void;

const GRUB_PATH = 'EFI/BOOT/grubx64.efi';
const ENTRY_MOST = 1 << 16;

function contentOf(tree: Tree | undefined, path: string): ByteSource | undefined {
  const entry = tree?.get(path);
  return entry?.kind === 'file' ? entry.content : undefined;
}

/**
 * Follows the start from the EFI system partition; where there is none, files of GRUB are looked for on the medium. The medium is undefined where it
 * cannot be read.
 */
export function findStart(medium: Tree | undefined, esp: Tree | undefined, add: Add): FoundStart {
  const onMedium = (loader: FoundLoader | undefined): FoundStart => {
    for (const path of [KERNEL_PATH, ARCHIVE_PATH, MENU_PATH]) {
      if (medium !== undefined && contentOf(medium, path) === undefined)
        add('medium-file-missing', 'error', 'a file that a boot needs is not there', path);
    }
    return { loader, archive: contentOf(medium, ARCHIVE_PATH), archivePath: ARCHIVE_PATH };
  };
  const program = contentOf(esp, EFI_PATH);
  if (esp === undefined || program === undefined) {
    add('medium-not-bootable', 'warning', `UEFI finds no ${EFI_PATH}`);
    return onMedium(undefined);
  }
  const damage = pe.check(program);
  for (const { code, severity, message } of damage) add(code, severity, message, EFI_PATH);
  if (damage.length > 0) return onMedium(undefined);
  const uki = pe.decodeUki(program);
  if (uki !== undefined) return startOfUki(uki, add);
  if (esp.get(ENTRIES_PATH) !== undefined) return startOfEntries(esp, add);
  const grub = contentOf(esp, GRUB_PATH);
  if (grub === undefined) return onMedium('grub');
  checkSigned({ shim: program, grub, kernel: contentOf(medium, KERNEL_PATH) }, esp, add);
  return onMedium('grub-signed');
}

function startOfUki({ kernel, archive }: pe.Uki, add: Add): FoundStart {
  for (const { code, severity, message } of pe.check(kernel)) add(code, severity, message, `${EFI_PATH}: .linux`);
  if (archive === undefined) add('medium-file-missing', 'error', 'the unified kernel image has no archive in it', `${EFI_PATH}: .initrd`);
  return { loader: 'uki', archive, archivePath: `${EFI_PATH}: .initrd` };
}

/** The entries of systemd-boot: each names files of the same volume. The archive is the first entry's; the others usually name it too. */
function startOfEntries(esp: Tree, add: Add): FoundStart {
  const archives: string[] = [];
  let count = 0;
  for (const { path, kind } of esp.children(ENTRIES_PATH)) {
    const content = contentOf(esp, path);
    if (kind !== 'file' || !path.endsWith('.conf') || content === undefined) continue;
    if (content.size > ENTRY_MOST) {
      add('medium-entry', 'error', `it has ${content.size} bytes, at most ${ENTRY_MOST} are read`, path);
      continue;
    }
    count++;
    const named = [...nameFromBytes(readAll(content)).matchAll(/^(linux|initrd)[ \t]+\/*(\S+)/gm)];
    if (!named.some(([, key]) => key === 'linux')) add('medium-entry', 'error', 'it names no kernel', path);
    for (const [, key, file = ''] of named) {
      if (key === 'initrd') archives.push(file);
      if (contentOf(esp, file) === undefined) add('medium-file-missing', 'error', `${path} names it, and it is not there`, file);
    }
  }
  if (count === 0) add('medium-entry', 'error', 'systemd-boot finds no entry', ENTRIES_PATH);
  const archivePath = archives[0] ?? ARCHIVE_PATH;
  return { loader: 'systemd-boot', archive: contentOf(esp, archivePath), archivePath };
}

/** Shim, GRUB and kernel must be signed (by whom is the firmware's question), and GRUB finds its first lines. */
function checkSigned(
  images: Readonly<Record<'shim' | 'grub', ByteSource>> & { readonly kernel: ByteSource | undefined },
  esp: Tree,
  add: Add,
): void {
  try {
    for (const [path, image] of [
      [EFI_PATH, images.shim],
      [GRUB_PATH, images.grub],
      [KERNEL_PATH, images.kernel],
    ] as const) {
      if (image !== undefined && pe.decode(image).signatures === undefined)
        add('medium-unsigned', 'warning', 'it is not signed: with Secure Boot on the start ends here', path);
    }
    const prefix = grubPrefix(images.grub)?.replace(/^\/+/, '');
    const path = `${prefix ?? ''}/grub.cfg`;
    if (prefix !== undefined && contentOf(esp, path) === undefined) add('medium-file-missing', 'error', 'GRUB looks for it first', path);
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    add('medium-unreadable', 'error', error.message, error.where.path);
  }
}
