// Members that are taken from an older archive as they are. A member's key is a digest over everything that decides its bytes: metadata and
// content digests of its entries, form and codec. Equal keys mean equal bytes, so an archive that is made with an older one at hand has the
// bytes of one that is made anew, and of unchanged members no content is read.
import { readAll, type Sha256, utf8 } from '../bytes/index.ts';
import type { CodecChoice } from '../codecs/index.ts';
import type { Entry, FileEntry } from '../tree/index.ts';

/** A member of an older archive: packed bytes that were compared with their digest, so that a damaged one is never handed out. */
export interface KnownMember {
  readonly bytes: Uint8Array;
  readonly unpackedSize: number;
  /** Of `bytes`. */
  readonly sha256: string;
}

/** What is known from an older archive of the same root. */
export interface KnownArchive {
  /** SHA-256 of a file's content, where a record says it and the file is still the same; undefined makes it be read. */
  digestOf(entry: FileEntry): string | undefined;
  member(key: string): KnownMember | undefined;
}

/** A member as it is in the archive that was just written. */
export interface WrittenMember {
  readonly key: string;
  /** Where it begins in the archive, padding passed. */
  readonly at: number;
  readonly size: number;
  readonly unpackedSize: number;
  /** Of its packed bytes. */
  readonly sha256: string;
  /** Taken from the older archive. */
  readonly reused: boolean;
}

/** The SHA-256 of a file entry's content. */
export type ContentDigest = (entry: FileEntry) => string;

/** Digests that read what is not known. */
export function contentDigests(sha256: Sha256, known: KnownArchive | undefined): ContentDigest {
  return (entry) => known?.digestOf(entry) ?? sha256(readAll(entry.content));
}

/** What decides a member's bytes beside its entries. Equal codecs of different versions may write different bytes. */
export function formWords(format: string, { encoder, level }: CodecChoice, plain: boolean): string {
  return plain ? `member 1 ${format} none` : `member 1 ${format} ${encoder.name}:${level} ${encoder.version ?? ''}`;
}

function detailOf(entry: Entry, digestOf: ContentDigest): string {
  switch (entry.kind) {
    case 'file':
      return `${entry.content.size} ${digestOf(entry)}`;
    case 'symlink':
      return JSON.stringify(entry.target);
    case 'hardlink':
      return JSON.stringify(entry.to);
    case 'char':
    case 'block':
      return `${entry.major}:${entry.minor}`;
    default:
      return '';
  }
}

/** The key of a member with these entries, in this order. */
export function memberKey(entries: readonly Entry[], words: string, digestOf: ContentDigest, sha256: Sha256): string {
  const lines = entries.map((entry) => {
    const { kind, path, mode, uid, gid, mtime } = entry;
    return `${kind} ${JSON.stringify(path)} ${mode} ${uid} ${gid} ${mtime} ${detailOf(entry, digestOf)}`;
  });
  return sha256(utf8(`${words}\n${lines.join('\n')}`));
}
