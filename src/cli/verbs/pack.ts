// kindling pack: a directory or any image in another form (docs/pack.md). What only images or archives need is loaded for them alone.
import { readFileSync, statSync } from 'node:fs';
import { type Finding, KindlingError } from '../../errors.ts';
import { sha256 } from '../../node/digest.ts';
import { directoryTree } from '../../node/directory.ts';
import { system } from '../../node/errno.ts';
import { writeAtomically, writePlaced } from '../../node/write.ts';
import { canReadXattrs, directoryXattrs } from '../../node/xattrs.ts';
import { type Entry, makeTree, type Tree } from '../../tree/index.ts';
import {
  adjusted,
  contentSize,
  losses,
  newestTime,
  PACK_FORMATS,
  type PackFormat,
  packArchive,
  packImage,
  sortOrder,
  type VolumeWords,
} from '../../verbs/pack.ts';
import { BLOCK_OPTIONS, blockWords, sizeWord, withCompressor } from '../block-words.ts';
import { DRY_RUN_OPTION, OUTPUT_OPTION } from '../options.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

const FRAGMENT_USES = ['small', 'always', 'none'] as const;
const SQUASHFS_ONLY = ['block', 'codec-option', 'sort', 'fragments', 'no-duplicates', 'no-sparse', 'exports', 'threads', 'cache-size'];
// options of some formats alone, and which
const VOLUMES: Readonly<Record<string, readonly string[]>> = {
  label: ['iso9660', 'fat'],
  joliet: ['iso9660'],
  size: ['fat'],
  'fat-type': ['fat'],
};
const EXAMPLES_MOST = 3;
const MIB = 1024 * 1024;

/** The `pack` verb. */
export const pack: Verb = {
  name: 'pack',
  summary: 'write a directory or image as a squashfs, ISO 9660 or FAT image or an archive',
  description: [
    'Whatever kindling reads as a tree can be packed: a directory, a boot archive, a tar archive, a squashfs, EROFS, ISO 9660 or FAT image. What the format cannot hold is said before a byte is written. The file appears whole or not at all.',
    'Equal trees and options give equal bytes, on any machine and any number of threads. SOURCE_DATE_EPOCH is the time of the image, and no file in it is later; without it the image has the time of its newest file.',
    'Compressed blocks are kept in $XDG_CACHE_HOME/kindling/blocks, so that packing nearly the same again takes a fraction of the time. The folder can be removed at any time.',
  ],
  positionals: [{ name: 'SOURCE', summary: 'a directory, or an image kindling can read', required: true }],
  options: {
    output: OUTPUT_OPTION,
    format: { value: 'FORMAT', choices: PACK_FORMATS, default: 'squashfs', summary: 'squashfs, newc, odc, tar, iso9660 or fat' },
    codec: {
      value: 'CODEC[:LEVEL]',
      default: 'zstd:3; none for archives',
      summary: "zstd, gzip, xz or lz4; without a level that of mksquashfs for images. Archives also 'none'",
    },
    ...BLOCK_OPTIONS,
    sort: { value: 'FILE', summary: 'lines of a path and a number: files with higher ones come first in the image', completes: 'file' },
    fragments: {
      value: 'WHICH',
      choices: FRAGMENT_USES,
      default: 'small',
      summary: 'what shares blocks: small files, the ends of large ones too (always), or nothing (none)',
    },
    'no-xattrs': { summary: 'leave out extended attributes' },
    'no-duplicates': { summary: 'store equal files each for itself' },
    'no-sparse': { summary: 'store blocks of zeros like any other' },
    exports: { summary: 'add the table that NFS servers need' },
    label: {
      value: 'NAME',
      default: 'KINDLING',
      summary: 'name of the volume: iso9660, 1 to 32 ASCII characters; fat, up to 11, best capitals',
    },
    joliet: { summary: 'iso9660: names for Windows too' },
    size: { value: 'SIZE', summary: 'fat: bytes of the volume; as few as hold the tree unless told' },
    'fat-type': {
      value: 'BITS',
      choices: ['12', '16', '32'],
      summary: 'fat: which FAT; by the size unless told (an EFI system partition is to be 32)',
    },
    'all-root': { summary: 'everything belongs to root' },
    'dry-run': DRY_RUN_OPTION,
  },
  examples: [
    { command: 'kindling pack /srv/root -o root.squashfs --codec zstd:15', does: 'makes a squashfs image of a directory' },
    { command: 'kindling pack root.squashfs -o root.tar --format tar', does: 'turns it into a tar archive' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const startedAt = world.now();
  const [source = ''] = parsed.positionals;
  const format = (parsed.value('format') ?? 'squashfs') as PackFormat;
  const path = parsed.value('output');
  const dryRun = parsed.flag('dry-run');
  if (path === undefined && !dryRun) throw usageError('pack: -o FILE is missing: where to write');
  const codec = await codecsFor(parsed, format);
  world.progress.step('reading the tree');
  const { tree: read, notes } = await sourceTree(source, !parsed.flag('no-xattrs'));
  const tree = adjusted(read, {
    allRoot: parsed.flag('all-root'),
    xattrs: !parsed.flag('no-xattrs'),
    timeMost: world.sourceDateEpoch,
  });
  const sortFile = parsed.value('sort');
  const sortText = sortFile === undefined ? undefined : system(() => readFileSync(sortFile, 'utf8'), { file: sortFile });
  const order = sortText === undefined ? undefined : sortOrder(sortText, tree, sortFile!);
  const found = [...notes, ...losses(tree, format)];
  world.progress.clear();
  sayLosses(found, world);
  refuse(found, format);
  const size = contentSize(tree);
  const facts = { source, output: path, format, entryCount: tree.entries.length, contentSize: size, losses: found };
  if (dryRun) {
    if (world.json) await world.document({ ...facts, written: false });
    else await world.out.line(`would write ${printable(path ?? format)}: ${tree.entries.length} entries, ${mib(size)}`);
    return 0;
  }
  world.progress.step('packing', size);
  let written: number;
  if (codec.blocks !== undefined) {
    const words = codec.blocks;
    written = await withCompressor(words, size, world, async (compressor) => {
      const pieces = packImage(tree, {
        compressor,
        blockSize: words.blockSize,
        time: world.sourceDateEpoch ?? newestTime(tree),
        fragments: (parsed.value('fragments') ?? 'small') as (typeof FRAGMENT_USES)[number],
        duplicates: !parsed.flag('no-duplicates'),
        sha256,
        sparse: !parsed.flag('no-sparse'),
        xattrs: !parsed.flag('no-xattrs'),
        exportTable: parsed.flag('exports'),
        ...(order === undefined ? {} : { order }),
        padding: 4096,
        onProgress: ({ contentSize: done }) => world.progress.advance(done),
      });
      return await writePlaced(path!, interruptible(pieces, world.signal));
    });
  } else {
    written = await writeAtomically(
      path!,
      interruptible(packArchive(tree, format as 'tar', codec.archive, volumeWords(parsed, world)), world.signal),
    );
  }
  world.progress.clear();
  if (world.json) await world.document({ ...facts, codec: codec.name, written: true, size: written });
  else {
    const seconds = ((world.now() - startedAt) / 1000).toFixed(2);
    world.note(`${printable(path!)}: ${mib(written)} of ${mib(size)}, ${tree.entries.length} entries, ${seconds} s`);
  }
  return 0;
}

function volumeWords(parsed: Parsed, world: World): VolumeWords {
  const volumeId = parsed.value('label');
  const time = world.sourceDateEpoch;
  const size = parsed.value('size');
  const type = parsed.value('fat-type');
  return {
    joliet: parsed.flag('joliet'),
    ...(volumeId === undefined ? {} : { volumeId }),
    ...(time === undefined ? {} : { time }),
    ...(size === undefined ? {} : { size: sizeWord('size', size) }),
    ...(type === undefined ? {} : { fatType: Number(type) as 12 | 16 | 32 }),
  };
}

async function codecsFor(parsed: Parsed, format: PackFormat) {
  const word = parsed.value('codec');
  const other = Object.keys(VOLUMES).find((option) => parsed.values(option).length > 0 && !VOLUMES[option]!.includes(format));
  if (other !== undefined) throw usageError(`pack: --${other} is for ${VOLUMES[other]!.join(' and ')} images, and the format is ${format}`);
  if (format === 'squashfs') {
    const blocks = blockWords(parsed, word);
    return { name: blocks.codec, blocks, archive: undefined };
  }
  const foreign = SQUASHFS_ONLY.find((option) => parsed.values(option).length > 0);
  if (foreign !== undefined) throw usageError(`pack: --${foreign} is for squashfs images, and the format is ${format}`);
  if (word === undefined) return { name: 'none', blocks: undefined, archive: undefined };
  const [{ codecChoice }, { nodeEncoders }] = await Promise.all([import('../../verbs/build.ts'), import('../../node/codecs-encode.ts')]);
  const archive = codecChoice(word, nodeEncoders());
  return { name: `${archive.encoder.name}:${archive.level}`, blocks: undefined, archive };
}

/** The tree at a path, with the extended attributes of a directory where the machine has a program to read them. */
export async function sourceTree(source: string, withXattrs: boolean): Promise<{ tree: Tree; notes: Finding[] }> {
  const isDirectory = system(() => statSync(source, { throwIfNoEntry: false }))?.isDirectory() === true;
  if (!isDirectory) {
    const [{ imageTree }, { nodeDecoders }] = await Promise.all([import('../../node/open-root.ts'), import('../../node/codecs.ts')]);
    return { tree: await imageTree(source, nodeDecoders()), notes: [] };
  }
  if (!withXattrs) return { tree: directoryTree(source), notes: [] };
  if (!canReadXattrs()) {
    const message = 'the extended attributes of files on disk are left out: the program "getfattr" (package attr) is not installed';
    return { tree: directoryTree(source), notes: [{ code: 'xattrs-unread', severity: 'warning', where: { file: source }, message }] };
  }
  const reading = directoryXattrs(source); // a process of its own: it runs while the tree is read
  const tree = directoryTree(source);
  const xattrs = await reading;
  if (xattrs.size === 0) return { tree, notes: [] };
  const withOwn = (entry: Entry): Entry => {
    const own = entry.kind === 'hardlink' ? undefined : xattrs.get(entry.path);
    return own === undefined ? entry : { ...entry, xattrs: own };
  };
  return { tree: makeTree(tree.entries.map(withOwn)), notes: [] };
}

function mib(size: number): string {
  return `${(size / MIB).toFixed(1)} MiB`;
}

/** One line for each thing that is left out, with a few paths as examples; all of them with -v. */
function sayLosses(found: readonly Finding[], world: World): void {
  const byMessage = new Map<string, Finding[]>();
  for (const finding of found) byMessage.set(finding.message, [...(byMessage.get(finding.message) ?? []), finding]);
  for (const [message, findings] of byMessage) {
    const paths = findings.flatMap(({ where }) => (where.path === undefined ? [] : [where.path]));
    const shown = world.verbosity > 0 ? paths : paths.slice(0, EXAMPLES_MOST);
    const more = paths.length > shown.length ? `, and ${paths.length - shown.length} more` : '';
    world.warn(`${printable(message)}${shown.length === 0 ? '' : `: ${shown.map(printable).join(', ')}${more}`}`);
  }
}

function refuse(found: readonly Finding[], format: PackFormat): void {
  const first = found.find(({ severity }) => severity === 'error');
  if (first !== undefined)
    throw new KindlingError('NOT_EXPRESSIBLE', `${first.message}; nothing was written`, { ...first.where, structure: format });
}

async function* interruptible<T>(pieces: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const piece of pieces) {
    if (signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the file was being written');
    yield piece;
  }
}
