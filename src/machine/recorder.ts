// Recorder: collects what a boot reports into the timeline of its proof. Pure; it is told the time and the memory.
import { PHASES, type PhaseName } from '../boot/index.ts';
import type { PhaseMark } from './proof.ts';
import type { ReportEvent } from './report.ts';

const FACTS_MOST = 1000;

/** The timeline of one boot so far. */
export interface Recorder {
  /** Takes an event that arrived `at` seconds after the start; returns the new mark when it is a phase not seen before. */
  take(event: ReportEvent, at: number, touched: number | undefined): PhaseMark | undefined;
  readonly phases: readonly PhaseMark[];
  readonly facts: ReadonlyMap<string, string>;
  /** Whether this phase or a later one was reported. */
  reached(phase: PhaseName): boolean;
}

/** An empty timeline. */
export function recorder(): Recorder {
  const phases: PhaseMark[] = [];
  const facts = new Map<string, string>();
  return {
    take(event, at, touched) {
      if (event.kind === 'fact' && (facts.has(event.key) || facts.size < FACTS_MOST)) facts.set(event.key, event.value);
      if (event.kind !== 'phase' || phases.some((mark) => mark.name === event.name)) return undefined;
      const mark: PhaseMark = {
        name: event.name,
        at: rounded(at),
        uptime: event.uptime ?? null,
        memory: event.available ?? null,
        free: event.free ?? null,
        touched: touched ?? null,
      };
      phases.push(mark);
      return mark;
    },
    phases,
    facts,
    reached: (phase) => phases.some((mark) => PHASES.indexOf(mark.name) >= PHASES.indexOf(phase)),
  };
}

/** Seconds to a whole millisecond. */
export function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
