// The forms a live medium is written in: ISO image, image of a stick or disk (live-disk.ts), folder.
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KindlingError } from '../errors.ts';
import { guidOf, isoMedium, MENU_PATH, mediumPath, mediumTree, withWholeLoader } from '../media/index.ts';
import { system } from '../node/errno.ts';
import { fileSizeMost } from '../node/file-system.ts';
import type { LiveStore } from '../node/live-store.ts';
import { makeExt4, writeFile } from '../node/mke2fs.ts';
import { writeAtomically } from '../node/write.ts';
import type { LiveMedium, LiveOutside } from '../verbs/live.ts';
import { FAT_FILE_MOST } from '../verbs/live-fit.ts';
import { type DiskWords, diskForm, diskWords, splitWord } from './live-disk.ts';
import { type LoaderMaker, loaderFor, loaderWords } from './live-loader.ts';
import { interruptible } from './live-outside.ts';
import { labelWord } from './live-words.ts';
import { type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

/** A medium that was written. */
export interface MadeMedium {
  readonly output: string;
  readonly size: number;
  /** More for the JSON document. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** More for a person. */
  readonly lines?: readonly string[];
}

/** What writing needs. */
export interface FormWorld {
  readonly outside: LiveOutside;
  readonly store: LiveStore;
  readonly world: World;
}

/** A form: its words were understood, and it writes. */
export interface LiveForm {
  readonly name: string;
  readonly output: string;
  /** Bytes of the largest bundle it can hold, or was asked to. */
  readonly bundleMost: number | undefined;
  /** Begins what takes long and needs no more than the medium's id. */
  begin?(id: string): void;
  write(medium: LiveMedium, form: FormWorld): Promise<MadeMedium>;
}

/** The forms a person can ask for. */
export const FORMS = ['iso', 'usb', 'disk', 'folder'] as const;

/** The form of this name with what was said of it. Throws USAGE for options it does not have. */
export function formOf(name: (typeof FORMS)[number], parsed: Parsed): LiveForm {
  const output = parsed.value('output');
  if (output === undefined) throw usageError(`live ${name}: -o is missing: where to write`);
  const foreign = { iso: ['size', 'changes', 'data-fs'], folder: ['size', 'data-fs', 'label'], usb: [], disk: [] }[name];
  const given = foreign.find((option) => parsed.value(option) !== undefined);
  if (given !== undefined) throw usageError(`live ${name}: --${given} is for usb and disk`);
  const loader = loaderWords(parsed);
  if (name === 'iso') return isoForm(output, labelWord(parsed, 32), splitWord(parsed), loader);
  if (name === 'folder') return folderForm(output, diskWords(parsed), loader);
  return diskForm(name, output, diskWords(parsed), loader);
}

function isoForm(output: string, label: string, bundleMost: number | undefined, maker: LoaderMaker): LiveForm {
  return {
    name: 'iso',
    output,
    begin: (id) => maker.begin?.(id, 'disc'),
    bundleMost,
    async write({ parts, startup }, { outside, world }) {
      const { sha256, digest } = outside;
      const loader = await loaderFor(maker, startup, 'disc', world);
      const { plan } = isoMedium(parts, loader, { label, sha256, digest });
      world.progress.step('writing', plan.size);
      const size = await writeAtomically(output, interruptible(counted(plan.chunks({ reuse: true }), world), world.signal), {
        expectedSize: plan.size,
      });
      return { output, size, facts: { form: 'iso', label, loader: maker.name, uuid: plan.uuid } };
    },
  };
}

function* counted(chunks: Iterable<Uint8Array>, world: World): Generator<Uint8Array> {
  let size = 0;
  for (const chunk of chunks) {
    yield chunk;
    size += chunk.length;
    world.progress.advance(size);
  }
}

/** The files alone. What is in the folder stays, but for files of the same names; `kindling/medium` comes last. */
function folderForm(output: string, { changes, bundleMost }: DiskWords, maker: LoaderMaker): LiveForm {
  const held = fileSizeMost(output);
  if (changes !== undefined && held !== undefined && changes > held)
    throw usageError(`--changes: ${output} is on FAT, which holds files of less than 4 GiB`);
  const most = Math.min(bundleMost ?? Number.POSITIVE_INFINITY, held ?? Number.POSITIVE_INFINITY);
  return {
    name: 'folder',
    output,
    begin: (id) => maker.begin?.(id, 'none'),
    bundleMost: Number.isFinite(most) ? most : undefined,
    async write({ parts, startup }, { outside, store, world }) {
      const tree = mediumTree(withWholeLoader(parts, await maker.make(startup, 'none')), outside.digest);
      if (statSync(output, { throwIfNoEntry: false })?.isDirectory() === false) {
        throw new KindlingError('IO', 'it is a file, expected a directory', { file: output });
      }
      const last = mediumPath(parts.data);
      rmSync(join(output, last), { force: true });
      removeOthers(join(output, parts.data), new Set(parts.bundles.map(({ name }) => name)));
      let size = 0;
      for (const entry of [...tree.entries.filter(({ path }) => path !== last), tree.get(last)!]) {
        const target = join(output, entry.path);
        if (entry.kind === 'directory') system(() => mkdirSync(target, { recursive: true }), { file: target });
        if (entry.kind !== 'file') continue;
        if (world.signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the medium was being written');
        writeFile(`${target}.new`, entry.content);
        system(() => renameSync(`${target}.new`, target), { file: target });
        size += entry.content.size;
      }
      if (changes !== undefined) {
        const image = join(output, parts.data, 'changes.img');
        if (statSync(image, { throwIfNoEntry: false }) !== undefined) world.note('changes.img is there already and stays as it is');
        else {
          const uuid = guidOf(parts.id, 'changes file system', outside.sha256).toLowerCase();
          const made = store.scratch('changes.img');
          await makeExt4({ path: made, size: changes, label: 'kindling-changes', uuid, time: parts.time });
          copyFileSync(made, image);
        }
      }
      for (const { name, size: bytes } of parts.bundles) {
        if (bytes > FAT_FILE_MOST) world.warn(`${name} has ${bytes} bytes: a stick with FAT32 does not hold it, --split 4G makes several`);
      }
      return {
        output,
        size,
        facts: { form: 'folder', loader: maker.name, files: tree.entries.filter(({ kind }) => kind === 'file').length },
        lines: tree.get(MENU_PATH) === undefined ? [FOR_UEFI] : [FOR_UEFI, FOR_BIOS],
      };
    },
  };
}

/** Bundles of an older medium in the same place: they would be stacked with the new ones. */
function removeOthers(folder: string, names: ReadonlySet<string>): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.sb') && !names.has(name))
      throw new KindlingError('CONFLICT', `a bundle of another medium is there: ${name}`, { file: join(folder, name) });
  }
}

const FOR_UEFI =
  'copy everything in it to the top of a stick with FAT32 (or exFAT, ext4): UEFI starts EFI/BOOT/BOOTX64.EFI by itself from FAT32';
const FOR_BIOS =
  'for BIOS the stick needs a loader of its own: grub-install --target=i386-pc --boot-directory=STICK/boot /dev/STICK, which finds boot/grub/grub.cfg';
