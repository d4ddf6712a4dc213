// File data: blocks in file order, small files packed into fragments, equal files once, zeros as holes.
// Reading and packing run ahead of writing by as many blocks as the compressor has slots; what is written is in order and does not depend on that.
import { readInto, utf8 } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import type { FileEntry } from '../../tree/index.ts';
import type { BlockSlot, EncodeOptions, KnownBlock, KnownFile, PackedBlock } from './compressor.ts';
import { type Part, recallOf } from './encode-known.ts';
import { RAW_BLOCK } from './structs.ts';

/** Blocks of a file, one after the other. Files with equal blocks have one list. */
export interface BlockList {
  /** Absolute offset of the first stored block; 0 when there is none. */
  startAt: number;
  /** The size words of the blocks: 0 for a hole. */
  readonly words: Uint32Array;
  /** Bytes in holes. */
  sparseSize: number;
}

/** The end of a file in a block shared with others. */
export interface Tail {
  readonly fragmentIndex: number;
  readonly offset: number;
}

/** Where a file's bytes are in the image. */
export interface FileData {
  readonly blocks: BlockList;
  readonly tail: Tail | undefined;
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

/** A block that ends of files are put into. Without a slot as long as all of them are known, and the whole block may be. */
interface Filling {
  slot: BlockSlot | undefined;
  size: number;
  readonly index: number;
  readonly parts: Part[];
}

interface Running {
  /** Undefined for a block of an earlier image. */
  readonly slot: BlockSlot | undefined;
  readonly packed: Promise<PackedBlock> | KnownBlock;
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

/** Sizes that occur more than once: only what has one of these can be a duplicate. 0 is none of them. */
function sharedSizes(sizes: readonly number[]): ReadonlySet<number> {
  const seen = new Set<number>();
  const shared = new Set<number>();
  for (const size of sizes) (seen.has(size) ? shared : seen).add(size);
  shared.delete(0);
  return shared;
}

const NO_BLOCKS: BlockList = { startAt: 0, words: new Uint32Array(0), sparseSize: 0 };

/** The data of these files in this order, from `startAt` on. Files are read when `chunks` is run, each once (twice when it begins like another). */
export function dataPart(files: readonly FileEntry[], options: EncodeOptions, startAt: number): DataPart {
  const { blockSize, compressor } = options;
  const dataOf = new Map<FileEntry, FileData>();
  const fragments: FragmentBlock[] = [];
  const tailSizeOf = (size: number): number => {
    if (options.fragments === 'none') return 0;
    return size < blockSize ? size : options.fragments === 'always' ? size % blockSize : 0;
  };
  const compared = options.duplicates ? files : [];
  const sharedTails = sharedSizes(compared.map(({ content }) => tailSizeOf(content.size)));
  const sharedLists = sharedSizes(compared.map(({ content }) => content.size - tailSizeOf(content.size)));
  // By size and digest: ends, first blocks, all blocks.
  const tails = new Map<string, Tail>();
  const begun = new Set<string>();
  const lists = new Map<string, BlockList>();
  const running: Running[] = [];
  const recall = recallOf(files, options);
  let filling: Filling | undefined;
  let scratch: Uint8Array | undefined;
  let position = startAt;
  let contentSize = 0;

  function start(slot: BlockSlot, size: number, placed: Running['placed']): void {
    const packed = slot.compress(size);
    packed.catch(() => undefined); // reported when its turn comes
    running.push({ slot, packed, placed });
  }

  /** A block of the earlier image, at `at` there. */
  function startKnown(block: KnownBlock, placed: Running['placed']): void {
    running.push({ slot: undefined, packed: block, placed });
  }

  function knownBytes({ startAt: at, word }: KnownBlock): PackedBlock {
    return { bytes: options.known!.read(at, word & ~RAW_BLOCK), compressed: (word & RAW_BLOCK) === 0 };
  }

  async function* finish(): AsyncGenerator<Uint8Array> {
    const { packed, placed } = running[0]!;
    const { bytes, compressed } = 'word' in packed ? knownBytes(packed) : await packed;
    placed(position, compressed ? bytes.length : bytes.length | RAW_BLOCK);
    position += bytes.length;
    yield bytes;
    running.shift()!.slot?.release();
    options.onProgress?.({ contentSize, imageSize: position });
  }

  /** Leaves a slot free to take. */
  async function* room(): AsyncGenerator<Uint8Array> {
    while (running.length + (filling === undefined ? 0 : 1) >= compressor.slotCount) yield* finish();
  }

  async function* endFragment(): AsyncGenerator<Uint8Array> {
    if (filling === undefined) return;
    const { size, index, parts } = filling;
    const fragment = fragments[index]!;
    const placed = (at: number, word: number): void => {
      fragment.startAt = at;
      fragment.word = word;
    };
    recall?.filled(index, parts);
    const same = filling.slot === undefined ? recall?.fragment(parts) : undefined;
    if (same !== undefined) {
      filling = undefined;
      yield* room();
      startKnown(same, placed);
      return;
    }
    const slot = filling.slot ?? (yield* fillSlot(filling));
    filling = undefined;
    start(slot, size, placed);
  }

  /** Reads what is in a block that was thought to be known. */
  async function* fillSlot(block: Filling): AsyncGenerator<Uint8Array, BlockSlot> {
    // the block itself is counted: it may have the last slot
    while (running.length + 1 > compressor.slotCount) yield* finish();
    const slot = compressor.take();
    block.slot = slot;
    let at = 0;
    for (const { file, size } of block.parts) {
      load(file, file.content.size - size, slot.bytes.subarray(at, at + size));
      at += size;
    }
    return slot;
  }

  function load(file: FileEntry, at: number, target: Uint8Array): void {
    try {
      readInto(file.content, at, target);
    } catch (error) {
      throw located(error, { path: file.path });
    }
  }

  function scratchFor(size: number): Uint8Array {
    scratch ??= new Uint8Array(blockSize);
    return scratch.subarray(0, size);
  }

  /** Puts the end of a file into the fragment being filled, or a new one. Without bytes it is known, and read only if its block is not. */
  async function* addFragment(part: Part, bytes: Uint8Array | undefined): AsyncGenerator<Uint8Array, Tail> {
    if (filling !== undefined && filling.size + part.size > blockSize) yield* endFragment();
    if (filling === undefined) {
      yield* room();
      filling = { slot: bytes === undefined ? undefined : compressor.take(), size: 0, index: fragments.length, parts: [] };
      fragments.push({ startAt: 0, word: 0 });
    }
    const block = filling;
    if (bytes !== undefined) {
      const slot = block.slot ?? (yield* fillSlot(block));
      const target = slot.bytes.subarray(block.size, block.size + part.size);
      // Read in place where it fitted.
      if (target.buffer !== bytes.buffer || target.byteOffset !== bytes.byteOffset) target.set(bytes);
    } else if (block.slot !== undefined) {
      load(part.file, part.file.content.size - part.size, block.slot.bytes.subarray(block.size, block.size + part.size));
    }
    const tail = { fragmentIndex: block.index, offset: block.size };
    block.size += part.size;
    if (recall !== undefined) block.parts.push(part);
    return tail;
  }

  function endOf(size: number): Uint8Array {
    if (filling?.slot === undefined || filling.size + size > blockSize) return scratchFor(size);
    return filling.slot.bytes.subarray(filling.size, filling.size + size);
  }

  async function* storeTail(file: FileEntry, size: number): AsyncGenerator<Uint8Array, Tail> {
    const known = recall?.file(file);
    const compares = sharedTails.has(size);
    const isKnown = known !== undefined && (!compares || known.tail !== undefined);
    const bytes = isKnown ? undefined : endOf(size);
    if (bytes !== undefined) load(file, file.content.size - size, bytes);
    const digest = compares ? (bytes === undefined ? known!.tail! : options.sha256(bytes)) : undefined;
    recall?.digested(file, { tail: digest ?? known?.tail });
    const key = digest === undefined ? undefined : `${size}:${digest}`;
    const same = key === undefined ? undefined : tails.get(key);
    if (same !== undefined) return same;
    const tail = yield* addFragment({ file, size }, bytes);
    if (key !== undefined) tails.set(key, tail);
    return tail;
  }

  function listKey(size: number, digests: readonly string[]): string {
    return `${size}:${options.sha256(utf8(digests.join()))}`;
  }

  /** The stored blocks that are those of this file, which begins like one that is stored. */
  function sameBlocks(file: FileEntry, size: number, first: string): BlockList | undefined {
    const digests = [first];
    for (let at = blockSize; at < size; at += blockSize) {
      const bytes = scratchFor(Math.min(blockSize, size - at));
      load(file, at, bytes);
      digests.push(options.sha256(bytes));
    }
    const same = lists.get(listKey(size, digests));
    if (same !== undefined) recall?.digested(file, { blocks: digests });
    return same;
  }

  /** The blocks of a file that is what it was in the earlier image: none of it is read. */
  async function* storeKnown(file: FileEntry, size: number, known: KnownFile): AsyncGenerator<Uint8Array, BlockList> {
    recall!.digested(file, { blocks: known.digests });
    const digests = sharedLists.has(size) ? known.digests : undefined;
    const key = digests === undefined ? undefined : listKey(size, digests);
    const same = key === undefined ? undefined : lists.get(key);
    if (same !== undefined) return same;
    const list: BlockList = { startAt: 0, words: new Uint32Array(known.words.length), sparseSize: 0 };
    let at = known.startAt;
    for (const [index, word] of known.words.entries()) {
      if (word === 0) {
        list.sparseSize += Math.min(blockSize, size - index * blockSize);
        continue;
      }
      yield* room();
      startKnown({ startAt: at, word }, (placedAt, placedWord) => {
        if (list.startAt === 0) list.startAt = placedAt;
        list.words[index] = placedWord;
      });
      at += word & ~RAW_BLOCK;
    }
    if (key !== undefined) {
      begun.add(`${size}:${digests![0]}`);
      lists.set(key, list);
    }
    return list;
  }

  async function* storeBlocks(file: FileEntry, size: number): AsyncGenerator<Uint8Array, BlockList> {
    const known = recall?.file(file);
    const digests = sharedLists.has(size) ? ([] as string[]) : undefined;
    if (
      known !== undefined &&
      known.words.length === Math.ceil(size / blockSize) &&
      (digests === undefined || known.digests !== undefined)
    ) {
      return yield* storeKnown(file, size, known);
    }
    const list: BlockList = { startAt: 0, words: new Uint32Array(Math.ceil(size / blockSize)), sparseSize: 0 };
    for (let index = 0; index < list.words.length; index++) {
      yield* room();
      const slot = compressor.take();
      let sent = false;
      try {
        const bytes = slot.bytes.subarray(0, Math.min(blockSize, size - index * blockSize));
        load(file, index * blockSize, bytes);
        contentSize += bytes.length;
        const digest = digests === undefined ? '' : options.sha256(bytes);
        digests?.push(digest);
        const same = index === 0 && begun.has(`${size}:${digest}`) ? sameBlocks(file, size, digest) : undefined;
        if (same !== undefined) return same;
        if (options.sparse && isZero(bytes)) {
          list.sparseSize += bytes.length;
          continue;
        }
        sent = true;
        start(slot, bytes.length, (at, word) => {
          if (list.startAt === 0) list.startAt = at;
          list.words[index] = word;
        });
      } finally {
        if (!sent) slot.release();
      }
    }
    if (digests !== undefined) {
      begun.add(`${size}:${digests[0]}`);
      lists.set(listKey(size, digests), list);
      recall?.digested(file, { blocks: digests });
    }
    return list;
  }

  return {
    dataOf,
    fragments,
    async *chunks() {
      try {
        for (const file of files) {
          const { size } = file.content;
          if (!Number.isSafeInteger(size) || size < 0) throw new KindlingError('BAD_VALUE', `the size is ${size}`, { path: file.path });
          const readBefore = contentSize;
          const tailSize = tailSizeOf(size);
          const blocks = size > tailSize ? yield* storeBlocks(file, size - tailSize) : NO_BLOCKS;
          const tail = tailSize > 0 ? yield* storeTail(file, tailSize) : undefined;
          dataOf.set(file, { blocks, tail });
          contentSize = readBefore + size;
        }
        yield* endFragment();
        while (running.length > 0) yield* finish();
        recall?.note(dataOf, fragments);
      } finally {
        filling?.slot?.release();
        for (const { slot, packed } of running) {
          if (!('word' in packed)) await packed.catch(() => undefined); // the first failure is already on its way up
          slot?.release();
        }
      }
    },
  };
}
