// Plan: what goes into an archive, with a reason for each entry. Parts propose, the resolver merges; nothing here reads a disk.

import type { Finding } from '../errors.ts';
import type { Entry, Tree } from '../tree/index.ts';

/** Which segment of the archive an entry belongs to. Updating one input rewrites one segment. */
export type SegmentName = 'microcode' | 'base' | 'modules' | 'firmware' | 'configuration' | 'image';

/** Why an entry is in. `because` is the path, module or program that wanted it, when it is not the part alone: `why` follows it as a chain. */
export interface Reason {
  /** Name of the part, e.g. "storage". */
  readonly part: string;
  /** One clause a person can read: "driver for disks on drivers/ata", "library libc.so.6 of sbin/blkid". */
  readonly text: string;
  /** Path of the entry that needs this one. */
  readonly because?: string;
}

/** An entry that a part wants, with the reason. */
export interface Wanted {
  readonly entry: Entry;
  readonly segment: SegmentName;
  readonly reason: Reason;
}

/** The kernel a plan is for. */
export interface KernelFacts {
  /** Release, as `uname -r` prints it. */
  readonly version: string;
  /** Path of the module tree in the root ("usr/lib/modules/6.1.0-1-amd64"), undefined for a kernel without modules. */
  readonly moduleTree: string | undefined;
  /** Kernel configuration by symbol without CONFIG_; undefined when none was found (then options are assumed present). */
  readonly config: ReadonlyMap<string, string> | undefined;
  /** Machine of the kernel image as ELF e_machine names it, when the image was given or found. */
  readonly machine: string | undefined;
}

/** A merged plan. */
export interface Plan {
  readonly scope: 'generic' | 'host' | 'profile';
  readonly kernel: KernelFacts;
  /** Everything that goes in, microcode excepted (its paths live in a segment of their own). */
  readonly tree: Tree;
  /** At least one reason for every path in `tree`. */
  readonly reasons: ReadonlyMap<string, readonly Reason[]>;
  readonly segmentOf: ReadonlyMap<string, SegmentName>;
  /** The early microcode segment, or undefined. */
  readonly microcode: Tree | undefined;
  /** Names of modules left on the root for after the switch. */
  readonly deferred: readonly string[];
  /** What the archive cannot do, and what was left out ("firmware X of module Y is not in the root"). */
  readonly findings: readonly Finding[];
  /** Names of the parts in force. */
  readonly parts: readonly string[];
  /** Names of the packed modules, in an order in which they can be loaded. */
  readonly packed: readonly string[];
}
