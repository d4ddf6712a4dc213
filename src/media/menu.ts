// The boot menu: the entries of a live medium, and grub.cfg (GRUB manual 2.06, 6 "Writing your own configuration file").
import { KindlingError } from '../errors.ts';

/** One way to start the system. */
export interface MenuEntry {
  readonly id: string;
  readonly title: string;
  /** Words of the kernel command line. */
  readonly words: string;
}

/** What a menu depends on. */
export interface MenuOptions {
  /** Name of the system, as the menu shows it. */
  readonly title: string;
  /** Words of every entry, after its own: the person's win. */
  readonly append: string;
  /** Seconds until the first entry starts; 0 starts it at once. */
  readonly timeout: number;
  /** Name of the data directory, where it is not the usual one. */
  readonly data?: string | undefined;
  /** What the first entry says about kept changes in place of `perch`. */
  readonly changes?: string | undefined;
  /** The menu and the kernel speak on the first serial port as well. */
  readonly serial: boolean;
}

/** What the entries add to the words of all: names of the boot words are those of docs/live-boot.md. */
const ENTRIES: readonly { readonly id: string; readonly suffix: string; readonly words: readonly string[] }[] = [
  { id: 'normal', suffix: '', words: ['quiet', 'perch'] },
  { id: 'toram', suffix: ', copied to memory', words: ['quiet', 'toram'] },
  { id: 'fresh', suffix: ', without saved changes', words: ['quiet', 'nopersistence'] },
  { id: 'verify', suffix: ': check this medium', words: ['kindling.verify'] },
  { id: 'failsafe', suffix: ', safe video and no changes', words: ['nopersistence', 'nomodeset', 'vga=normal'] },
  { id: 'debug', suffix: ', with shells on the way (debug)', words: ['debug', 'nopersistence'] },
];

// what would end a word or a line of grub.cfg, or be taken for a variable
const UNSAFE = /["'$`\\{};|&<>\n\r\0]/;

/** The entries of the menu. Throws USAGE for words that a menu file cannot hold. */
export function menuEntries(options: MenuOptions): readonly MenuEntry[] {
  const append = options.append.trim();
  for (const [what, text] of [
    ['--append', append],
    ['the title', options.title],
    ['the data directory', options.data ?? ''],
  ] as const) {
    if (UNSAFE.test(text))
      throw new KindlingError('USAGE', `${what} is "${text}": it may hold no quotes, $, \\, ;, &, |, <, >, {, } or line break`);
  }
  const from = options.data === undefined ? [] : [`from=${options.data}`];
  const consoles = options.serial ? ['console=tty0', 'console=ttyS0'] : [];
  return ENTRIES.map(({ id, suffix, words }) => ({
    id,
    title: `${options.title}${suffix}`,
    words: [...from, ...words.map((word) => (word === 'perch' ? (options.changes ?? word) : word)), ...consoles, append]
      .filter((word) => word !== '')
      .join(' '),
  }));
}

/** Where the loader finds kernel and archive, from the medium's top. */
export const KERNEL_PATH = 'boot/vmlinuz';
/** The live archive's place. */
export const ARCHIVE_PATH = 'boot/initrd.img';
/** The menu's place. */
export const MENU_PATH = 'boot/grub/grub.cfg';
/** The menu for a loader that starts this medium's image out of a file on another one. */
export const LOOPBACK_PATH = 'boot/grub/loopback.cfg';

function menuEntry({ id, title, words }: MenuEntry, more = ''): string {
  return [`menuentry "${title}" --id ${id} {`, `  linux /${KERNEL_PATH} ${words}${more}`, `  initrd /${ARCHIVE_PATH}`, '}', ''].join('\n');
}

/** grub.cfg. `root` is set by the loader's own first lines (loaders.ts). */
export function grubMenu(options: MenuOptions): string {
  const entries = menuEntries(options);
  return [
    '# made by kindling live',
    `set timeout=${options.timeout}`,
    'set default=normal',
    'if [ "$grub_platform" = efi ]; then insmod all_video; fi',
    ...(options.serial ? ['serial --unit=0 --speed=115200', 'terminal_input console serial', 'terminal_output console serial'] : []),
    '',
    ...entries.map((entry) => menuEntry(entry)),
    'if [ "$grub_platform" = efi ]; then',
    '  menuentry "Firmware settings" --id firmware { fwsetup }',
    'fi',
    '',
  ].join('\n');
}

/** loopback.cfg: GRUB on another medium mounts this image and sources it with the image's path in `iso_path`. */
export function loopbackMenu(options: MenuOptions): string {
  const more = ' findiso=$iso_path';
  return ['# made by kindling live', ...menuEntries(options).map((entry) => menuEntry(entry, more))].join('\n');
}
