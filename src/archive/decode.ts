// Reads any initramfs: NUL padding, uncompressed and compressed pieces in any sequence, several cpio archives inside one stream, the
// bootconfig trailer at the end. What the kernel refuses is a fault here, with the kernel's own words, and what came before it stands.
import { type ByteSource, sliceSource } from '../bytes/index.ts';
import type { CodecName, Decoder } from '../codecs/index.ts';
import { type Finding, KindlingError, located } from '../errors.ts';
import { type CpioArchive, DEFAULT_LIMITS, type ReadOptions, replay } from '../formats/cpio/index.ts';
import { decode as decodeNewc, detect as isNewc } from '../formats/newc/index.ts';
import { decode as decodeOdc, detect as isOdc } from '../formats/odc/index.ts';
import { makeTree, type Tree } from '../tree/index.ts';
import { bootconfigAt } from './bootconfig.ts';
import { decoderAt, type Frame, frameAt, frameCache } from './frames.ts';
import { type ImageFormat, type ImageFormatName, type InnerImage, imageEntry, laidOver, readInner } from './inner.ts';

/** Bounds on what an input may ask for. */
export interface Limits {
  /** Bytes all compressed frames together may unpack to. */
  readonly unpackedMost: number;
  readonly entriesMost: number;
}

/** The usual bounds of reading: bytes unpacked in all, and entries in all. */
export const LIMITS: Limits = { unpackedMost: 2 ** 31, entriesMost: DEFAULT_LIMITS.entriesMost };

/** How to read an archive: decoders to choose from by their magic, and bounds where the usual ones do not fit. */
export interface DecodeOptions {
  readonly decoders: readonly Decoder[];
  readonly limits?: Partial<Limits>;
  /** Whether 070702 checksums are compared, which reads all content. True unless told. */
  readonly checksums?: boolean;
  /** Formats of the image inside a squashed archive, and of files that are nothing but an image. Without them images are files like others. */
  readonly images?: readonly ImageFormat[];
}

/**
 * One piece of the file: an uncompressed cpio archive, one compressed frame with the archives in it, or a file system image that is the
 * whole file (its compressor is `InnerImage`'s). Sizes in bytes.
 */
export interface ArchiveMember {
  readonly at: number;
  readonly size: number;
  readonly codec: CodecName;
  readonly format: 'newc' | 'odc' | ImageFormatName;
  readonly unpackedSize: number;
  readonly cpios: readonly CpioArchive[];
}

/** What an archive holds. */
export interface Archive {
  readonly members: readonly ArchiveMember[];
  /** What the kernel would have in its root file system afterwards. */
  readonly outer: Tree;
  /** The image of a squashed archive, or the file itself where it is an image. */
  readonly inner: InnerImage | undefined;
  /** The one tree to look at: what is outside, with the image's entries over it. */
  readonly tree: Tree;
  /** Where a bootconfig trailer is, with its header. */
  readonly bootconfig: { readonly at: number; readonly size: number } | undefined;
  readonly findings: readonly Finding[];
  /** What stopped the reading (the kernel's unpacking too), or undefined when the end was reached. */
  readonly fault: KindlingError | undefined;
}

/** Reads as far as it goes; what stopped it is in `fault`. */
export function inspect(source: ByteSource, options: DecodeOptions): Archive {
  const bare = options.images?.find((one) => one.detect(source));
  if (bare !== undefined) return bareImage(source, bare, options);
  const archive = inspectPieces(source, options);
  if (options.images === undefined || imageEntry(archive.outer) === undefined) return archive;
  try {
    const entriesMost = options.limits?.entriesMost ?? LIMITS.entriesMost;
    const inner = readInner(archive.outer, options.images, { decoders: options.decoders, entriesMost });
    return inner === undefined ? archive : { ...archive, inner, tree: laidOver(archive.outer, inner.tree) };
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    return { ...archive, fault: archive.fault ?? error };
  }
}

const NOTHING: Tree = makeTree([]);

/** A file that is an image and nothing else. */
function bareImage(source: ByteSource, format: ImageFormat, { decoders, limits }: DecodeOptions): Archive {
  const member = { at: 0, size: source.size, codec: 'none', format: format.name, unpackedSize: source.size, cpios: [] } as const;
  const archive = {
    members: [member],
    outer: NOTHING,
    inner: undefined,
    tree: NOTHING,
    bootconfig: undefined,
    findings: [],
    fault: undefined,
  };
  try {
    const found = format.decode(source, { decoders, entriesMost: limits?.entriesMost ?? LIMITS.entriesMost });
    const inner = { path: '', format: format.name, content: source, ...found };
    return { ...archive, outer: found.tree, inner, tree: found.tree };
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    return { ...archive, fault: error };
  }
}

function inspectPieces(source: ByteSource, options: DecodeOptions): Archive {
  const limits = { ...LIMITS, ...options.limits };
  const members: ArchiveMember[] = [];
  const findings: Finding[] = [];
  const root = replay();
  const cache = frameCache();
  const bootconfig = bootconfigAt(source, findings);
  const input = bootconfig === undefined ? source : sliceSource(source, 0, bootconfig.at);
  const compressed = tailOnce(input);
  let entriesLeft = limits.entriesMost;
  let unpackedLeft = limits.unpackedMost;
  let fault: KindlingError | undefined;

  const apply = (cpio: CpioArchive, structure: string) => {
    entriesLeft -= cpio.records.length;
    const from = root.findings.length;
    for (const record of cpio.records) root.add(record);
    root.trailer();
    for (const found of [...cpio.findings, ...root.findings.slice(from)])
      findings.push({ ...found, where: { ...found.where, structure: structureOf(found, structure) } });
    if (cpio.fault !== undefined) throw located(inStructure(cpio.fault, structure), {});
  };
  const readOptions = (): ReadOptions => ({ entriesMost: entriesLeft, checksums: options.checksums ?? true });

  const plainAt = (at: number): number => {
    const head = input.read(at, Math.min(6, input.size - at));
    const odc = isOdc(head);
    const cpio = odc ? decodeOdc(input, at, readOptions()) : decodeNewc(input, at, readOptions());
    if (odc) findings.push(refusedForm(at));
    const size = cpio.endAt - at;
    members.push({ at, size, codec: 'none', format: odc ? 'odc' : 'newc', unpackedSize: size, cpios: [cpio] });
    apply(cpio, '');
    const nextAt = skipNul(input, cpio.endAt);
    if (!odc && nextAt < input.size && nextAt % 4 !== 0)
      throw kernelSays('broken padding', 'an uncompressed archive must be padded to a multiple of 4', nextAt);
    return nextAt;
  };

  const frameFrom = (at: number, decoder: Decoder): number => {
    const frame = frameAt(compressed(), at, decoder, unpackedLeft, cache);
    unpackedLeft -= frame.content.size;
    const cpios: CpioArchive[] = [];
    const member = { at, size: frame.size, codec: frame.codec, unpackedSize: frame.content.size };
    const structure = ` in the ${frame.codec} frame at ${at}`;
    let format: 'newc' | 'odc' = 'newc';
    let inner = 0;
    try {
      while (inner < frame.content.size) {
        const head = frame.content.read(inner, Math.min(6, frame.content.size - inner));
        const odc = isOdc(head);
        if (!odc && head[0] !== 0x30)
          throw kernelSays(inner === 0 ? 'no cpio magic' : 'junk within compressed archive', 'there is no cpio archive', at, inner);
        if (!odc && inner % 4 !== 0) throw kernelSays('broken padding', 'an archive must start at a multiple of 4', at, inner);
        if (odc) {
          format = 'odc';
          findings.push(refusedForm(at));
        }
        const cpio = odc ? decodeOdc(frame.content, inner, readOptions()) : decodeNewc(frame.content, inner, readOptions());
        cpios.push(cpio);
        apply(cpio, structure);
        if (!cpio.trailer)
          throw kernelSays('junk at the end of compressed archive', 'the frame ends inside an archive, before its TRAILER!!!', at);
        inner = skipNul(frame.content, cpio.endAt);
      }
      if (cpios.length === 0) throw kernelSays('junk at the end of compressed archive', 'the frame holds no archive', at);
    } finally {
      members.push({ ...member, format, cpios });
    }
    checkAfterFrame(input, at, frame);
    return at + frame.size;
  };

  try {
    let at = skipNul(input, 0);
    while (at < input.size) {
      const head = input.read(at, Math.min(6, input.size - at));
      if ((isNewc(head) && at % 4 === 0) || isOdc(head)) at = skipNul(input, plainAt(at));
      else {
        const decoder = decoderAt(input, at, options.decoders);
        if (decoder === undefined) throw notAnArchive(head, at, members.length === 0);
        at = skipNul(input, frameFrom(at, decoder));
      }
    }
    if (members.length === 0)
      throw new KindlingError('UNRECOGNISED', input.size === 0 ? 'the file is empty' : 'the file holds nothing but NULs', { offset: 0 });
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    fault = error;
  }
  const tree = root.tree();
  return { members, outer: tree, inner: undefined, tree, bootconfig, findings, fault };
}

/** Reads an archive that must be whole: throws its fault. */
export function decode(source: ByteSource, options: DecodeOptions): Archive {
  const archive = inspect(source, options);
  if (archive.fault !== undefined) throw archive.fault;
  return archive;
}

/** The rest of the file from its first compressed frame on, read once: codecs take bytes. */
function tailOnce(input: ByteSource): () => ByteSource {
  let held: { at: number; bytes: Uint8Array } | undefined;
  const tail: ByteSource = {
    size: input.size,
    read(at, size) {
      if (held === undefined || at < held.at) held = { at, bytes: input.read(at, input.size - at) };
      return held.bytes.subarray(at - held.at, at - held.at + size);
    },
  };
  return () => tail;
}

function skipNul(source: ByteSource, from: number): number {
  for (let at = from; at < source.size; ) {
    const bytes = source.read(at, Math.min(4096, source.size - at));
    const found = bytes.findIndex((byte) => byte !== 0);
    if (found >= 0) return at + found;
    at += bytes.length;
  }
  return source.size;
}

/** An lz4 legacy stream has no end mark: the kernel takes whatever follows for its next block unless that is four NULs or another lz4. */
function checkAfterFrame(input: ByteSource, at: number, frame: Frame): void {
  const endAt = at + frame.size;
  if (frame.codec !== 'lz4' || input.size - endAt < 4) return;
  const [a, b, c, d] = input.read(endAt, 4);
  if ((a === 0 && b === 0 && c === 0 && d === 0) || (a === 0x02 && b === 0x21)) return;
  throw kernelSays('Decoding failed', 'an lz4 stream must be followed by at least four NULs', endAt);
}

function kernelSays(words: string, why: string, offset: number, inner?: number): KindlingError {
  const structure = inner === undefined ? 'initramfs' : `offset ${inner} in the compressed frame`;
  return new KindlingError('BAD_VALUE', `${why} (the kernel says "${words}")`, { structure, offset });
}

function notAnArchive(head: Uint8Array, at: number, first: boolean): KindlingError {
  const found = Array.from(head, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  if (first)
    return new KindlingError('UNRECOGNISED', `the file starts with ${found}, which is neither cpio nor a compression Linux accepts`, {
      offset: at,
    });
  const what = isNewc(head)
    ? `an uncompressed archive at an offset that is no multiple of 4`
    : `${found}, which is neither cpio nor a compressed frame`;
  return new KindlingError('BAD_MAGIC', `found ${what} (the kernel says "invalid magic at start of compressed archive")`, {
    structure: 'initramfs',
    offset: at,
  });
}

function refusedForm(offset: number): Finding {
  const message = 'odc cpio: the kernel refuses it ("incorrect cpio method used: use -H newc option")';
  return { code: 'odc-archive', severity: 'error', where: { structure: 'initramfs', offset }, message };
}

function structureOf(found: Finding, structure: string): string {
  return `${found.where.structure ?? 'cpio'}${structure}`;
}

function inStructure(fault: KindlingError, structure: string): KindlingError {
  return new KindlingError(
    fault.code,
    fault.message,
    { ...fault.where, structure: `${fault.where.structure ?? 'cpio'}${structure}` },
    fault.cause,
  );
}
