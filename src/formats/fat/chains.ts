// Chains of clusters: each is followed once and every cluster belongs to one, so neither a loop nor a cross link can make work without end.
import { type ByteSource, sliceSource } from '../../bytes/index.ts';
import { fault, type Place, type Report } from './faults.ts';
import { bootSector, FIRST_CLUSTER } from './structs.ts';
import type { Volume } from './volume.ts';

/** Bytes of the image that follow each other. */
export interface Run {
  readonly at: number;
  readonly size: number;
}

/** Which clusters are taken. */
export interface Claims {
  /**
   * The runs of a chain: `count` clusters, or all up to its end when that is not known (`most` at most, then). Reports LINK_LOOP for a
   * cluster that was met before, BAD_VALUE for one that is outside, free or bad, TRUNCATED for one the image does not have, and returns
   * what came before it.
   */
  follow(first: number, count: number | undefined, most: number, place: Place, report: Report): Run[];
  has(cluster: number): boolean;
  /** Clusters taken so far. */
  readonly count: number;
}

/** No cluster is taken yet. */
export function claims(volume: Volume): Claims {
  const { clusterCount, clusterSize, heldClusters } = volume.layout;
  const end = FIRST_CLUSTER + clusterCount;
  const heldEnd = FIRST_CLUSTER + Math.min(clusterCount, heldClusters);
  const taken = new Uint8Array(Math.ceil(heldEnd / 8));
  let total = 0;
  const wrongAt = (cluster: number, place: Place) => {
    if (cluster < FIRST_CLUSTER || cluster >= end) {
      return fault('BAD_VALUE', place, `cluster ${cluster}, expected ${FIRST_CLUSTER} to ${end - 1}`);
    }
    if (cluster >= heldEnd)
      return fault('TRUNCATED', place, `cluster ${cluster} is at ${volume.placeOf(cluster)}, behind the end of the image`);
    if ((taken[cluster >> 3]! & (1 << (cluster & 7))) !== 0) {
      return fault('LINK_LOOP', place, `cluster ${cluster} is in a chain already`);
    }
    return undefined;
  };
  return {
    follow(first, count, most, place, report) {
      const runs: { at: number; size: number }[] = [];
      let cluster = first;
      for (let done = 0; done < (count ?? most); done++) {
        const wrong = wrongAt(cluster, place);
        if (wrong !== undefined) {
          report(wrong);
          return runs;
        }
        taken[cluster >> 3]! |= 1 << (cluster & 7);
        total++;
        const at = volume.placeOf(cluster);
        const last = runs.at(-1);
        if (last !== undefined && last.at + last.size === at) last.size += clusterSize;
        else runs.push({ at, size: clusterSize });
        const next = volume.next(cluster);
        if (typeof next === 'number') {
          cluster = next;
          continue;
        }
        if (next !== 'end') report(fault('BAD_VALUE', place, `after cluster ${cluster} comes a ${next} one`));
        else if (count !== undefined && done + 1 < count) {
          report(fault('BAD_VALUE', place, `its chain ends after ${done + 1} clusters, its size takes ${count}`));
        }
        return runs;
      }
      const over = count === undefined ? fault('LIMIT', place, `more than ${most * clusterSize} bytes`) : undefined;
      if (over !== undefined) report(over);
      return runs;
    },
    has: (cluster) => cluster < heldEnd && (taken[cluster >> 3]! & (1 << (cluster & 7))) !== 0,
    get count() {
      return total;
    },
  };
}

/** The bytes of runs, one after the other, cut to a size. */
export function runsSource(source: ByteSource, runs: readonly Run[], size: number): ByteSource {
  const [only] = runs;
  if (size === 0 || only === undefined) return sliceSource(source, 0, 0);
  if (runs.length === 1) return sliceSource(source, only.at, Math.min(size, only.size));
  const starts: number[] = [];
  let held = 0;
  for (const run of runs) {
    starts.push(held);
    held += run.size;
  }
  const indexAt = (at: number): number => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const fill = (at: number, target: Uint8Array): void => {
    let index = indexAt(at);
    for (let done = 0; done < target.length; index++) {
      const from = at + done - starts[index]!;
      const count = Math.min(target.length - done, runs[index]!.size - from);
      target.set(source.read(runs[index]!.at + from, count), done);
      done += count;
    }
  };
  const whole: ByteSource = {
    size: held,
    read(at, count) {
      const bytes = new Uint8Array(count);
      fill(at, bytes);
      return bytes;
    },
    readInto: fill,
  };
  // the slice keeps reads within the size
  return sliceSource(whole, 0, Math.min(size, held));
}

/** The place of a chain for messages. */
export function chainPlace(path: string, kind: string): Place {
  return { structure: `FAT chain of the ${kind} "${path}"`, path };
}

/** The place of the boot sector. */
export const BOOT_PLACE: Place = { structure: bootSector.name, offset: 0 };
