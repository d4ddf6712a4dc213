// Proof: the result of really booting an archive in a machine (docs/boot.md, "The proof").
import type { PhaseName } from '../boot/index.ts';

/** A phase that was reached. */
export interface PhaseMark {
  readonly name: PhaseName;
  /** Seconds from the start of QEMU, by the host's clock. */
  readonly at: number;
  /** Seconds from the start of the kernel, by the guest's clock; null when the guest did not say. */
  readonly uptime: number | null;
  /** KiB the guest could still use (MemAvailable); null when it did not say. */
  readonly memory: number | null;
  /** KiB free in the guest (MemFree); null when it did not say. */
  readonly free: number | null;
  /** KiB of the machine's memory touched so far, counted on the host; null where the host cannot count. */
  readonly touched: number | null;
}

/** Why a boot ended before the point that was asked for. */
export interface Shortfall {
  /**
   * `timeout`, `unpack` (the kernel could not unpack the archive), `memory` (it ran out of it), `panic`, `no-init`, `early` (early
   * userspace gave up), `ended` (the guest went off or restarted), `refused` (QEMU did not start the machine), `interrupted`.
   */
  readonly code: 'timeout' | 'unpack' | 'memory' | 'panic' | 'no-init' | 'early' | 'ended' | 'refused' | 'interrupted';
  /** The guest's or QEMU's own words, or what was waited for. */
  readonly text: string;
}

/** How QEMU came to its end: asked to by us, the guest off, restarted or panicked, QEMU itself, or killed after a deadline. */
export type Ending = 'quit' | 'guest-shutdown' | 'guest-reset' | 'guest-panic' | 'exit' | 'killed';

/** The result of a boot. All memory in KiB, all times in seconds. */
export interface Proof {
  readonly reached: boolean;
  /** The phase or console text that was waited for. */
  readonly until: string;
  readonly reason: Shortfall | null;
  readonly ending: Ending;
  /** From the start of QEMU to the point reached or to the end. */
  readonly seconds: number;
  readonly phases: readonly PhaseMark[];
  readonly memory: {
    /** What the machine had. */
    readonly total: number;
    /** What of it was touched in the whole boot, counted on the host: about the least RAM that would have done. */
    readonly least: number | null;
    /** What the guest could use once everything of the archive was given back. */
    readonly afterSwitch: number | null;
  };
  readonly facts: Readonly<Record<string, string>>;
  readonly commandLine: string;
  /** The exact QEMU command line, program first. */
  readonly qemu: readonly string[];
  /** File with everything the console said. */
  readonly console: string;
}
