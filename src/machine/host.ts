// The outside world as a machine needs it; `node/` supplies it, tests fake it.
import type { Ending } from './proof.ts';
import type { MachineSpec } from './spec.ts';

/** What a running QEMU says, told as it comes. */
export interface MachineListener {
  console(bytes: Uint8Array): void;
  report(bytes: Uint8Array): void;
}

/** How a QEMU process ended. */
export interface MachineEnd {
  readonly ending: Ending;
  /** What QEMU itself wrote to standard error, bounded. */
  readonly messages: string;
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
}

/** A QEMU process. */
export interface RunningMachine {
  /** KiB of guest memory touched so far, never falling; undefined where the host cannot count it. */
  touched(): number | undefined;
  /** Resolves when the process is gone and everything it wrote was handed on. */
  readonly ended: Promise<MachineEnd>;
  /** Ends the process: asks, then SIGTERM, then SIGKILL, each with a deadline. Resolves as `ended` does. */
  stop(): Promise<MachineEnd>;
}

/** Starts machines and tells the time. */
export interface MachineHost {
  /**
   * Starts `qemu`, the command line of `spec`, and keeps everything the console says in `consoleFile`.
   * Throws NO_TOOL when the program is not there, IO when it cannot be started.
   */
  start(spec: MachineSpec, qemu: readonly string[], consoleFile: string, listener: MachineListener): Promise<RunningMachine>;
  /** Seconds of a clock that only goes forward. */
  seconds(): number;
  /** Calls `act` once after so many seconds unless cancelled by the returned function. */
  after(seconds: number, act: () => void): () => void;
}
