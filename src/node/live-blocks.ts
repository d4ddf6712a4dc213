// Where the blocks of the last bundle of a series are, and of which files they were made: a note beside the bundle, so that the next one takes
// them over. Text: a first line, the bundle's file, a line for each file and each shared block, and a last line with the digest of all before.
import { type ByteSource, nameFromBytes, readInto } from '../bytes/index.ts';
import type { KnownBlock, KnownFile, KnownImage } from '../formats/squashfs/index.ts';
import type { Tree } from '../tree/index.ts';
import { freshBytes } from './descriptors.ts';
import { sha256 } from './digest.ts';

/** The last bundle of a series, and this one. */
export interface KnownBlocks {
  readonly image: KnownImage;
  /** Bytes of the files that are to be read. */
  unknownSize(tree: Tree): number;
  /** The note for the next run: of the bundle in this file, with those files that are still what they were when it was begun. */
  print(file: string, identities: ReadonlyMap<string, string>): Uint8Array;
}

interface Note {
  readonly base: ByteSource | undefined;
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly fragments: ReadonlyMap<string, KnownBlock>;
}

const FIRST_LINE = 'kindling bundle blocks 1';
const NOTHING: Note = { base: undefined, files: new Map(), fragments: new Map() };
const NONE = '-';

/**
 * Reads a note. `identities` are those of the files now, by path; `open` gives the bundle in a file when it is whole. Whatever is missing or
 * damaged is as if nothing were known.
 */
export function knownBlocks(
  note: Uint8Array | undefined,
  identities: ReadonlyMap<string, string>,
  open: (file: string) => ByteSource | undefined,
): KnownBlocks {
  const { base, files, fragments } = note === undefined ? NOTHING : parsed(note, open);
  const newFiles = new Map<string, KnownFile>();
  const newFragments = new Map<string, KnownBlock>();
  let buffer: Uint8Array = new Uint8Array(0);
  return {
    image: {
      identity: ({ path }) => (identities.get(path) === undefined ? undefined : identityOf(path, identities)),
      file: (identity) => files.get(identity),
      fragment: (key) => fragments.get(key),
      read(at, size) {
        if (size > buffer.length) buffer = freshBytes(size * 2);
        const bytes = buffer.subarray(0, size);
        readInto(base!, at, bytes);
        return bytes;
      },
      noteFile: (identity, file) => void newFiles.set(identity, file),
      noteFragment: (key, block) => void newFragments.set(key, block),
    },
    unknownSize: ({ entries }) =>
      entries.reduce((size, entry) => {
        if (entry.kind !== 'file' || (identities.has(entry.path) && files.has(identityOf(entry.path, identities)))) return size;
        return size + entry.content.size;
      }, 0),
    print(file, after) {
      const still = new Set([...after.keys()].map((path) => identityOf(path, after)));
      const isSettled = [...newFiles.keys()].every((identity) => still.has(identity));
      const lines = [FIRST_LINE, file];
      for (const [identity, known] of newFiles) if (still.has(identity)) lines.push(fileLine(identity, known));
      // a shared block does not say which files are in it
      if (isSettled) for (const [key, { startAt, word }] of newFragments) lines.push(`g\t${key}\t${startAt}\t${word}`);
      const body = new TextEncoder().encode(`${lines.join('\n')}\n`);
      return new TextEncoder().encode(`${lines.join('\n')}\nend\t${sha256(body)}\n`);
    },
  };
}

function identityOf(path: string, identities: ReadonlyMap<string, string>): string {
  return JSON.stringify([path, identities.get(path)]);
}

function fileLine(identity: string, { startAt, words, digests, tail }: KnownFile): string {
  return `f\t${identity}\t${startAt}\t${words.join()}\t${digests?.join() ?? NONE}\t${tail ?? NONE}`;
}

function parsed(note: Uint8Array, open: (file: string) => ByteSource | undefined): Note {
  const END = 'end\t'.length + 64 + 1;
  const body = note.subarray(0, Math.max(0, note.length - END));
  if (nameFromBytes(note.subarray(body.length)) !== `end\t${sha256(body)}\n`) return NOTHING;
  const [first, file = '', ...lines] = new TextDecoder().decode(body).split('\n');
  const base = first === FIRST_LINE ? open(file) : undefined;
  if (base === undefined) return NOTHING;
  const files = new Map<string, KnownFile>();
  const fragments = new Map<string, KnownBlock>();
  for (const line of lines) {
    const [kind, name = '', startAt = '', words = '', digests = NONE, tail = NONE] = line.split('\t');
    if (kind === 'g') fragments.set(name, { startAt: Number(startAt), word: Number(words) });
    else if (kind === 'f') {
      files.set(name, {
        startAt: Number(startAt),
        words: Uint32Array.from(words === '' ? [] : words.split(','), Number),
        digests: digests === NONE ? undefined : digests.split(','),
        tail: tail === NONE ? undefined : tail,
      });
    }
  }
  return { base, files, fragments };
}
