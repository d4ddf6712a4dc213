// Where the parts of a compressed file are, from any of its index forms: one list of extents in order of the file.

/** How an extent is stored. `shifted` and `interlaced` are uncompressed: from the start of the block, or each byte at its place modulo the block. */
export const ENCODINGS = ['lz4', 'lzma', 'deflate', 'zstd', 'shifted', 'interlaced', 'fragment', 'hole'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** One extent: [at, end) of the file, from `storedSize` bytes at `storedAt`. */
export interface Extent {
  readonly at: number;
  readonly end: number;
  readonly encoding: Encoding;
  /** Byte address in the image's blocks; in the metadata for an inline tail; in the packed inode for a fragment. */
  readonly storedAt: number;
  readonly storedSize: number;
  readonly inline: boolean;
}

/** A list of extents. Plain arrays of numbers: a large file has hundreds of thousands. A stateful builder, so a class. */
export class ExtentList {
  private readonly starts: number[] = [];
  private readonly encodings: number[] = [];
  private readonly storedAts: number[] = [];
  private readonly storedSizes: number[] = [];
  private readonly size: number;
  private inlineTail = false;

  constructor(size: number) {
    this.size = size;
  }

  get count(): number {
    return this.starts.length;
  }

  /** Where the last extent starts; -1 when there is none. */
  get lastAt(): number {
    return this.starts.at(-1) ?? -1;
  }

  add(at: number, encoding: Encoding, storedAt: number, storedSize: number): void {
    this.starts.push(at);
    this.encodings.push(ENCODINGS.indexOf(encoding));
    this.storedAts.push(storedAt);
    this.storedSizes.push(storedSize);
  }

  /** Sets the stored size of the last extent. */
  resizeLast(storedSize: number): void {
    this.storedSizes[this.count - 1] = storedSize;
  }

  /** Makes the last extent an inline tail: encoded as it was, stored in the metadata. */
  inlineLast(storedAt: number, storedSize: number): void {
    this.storedAts[this.count - 1] = storedAt;
    this.storedSizes[this.count - 1] = storedSize;
    this.inlineTail = true;
  }

  /** Makes the last extent a fragment. `storedAt` gets the block number that its index held. */
  fragmentLast(storedAt: number): void {
    this.encodings[this.count - 1] = ENCODINGS.indexOf('fragment');
    this.storedAts[this.count - 1] = storedAt;
  }

  /** The extent that holds `at`, which is below the file's size and not before the first extent. */
  extentAt(at: number): Extent {
    let low = 0;
    let high = this.count;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! <= at) low = middle;
      else high = middle;
    }
    return this.extent(low);
  }

  extent(index: number): Extent {
    const last = index + 1 === this.count;
    return {
      at: this.starts[index]!,
      end: last ? this.size : this.starts[index + 1]!,
      encoding: ENCODINGS[this.encodings[index]!]!,
      storedAt: this.storedAts[index]!,
      storedSize: this.storedSizes[index]!,
      inline: last && this.inlineTail,
    };
  }
}
