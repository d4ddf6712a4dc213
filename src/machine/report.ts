// The report channel: what early userspace writes to the second serial port (docs/boot.md, "The report channel").
//   kindling: phase NAME uptime=S.SS available=KiB free=KiB
//   kindling: fact KEY VALUE
//   kindling: failed CODE TEXT
// The guest is not trusted: anything else is counted and dropped, and no number of lines takes more than bounded memory.
import { isPhase, type PhaseName } from '../boot/index.ts';
import { lineSplitter } from './lines.ts';

/** One thing a guest reported. Uptime in seconds, memory in KiB; undefined where the guest did not say. */
export type ReportEvent =
  | {
      readonly kind: 'phase';
      readonly name: PhaseName;
      readonly uptime: number | undefined;
      readonly available: number | undefined;
      readonly free: number | undefined;
    }
  | { readonly kind: 'fact'; readonly key: string; readonly value: string }
  | { readonly kind: 'failed'; readonly code: string; readonly text: string };

const EVENTS_MOST = 10_000;
const KEY = /^[A-Za-z0-9_.:/-]{1,128}$/;

/** Reads one line; undefined when it is none of the protocol's. */
export function parseLine(line: string): ReportEvent | undefined {
  const start = line.indexOf('kindling: ');
  // a line cut short by a dying writer may stand before ours on the same line
  const [verb = '', first = '', ...rest] = start < 0 ? [] : line.slice(start + 'kindling: '.length).split(' ');
  if (first === '') return undefined;
  if (verb === 'phase') return phaseFrom(first, rest);
  const text = printable(rest.join(' '));
  if (verb === 'fact' && KEY.test(first)) return { kind: 'fact', key: first, value: text };
  if (verb === 'failed' && KEY.test(first)) return { kind: 'failed', code: first, text };
  return undefined;
}

function phaseFrom(name: string, words: readonly string[]): ReportEvent | undefined {
  if (!isPhase(name)) return undefined;
  const numbers = new Map<string, number>();
  for (const word of words) {
    const [, key, digits] = /^([a-z]+)=(\d{1,12}(?:\.\d{1,6})?)$/.exec(word) ?? [];
    if (key !== undefined && digits !== undefined) numbers.set(key, Number(digits));
  }
  return { kind: 'phase', name, uptime: numbers.get('uptime'), available: numbers.get('available'), free: numbers.get('free') };
}

/** Control characters out: the text goes to terminals. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '\u{fffd}');
}

/** Reads a report as it arrives. */
export interface ReportReader {
  push(bytes: Uint8Array): readonly ReportEvent[];
  /** Lines that were no part of the protocol, or came after the most that is read. */
  readonly dropped: number;
}

/** A reader for one boot. */
export function reportReader(): ReportReader {
  const lines = lineSplitter();
  let taken = 0;
  let dropped = 0;
  return {
    push(bytes) {
      const events: ReportEvent[] = [];
      for (const line of lines.push(bytes)) {
        const event = taken < EVENTS_MOST ? parseLine(line) : undefined;
        if (event === undefined) dropped += 1;
        else {
          taken += 1;
          events.push(event);
        }
      }
      return events;
    },
    get dropped() {
      return dropped;
    },
  };
}
