// What making a live medium takes over from the last one of the same root: facts about files, so that planning opens few of them, and packed
// members of the archive, each under a digest of all that decides its bytes. Whatever is missing or damaged is made as if there had been nothing.
import type { KnownArchive, WrittenMember } from '../archive/index.ts';
import { heldFacts, type MemberRecord } from '../archive/record/index.ts';
import { type ByteSource, nameFromBytes, type Sha256, utf8 } from '../bytes/index.ts';
import { type Root, type WatchedRoot, watchRoot } from '../plan/index.ts';
import type { FileEntry } from '../tree/index.ts';

/** What is kept between runs; each may be missing. */
export interface KeptForLive {
  /** As `LiveReuse.facts` gave it. */
  readonly facts: Uint8Array | undefined;
  /** As `LiveReuse.archive` gave it. */
  readonly archive: Uint8Array | undefined;
}

/** One run: what it plans in, what it encodes with, and what it leaves for the next. */
export interface LiveReuse {
  readonly root: Root;
  readonly encoding: {
    readonly known: KnownArchive;
    readonly onWritten: (member: WrittenMember) => void;
    readonly onContent: (entry: FileEntry, sha256: string) => void;
  };
  /** Facts for the next run; undefined where those that are kept will do. */
  facts(): Uint8Array | undefined;
  /** The archive that was just made, with where its members are; undefined where all that is not the medium's own was kept already. */
  archive(bytes: Uint8Array): Uint8Array | undefined;
}

/** Where it comes from. */
export interface LiveReuseRequest {
  readonly root: Root;
  readonly kept: KeptForLive;
  /** Version of the program: another one may find out other things. */
  readonly version: string;
  /** Milliseconds since 1970 when the root was looked at. */
  readonly began: number;
  readonly sha256: Sha256;
}

const FIRST_LINE = 'kindling live archive 1';
const CONTENT = 'sha256';
const DIGEST = /^[0-9a-f]{64}$/;
// The member that tells the medium's id, and that of the archive's own id.
const OWN_MEMBERS = 2;

/** Starts a run. */
export function liveReuse({ root, kept, version, began, sha256 }: LiveReuseRequest): LiveReuse {
  const held = heldFacts({ bytes: kept.facts, version, root, began, sha256 });
  const watched = watchRoot({ ...root, facts: held.facts });
  const pathOf = paths(watched);
  const written: WrittenMember[] = [];
  return {
    root: watched.root,
    encoding: {
      known: {
        digestOf({ content }) {
          const path = pathOf(content);
          const digest = path === undefined ? held.digestOf(content) : held.facts.recall(CONTENT, path);
          return digest !== undefined && DIGEST.test(digest) ? digest : undefined;
        },
        member: keptMembers(kept.archive, sha256),
      },
      onWritten: (member) => void written.push(member),
      onContent({ content }, digest) {
        const path = pathOf(content);
        if (path === undefined) held.digested(content, digest);
        else if (held.facts.recall(CONTENT, path) !== digest) held.facts.note(CONTENT, path, digest);
      },
    },
    facts: () => held.print(),
    archive(bytes) {
      if (written.filter(({ reused }) => !reused).length <= OWN_MEMBERS && kept.archive !== undefined) return undefined;
      const lines = written.map(({ key, at, size, unpackedSize, sha256: digest }) => [key, at, size, unpackedSize, digest].join(' '));
      const head = utf8([FIRST_LINE, ...lines, '', ''].join('\n'));
      const all = new Uint8Array(head.length + bytes.length);
      all.set(head);
      all.set(bytes, head.length);
      return all;
    },
  };
}

/** The path of a content in the root, once everything is planned. */
function paths(watched: WatchedRoot): (content: ByteSource) => string | undefined {
  let known: Map<ByteSource, string> | undefined;
  return (content) => {
    known ??= new Map(watched.seen().flatMap(({ path, entry }) => (entry?.kind === 'file' ? [[entry.content, path] as const] : [])));
    return known.get(content);
  };
}

/** Members of the archive that was kept, each compared with its digest before it is handed out. */
function keptMembers(archive: Uint8Array | undefined, sha256: Sha256): KnownArchive['member'] {
  const { members, bytes } = archive === undefined ? NOTHING : parsed(archive);
  return (key) => {
    const member = members.get(key);
    if (member === undefined) return undefined;
    const packed = bytes.subarray(member.at, member.at + member.size);
    return sha256(packed) === member.sha256 ? { bytes: packed, unpackedSize: member.unpackedSize, sha256: member.sha256 } : undefined;
  };
}

interface Parsed {
  readonly members: ReadonlyMap<string, MemberRecord>;
  readonly bytes: Uint8Array;
}

const NOTHING: Parsed = { members: new Map(), bytes: new Uint8Array(0) };
const NEWLINE = 10;

function parsed(archive: Uint8Array): Parsed {
  let end = archive.indexOf(NEWLINE);
  while (end >= 0 && archive[end + 1] !== NEWLINE) end = archive.indexOf(NEWLINE, end + 1);
  const [first, ...lines] = nameFromBytes(archive.subarray(0, Math.max(0, end))).split('\n');
  if (first !== FIRST_LINE) return NOTHING;
  const members = new Map<string, MemberRecord>();
  for (const line of lines) {
    const found = /^([0-9a-f]{64}) (\d{1,12}) (\d{1,12}) (\d{1,12}) ([0-9a-f]{64})$/.exec(line);
    if (found === null) return NOTHING;
    const [key, at, size, unpackedSize, digest] = found.slice(1) as [string, string, string, string, string];
    members.set(key, { key, at: Number(at), size: Number(size), unpackedSize: Number(unpackedSize), sha256: digest });
  }
  return { members, bytes: archive.subarray(end + 2) };
}
