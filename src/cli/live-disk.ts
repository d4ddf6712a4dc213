// The forms `usb` and `disk` of a live medium: which file systems the disk gets, and where changes go.
import { alignUp } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { diskMedium, guidOf, type Loader, mediumTree, roomForData, sourceVolume, type Volume, withLoader } from '../media/index.ts';
import { makeExt4 } from '../node/mke2fs.ts';
import { fileSource } from '../node/source.ts';
import { writePlaced } from '../node/write.ts';
import type { Tree } from '../tree/index.ts';
import { FAT_FILE_MOST } from '../verbs/live-fit.ts';
import { sizeWord } from './block-words.ts';
import type { FormWorld, LiveForm } from './live-forms.ts';
import { type LoaderMaker, loaderFor } from './live-loader.ts';
import { interruptible } from './live-outside.ts';
import { labelWord } from './live-words.ts';
import { type Parsed, usageError } from './verb.ts';

const MIB = 1 << 20;
const JOURNAL_ROOM = 32 * MIB;
const CHANGES_LEAST = 8 * MIB;
const SPLIT_LEAST = MIB;
// LUKS2 takes 16 MiB for itself
const ENCRYPTED_LEAST = 32 * MIB;

/** What was said of a disk. */
export interface DiskWords {
  readonly label: string;
  readonly size: number | undefined;
  readonly changes: number | undefined;
  readonly fileSystem: 'fat32' | 'ext4' | undefined;
  /** Bytes of the largest bundle. */
  readonly bundleMost: number | undefined;
}

/** Reads the options of a disk. Throws USAGE. */
export function diskWords(parsed: Parsed): DiskWords {
  const bytes = (option: string): number | undefined => {
    const text = parsed.value(option);
    return text === undefined ? undefined : sizeWord(option, text);
  };
  const changes = bytes('changes');
  const least = parsed.flag('encrypted') ? ENCRYPTED_LEAST : CHANGES_LEAST;
  if (changes !== undefined && changes < least) throw usageError(`--changes: at least ${least / MIB}M`);
  const fileSystem = parsed.value('data-fs');
  return {
    label: labelWord(parsed, 11),
    size: bytes('size'),
    changes: changes === undefined ? undefined : alignUp(changes, MIB),
    fileSystem: fileSystem === 'ext4' || fileSystem === 'fat32' ? fileSystem : undefined,
    bundleMost: splitWord(parsed),
  };
}

/** Bytes of the largest bundle, where they were bounded: by --split, or by FAT32 where it was asked for. Throws USAGE. */
export function splitWord(parsed: Parsed): number | undefined {
  const text = parsed.value('split');
  const below = text === undefined ? Number.POSITIVE_INFINITY : sizeWord('split', text);
  if (below < SPLIT_LEAST) throw usageError(`--split: at least ${SPLIT_LEAST / MIB}M`);
  const most = Math.min(below - 1, parsed.value('data-fs') === 'fat32' ? FAT_FILE_MOST : Number.POSITIVE_INFINITY);
  return Number.isFinite(most) ? most : undefined;
}

/** The form. A stick has FAT32, which every computer can read; a disk ext4, which holds files of any size and what is changed. */
export function diskForm(name: 'usb' | 'disk', output: string, words: DiskWords, maker: LoaderMaker): LiveForm {
  const { label, size, changes } = words;
  return {
    name,
    output,
    begin: (id) => maker.begin?.(id, 'disk'),
    bundleMost: words.bundleMost,
    async write({ parts, startup }, form) {
      const { outside, world } = form;
      const loader = await loaderFor(maker, startup, 'disk', world);
      const { sha256, digest } = outside;
      const large = parts.bundles.find((bundle) => bundle.size > FAT_FILE_MOST);
      if (large !== undefined && words.fileSystem === undefined && name === 'usb')
        world.note(`${large.name} is too large for FAT32: the medium's partition is ext4 (--data-fs fat32 makes several bundles of it)`);
      const fileSystem = words.fileSystem ?? (name === 'disk' || large !== undefined ? 'ext4' : 'fat32');
      const isExt4 = fileSystem === 'ext4';
      const tree = mediumTree({ ...withLoader(parts, loader, digest), changes: isExt4 && changes !== undefined }, digest);
      const data = isExt4 ? await ext4Data(tree, loader, words, parts.id, form) : tree;
      const room = isExt4 || changes === undefined ? undefined : await changesVolume(changes, parts.id, parts.time, form);
      const disk = diskMedium({ id: parts.id, loader, data, changes: room, size, label, time: parts.time, sha256 });
      world.progress.step('writing', disk.size);
      const written = await writePlaced(output, interruptible(disk.pieces(), world.signal));
      const partitions = disk.partitions.map(({ firstByte, size: bytes, name: title, type, guid }) => ({
        name: title,
        firstByte,
        size: bytes,
        type,
        guid,
      }));
      return { output, size: written, facts: { form: name, label, loader: maker.name, fileSystem, partitions } };
    },
  };
}

async function ext4Data(
  tree: Tree,
  loader: Loader,
  { size, changes, label }: DiskWords,
  id: string,
  { outside, store }: FormWorld,
): Promise<Volume> {
  const content = tree.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? alignUp(entry.content.size, 4096) : 4096), 0);
  const least = alignUp(Math.ceil(content * 1.02) + JOURNAL_ROOM + (changes ?? 0), MIB);
  const time = tree.entries[0]?.mtime ?? 0;
  const wanted = size === undefined ? least : roomForData(size, loader, 0, time);
  if (size !== undefined && wanted < least) {
    throw new KindlingError('LIMIT', `the disk is to have ${size} bytes, and needs at least ${size - wanted + least}`);
  }
  const path = store.scratch('data.img');
  const files = new Map<string, string>();
  const content4 = { tree, staging: store.scratch('medium'), files };
  await makeExt4({
    path,
    size: wanted,
    label,
    uuid: guidOf(id, 'data file system', outside.sha256).toLowerCase(),
    time,
    content: content4,
  });
  return sourceVolume(fileSource(path));
}

async function changesVolume(size: number, id: string, time: number, { outside, store }: FormWorld): Promise<Volume> {
  const path = store.scratch('changes.img');
  const uuid = guidOf(id, 'changes file system', outside.sha256).toLowerCase();
  await makeExt4({ path, size, label: 'kindling-changes'.slice(0, 16), uuid, time });
  return sourceVolume(fileSource(path));
}
