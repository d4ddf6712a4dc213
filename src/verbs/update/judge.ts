// Judging one archive of a root: is it there, is it ours, is it still the file its record is about, and is that record still true? Nothing is
// written, and nothing is believed that a stat cannot tell: where it tells nothing, a digest decides.
import type { Archive } from '../../archive/index.ts';
import {
  type ArchiveRecord,
  type Change,
  compareInputs,
  compareOutside,
  type InputRecord,
  parseRecord,
} from '../../archive/record/index.ts';
import { type ByteSource, nameFromBytes, readAll, type Sha256 } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Root } from '../../plan/index.ts';
import { archiveName, type BootFile, RECORD_NAME, type ReadStore, SEEN_NAME } from './store.ts';

/** How an archive is found. Only the first needs nothing; "foreign" is another tool's, which is never touched. */
export type ArchiveState = 'in step' | 'stale' | 'missing' | 'foreign' | 'unrecorded' | 'record damaged' | 'replaced' | 'damaged';

/** What is known about the archive of one kernel. */
export interface Judgement {
  readonly kernel: string;
  /** Its name in boot/. */
  readonly name: string;
  readonly state: ArchiveState;
  /** One clause a person can read. */
  readonly why: string;
  /** Inputs that differ, when a record could be compared. */
  readonly changes: readonly Change[];
  /** The record of the archive that is there. */
  readonly record: ArchiveRecord | undefined;
  /** Inputs that only look changed: a refreshed record compares faster. */
  readonly touched: readonly InputRecord[];
  readonly file: BootFile | undefined;
  /** Whether the file is another than the record's by its stat although it has its content. */
  readonly moved: boolean;
  /** When judging began, in milliseconds since 1970: what has changed since may not have been seen. */
  readonly at: number;
}

/** What judging needs of the outside. */
export interface JudgeOutside {
  readonly store: ReadStore;
  readonly sha256: Sha256;
  readonly decoders: readonly Decoder[];
  /** Milliseconds since 1970. */
  now(): number;
  /** The root, opened afresh. */
  root(): Root;
  /** Inputs that are not in the root, for an archive of this scope. */
  beyond(scope: string): ArchiveRecord['outside'];
}

/** What one record says of the archive it belongs to, from its first lines alone. */
export interface RecordHead {
  readonly id: string;
  readonly kernel: string;
  readonly size: number;
  readonly mtime: number;
  readonly inode: number;
  readonly sha256: string;
}

const HEAD_MOST = 4096;

/** The heads of all records. One that is damaged there has none. */
export function recordHeads(store: ReadStore): RecordHead[] {
  return store.ids().flatMap((id) => {
    const bytes = store.recordFile(id, RECORD_NAME);
    if (bytes === undefined) return [];
    const text = nameFromBytes(bytes.subarray(0, HEAD_MOST));
    const kernel = /^kernel\t(.+)$/m.exec(text)?.[1];
    const file = /^archive\t(\d+)\t([\d.]+)\t(\d+)\t([0-9a-f]{64})$/m.exec(text);
    if (kernel === undefined || file === null) return [];
    return [{ id, kernel, size: Number(file[1]), mtime: Number(file[2]), inode: Number(file[3]), sha256: file[4]! }];
  });
}

/** The line that says what a file was when its digest was last computed. */
export function seenText({ size, mtime, ctime, inode }: BootFile, sha256: string): string {
  return `${size} ${mtime} ${ctime} ${inode} ${sha256}\n`;
}

/** The record of a file of boot/, and whether its stat is that record's. Reads the file where its stat has not been seen before. */
export function headOf(file: BootFile, heads: readonly RecordHead[], { store, sha256 }: Pick<JudgeOutside, 'store' | 'sha256'>) {
  const sized = heads.filter(({ size }) => size === file.size);
  const same = ({ mtime, inode }: RecordHead): boolean => mtime === file.mtime && inode === file.inode;
  for (const head of sized) {
    const seen = store.recordFile(head.id, SEEN_NAME);
    if (seen !== undefined && nameFromBytes(seen) === seenText(file, head.sha256)) return { head, moved: !same(head) };
  }
  if (sized.length === 0) return undefined;
  const digest = sha256(readAll(store.open(file.name)));
  // Of two records with one content, the one that was made for this very file.
  const found = sized.filter((head) => head.sha256 === digest);
  const head = found.find(same) ?? found[0];
  return head === undefined ? undefined : { head, moved: !same(head) };
}

/** Judges the archive of a kernel. */
export async function judge(kernel: string, outside: JudgeOutside, heads = recordHeads(outside.store)): Promise<Judgement> {
  const { store } = outside;
  const name = archiveName(kernel);
  const file = store.look(name);
  const common = { kernel, name, file, changes: [], record: undefined, touched: [], moved: false, at: outside.now() };
  if (file === undefined) return { ...common, state: 'missing', why: 'there is no archive' };
  if (!file.isFile) return { ...common, state: 'foreign', why: 'it is no regular file' };
  const found = headOf(file, heads, outside);
  if (found === undefined) return { ...common, ...(await unknownFile(kernel, file, outside, heads)) };
  const record = recordOf(found.head.id, outside);
  if (record === undefined) return { ...common, state: 'record damaged', why: `its record ${store.records}/${found.head.id} is damaged` };
  const known = { ...common, record, moved: found.moved };
  if (record.kernel !== kernel) return { ...known, state: 'replaced', why: `it is a copy of the archive of kernel ${record.kernel}` };
  const { changes: inside, touched } = compareInputs(record, outside.root(), outside.sha256);
  const changes = [...inside, ...compareOutside(record, outside.beyond(record.words.scope ?? 'generic'))];
  if (changes.length === 0) return { ...known, touched, state: 'in step', why: 'nothing has changed since it was made' };
  return {
    ...known,
    touched,
    changes,
    state: 'stale',
    why: `${changes.length} input${changes.length === 1 ? '' : 's'} changed since it was made`,
  };
}

/** A record, whole; undefined when it is not. */
export function recordOf(id: string, { store, sha256 }: Pick<JudgeOutside, 'store' | 'sha256'>): ArchiveRecord | undefined {
  const bytes = store.recordFile(id, RECORD_NAME);
  if (bytes === undefined) return undefined;
  try {
    const record = parseRecord(bytes, sha256);
    return record.id === id ? record : undefined;
  } catch (error) {
    if (error instanceof KindlingError) return undefined;
    throw error;
  }
}

type Verdict = Pick<Judgement, 'state' | 'why'>;

/** A file that no record is about: ours when it holds our metadata, or a piece of it is where a record says. Anything else is another tool's. */
async function unknownFile(kernel: string, file: BootFile, outside: JudgeOutside, heads: readonly RecordHead[]): Promise<Verdict> {
  const { store, decoders } = outside;
  if (file.size === 0) return { state: 'damaged', why: 'it is empty' };
  const source = store.open(file.name);
  const { inspect, ID_PATH, METADATA_DIRECTORY } = await import('../../archive/index.ts');
  const archive = inspect(source, { decoders });
  const entry = archive.outer.get(ID_PATH);
  const id = entry?.kind === 'file' && entry.content.size < 100 ? nameFromBytes(readAll(entry.content)).trim() : undefined;
  if (archive.fault === undefined && id !== undefined) {
    if (store.recordFile(id, RECORD_NAME) === undefined) {
      const other = heads.some((head) => head.kernel === kernel);
      if (other) return { state: 'replaced', why: 'it is another archive than the one that is recorded' };
      return { state: 'unrecorded', why: 'there is no record of what it was made from' };
    }
    if (recordOf(id, outside) === undefined) return { state: 'record damaged', why: `its record ${store.records}/${id} is damaged` };
    return { state: 'replaced', why: 'its bytes are not those that its record is about' };
  }
  const isOurs = id !== undefined || archive.outer.entries.some(({ path }) => path.startsWith(`${METADATA_DIRECTORY}/`));
  if (isOurs || isPieceOfOurs(source, kernel, heads, outside)) {
    return { state: 'damaged', why: archive.fault?.message ?? 'it lacks its id' };
  }
  if (heads.some((head) => head.kernel === kernel) && isRest(source, archive, decoders)) {
    return { state: 'damaged', why: `it is what is left of an archive: ${archive.fault?.message}` };
  }
  return { state: 'foreign', why: archive.fault === undefined ? 'it was made by another tool' : 'it is no archive of kindling' };
}

/**
 * Whether a file is an image no more, whoever's it was: what a crash or a full disk leaves of one ends early, is nothing but NULs, or is broken
 * in its very first piece, of a compression that would be read. An image in a compression that is not read is another tool's.
 */
function isRest(source: ByteSource, { fault, members }: Archive, decoders: readonly Decoder[]): boolean {
  if (fault === undefined) return false;
  const head = source.read(0, Math.min(4096, source.size));
  if (fault.code === 'TRUNCATED' || head.every((byte) => byte === 0)) return true;
  return members.length === 0 && decoders.some((decoder) => decoder.detect(head));
}

/** Whether a damaged file still has a member where a record of this kernel has it. */
function isPieceOfOurs(
  source: ByteSource,
  kernel: string,
  heads: readonly RecordHead[],
  outside: Pick<JudgeOutside, 'store' | 'sha256'>,
): boolean {
  for (const head of heads.filter((one) => one.kernel === kernel)) {
    const record = recordOf(head.id, outside);
    for (const { at, size, sha256 } of record?.members ?? []) {
      if (at + size <= source.size && outside.sha256(source.read(at, size)) === sha256) return true;
    }
  }
  return false;
}
