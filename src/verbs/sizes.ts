// What fills an image: by directory, by class of file, and drivers apart by family (docs/list.md, "Sizes"). Images inside it (the bundles
// of a medium, its boot archive) are opened, and what they hold is counted in their place.
import type { ByteSource } from '../bytes/index.ts';
import type { Entry, Tree } from '../tree/index.ts';

/** A file with content. */
type FileEntry = Entry & { readonly kind: 'file' };

/** Files that belong together. */
export interface SizeRow {
  readonly name: string;
  readonly count: number;
  /** Bytes of their contents. */
  readonly size: number;
  /** Bytes they take in the image, compressed; a share where files are compressed together. */
  readonly stored: number;
}

/** An image that was opened for its contents; "" is the whole. */
export interface SizedImage extends SizeRow {
  /** Its own bytes. */
  readonly image: number;
}

/** What fills an image. Rows are sorted, the largest first. */
export interface Sizes {
  readonly images: readonly SizedImage[];
  readonly directories: readonly SizeRow[];
  readonly classes: readonly SizeRow[];
  readonly drivers: readonly SizeRow[];
}

/** An image inside an image: its tree, and what all its contents are compressed to where single files do not know. */
export interface OpenedImage {
  readonly tree: Tree;
}

/** Reads a file as an image, or undefined where it is none. */
export type OpenImage = (path: string, content: ByteSource) => OpenedImage | undefined;

const IMAGE_NAME = /\.(sb|squashfs|sqfs|erofs)$|(^|\/)(initrd|initramfs)[^/]*$/;
const MODULE = /(?:^|\/)lib\/modules\/[^/]+\/(.*)$/;

const CLASSES: readonly (readonly [RegExp, string])[] = [
  [/(^|\/)boot\/(vmlinu[xz]|bzImage|Image)[^/]*$/, 'kernel'],
  [/(^|\/)lib\/modules\//, 'drivers'],
  [/(^|\/)lib\/firmware\//, 'firmware'],
  [/^(boot|EFI|efi)\//, 'boot loader'],
  [/^(init$|usr\/lib\/kindling\/|usr\/lib\/(initramfs-tools|dracut)\/|scripts\/)/, 'early userspace'],
  [/\.so(\.[\w.+-]+)?$/, 'libraries'],
  [/(^|\/)s?bin\/|^usr\/(libexec|games)\//, 'programs'],
  [/^usr\/share\/(icons|pixmaps|backgrounds|themes|wallpapers)\//, 'icons and themes'],
  [/^usr\/share\/(fonts|consolefonts|X11\/fonts)\//, 'fonts'],
  [/^usr\/share\/(doc|man|info|help|gtk-doc)\//, 'documentation'],
  [/^usr\/(share\/(locale|i18n|zoneinfo)|lib\/locale|lib\/[^/]+\/gconv)\//, 'languages and places'],
  [/^(etc|root|home)\//, 'configuration'],
  [/^var\/lib\/(dpkg|apt|rpm|pacman)\//, 'package records'],
];

/** The class of a file. */
export function classOf({ path, mode }: { readonly path: string; readonly mode: number }): string {
  const found = CLASSES.find(([pattern]) => pattern.test(path));
  if (found !== undefined) return found[1];
  return /^usr\/lib\//.test(path) && (mode & 0o111) !== 0 ? 'programs' : 'data';
}

/** The family of a kernel module: the directory of its sources, one deeper for network drivers; undefined for what is no module. */
export function driverFamily(path: string): string | undefined {
  const inside = MODULE.exec(path)?.[1];
  if (inside === undefined) return undefined;
  const parts = inside.split('/').slice(0, -1);
  const [top = '', first, second] = parts[0] === 'kernel' ? parts.slice(1) : parts;
  if (top === '') return 'indexes';
  if (top !== 'drivers' || first === undefined) return top;
  return first === 'net' && second !== undefined ? `drivers/net/${second}` : `drivers/${first}`;
}

function directoryOf(path: string): string {
  const parts = path.split('/').slice(0, -1);
  const depth = parts[0] === 'usr' && (parts[1] === 'lib' || parts[1] === 'share') ? 3 : 2;
  return parts.length === 0 ? '.' : parts.slice(0, depth).join('/');
}

class Rows {
  readonly #rows = new Map<string, { count: number; size: number; stored: number }>();

  add(name: string, size: number, stored: number): void {
    const row = this.#rows.get(name) ?? { count: 0, size: 0, stored: 0 };
    this.#rows.set(name, { count: row.count + 1, size: row.size + size, stored: row.stored + stored });
  }

  sorted(): SizeRow[] {
    const rows = [...this.#rows].map(([name, row]) => ({ name, ...row, stored: Math.round(row.stored) }));
    return rows.sort((a, b) => b.stored - a.stored || b.size - a.size || (a.name < b.name ? -1 : 1));
  }
}

/** Counts everything in the tree of an image of `imageSize` bytes. Throws what reading the images inside throws. */
export function sizesOf(tree: Tree, imageSize: number, open: OpenImage): Sizes {
  const images: SizedImage[] = [];
  const [directories, classes, drivers] = [new Rows(), new Rows(), new Rows()];
  const count = (name: string, content: Tree, whole: number): void => {
    const files = content.entries.filter((entry): entry is FileEntry => entry.kind === 'file');
    const size = files.reduce((sum, file) => sum + file.content.size, 0);
    // an archive's files are compressed together: each has its share of the whole
    const ratio = size === 0 ? 0 : Math.min(1, whole / size);
    const stored = new Map(files.map((file) => [file, file.content.storedSize?.() ?? file.content.size * ratio]));
    for (const file of files) {
      const inside = IMAGE_NAME.test(file.path) ? open(file.path, file.content) : undefined;
      if (inside !== undefined) {
        count(name === '' ? file.path : `${name}/${file.path}`, inside.tree, file.content.size);
        continue;
      }
      const own = stored.get(file)!;
      directories.add(directoryOf(file.path), file.content.size, own);
      classes.add(classOf(file), file.content.size, own);
      const family = driverFamily(file.path);
      if (family !== undefined) drivers.add(family, file.content.size, own);
    }
    images.push({ name, image: whole, count: files.length, size, stored: Math.round([...stored.values()].reduce((a, b) => a + b, 0)) });
  };
  count('', tree, imageSize);
  images.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { images, directories: directories.sorted(), classes: classes.sorted(), drivers: drivers.sorted() };
}
