// File data: blocks in file order, small files packed into fragments, equal files once, zeros as holes.
// Reading and packing run ahead of writing by as many blocks as the compressor has slots; what is written is in order and does not depend on that.
import { readInto, utf8 } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import type { FileEntry } from '../../tree/index.ts';
import type { BlockSlot, EncodeOptions, PackedBlock } from './compressor.ts';
import { RAW_BLOCK } from './structs.ts';

/** Where a file's bytes are in the image. */
export interface FileData {
  /** Absolute offset of the first stored block; 0 when there is none. */
  startAt: number;
  /** The size words of the blocks: 0 for a hole. */
  readonly words: Uint32Array;
  /** Bytes in holes. */
  sparseSize: number;
  /** The block shared with others that holds the end, if one does. */
  fragmentIndex: number | undefined;
  fragmentOffset: number;
}

/** A fragment block in the image. */
export interface FragmentBlock {
  startAt: number;
  word: number;
}

/** The data part of an image. The generator of `chunks` fills `dataOf` and `fragments`, which are complete when it ends. */
export interface DataPart {
  readonly dataOf: ReadonlyMap<FileEntry, FileData>;
  readonly fragments: readonly FragmentBlock[];
  /** The stored blocks, one after the other. Each is valid until the next is asked for. */
  chunks(): AsyncGenerator<Uint8Array>;
}

interface Running {
  readonly slot: BlockSlot;
  readonly packed: Promise<PackedBlock>;
  /** Told where the block is and its size word. */
  readonly placed: (at: number, word: number) => void;
}

function isZero(bytes: Uint8Array): boolean {
  const wordCount = bytes.byteOffset % 4 === 0 ? bytes.length >> 2 : 0;
  const words = wordCount === 0 ? [] : new Uint32Array(bytes.buffer, bytes.byteOffset, wordCount);
  for (let index = 0; index < wordCount; index++) if (words[index] !== 0) return false;
  for (let at = wordCount * 4; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Sizes that more than one file has: only these can be duplicates. */
function sharedSizes(files: readonly FileEntry[]): Set<number> {
  const seen = new Set<number>();
  const shared = new Set<number>();
  for (const { content } of files) (seen.has(content.size) ? shared : seen).add(content.size);
  return shared;
}

/** The data of these files in this order, from `startAt` on. Files are read when `chunks` is run, each once (twice when it may be a duplicate). */
export function dataPart(files: readonly FileEntry[], options: EncodeOptions, startAt: number): DataPart {
  const { blockSize, compressor } = options;
  const dataOf = new Map<FileEntry, FileData>();
  const fragments: FragmentBlock[] = [];
  const shared = options.duplicates ? sharedSizes(files) : new Set<number>();
  // By size and digest: of the first block, and of the whole content.
  const begun = new Set<string>();
  const known = new Map<string, FileData>();
  const running: Running[] = [];
  let filling: { readonly slot: BlockSlot; size: number; readonly index: number } | undefined;
  let scratch: Uint8Array | undefined;
  let position = startAt;
  let contentSize = 0;

  function start(slot: BlockSlot, size: number, placed: Running['placed']): void {
    const packed = slot.compress(size);
    packed.catch(() => undefined); // reported when its turn comes
    running.push({ slot, packed, placed });
  }

  async function* finish(): AsyncGenerator<Uint8Array> {
    const { packed, placed } = running[0]!;
    const { bytes, compressed } = await packed;
    placed(position, compressed ? bytes.length : bytes.length | RAW_BLOCK);
    position += bytes.length;
    yield bytes;
    running.shift()!.slot.release();
    options.onProgress?.({ contentSize, imageSize: position });
  }

  /** Leaves a slot free to take. */
  async function* room(): AsyncGenerator<Uint8Array> {
    while (running.length + (filling === undefined ? 0 : 1) >= compressor.slotCount) yield* finish();
  }

  function endFragment(): void {
    if (filling === undefined) return;
    const fragment = fragments[filling.index]!;
    const { slot, size } = filling;
    filling = undefined;
    start(slot, size, (at, word) => {
      fragment.startAt = at;
      fragment.word = word;
    });
  }

  function load(file: FileEntry, at: number, target: Uint8Array): void {
    try {
      readInto(file.content, at, target);
    } catch (error) {
      throw located(error, { path: file.path });
    }
    contentSize += target.length;
  }

  function scratchFor(size: number): Uint8Array {
    scratch ??= new Uint8Array(blockSize);
    return scratch.subarray(0, size);
  }

  /** Puts the end of a file into the fragment being filled, or a new one. */
  async function* addFragment(data: FileData, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    if (filling !== undefined && filling.size + bytes.length > blockSize) endFragment();
    if (filling === undefined) {
      yield* room();
      filling = { slot: compressor.take(), size: 0, index: fragments.length };
      fragments.push({ startAt: 0, word: 0 });
    }
    const target = filling.slot.bytes.subarray(filling.size, filling.size + bytes.length);
    // Read in place where it fitted.
    if (target.buffer !== bytes.buffer || target.byteOffset !== bytes.byteOffset) target.set(bytes);
    data.fragmentIndex = filling.index;
    data.fragmentOffset = filling.size;
    filling.size += bytes.length;
  }

  function endOf(size: number): Uint8Array {
    if (filling === undefined || filling.size + size > blockSize) return scratchFor(size);
    return filling.slot.bytes.subarray(filling.size, filling.size + size);
  }

  function newData(blockCount: number): FileData {
    return { startAt: 0, words: new Uint32Array(blockCount), sparseSize: 0, fragmentIndex: undefined, fragmentOffset: 0 };
  }

  /** A file that is one fragment. */
  async function* storeSmall(file: FileEntry): AsyncGenerator<Uint8Array> {
    const { size } = file.content;
    const bytes = endOf(size);
    load(file, 0, bytes);
    const key = shared.has(size) ? `${size}:${options.sha256(bytes)}` : undefined;
    const same = key === undefined ? undefined : known.get(key);
    const data = same ?? newData(0);
    dataOf.set(file, data);
    if (same !== undefined) return;
    if (key !== undefined) known.set(key, data);
    yield* addFragment(data, bytes);
  }

  function wholeKey(size: number, digests: readonly string[]): string {
    return `${size}:${options.sha256(utf8(digests.join()))}`;
  }

  /** A stored file with the same content; reads beyond the first block only when another file begins alike. */
  function duplicateOf(file: FileEntry): FileData | undefined {
    const { size } = file.content;
    const digests: string[] = [];
    for (let at = 0; at < size; at += blockSize) {
      const bytes = scratchFor(Math.min(blockSize, size - at));
      load(file, at, bytes);
      contentSize -= bytes.length;
      digests.push(options.sha256(bytes));
      if (at === 0 && !begun.has(`${size}:${digests[0]}`)) return undefined;
    }
    return known.get(wholeKey(size, digests));
  }

  async function* storeLarge(file: FileEntry): AsyncGenerator<Uint8Array> {
    const { size } = file.content;
    const digests = shared.has(size) ? ([] as string[]) : undefined;
    const same = digests === undefined ? undefined : duplicateOf(file);
    if (same !== undefined) {
      dataOf.set(file, same);
      contentSize += size;
      return;
    }
    const tailSize = options.fragments === 'always' ? size % blockSize : 0;
    const blockCount = Math.ceil((size - tailSize) / blockSize);
    const data = newData(blockCount);
    dataOf.set(file, data);
    for (let index = 0; index < blockCount; index++) {
      yield* room();
      const slot = compressor.take();
      let sent = false;
      try {
        const bytes = slot.bytes.subarray(0, Math.min(blockSize, size - index * blockSize));
        load(file, index * blockSize, bytes);
        digests?.push(options.sha256(bytes));
        if (options.sparse && isZero(bytes)) {
          data.sparseSize += bytes.length;
          continue;
        }
        sent = true;
        start(slot, bytes.length, (at, word) => {
          if (data.startAt === 0) data.startAt = at;
          data.words[index] = word;
        });
      } finally {
        if (!sent) slot.release();
      }
    }
    if (tailSize > 0) {
      const bytes = endOf(tailSize);
      load(file, size - tailSize, bytes);
      digests?.push(options.sha256(bytes));
      yield* addFragment(data, bytes);
    }
    if (digests === undefined) return;
    begun.add(`${size}:${digests[0]}`);
    known.set(wholeKey(size, digests), data);
  }

  return {
    dataOf,
    fragments,
    async *chunks() {
      try {
        for (const file of files) {
          const { size } = file.content;
          if (!Number.isSafeInteger(size) || size < 0) throw new KindlingError('BAD_VALUE', `the size is ${size}`, { path: file.path });
          if (size === 0) dataOf.set(file, newData(0));
          else if (size < blockSize && options.fragments !== 'none') yield* storeSmall(file);
          else yield* storeLarge(file);
        }
        endFragment();
        while (running.length > 0) yield* finish();
      } finally {
        filling?.slot.release();
        for (const { slot, packed } of running) {
          await packed.catch(() => undefined); // the first failure is already on its way up
          slot.release();
        }
      }
    },
  };
}
