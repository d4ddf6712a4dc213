// Writes an archive: plan -> segments -> members -> bytes. Layout and alignment rules: docs/archive.md.
// Members are compressed in parallel with a bounded look-ahead; what comes out does not depend on how many run at once.
import { type ByteSource, bytesSource, readInto, type Sha256, utf8 } from '../bytes/index.ts';
import type { CodecChoice } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';
import { encodeWhole as encodeNewc, loses as newcLoses } from '../formats/newc/index.ts';
import { encodeWhole as encodeOdc, loses as odcLoses } from '../formats/odc/index.ts';
import type { Plan, SegmentName } from '../plan/index.ts';
import {
  checkExpressible,
  comparePaths,
  type Entry,
  type FileEntry,
  file,
  type Loses,
  makeTree,
  type Tree,
  withParents,
} from '../tree/index.ts';
import { type IdDigest, idDigest } from './id.ts';
import { type ArchiveImage, imageMember, packed } from './image.ts';
import { cut, MEMBER_SIZES, type MemberSizes } from './members.ts';
import { printReasons } from './reasons.ts';
import { contentDigests, formWords, type KnownArchive, type KnownMember, memberKey, type WrittenMember } from './reuse.ts';

/** Where the archive keeps what it knows of itself. */
export const METADATA_DIRECTORY = 'usr/lib/kindling';
/** Where an archive keeps its own id: a digest of everything in it. */
export const ID_PATH = `${METADATA_DIRECTORY}/id`;
/** Where an archive keeps its reasons, one line for each entry and reason. */
export const REASONS_PATH = `${METADATA_DIRECTORY}/reasons`;

/** Order of segments in the file. Microcode is first because the kernel looks for it before it can decompress anything. */
export const SEGMENT_ORDER: readonly SegmentName[] = ['microcode', 'base', 'modules', 'firmware', 'configuration', 'image'];

/** How to write an archive: the codec of its members and the digest for its id. */
export interface EncodeOptions {
  readonly codec: CodecChoice;
  readonly sha256: Sha256;
  /** Form of the cpio archives; `newc` unless told. The Linux kernel reads no other. */
  readonly format?: 'newc' | 'odc';
  /** Members compressed at once; memory grows by about 12 MiB for each. Does not change the bytes. 4 unless told. */
  readonly parallel?: number;
  /**
   * Where members are cut: by these sizes (the default), one for each `segment`, or one for the whole `archive` behind the microcode.
   * The last is for programs that stop at the first trailer (lsinitrd, unmkinitramfs, GNU cpio).
   */
  readonly members?: MemberSizes | 'segment' | 'archive';
  /** A squashed archive: the plan is what is outside the image, and this what is in it. */
  readonly image?: ArchiveImage;
  /** An older archive of the same root: members that are in it are not made again. The bytes are those of an archive made without it. */
  readonly known?: KnownArchive;
  /** Told of each member in the order of the file, the image of a squashed archive excepted. */
  readonly onWritten?: (member: WrittenMember) => void;
  /** Told the SHA-256 of each file's content: what was packed, or what is known of it where its member is an old one. */
  readonly onContent?: (entry: FileEntry, sha256: string) => void;
  /** Told while the image is made: bytes of it so far. */
  readonly onImage?: (size: number) => void;
  /** Told after each member: its segment, and unpacked and packed bytes so far. */
  readonly onMember?: (progress: MemberProgress) => void;
}

/** How far encoding is; sizes in bytes since the start of the archive. */
export interface MemberProgress {
  readonly segment: SegmentName;
  readonly unpackedSize: number;
  readonly packedSize: number;
}

type Memory = (size: number) => Uint8Array;

const FORMATS: Record<'newc' | 'odc', { encode(entries: readonly Entry[], memory: Memory): Uint8Array; loses: Loses }> = {
  newc: { encode: encodeNewc, loses: newcLoses },
  odc: { encode: encodeOdc, loses: odcLoses },
};

/** The plan's tree with the metadata directory and reasons in it; the id is added last, when all else has been digested. */
function withMetadata(plan: Plan, inside?: Tree): { tree: Tree; segmentOf: ReadonlyMap<string, SegmentName> } {
  for (const path of [ID_PATH, REASONS_PATH]) {
    if (plan.tree.get(path) !== undefined || inside?.get(path) !== undefined)
      throw new KindlingError('CONFLICT', `the plan holds "${path}", which the archive writes itself`, { path });
  }
  const reasons = file(REASONS_PATH, bytesSource(printReasons(plan.reasons)));
  const tree = makeTree(withParents([...plan.tree.entries, reasons]));
  const segmentOf = new Map(plan.segmentOf);
  segmentOf.set(REASONS_PATH, 'configuration');
  return { tree, segmentOf };
}

/** Most members fit; larger ones get what they need. */
const MEMORY_LEAST = MEMBER_SIZES.most + (64 << 10);

interface Job {
  readonly segment: SegmentName;
  readonly entries: readonly Entry[];
  /** Never compressed. */
  readonly plain: boolean;
  /** "" where nobody asks for it. */
  readonly key: string;
  /** It is in the older archive. */
  readonly held: KnownMember | undefined;
}

const IMAGE_JOB: Job = { segment: 'image', entries: [], plain: true, key: '', held: undefined };

/**
 * The bytes of the archive. Deterministic: equal plan and options give equal bytes, whatever `parallel` is.
 * Throws NOT_EXPRESSIBLE or CONFLICT before the first byte.
 */
export async function* encode(plan: Plan, options: EncodeOptions): AsyncGenerator<Uint8Array> {
  const format = FORMATS[options.format ?? 'newc'];
  const { image } = options;
  const { tree, segmentOf } = withMetadata(plan, image?.inside);
  if (image !== undefined && options.format === 'odc') {
    throw new KindlingError('UNSUPPORTED', 'a squashed archive is made for Linux, which reads no odc', { path: image.path });
  }
  checkExpressible(tree.entries, format.loses);
  if (plan.microcode !== undefined) checkExpressible(plan.microcode.entries, format.loses);
  const digest = idDigest(options.sha256);
  const parallel = Math.max(1, options.parallel ?? 4);
  const running: { job: Job; unpacked: Uint8Array | undefined; packed: Promise<Uint8Array> }[] = [];
  // Members that are packed leave their memory to the next ones: fresh pages cost as much as reading the files.
  const spare: Uint8Array[] = [];
  const memory: Memory = (size) => {
    const index = spare.findIndex((one) => one.length >= size);
    return index >= 0 ? spare.splice(index, 1)[0]! : new Uint8Array(Math.max(size, MEMORY_LEAST));
  };
  let position = 0;
  let unpackedSize = 0;
  let lastPlain = true;
  // First of all, because the id covers it; its place is behind the loader, which can then say what is missing of an image cut short.
  const inImage = contentDigests(options.sha256, options.known);
  const add = (entry: Entry): void => {
    const sha256 = entry.kind === 'file' ? inImage(entry) : undefined;
    digest.add(entry, sha256);
    if (entry.kind === 'file') options.onContent?.(entry, sha256!);
  };
  const content = image === undefined ? undefined : await packed(image, add, (size) => options.onImage?.(size));
  const start = (job: Job) => {
    if (job.held !== undefined) {
      running.push({ job, unpacked: undefined, packed: Promise.resolve(job.held.bytes) });
      return;
    }
    const unpacked = format.encode(job.entries, memory);
    const packed =
      job.plain || options.codec.encoder.name === 'none'
        ? Promise.resolve(unpacked)
        : options.codec.encoder.encode(unpacked, options.codec.level);
    packed.catch(() => undefined); // reported when its turn comes
    running.push({ job, unpacked, packed });
  };
  const finish = async function* (): AsyncGenerator<Uint8Array> {
    const { job, unpacked, packed: coming } = running.shift()!;
    const bytes = await coming;
    const plain = job.plain || options.codec.encoder.name === 'none';
    const padding = paddingBefore(position, lastPlain, plain, options.codec.encoder.name);
    if (padding > 0) yield new Uint8Array(padding);
    yield bytes;
    const size = job.held?.unpackedSize ?? unpacked!.length;
    if (options.onWritten !== undefined) {
      const sha256 = job.held?.sha256 ?? options.sha256(bytes);
      const at = position + padding;
      options.onWritten({ key: job.key, at, size: bytes.length, unpackedSize: size, sha256, reused: job.held !== undefined });
    }
    position += padding + bytes.length;
    unpackedSize += size;
    // Not while the bytes handed out may be these.
    if (unpacked !== undefined && bytes.buffer !== unpacked.buffer) spare.push(new Uint8Array(unpacked.buffer));
    lastPlain = plain;
    options.onMember?.({ segment: job.segment, unpackedSize, packedSize: position });
  };
  const finishImage = async function* (path: string, bytes: ByteSource): AsyncGenerator<Uint8Array> {
    while (running.length > 0) yield* finish();
    const padding = paddingBefore(position, lastPlain, true, options.codec.encoder.name);
    if (padding > 0) yield new Uint8Array(padding);
    position += padding;
    for (const chunk of imageMember(path, bytes, tree)) {
      yield chunk;
      position += chunk.length;
    }
    lastPlain = true;
    unpackedSize += bytes.size;
    options.onMember?.({ segment: 'image', unpackedSize, packedSize: position });
  };
  for (const job of jobs(plan, tree, segmentOf, digest, options)) {
    if (job.segment === 'image') {
      yield* finishImage(image!.path, content!);
      continue;
    }
    if (running.length >= parallel) yield* finish();
    start(job);
  }
  while (running.length > 0) yield* finish();
}

/**
 * NULs before the next piece (facts of init/initramfs.c): uncompressed archives, and what follows them, start at a multiple of 4;
 * an lz4 legacy stream has no end mark and needs four NULs after it.
 */
export function paddingBefore(position: number, lastPlain: boolean, plain: boolean, codec: string): number {
  if (position === 0) return 0;
  if (!lastPlain && codec === 'lz4') return 4 + (-position & 3);
  return plain || lastPlain ? -position & 3 : 0;
}

function* jobs(
  plan: Plan,
  tree: Tree,
  segmentOf: ReadonlyMap<string, SegmentName>,
  digest: IdDigest,
  options: EncodeOptions,
): Generator<Job> {
  const { members = MEMBER_SIZES } = options;
  const job = jobMaker(digest, options);
  if (plan.microcode !== undefined) {
    yield job(
      'microcode',
      plan.microcode.entries.filter((entry) => entry.path !== ''),
      true,
    );
  }
  if (members === 'archive') {
    const entries = tree.entries.filter((entry) => entry.path !== '');
    yield job('base', entries, false, () => idFile(digest));
    if (options.image !== undefined) yield IMAGE_JOB;
    return;
  }
  const sizes = members === 'segment' ? { least: Infinity, most: Infinity } : members;
  for (const segment of SEGMENT_ORDER.slice(1)) {
    const entries = tree.entries.filter((entry) => segmentFor(entry, segmentOf) === segment);
    for (const cutting of cut(entries, tree, sizes)) yield job(segment, cutting, false);
  }
  if (options.image !== undefined) yield IMAGE_JOB;
  // The id covers everything, so it goes into an archive of its own right at the end.
  const parents = ['usr', 'usr/lib', METADATA_DIRECTORY].map((path) => tree.get(path)!);
  yield job('configuration', parents, false, () => idFile(digest));
}

/** Makes jobs of cuttings: known members where there are some, and otherwise the entries with their content in memory. All go into the id. */
function jobMaker(digest: IdDigest, options: EncodeOptions) {
  const { sha256, known, codec, format = 'newc' } = options;
  const load = loader();
  const withKeys = known !== undefined || options.onWritten !== undefined;
  /** Adds entries to the id; `others` are the plan's own where these are copies. */
  const enter = (entries: readonly Entry[], digestOf: (entry: FileEntry) => string, others = entries): void => {
    entries.forEach((entry, index) => {
      const other = others[index]!;
      digest.add(entry, entry.kind === 'file' ? digestOf(entry) : undefined);
      if (entry.kind === 'file' && other.kind === 'file') options.onContent?.(other, digestOf(entry));
    });
  };
  return (segment: SegmentName, cutting: readonly Entry[], plain: boolean, last?: () => Entry): Job => {
    const words = formWords(format, codec, plain || codec.encoder.name === 'none');
    if (known !== undefined && last === undefined) {
      const digestOf = once(contentDigests(sha256, known));
      const key = memberKey(cutting, words, digestOf, sha256);
      const held = known.member(key);
      if (held !== undefined) {
        enter(cutting, digestOf);
        return { segment, entries: [], plain, key, held };
      }
    }
    // What is packed is what is digested, whatever was known of it.
    const digestOf = once(contentDigests(sha256, undefined));
    const loaded = load(cutting);
    enter(loaded, digestOf, cutting);
    const entries = last === undefined ? loaded : [...loaded, last()].sort((a, b) => comparePaths(a.path, b.path));
    return { segment, entries, plain, key: withKeys ? memberKey(entries, words, digestOf, sha256) : '', held: undefined };
  };
}

function once(digestOf: (entry: FileEntry) => string): (entry: FileEntry) => string {
  const digests = new Map<FileEntry, string>();
  return (entry) => {
    const digest = digests.get(entry) ?? digestOf(entry);
    digests.set(entry, digest);
    return digest;
  };
}

function idFile(digest: IdDigest): Entry {
  return file(ID_PATH, bytesSource(utf8(`${digest.id()}\n`)));
}

/**
 * Gives the entries of a member with their content in memory: the digest and the encoder both go over it, and the disk is read once.
 * Each member's content takes the place of the last one's, so that the next is asked for only when one is encoded.
 */
function loader(): (member: readonly Entry[]) => Entry[] {
  let held = new Uint8Array(0);
  return (member) => {
    const size = member.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.content.size : 0), 0);
    if (size > held.length) held = new Uint8Array(Math.max(size, MEMORY_LEAST));
    let at = 0;
    return member.map((entry) => {
      if (entry.kind !== 'file') return entry;
      const bytes = held.subarray(at, at + entry.content.size);
      readInto(entry.content, 0, bytes);
      at += bytes.length;
      return { ...entry, content: bytesSource(bytes) };
    });
  };
}

/** A hard link goes where the file it names goes; what the plan says nothing of is part of the base. */
function segmentFor(entry: Entry, segmentOf: ReadonlyMap<string, SegmentName>): SegmentName {
  return segmentOf.get(entry.kind === 'hardlink' ? entry.to : entry.path) ?? 'base';
}
