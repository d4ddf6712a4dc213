// The forms a live medium is written in: ISO image, image of a stick or disk, folder.

import { coreRequests, diskMedium, isoMedium, mediumTree } from '../media/index.ts';
import { grubCore, grubSector } from '../node/grub.ts';
import type { LiveStore } from '../node/live-store.ts';
import { writeAtomically, writePlaced } from '../node/write.ts';
import { type LiveMedium, type LiveOutside, withEfi } from '../verbs/live.ts';
import { sizeWord } from './block-words.ts';
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
  write(medium: LiveMedium, form: FormWorld): Promise<MadeMedium>;
}

const FORMS = { iso, usb: diskForm('usb'), disk: diskForm('disk'), folder } as const;

/** The form of this name with what was said of it. Throws USAGE for options it does not have. */
export function formOf(name: keyof typeof FORMS, parsed: Parsed): LiveForm {
  return FORMS[name](parsed);
}

function outputOf(parsed: Parsed, name: string): string {
  const output = parsed.value('output');
  if (output === undefined) throw usageError(`live ${name}: -o FILE is missing: where to write`);
  return output;
}

function iso(parsed: Parsed): LiveForm {
  const output = outputOf(parsed, 'iso');
  const label = labelWord(parsed, 32);
  for (const option of ['size', 'changes', 'data-fs'] as const) {
    if (parsed.value(option) !== undefined) throw usageError(`live iso: --${option} is for usb and disk`);
  }
  return {
    name: 'iso',
    async write({ parts }, { outside, world }) {
      const requests = coreRequests(parts.id);
      const [core, efi] = await Promise.all([grubCore(requests.disc), grubCore(requests.efi)]);
      const { sha256, digest } = outside;
      const loader = { core, efi, bootHybrid: grubSector('boot_hybrid.img') };
      const { plan } = isoMedium(parts, loader, { label, sha256, digest });
      world.progress.step('writing', plan.size);
      const size = await writeAtomically(output, interruptible(counted(plan.chunks(), world), world.signal), { expectedSize: plan.size });
      return { output, size, facts: { form: 'iso', label, uuid: plan.uuid } };
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

function diskForm(name: 'usb' | 'disk'): (parsed: Parsed) => LiveForm {
  return (parsed) => {
    const output = outputOf(parsed, name);
    const label = labelWord(parsed, 11);
    const sizeText = parsed.value('size');
    const size = sizeText === undefined ? undefined : sizeWord('size', sizeText);
    return {
      name,
      async write({ parts }, { outside, world }) {
        const requests = coreRequests(parts.id);
        const [core, efi] = await Promise.all([grubCore(requests.disk), grubCore(requests.efi)]);
        const { sha256, digest } = outside;
        const tree = mediumTree(withEfi(parts, efi), digest);
        const disk = diskMedium({
          id: parts.id,
          loader: { core, boot: grubSector('boot.img'), efi },
          data: tree,
          size,
          label,
          time: parts.time,
          sha256,
        });
        world.progress.step('writing', disk.size);
        const written = await writePlaced(output, interruptible(disk.pieces(), world.signal));
        return { output, size: written, facts: { form: name, label, partitions: disk.partitions } };
      },
    };
  };
}

function folder(parsed: Parsed): LiveForm {
  throw usageError(`live folder: not made yet${parsed.value('output') ?? ''}`);
}
