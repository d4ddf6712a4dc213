// kindling list: the names in an archive (docs/list.md).
import type { Archive } from '../../archive/index.ts';
import { entryDocument, list as listOf } from '../../verbs/list.ts';
import { select } from '../../verbs/select.ts';
import { openForNames } from '../names.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `list` verb. */
export const list: Verb = {
  name: 'list',
  summary: 'print the paths in an archive',
  description: [
    'A squashed archive is listed with what its image holds, as one tree, and so is a squashfs or EROFS image by itself. --outer stops at what the kernel unpacks.',
    '--sizes says what fills an image instead: an archive, a bundle, an ISO or disk image with the images on it, by class, by directory, and drivers by family.',
    'Reads any initramfs: every compression Linux accepts, the uncompressed segment in front, and several archives one after the other. What is printed is what the kernel would unpack, one path a line, sorted byte by byte, as raw bytes.',
  ],
  positionals: [
    { name: 'ARCHIVE', summary: 'the archive', required: true },
    { name: 'PATH', summary: 'only these paths and what is below them', required: false, repeated: true },
  ],
  options: {
    long: { short: 'l', summary: 'manifest lines: kind, mode, owner, time, path and more, unusual characters escaped' },
    outer: { summary: 'only what the kernel unpacks, without what the image inside holds' },
    sizes: { summary: 'what fills it: by class, directory and family of drivers, as kept in the image and unpacked' },
    all: { summary: 'with --sizes: all rows, not only the largest' },
    null: { short: '0', summary: 'end each path with NUL instead of a newline' },
  },
  examples: [
    { command: 'kindling list /boot/initrd.img', does: 'prints every path' },
    { command: 'kindling list -l /boot/initrd.img usr/lib/modules', does: 'prints the modules with size and mode' },
    { command: 'kindling list --sizes live.iso', does: 'says what takes the room on a medium' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', ...paths] = parsed.positionals;
  if (parsed.flag('sizes')) {
    const { listSizes } = await import('../list-sizes.ts');
    await listSizes(file, paths, parsed.flag('all'), world);
    return 0;
  }
  const archive = await openForNames(file, { checksums: false });
  const tree = parsed.flag('outer') ? archive.outer : archive.tree;
  for (const finding of archive.findings) world.warn(`${finding.code}: ${finding.where.path ?? ''}: ${finding.message}`);
  if (world.json) {
    const members = archive.members.map(({ at, size, codec, format, unpackedSize }) => ({ at, size, codec, format, unpackedSize }));
    const { outer, inner } = archive;
    const entries = select(tree, paths).map((entry) => ({ ...entryDocument(entry), ...layersOf(entry.path, archive) }));
    const image =
      inner === undefined
        ? undefined
        : {
            path: inner.path,
            format: inner.format,
            compressor: inner.compressor,
            blockSize: inner.blockSize,
            size: inner.content.size,
            entryCount: inner.tree.entries.length,
          };
    await world.document({
      archive: file,
      members,
      ...(image === undefined ? {} : { image, outerCount: outer.entries.length }),
      entries,
      findings: archive.findings,
    });
    return 0;
  }
  await world.out.write(listOf(tree, paths, { long: parsed.flag('long'), nul: parsed.flag('null') }));
  return 0;
}

/** On which sides of a squashed archive's image a path is. */
function layersOf(path: string, { outer, inner }: Archive): { layers?: readonly string[] } {
  if (inner === undefined || inner.path === '') return {};
  return { layers: [...(outer.get(path) === undefined ? [] : ['outer']), ...(inner.tree.get(path) === undefined ? [] : ['inner'])] };
}
