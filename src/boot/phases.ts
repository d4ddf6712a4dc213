// The phases of a Linux boot archive, in the order early userspace reports them (docs/boot.md, "The report channel").

/**
 * Names of the phases, first to last: the image of a squashed archive mounted (others begin with the next), archive's init, devices, root
 * found, root mounted, the switch, root's init, memory given back. A crash proof has others around its second kernel: the first kernel's
 * init, the capture kernel loaded, the crash; then, once the dump's target is found and open, the saving, and the dump saved and its target released.
 */
export const PHASES = [
  ...(['first', 'loaded', 'crash'] as const),
  ...(['squash', 'early', 'coldplug', 'device'] as const),
  ...(['kdump', 'saved'] as const),
  ...(['mount', 'switch', 'init', 'released'] as const),
] as const;

/** One phase of a boot from an archive. */
export type PhaseName = (typeof PHASES)[number];

/** Whether a word names a phase (and is not some console text). */
export function isPhase(word: string): word is PhaseName {
  return PHASES.some((phase) => phase === word);
}
