// What is taken over from an earlier image of much the same files, and what is noted for a later one (compressor.ts, `KnownImage`).
import { type Sha256, utf8 } from '../../bytes/index.ts';
import type { FileEntry } from '../../tree/index.ts';
import type { EncodeOptions, KnownBlock, KnownFile } from './compressor.ts';
import type { FileData, FragmentBlock } from './encode-data.ts';

/** The end of a file in a block that is being filled. */
export interface Part {
  readonly file: FileEntry;
  readonly size: number;
}

/** An earlier image during one run. */
export interface Recall {
  /** What the earlier image says of a file that is what it was. */
  file(file: FileEntry): KnownFile | undefined;
  /** The block of these ends, where it is in the earlier image. */
  fragment(parts: readonly Part[]): KnownBlock | undefined;
  /** Remembers what a block was packed of, for `note`. */
  filled(index: number, parts: readonly Part[]): void;
  /** Remembers digests that were computed, for `note`. */
  digested(file: FileEntry, digests: { readonly blocks?: readonly string[] | undefined; readonly tail?: string | undefined }): void;
  /** Tells the earlier image where things are in this one. */
  note(dataOf: ReadonlyMap<FileEntry, FileData>, fragments: readonly FragmentBlock[]): void;
}

function fragmentKey(parts: readonly Part[], identities: ReadonlyMap<FileEntry, string>, sha256: Sha256): string | undefined {
  const lines = parts.map(({ file, size }) => {
    const identity = identities.get(file);
    return identity === undefined ? undefined : `${size} ${identity}\n`;
  });
  return lines.includes(undefined) ? undefined : sha256(utf8(lines.join('')));
}

/** Starts a run; undefined where there is nothing to take over from and nobody to tell. */
export function recallOf(files: readonly FileEntry[], { known, sha256 }: EncodeOptions): Recall | undefined {
  if (known === undefined) return undefined;
  const identities = new Map<FileEntry, string>();
  for (const file of files) {
    const identity = known.identity(file);
    if (identity !== undefined) identities.set(file, identity);
  }
  const keys = new Map<number, string>();
  const digests = new Map<FileEntry, { blocks: readonly string[] | undefined; tail: string | undefined }>();
  return {
    file(file) {
      const identity = identities.get(file);
      return identity === undefined ? undefined : known.file(identity);
    },
    fragment(parts) {
      const key = fragmentKey(parts, identities, sha256);
      return key === undefined ? undefined : known.fragment(key);
    },
    filled(index, parts) {
      const key = fragmentKey(parts, identities, sha256);
      if (key !== undefined) keys.set(index, key);
    },
    digested(file, { blocks, tail }) {
      const before = digests.get(file);
      digests.set(file, { blocks: blocks ?? before?.blocks, tail: tail ?? before?.tail });
    },
    note(dataOf, fragments) {
      for (const [file, identity] of identities) {
        const data = dataOf.get(file);
        const found = digests.get(file);
        if (data === undefined) continue;
        const { startAt, words } = data.blocks;
        known.noteFile(identity, { startAt, words, digests: found?.blocks, tail: found?.tail });
      }
      for (const [index, key] of keys) known.noteFragment(key, fragments[index]!);
    },
  };
}
