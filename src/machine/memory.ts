// How little memory a boot needs: the search for the measured figure (docs/boot.md, "Least memory").
import type { Proof } from './proof.ts';

/** Steps of the search in MiB: finer ones do not repeat. */
export const GRID_MIB = 8;

/** One size that was tried. */
export interface Trial {
  /** MiB. */
  readonly memory: number;
  readonly reached: boolean;
  /** Why not; null when it was reached. */
  readonly reason: string | null;
}

/** The result of a search: the least MiB that booted (on the grid), the proof of that boot, and all trials in order. */
export interface LeastMemory {
  readonly least: number;
  readonly proof: Proof;
  readonly trials: readonly Trial[];
}

/** Bounds of a search, all in MiB. */
export interface SearchBounds {
  /** Where to start: a forecast or a measurement. */
  readonly from: number;
  /** Not below this. */
  readonly floor: number;
  /** Not above this. */
  readonly ceiling: number;
}

/**
 * Searches the least memory: from the forecast outwards in growing steps until one size boots and one does not, then halves between.
 * Returns undefined when not even the ceiling boots.
 */
export async function search(bounds: SearchBounds, boot: (memory: number) => Promise<Proof>): Promise<LeastMemory | undefined> {
  const trials: Trial[] = [];
  const floor = Math.ceil(bounds.floor / GRID_MIB) * GRID_MIB;
  const ceiling = Math.floor(bounds.ceiling / GRID_MIB) * GRID_MIB;
  let good: { readonly memory: number; readonly proof: Proof } | undefined;
  let bad = floor - GRID_MIB;
  const attempt = async (memory: number): Promise<boolean> => {
    const proof = await boot(memory);
    trials.push({ memory, reached: proof.reached, reason: proof.reason?.code ?? null });
    if (proof.reached) good = { memory, proof };
    else bad = memory;
    return proof.reached;
  };

  let at = Math.min(ceiling, Math.max(floor, Math.ceil(bounds.from / GRID_MIB) * GRID_MIB));
  let step = GRID_MIB;
  const upwards = !(await attempt(at));
  while (upwards ? good === undefined && at < ceiling : bad < floor && at > floor) {
    at = Math.min(ceiling, Math.max(floor, upwards ? at + step : at - step));
    step *= 2;
    await attempt(at);
  }
  if (good === undefined) return undefined;
  while (good.memory - bad > GRID_MIB) {
    await attempt(bad + Math.ceil((good.memory - bad) / 2 / GRID_MIB) * GRID_MIB);
  }
  return { least: good.memory, proof: good.proof, trials };
}
