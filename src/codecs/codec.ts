// The codec interface. A codec is passed in as a value, never looked up in a global registry: `codecs/` holds pure decoders
// (what a page needs), `node/` supplies faster ones with the same shape.

/** Every compression Linux accepts for an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst, lib/decompress.c). */
export type CodecName = 'none' | 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'lzo' | 'lz4' | 'zstd';

/** One decompressed frame. `consumed` is how many bytes of the input it took. */
export interface Decoded {
  readonly bytes: Uint8Array;
  readonly consumed: number;
}

/** Decompresses one frame (one gzip member, one zstd frame, one xz stream with its padding, one lz4 legacy stream, one lzop file). */
export interface Decoder {
  readonly name: Exclude<CodecName, 'none'>;
  /** True when the bytes start like this format; needs at most 16 bytes. */
  detect(head: Uint8Array): boolean;
  /**
   * Decompresses the frame at the start of `input`; bytes after it are left alone.
   * Throws LIMIT before more than `limit` bytes are produced, TRUNCATED, BAD_MAGIC, BAD_VALUE, BAD_CHECKSUM or UNSUPPORTED otherwise,
   * each with the structure and the offset in `input`.
   */
  decode(input: Uint8Array, limit: number): Decoded;
  /**
   * The same compression in the form squashfs gives its blocks: a zlib stream (RFC 1950), a bare lzo1x or lz4 block, otherwise a whole
   * frame. All of `input` is one block of at most `limit` bytes. Errors as for `decode`. Absent where no file system uses the codec.
   */
  decodeBlock?(input: Uint8Array, limit: number): Uint8Array;
}

/** Compresses one whole member into one frame that the kernel accepts. Equal input and level give equal bytes on any machine and thread count. */
export interface Encoder {
  readonly name: 'none' | 'gzip' | 'xz' | 'lz4' | 'zstd';
  readonly levels: { readonly least: number; readonly most: number; readonly default: number };
  /** What else decides the bytes: name and version of the implementation. Absent where that is this program's own. */
  readonly version?: string;
  /** Asynchronous so that members can be compressed in parallel. */
  encode(input: Uint8Array, level: number): Promise<Uint8Array>;
}

/** The codec chosen on the command line (`zstd:3`), level already defaulted. */
export interface CodecChoice {
  readonly encoder: Encoder;
  readonly level: number;
}
