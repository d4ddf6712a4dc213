// The loaders of `kindling live`: what was asked for, with the programs it takes, as something that makes one for a medium (docs/live.md, "Loaders").
import {
  type BiosLoader,
  coreRequests,
  grubLoader,
  type Loader,
  type Startup,
  signedGrubLoader,
  systemdBootLoader,
  ukiLoader,
} from '../media/index.ts';
import { efiStub, signedPrograms, systemdBoot } from '../node/efi-programs.ts';
import { grubCore, grubSector } from '../node/grub.ts';
import { type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

/** How a BIOS would meet the medium; a folder has no place for a BIOS to look at. */
export type BiosKind = 'disc' | 'disk' | 'none';

/** Makes a loader for a medium. */
export interface LoaderMaker {
  readonly name: string;
  make(startup: Startup, bios: BiosKind): Promise<Loader>;
}

/** The loaders a person can ask for. */
export const LOADERS = ['grub', 'systemd-boot', 'uki'] as const;

/** The loader of a medium that a BIOS may meet too, and a word where it finds nothing. */
export async function loaderFor(maker: LoaderMaker, startup: Startup, kind: 'disc' | 'disk', world: World): Promise<Loader> {
  const loader = await maker.make(startup, kind);
  if (loader.bios === undefined) world.note(`${maker.name}: UEFI starts this medium, a BIOS finds nothing on it`);
  return loader;
}

async function biosLoader(id: string, kind: BiosKind): Promise<BiosLoader | undefined> {
  if (kind === 'none') return undefined;
  const sector = grubSector(kind === 'disc' ? 'boot_hybrid.img' : 'boot.img');
  return { core: await grubCore(coreRequests(id)[kind]), sector };
}

/** The loader that was asked for. Throws USAGE, and NO_TOOL for programs that are not installed, before anything takes long. */
export function loaderWords(parsed: Parsed): LoaderMaker {
  const name = LOADERS.find((one) => one === (parsed.value('loader') ?? 'grub')) ?? 'grub';
  const isSigned = parsed.flag('secure-boot');
  if (name !== 'grub' && isSigned) {
    throw usageError(`live: --secure-boot is for --loader grub: nobody has signed ${name === 'uki' ? 'a UKI made here' : 'systemd-boot'}`);
  }
  if (name === 'systemd-boot') {
    const program = systemdBoot();
    return { name, make: async (startup) => systemdBootLoader(startup, program) };
  }
  if (name === 'uki') {
    const stub = efiStub();
    return { name, make: async (startup) => ukiLoader(startup, stub) };
  }
  if (isSigned) {
    const programs = signedPrograms();
    return { name, make: async (startup, kind) => signedGrubLoader(startup, programs, await biosLoader(startup.id, kind)) };
  }
  return {
    name,
    async make(startup, kind) {
      const [efi, bios] = await Promise.all([grubCore(coreRequests(startup.id).efi), biosLoader(startup.id, kind)]);
      return grubLoader(startup, efi, bios);
    },
  };
}
