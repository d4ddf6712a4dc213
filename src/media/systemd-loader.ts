// systemd-boot and its stub as loaders of a medium, UEFI only. Both read nothing but the volume they were started from: kernel and archive lie on the
// EFI system partition (UAPI.1 "Boot Loader Specification" type 1, UAPI.5 "Unified Kernel Image").
import { type ByteSource, bytesSource, nameToBytes } from '../bytes/index.ts';
import { encodeUki } from '../formats/pe/index.ts';
import { EFI_PATH } from './esp.ts';
import type { Loader, Startup } from './loader.ts';
import type { MediumFile } from './medium.ts';
import { ARCHIVE_PATH, KERNEL_PATH, type MenuEntry, menuEntries } from './menu.ts';

const text = (path: string, lines: readonly string[]): MediumFile => ({
  path,
  content: bytesSource(nameToBytes([...lines, ''].join('\n'))),
});

/** The folder of the menu's entries. */
export const ENTRIES_PATH = 'loader/entries';

function entryFile({ id, title, words }: MenuEntry, index: number, version: string): MediumFile {
  // of equal sort-keys the newest version comes first, so each has its own; file names are the entries' ids
  const sortKey = `kindling-${String(index + 1).padStart(2, '0')}`;
  return text(`${ENTRIES_PATH}/${sortKey}-${id}.conf`, [
    `title ${title}`,
    `sort-key ${sortKey}`,
    `version ${version}`,
    `linux /${KERNEL_PATH}`,
    `initrd /${ARCHIVE_PATH}`,
    `options ${words}`,
  ]);
}

/** systemd-boot with all entries of the menu. Throws USAGE for words that a menu cannot hold. */
export function systemdBootLoader({ kernel, archive, menu, version }: Startup, program: ByteSource): Loader {
  const esp: MediumFile[] = [
    { path: EFI_PATH, content: program },
    text('loader/loader.conf', ['# made by kindling live', `timeout ${menu.timeout}`, 'default kindling-01-normal.conf', 'editor yes']),
    ...menuEntries(menu).map((entry, index) => entryFile(entry, index, version)),
    { path: KERNEL_PATH, content: kernel },
    { path: ARCHIVE_PATH, content: archive },
  ];
  return { esp, medium: [] };
}

/** One program that is kernel, archive and the first entry's command line: there is no menu. Throws what `encodeUki` throws. */
export function ukiLoader({ kernel, archive, menu, version, osRelease }: Startup, stub: ByteSource): Loader {
  const [normal] = menuEntries(menu);
  const image = encodeUki({ stub, kernel, archive, version, osRelease, commandLine: normal!.words });
  return { esp: [{ path: EFI_PATH, content: bytesSource(image) }], medium: [] };
}
