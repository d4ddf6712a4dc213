// What an update takes over from the archive it replaces: digests of files that are what they were, packed members, and what was found out
// about files. All of it can be missing or damaged; then it is made as if there had been no archive.
import { ID_PATH, inspect, type KnownArchive, type WrittenMember } from '../../archive/index.ts';
import { FACTS_CACHE_NAME, heldFacts, type InputRecord, isRacy, type MemberRecord, sameStat } from '../../archive/record/index.ts';
import { type ByteSource, nameFromBytes, readAll, sliceSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type Root, type WatchedRoot, watchRoot } from '../../plan/index.ts';
import type { FileEntry } from '../../tree/index.ts';
import type { Judgement } from './judge.ts';
import type { MakeOutside } from './make.ts';
import type { NewArchive } from './store.ts';

/** What one run takes over, and what it notes for the next. */
export interface Reuse {
  readonly watched: WatchedRoot;
  /** For encoding, once everything is planned. */
  encoding(): {
    readonly known: KnownArchive;
    readonly onWritten: (member: WrittenMember) => void;
    readonly onContent: (entry: FileEntry, sha256: string) => void;
  };
  /** SHA-256 of an input's content that needs no reading. */
  digestOf(content: ByteSource, path: string): string | undefined;
  /** The members of the new archive. */
  members(): MemberRecord[];
  /** Whether any member was taken over. */
  readonly reusedAny: boolean;
  /**
   * Reads the new archive back: as a whole by its digest, new members to the last file of them (what was taken over was read back when it
   * was new). Answers the id in it. Throws IO. Only after all has been written.
   */
  check(archive: NewArchive): string;
  /** Facts for the next run; undefined where they are not worth writing. */
  facts(): Uint8Array | undefined;
}

/** Starts a run: a root that is watched and knows what was known. */
export function reuseFor(judged: Judgement, began: number, outside: MakeOutside): Reuse {
  const { sha256, store } = outside;
  const plain = outside.root();
  const version = outside.beyond('generic').find(({ name }) => name === 'kindling')?.digest ?? '';
  const held = heldFacts({ bytes: store.recordFile('', FACTS_CACHE_NAME), version, root: plain, began, sha256 });
  const watched = watchRoot({ ...plain, facts: held.facts });
  const trusted = trustedDigests(judged, plain);
  const contents = new Map<ByteSource, string>();
  const byPath = new Map<string, string>();
  const written: WrittenMember[] = [];
  const old = oldMembers(judged, outside);
  return {
    watched,
    encoding() {
      const paths = new Map<ByteSource, string>();
      for (const { path, entry } of watched.seen()) if (entry?.kind === 'file') paths.set(entry.content, path);
      const digestOf = ({ content }: FileEntry): string | undefined => {
        const path = paths.get(content);
        return path === undefined ? held.digestOf(content) : trusted(path);
      };
      return {
        known: { digestOf, member: old },
        onWritten: (member) => written.push(member),
        onContent({ content, path }, digest) {
          contents.set(content, digest);
          byPath.set(path, digest);
          held.digested(content, digest);
        },
      };
    },
    digestOf: (content, path) => contents.get(content) ?? trusted(path),
    members: () => written.map(({ reused: _, ...member }) => member),
    get reusedAny() {
      return written.some(({ reused }) => reused);
    },
    check: (archive) => checkWritten(archive, written, byPath, outside),
    facts: () => held.print(),
  };
}

/** Digests that a record knows, of files whose stat says that they are the ones it knew. */
function trustedDigests({ record, touched, at }: Judgement, root: Root): (path: string) => string | undefined {
  let known: Map<string, { readonly input: InputRecord; readonly since: number }> | undefined;
  const open = (): NonNullable<typeof known> => {
    const all = (record?.inputs ?? []).map((input) => [input.path, { input, since: record!.made }] as const);
    // What only looked changed was compared just now.
    return new Map([...all, ...touched.map((input) => [input.path, { input, since: at }] as const)]);
  };
  return (path) => {
    known ??= open();
    const found = known.get(path);
    const stat = root.stat?.(path);
    if (found?.input.stat === undefined || found.input.content === undefined || stat === undefined) return undefined;
    return sameStat(stat, found.input.stat) && !isRacy(stat, found.since) ? found.input.content : undefined;
  };
}

/** Members of the archive that is there, each compared with its digest before it is handed out. */
function oldMembers({ record, name, file }: Judgement, { store, sha256 }: MakeOutside): KnownArchive['member'] {
  const members = new Map((record?.members ?? []).map((member) => [member.key, member]));
  let source: ByteSource | undefined;
  return (key) => {
    const member = members.get(key);
    if (member === undefined || file === undefined) return undefined;
    source ??= store.open(name);
    if (member.at + member.size > source.size) return undefined;
    const bytes = source.read(member.at, member.size);
    return sha256(bytes) === member.sha256 ? { bytes, unpackedSize: member.unpackedSize, sha256: member.sha256 } : undefined;
  };
}

function checkWritten(
  archive: NewArchive,
  written: readonly WrittenMember[],
  digests: ReadonlyMap<string, string>,
  { sha256, decoders }: MakeOutside,
): string {
  let id: string | undefined;
  const source = archive.source();
  const refuse = (what: string): KindlingError =>
    new KindlingError('IO', `the new archive does not read back as it was written: ${what}`, { file: archive.path });
  if (sha256(readAll(source)) !== archive.sha256) throw refuse('its SHA-256 is another');
  for (const { at, size, unpackedSize, reused } of written) {
    if (reused) continue;
    const read = inspect(sliceSource(source, at, size), { decoders });
    if (read.fault !== undefined) throw refuse(read.fault.message);
    const found = read.members.reduce((sum, member) => sum + member.unpackedSize, 0);
    if (found !== unpackedSize) throw refuse(`a member has ${found} bytes unpacked, not ${unpackedSize}`);
    for (const entry of read.outer.entries) {
      if (entry.kind !== 'file') continue;
      if (entry.path === ID_PATH) id = nameFromBytes(readAll(entry.content)).trim();
      const digest = digests.get(entry.path);
      if (digest !== undefined && digest !== sha256(readAll(entry.content))) throw refuse(`"${entry.path}" has another content`);
    }
  }
  if (id === undefined) throw refuse('it has no id');
  return id;
}
