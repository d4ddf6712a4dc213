// kindling list --sizes: what fills an image, as tables for a person and as one document (docs/list.md, "Sizes").
import { IMAGE_FORMATS } from '../archive/images/index.ts';
import { decode } from '../archive/index.ts';
import { KindlingError } from '../errors.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { imageSource } from '../node/image-source.ts';
import { makeTree } from '../tree/index.ts';
import { select } from '../verbs/select.ts';
import { type OpenImage, type SizeRow, sizesOf } from '../verbs/sizes.ts';
import { openArchive } from './image.ts';
import { printable } from './report.ts';
import type { World } from './world.ts';

const MIB = 1 << 20;
const ROWS_SHOWN = 20;

// A file that is only named like an image is a file: it counts as one.
const openImage: OpenImage = (_path, content) => {
  try {
    const { tree, fault } = decode(content, { decoders: nodeDecoders(), images: IMAGE_FORMATS, checksums: false });
    return fault === undefined ? { tree } : undefined;
  } catch (error) {
    if (error instanceof KindlingError && error.code === 'UNRECOGNISED') return undefined;
    throw error;
  }
};

function table(title: string, rows: readonly SizeRow[], all: boolean): string[] {
  const shown = all ? rows : rows.slice(0, ROWS_SHOWN);
  const rest = rows.slice(shown.length);
  const sum = (of: readonly SizeRow[], key: 'count' | 'size' | 'stored') => of.reduce((total, row) => total + row[key], 0);
  const lines = [...shown];
  if (rest.length > 0) {
    lines.push({ name: `(${rest.length} more)`, count: sum(rest, 'count'), size: sum(rest, 'size'), stored: sum(rest, 'stored') });
  }
  const total = Math.max(1, sum(rows, 'stored'));
  const mib = (size: number) => (size / MIB).toFixed(2).padStart(9);
  const percent = (size: number) => `${((100 * size) / total).toFixed(1).padStart(6)}%`;
  const head = `${'MiB in it'.padStart(9)}${'share'.padStart(8)}${'unpacked'.padStart(10)}${'files'.padStart(8)}  ${title}`;
  return [
    head,
    ...lines.map(
      ({ name, count, size, stored }) => `${mib(stored)} ${percent(stored)} ${mib(size)}${String(count).padStart(8)}  ${printable(name)}`,
    ),
    '',
  ];
}

/** Prints what fills the image, below these paths where some are given. */
export async function listSizes(path: string, paths: readonly string[], all: boolean, world: World): Promise<void> {
  const archive = openArchive(path, { checksums: false });
  for (const finding of archive.findings) world.warn(`${finding.code}: ${finding.where.path ?? ''}: ${finding.message}`);
  const imageSize = imageSource(path).size;
  const tree = paths.length === 0 ? archive.tree : makeTree(select(archive.tree, paths));
  const sizes = sizesOf(tree, imageSize, openImage);
  if (world.json) {
    await world.document({ archive: path, size: imageSize, ...sizes });
    return;
  }
  const images = sizes.images.map((row) => ({ ...row, name: row.name === '' ? path : row.name, stored: row.image }));
  const sections = [...(images.length > 1 ? table('image', images.slice(1), true) : [])];
  sections.push(...table('class', sizes.classes, all), ...table('directory', sizes.directories, all));
  if (sizes.drivers.length > 0) sections.push(...table('drivers', sizes.drivers, all));
  await world.out.line(`${printable(path)}: ${(imageSize / MIB).toFixed(1)} MiB`);
  await world.out.write(`${sections.join('\n')}`);
}
