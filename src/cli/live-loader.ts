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
  /** Begins what takes long and needs no more than the medium's id; its failures are those of `make`. */
  begin?(id: string, bios: BiosKind): void;
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

/** GRUB's programs, begun at most once. */
function grubCores(): (id: string, kind: BiosKind) => Promise<readonly [Uint8Array, BiosLoader | undefined]> {
  const begun = new Map<string, Promise<readonly [Uint8Array, BiosLoader | undefined]>>();
  return (id, kind) => {
    const key = `${id} ${kind}`;
    const cores = begun.get(key) ?? Promise.all([grubCore(coreRequests(id).efi), biosLoader(id, kind)]);
    begun.set(key, cores);
    cores.catch(() => undefined); // told to whoever waits for them
    return cores;
  };
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
  const cores = grubCores();
  return {
    name,
    begin: (id, kind) => void cores(id, kind),
    make: async (startup, kind) => grubLoader(startup, ...(await cores(startup.id, kind))),
  };
}
