// A block device to write to: opened for nobody else, written, flushed, read back past the page cache.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { KindlingError } from '../errors.ts';
import type { DeviceReader, DeviceWriter, TableReread } from '../verbs/live-write.ts';
import { errnoError } from './errno.ts';
import { findTool, runTool } from './tools.ts';

/** O_DIRECT wants offsets and sizes of whole blocks; no device has larger ones. */
const BLOCK_SIZE = 4096;
const WASM_PAGE_SIZE = 65536;
const MEMORY_SIZE = 4 << 20;
const TRIES = 5;
const PAUSE = 300;

async function calling<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw errnoError(error, { file: path }) ?? error;
  }
}

/** Opens a device for nobody else (O_EXCL): the kernel refuses when it is mounted, held or open so elsewhere. Throws IO then, and NO_PERMISSION or NO_ENTRY. */
export async function openDevice(path: string, size: number): Promise<DeviceWriter> {
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EBUSY') {
      throw new KindlingError('IO', 'the kernel has it in use and does not give it up', { file: path }, error);
    }
    throw errnoError(error, { file: path }) ?? error;
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await calling(path, () => handle.close());
  };
  return {
    size,
    close,
    flush: () => calling(path, () => handle.sync()),
    async write(at, bytes) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await calling(path, () => handle.write(bytes, done, bytes.length - done, at + done));
        if (bytesWritten === 0) throw new KindlingError('NO_SPACE', `nothing can be written at byte ${at + done}`, { file: path });
        done += bytesWritten;
      }
    },
    reread: () => openReader(path, size),
    async rereadTable() {
      // the kernel refuses while somebody has the whole device for himself
      await close();
      return await rereadTable(path);
    },
  };
}

interface Wasm {
  readonly WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } };
}

/** Memory that starts at a page, as O_DIRECT wants it: nothing else of JavaScript promises that. */
function alignedMemory(): Uint8Array {
  // Node's types know no WebAssembly without those of a browser
  const { WebAssembly } = globalThis as unknown as Wasm;
  return new Uint8Array(new WebAssembly.Memory({ initial: MEMORY_SIZE / WASM_PAGE_SIZE }).buffer);
}

async function openReader(path: string, size: number): Promise<DeviceReader> {
  const memory = alignedMemory();
  const direct = await openDirect(path, size, memory);
  if (direct !== undefined) return readerOf(path, direct, size, memory, 'direct');
  const flushed = findTool('blockdev') !== undefined && (await runTool('blockdev', ['--flushbufs', path])).code === 0;
  return readerOf(path, await calling(path, () => open(path, constants.O_RDONLY)), size, memory, flushed ? 'flushed' : 'cached');
}

/** Not every file system and not every device can do it; the first read tells. */
async function openDirect(path: string, size: number, memory: Uint8Array): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECT);
    await handle.read(memory, 0, Math.min(BLOCK_SIZE, size), 0);
    return handle;
  } catch (error) {
    await handle?.close();
    if (error instanceof Error && 'code' in error && (error.code === 'EINVAL' || error.code === 'EOPNOTSUPP')) return undefined;
    throw errnoError(error, { file: path }) ?? error;
  }
}

function readerOf(path: string, handle: FileHandle, size: number, memory: Uint8Array, how: DeviceReader['how']): DeviceReader {
  return {
    how,
    async read(at, count) {
      const wanted = Math.min(count, memory.length);
      // the image may end within a block, the device does not
      const asked = Math.min(Math.ceil(wanted / BLOCK_SIZE) * BLOCK_SIZE, memory.length, size - at);
      let done = 0;
      while (done < wanted) {
        const { bytesRead } = await calling(path, () => handle.read(memory, done, asked - done, at + done));
        if (bytesRead === 0)
          throw new KindlingError('TRUNCATED', `the device ends at byte ${at + done}`, { file: path, offset: at + done });
        done += bytesRead;
      }
      return memory.subarray(0, wanted);
    },
    close: () => calling(path, () => handle.close()),
  };
}

/** Tried a few times: after a device was written, udev looks at it too, and the kernel says "busy" meanwhile. */
async function rereadTable(path: string): Promise<TableReread> {
  const program = ['blockdev', 'partprobe'].find((name) => findTool(name) !== undefined);
  if (program === undefined) return 'no-program';
  for (let turn = 0; turn < TRIES; turn++) {
    if (turn > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE));
    const env = { ...process.env, LC_ALL: 'C' };
    const { code, stderr } = await runTool(program, program === 'blockdev' ? ['--rereadpt', path] : [path], { env });
    if (code === 0) return 'done';
    if (!/busy/i.test(stderr)) break;
  }
  return 'refused';
}
