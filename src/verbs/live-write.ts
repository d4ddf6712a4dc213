// live write: an image on a device, read back and compared. Everything that touches the device is handed in. The first mebibyte, where
// the partition table is, is blanked first and written last: until then nothing takes the half-written device for a whole one.
import type { ByteSource } from '../bytes/index.ts';
import { readInto } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';

/** A device that was opened for nobody else. All of it may throw IO, NO_SPACE or READ_ONLY. */
export interface DeviceWriter {
  readonly size: number;
  write(at: number, bytes: Uint8Array): Promise<void>;
  /** Everything written is on the device afterwards. */
  flush(): Promise<void>;
  /** Opens the device for reading what it holds, past the kernel's memory of what was written where that can be done. */
  reread(): Promise<DeviceReader>;
  /** Has the kernel look at the partition table again. */
  rereadTable(): Promise<TableReread>;
  close(): Promise<void>;
}

/** How reading back was done: past the page cache (O_DIRECT), after dropping it (blockdev --flushbufs), or perhaps out of it. */
export type ReadBack = 'direct' | 'flushed' | 'cached';

/** A device to read back. The memory that `read` returns may be used again by the next read. */
export interface DeviceReader {
  readonly how: ReadBack;
  read(at: number, size: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What became of having the partition table read: "no-program" when neither blockdev nor partprobe is installed. */
export type TableReread = 'done' | 'refused' | 'no-program';

/** A digest over pieces. */
export interface RunningDigest {
  update(piece: Uint8Array): void;
  finish(): string;
}

/** What writing needs besides the device. */
export interface WriteOutside {
  /** Starts a SHA-256. */
  digest(): RunningDigest;
  /** Called as it goes on. */
  onStep(step: WriteStep, done: number): void;
}

/** What is being done. */
export type WriteStep = 'writing' | 'flushing' | 'reading back';

/** What came of it. */
export interface Written {
  readonly size: number;
  /** SHA-256 of the image, and of what the device gave back. */
  readonly sha256: string;
  readonly readBack: ReadBack;
  readonly table: TableReread;
  /** Whether the last mebibyte of the device, behind the image, was blanked: a backup partition table may have been there. */
  readonly endBlanked: boolean;
}

const HEAD_SIZE = 1 << 20;
const CHUNK_SIZE = 4 << 20;
/** What is written goes to the device after so many bytes, so that progress is true and the machine stays usable. */
const FLUSH_EVERY = 64 << 20;

/** Writes an image and compares what the device holds then. Throws IO when it is not the image, TRUNCATED for an image that shrank, and what the device throws. */
export async function writeImage(image: ByteSource, device: DeviceWriter, outside: WriteOutside): Promise<Written> {
  const { size } = image;
  if (size === 0 || size > device.size) {
    throw new KindlingError('NO_SPACE', `an image of ${size} bytes for a device of ${device.size}`, { structure: 'device' });
  }
  const headSize = Math.min(HEAD_SIZE, size);
  const endAt = Math.max(size, device.size - HEAD_SIZE);
  const buffer = new Uint8Array(Math.min(CHUNK_SIZE, Math.max(headSize, size)));
  const head = new Uint8Array(headSize);
  readInto(image, 0, head);
  outside.onStep('writing', 0);
  await device.write(0, new Uint8Array(headSize));
  if (endAt < device.size) await device.write(endAt, new Uint8Array(device.size - endAt));
  await device.flush();
  const digest = outside.digest();
  digest.update(head);
  let flushedAt = headSize;
  for (let at = headSize; at < size; ) {
    const part = buffer.subarray(0, Math.min(CHUNK_SIZE, size - at));
    readInto(image, at, part);
    digest.update(part);
    await device.write(at, part);
    at += part.length;
    if (at - flushedAt >= FLUSH_EVERY) {
      await device.flush();
      flushedAt = at;
    }
    outside.onStep('writing', at);
  }
  outside.onStep('flushing', size);
  await device.flush();
  await device.write(0, head);
  await device.flush();
  const sha256 = digest.finish();
  const readBack = await compare(image, device, sha256, outside);
  const table = await device.rereadTable();
  return { size, sha256, readBack, table, endBlanked: endAt < device.size };
}

async function compare(image: ByteSource, device: DeviceWriter, sha256: string, outside: WriteOutside): Promise<ReadBack> {
  const reader = await device.reread();
  try {
    const digest = outside.digest();
    for (let at = 0; at < image.size; ) {
      const part = await reader.read(at, Math.min(CHUNK_SIZE, image.size - at));
      digest.update(part);
      at += part.length;
      outside.onStep('reading back', at);
    }
    const found = digest.finish();
    if (found !== sha256) throw differs(await firstDifference(image, reader), sha256, found);
    return reader.how;
  } finally {
    await reader.close();
  }
}

async function firstDifference(image: ByteSource, reader: DeviceReader): Promise<number | undefined> {
  const buffer = new Uint8Array(Math.min(CHUNK_SIZE, image.size));
  for (let at = 0; at < image.size; ) {
    const part = buffer.subarray(0, Math.min(CHUNK_SIZE, image.size - at));
    readInto(image, at, part);
    const found = await reader.read(at, part.length);
    const index = part.findIndex((byte, place) => byte !== found[place]);
    if (index >= 0) return at + index;
    at += part.length;
  }
  return undefined;
}

function differs(offset: number | undefined, expected: string, found: string): KindlingError {
  const where = offset === undefined ? 'though not when it was read again: it is not to be relied on' : `from byte ${offset} on`;
  return new KindlingError(
    'IO',
    `the device does not hold what was written, ${where} (SHA-256 ${found}, expected ${expected}); do not use it`,
    { structure: 'device', ...(offset === undefined ? {} : { offset }) },
  );
}
