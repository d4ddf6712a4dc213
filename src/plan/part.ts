// Part: one reason to include things. A part is a pure function of the root, the kernel, the host facts and the settings;
// it proposes, the resolver merges. What it proposes may not depend on what another part proposes.
import type { Decoder } from '../codecs/index.ts';
import type { Finding } from '../errors.ts';
import type { Tree } from '../tree/index.ts';
import type { Settings } from './config/index.ts';
import type { HostFacts } from './host.ts';
import type { KernelFacts, Wanted } from './plan.ts';
import type { Root } from './root.ts';

/** Everything a part may look at. */
export interface PartInput {
  readonly root: Root;
  readonly kernel: KernelFacts;
  readonly scope: 'generic' | 'host';
  /** Facts of the machine the archive is for; always there in scope "host". */
  readonly host: HostFacts | undefined;
  readonly settings: Settings;
  /** The early userspace, as the outside supplies it. */
  readonly early: Tree;
  /** For files that the root keeps compressed. */
  readonly decoders: readonly Decoder[];
}

/** Kernel modules that a part wants: one by name, or all below a directory. */
export interface ModuleWant {
  /** A module name ("virtio_blk"), or a directory of the module tree with a final "/" ("kernel/drivers/ata/"). */
  readonly what: string;
  /** Names (with "*") below the directory to leave out. */
  readonly except?: readonly string[];
  /** One clause a person can read. */
  readonly text: string;
  /** Wanted only for the sake of this module: not when the kernel lacks it. */
  readonly on?: string;
  /**
   * `must`: neither a file nor built in is an error. `may`: taken when the kernel has it.
   * `match`: as `may`, but in scope "host" only when the machine has a device or a loaded module for it.
   */
  readonly need: 'must' | 'may' | 'match';
}

/** A program of the root that a part wants, with its libraries and interpreters. */
export interface ProgramWant {
  /** Path in the root; links on the way are kept. */
  readonly path: string;
  readonly text: string;
}

/** What a part proposes. */
export interface PartWants {
  readonly entries?: readonly Wanted[];
  readonly modules?: readonly ModuleWant[];
  readonly programs?: readonly ProgramWant[];
  /** Lines of usr/lib/kindling/early.conf. */
  readonly early?: Readonly<Record<string, string>>;
  /** The early microcode segment's files. */
  readonly microcode?: readonly Wanted[];
  readonly findings?: readonly Finding[];
}

/** A part of the table. */
export interface Part {
  readonly name: string;
  /** One clause for `plan` and the documentation. */
  readonly summary: string;
  /** `always`: cannot be omitted. `default`: unless omitted. `asked`: only when added. */
  readonly when: 'always' | 'default' | 'asked';
  wants(input: PartInput): PartWants;
}
