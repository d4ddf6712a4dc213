// A source made of spans: each call finds the span that holds a place and lets it fill its part of the target.
import type { ByteSource } from '../../bytes/index.ts';
import { fault, type Place } from './faults.ts';

/** A stretch of a file's content, [at, end), which fills a target from `skip` bytes into it on. */
export interface Span {
  readonly at: number;
  readonly end: number;
  /** Nothing is stored: all zeros. */
  readonly hole?: boolean;
  fill(skip: number, target: Uint8Array): void;
}

/** Content whose spans can be walked, for those who would skip holes. */
export interface SpanSource extends ByteSource {
  spanAt(at: number): Span;
}

/** The most that one read returns: a hole may claim any size. */
const READ_SIZE_MAX = 2 ** 31;

/** Content of `size` bytes; `spanAt` gives the span that holds a place below `size`. */
export function spanSource(size: number, place: Place, spanAt: (at: number) => Span): SpanSource {
  function check(at: number, count: number): void {
    if (at < 0 || count < 0 || at + count > size) {
      throw fault('TRUNCATED', place, `bytes ${at} to ${at + count} were asked for, its content has ${size}`);
    }
  }
  function readInto(at: number, target: Uint8Array): void {
    check(at, target.length);
    for (let done = 0; done < target.length; ) {
      const span = spanAt(at + done);
      const count = Math.min(span.end - at - done, target.length - done);
      span.fill(at + done - span.at, target.subarray(done, done + count));
      done += count;
    }
  }
  return {
    size,
    read(at, count) {
      check(at, count);
      if (count > READ_SIZE_MAX) throw fault('LIMIT', place, `${count} bytes were asked for at once, at most ${READ_SIZE_MAX} are read`);
      const target = new Uint8Array(count);
      readInto(at, target);
      return target;
    },
    readInto,
    spanAt,
  };
}
