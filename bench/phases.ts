// What one boot says about time and memory, whichever machine ran it: the phases of the report channel and the kernel's own messages.

/** Free memory in MiB and seconds of kernel time, by phase. */
export type Phases = ReadonlyMap<string, { readonly free: number; readonly uptime: number }>;

/** One boot. Seconds of kernel time, MiB. Phases are there for archives that report (kindling's). */
export interface Booted {
  readonly phases: Phases;
  /** When the kernel had unpacked the archive, after starting to. */
  readonly unpacked: number;
  /** When the archive's init was started. */
  readonly initStarts: number;
  /** When the root's init ran. */
  readonly rootInit: number;
  /** Memory the machine had touched at most; undefined where nobody counted. */
  readonly peak: number | undefined;
  /** Available to the root's init when nothing of early userspace runs any more. */
  readonly available: number;
}

/** Where the phases of a squashed boot stand in the picture. */
export const PICTURE = ['squash', 'early', 'coldplug', 'device', 'mount', 'switch', 'init', 'released'] as const;

function messageAt(console: string, text: string): number {
  const found = new RegExp(`\\[\\s*(\\d+\\.\\d+)\\] ${text}`).exec(console)?.[1];
  if (found === undefined) throw new Error(`the kernel did not say "${text}"`);
  return Number(found);
}

/** The kernel's times of a boot from its console, which must not be quiet. */
export function kernelTimes(console: string): Pick<Booted, 'unpacked' | 'initStarts'> {
  return {
    unpacked: messageAt(console, 'Freeing initrd memory') - messageAt(console, 'Trying to unpack rootfs image'),
    initStarts: messageAt(console, 'Run /init as init process'),
  };
}
