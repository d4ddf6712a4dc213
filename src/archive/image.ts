// The image of a squashed archive on its way into the archive: written piece by piece in any order, kept in pages until its size is known.
// A member of its own, never compressed: `none | newc header, path, the image, TRAILER!!!`.
import { type ByteSource, sliceSource } from '../bytes/index.ts';
import { encode as encodeNewc } from '../formats/newc/index.ts';
import { type Entry, file, type Tree } from '../tree/index.ts';

/** Bytes of an image that go to the offset `at`; the memory may be used again as soon as the next piece is asked for. */
export interface ImagePiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** An image to put into an archive. */
export interface ArchiveImage {
  readonly path: string;
  /** What is in it. */
  readonly inside: Tree;
  /** Writes the image. Equal trees give equal bytes. */
  pack(inside: Tree): AsyncIterable<ImagePiece>;
}

const PAGE_SIZE = 1 << 20;

interface Pages {
  put(piece: ImagePiece): void;
  source(): ByteSource;
}

function pages(): Pages {
  const held: Uint8Array[] = [];
  let size = 0;
  return {
    put({ at, bytes }) {
      for (let done = 0; done < bytes.length; ) {
        const index = Math.floor((at + done) / PAGE_SIZE);
        while (held.length <= index) held.push(new Uint8Array(PAGE_SIZE));
        const from = (at + done) % PAGE_SIZE;
        const count = Math.min(bytes.length - done, PAGE_SIZE - from);
        held[index]!.set(bytes.subarray(done, done + count), from);
        done += count;
      }
      size = Math.max(size, at + bytes.length);
    },
    source: () => ({
      size,
      read(at, count) {
        const index = Math.floor(at / PAGE_SIZE);
        const from = at % PAGE_SIZE;
        if (from + count <= PAGE_SIZE && at + count <= size) return held[index]!.subarray(from, from + count);
        const whole = sliceSource({ size, read: (start, length) => gathered(held, start, length) }, 0, size);
        return whole.read(at, count);
      },
    }),
  };
}

function gathered(held: readonly Uint8Array[], start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const from = (start + done) % PAGE_SIZE;
    const part = held[Math.floor((start + done) / PAGE_SIZE)]!.subarray(from, from + Math.min(length - done, PAGE_SIZE - from));
    bytes.set(part, done);
    done += part.length;
  }
  return bytes;
}

/** The image as a source. What is in it goes into the digest while the compressors are busy. */
export async function packed(
  { path, inside, pack }: ArchiveImage,
  add: (entry: Entry) => void,
  onSize: (size: number) => void,
): Promise<ByteSource> {
  const store = pages();
  const rest = covered(path, inside);
  for await (const piece of pack(inside)) {
    store.put(piece);
    onSize(piece.at + piece.bytes.length);
    // about as much as was just packed, so that neither waits for the other at the end
    for (let left = piece.bytes.length * 3; left > 0; ) {
      const next = rest.next();
      if (next.done === true) break;
      add(next.value);
      left -= next.value.kind === 'file' ? next.value.content.size : 0;
    }
  }
  for (const entry of rest) add(entry);
  return store.source();
}

/** What the id of an archive covers of an image: its entries, below the image's own path, so that codec and block size do not matter. */
export function* covered(path: string, inside: Tree) {
  for (const entry of inside.entries) {
    if (entry.path === '') continue;
    const moved = { ...entry, path: `${path}/${entry.path}` };
    yield moved.kind === 'hardlink' ? { ...moved, to: `${path}/${moved.to}` } : moved;
  }
}

/** The member: one cpio archive with the image and the directories above it. */
export function imageMember(path: string, content: ByteSource, outside: Tree): Generator<Uint8Array> {
  const parents = path.split('/').slice(0, -1);
  const directories = parents.map((_, index) => outside.get(parents.slice(0, index + 1).join('/'))!);
  return encodeNewc([...directories, file(path, content)]);
}
