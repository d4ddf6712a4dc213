// Frames: the pieces of a file that the kernel's unpacker (unpack_to_rootfs in init/initramfs.c) tells apart: NUL padding, uncompressed
// cpio, compressed frames. Each frame's unpacked bytes are a source; only the last few compressed frames are kept unpacked.
import { type ByteSource, bytesSource, type Recent, recent } from '../bytes/index.ts';
import type { CodecName, Decoder } from '../codecs/index.ts';
import { KindlingError, located } from '../errors.ts';

/** Bytes of unpacked frames kept in memory; the newest is always kept, however large. */
const KEPT_SIZE = 96 << 20;

/** The unpacked bytes of frames used last. */
export type FrameCache = Recent<object>;

/** A cache for one archive. */
export function frameCache(): FrameCache {
  return recent({ sizeMost: KEPT_SIZE });
}

/** One compressed frame: where it is, what it unpacks to. */
export interface Frame {
  readonly codec: Exclude<CodecName, 'none'>;
  /** Compressed bytes. */
  readonly size: number;
  readonly content: ByteSource;
}

/** The decoder for what starts at `at`, or undefined when no codec of the kernel starts like this. */
export function decoderAt(source: ByteSource, at: number, decoders: readonly Decoder[]): Decoder | undefined {
  const head = source.read(at, Math.min(16, source.size - at));
  return decoders.find((decoder) => decoder.detect(head));
}

/** Unpacks the frame at `at`. Errors carry the offset in the file; `limit` bounds the unpacked bytes. */
export function frameAt(source: ByteSource, at: number, decoder: Decoder, limit: number, cache: FrameCache): Frame {
  const key = {};
  let consumed = 0;
  const unpack = (size: number): Uint8Array => {
    try {
      const decoded = decoder.decode(source.read(at, size), limit);
      consumed = decoded.consumed;
      return decoded.bytes;
    } catch (error) {
      throw inFile(error, at, decoder.name);
    }
  };
  const first = cache.get(key, () => unpack(source.size - at));
  const size = consumed;
  const content: ByteSource = {
    size: first.length,
    read: (from, count) => bytesSource(cache.get(key, () => unpack(size))).read(from, count),
  };
  return { codec: decoder.name, size, content };
}

/** A codec counts offsets from the start of its frame; a person from the start of the file. */
function inFile(error: unknown, at: number, codec: string): unknown {
  if (!(error instanceof KindlingError)) return error;
  const offset = at + (error.where.offset ?? 0);
  return located(new KindlingError(error.code, error.message, { ...error.where, offset }, error.cause), { structure: `${codec} frame` });
}
