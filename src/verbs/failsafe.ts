// failsafe: the plan of a self-sufficient archive: all drivers, a shell, checkers, editors, and kindling itself, so that it can repair
// the archives of installed roots. It depends on nothing that was detected, and is made once (docs/failsafe.md).

import { compareNames } from '../bytes/index.ts';
import type { Forecast, Root } from '../plan/index.ts';
import { baseName, type Entry, type Tree } from '../tree/index.ts';
import { type Planned, type PlanOutside, planFor } from './plan.ts';

/** What a failsafe archive is made from. */
export interface FailsafeOutside extends PlanOutside {
  /** The running kindling with its Node, as it lies in a root; undefined when the root's own is to be taken. */
  readonly program: Tree | undefined;
}

/** Memory in bytes. */
export interface FailsafeMemory {
  /** Least RAM that gets to the menu. No `root=` is needed for that, so the archive unpacks into a tmpfs. */
  readonly start: number;
  /** Least RAM with which an update of a whole distribution ends well. */
  readonly repair: number;
}

// What kindling takes while it makes an archive, beside its own image: Node, the plan, what is being compressed. By then the place of the
// archive as it was loaded is free. Found by repairs with less and less memory on one processor; with a fourth less a kernel failed in its own
// ext4 (docs/failsafe.md).
const WORKING = 256 << 20;

// The tmpfs may take half of what is left without the loaded archive and what the kernel keeps for itself: 46 MiB of Debian 12's on amd64 with
// 184 MiB of RAM, a little more with more.
const RESERVED = 54 << 20;

/** The memory a failsafe archive needs. */
export function failsafeMemory({ leastMemory, archiveSize, unpackedSize }: Forecast): FailsafeMemory {
  const start = Math.max(leastMemory, RESERVED + archiveSize + 2 * unpackedSize);
  return { start, repair: Math.max(start, leastMemory - archiveSize + WORKING) };
}

/** A root with a tree laid over it: where both have something, the tree's counts, and directories hold the names of both. */
export function laidOver(root: Root, tree: Tree): Root {
  const over = (path: string): Entry | undefined => {
    const entry = tree.get(path);
    return entry?.kind === 'hardlink' ? { ...tree.get(entry.to)!, path } : entry;
  };
  return {
    label: root.label,
    entry(path) {
      const own = over(path);
      const under = root.entry(path);
      return own === undefined || (own.kind === 'directory' && under?.kind === 'directory') ? under : own;
    },
    names(path) {
      const own = tree.children(path).map((child) => baseName(child.path));
      const under = over(path)?.kind === 'file' ? [] : root.names(path);
      return [...new Set([...own, ...under])].sort(compareNames);
    },
  };
}

/** Plans it for a kernel of the root (the newest unless told). What the root's configuration adds is kept; what it leaves out is not left out. */
export function failsafePlan(kernel: string | undefined, outside: FailsafeOutside): Planned {
  const { program } = outside;
  const root = program === undefined ? outside.root : laidOver(outside.root, program);
  const settings = [
    { name: 'omit', value: '' },
    { name: 'omit-modules', value: '' },
    { name: 'firmware', value: 'yes' },
    { name: 'check', value: 'off' },
  ] as const;
  return planFor({ kernel, scope: 'generic', add: ['failsafe'], omit: [], settings }, { ...outside, root });
}
