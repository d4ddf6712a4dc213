// The bytes of a file: one section of the image, or several one after the other.
import { type ByteSource, EMPTY, readInto, sliceSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { DirectoryRecord } from './decode-directory.ts';
import { checkInside, type Volume } from './decode-volume.ts';
import { fault } from './faults.ts';

const READ_MOST = 2 ** 31 - 1;

/** A source that cannot be read, and says why. */
function unreadable(size: number, error: KindlingError): ByteSource {
  return {
    size,
    read() {
      throw error;
    },
  };
}

/** Sources one after the other. */
function joined(parts: readonly ByteSource[]): ByteSource {
  const starts: number[] = [];
  let size = 0;
  for (const part of parts) {
    starts.push(size);
    size += part.size;
  }
  const fill = (at: number, target: Uint8Array): void => {
    if (at < 0 || at + target.length > size)
      throw new KindlingError('TRUNCATED', `asked for bytes ${at} to ${at + target.length}, but there are only ${size}`, { offset: at });
    for (let done = 0, index = starts.findLastIndex((start) => start <= at); done < target.length; index++) {
      const from = at + done - starts[index]!;
      const count = Math.min(parts[index]!.size - from, target.length - done);
      if (count > 0) readInto(parts[index]!, from, target.subarray(done, done + count));
      done += Math.max(0, count);
    }
  };
  return {
    size,
    read(at, count) {
      if (count > READ_MOST) throw new KindlingError('LIMIT', `${count} bytes in one read`, { offset: at });
      if (at < 0 || count < 0 || at + count > size)
        throw new KindlingError('TRUNCATED', `asked for bytes ${at} to ${at + count}, but there are only ${size}`, { offset: at });
      const bytes = new Uint8Array(count);
      fill(at, bytes);
      return bytes;
    },
    readInto: fill,
  };
}

/** The content of a file's record. Throws TRUNCATED when the image does not have it; UNSUPPORTED comes when such content is read. */
export function contentOf({ source }: Volume, record: DirectoryRecord, transformed: string | undefined, path: string): ByteSource {
  const { sections, at } = record;
  const used = sections.filter(({ size }) => size > 0);
  for (const section of used) checkInside(source, section.at, section.size, 'directory record', path);
  const size = used.reduce((sum, section) => sum + section.size, 0);
  if (transformed !== undefined) {
    const what = transformed === 'ZF' ? 'is compressed (zisofs)' : 'is sparse (SF)';
    return unreadable(size, fault('UNSUPPORTED', `${transformed} entry`, at, `the content ${what}, which is not read`, path));
  }
  if (record.isInterleaved) return unreadable(size, fault('UNSUPPORTED', 'directory record', at, 'an interleaved file', path));
  const parts = used.map((section) => sliceSource(source, section.at, section.size));
  return parts.length > 1 ? joined(parts) : (parts[0] ?? EMPTY);
}
