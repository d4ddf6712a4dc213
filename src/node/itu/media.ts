// Where bundles come from: a file, a mounted medium, or an image that kindling reads without mounting. Each bundle is read once, into
// memory; what was verified there is what is applied, whatever happens to the medium afterwards.
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, compareNames, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError, located } from '../../errors.ts';
import type { Tree } from '../../tree/index.ts';
import { BUNDLE_SIZE_MOST, type Bundle, openBundle } from '../../verbs/itu/bundle.ts';
import { bundleFileName, ITU_DIRECTORY, parseBundleFileName } from '../../verbs/itu/manifest.ts';
import { freshBytes } from '../descriptors.ts';
import { sha256 } from '../digest.ts';
import { errnoError, system } from '../errno.ts';
import { judgeSignature, type SignatureState, type TrustedKey } from '../signature.ts';

/** A bundle as it was found, and whether it may be used. */
export interface FoundBundle {
  /** Path of the file, or of the medium and the path in it. */
  readonly label: string;
  readonly signature: SignatureState;
  readonly signatureBytes: Uint8Array | undefined;
  /** Undefined when it could not be read, or its signature is refused: then its content is not even looked at. */
  readonly bundle: Bundle | undefined;
  readonly fault: KindlingError | undefined;
}

/** What reading needs. */
export interface MediaOutside {
  readonly keys: readonly TrustedKey[];
  readonly decoders: readonly Decoder[];
}

/** Directories of a medium that are looked into. */
export const MEDIA_DIRECTORIES = ['kindling/itu', 'ITUs'] as const;

const BUNDLES_MOST = 1000;
const SIGNATURE_SIZE_MOST = 4096;

/** A bundle that was not read yet. */
interface Candidate {
  readonly label: string;
  /** Its name in a directory of bundles, which the manifest must bear out; undefined for a file that a person named. */
  readonly name: string | undefined;
  bytes(): Uint8Array;
  signature(): Uint8Array | undefined;
}

/** All bytes of a regular file, through one descriptor. A link is followed only where a person named it. */
function readWhole(path: string, most: number, follow: boolean): Uint8Array {
  return system(
    () => {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW));
      try {
        const stats = fstatSync(fd);
        if (!stats.isFile()) throw new KindlingError('IO', 'it is no regular file', { file: path });
        if (stats.size > most) throw new KindlingError('LIMIT', `it has ${stats.size} bytes, at most ${most} are read`, { file: path });
        const bytes = freshBytes(stats.size);
        for (let done = 0; done < bytes.length; ) {
          const count = readSync(fd, bytes, done, bytes.length - done, done);
          if (count === 0) throw new KindlingError('TRUNCATED', 'the file became shorter while it was being read', { file: path });
          done += count;
        }
        return bytes;
      } finally {
        closeSync(fd);
      }
    },
    { file: path },
  );
}

function fileCandidate(path: string, name: string | undefined): Candidate {
  const follow = name === undefined;
  return {
    label: path,
    name,
    bytes: () => readWhole(path, BUNDLE_SIZE_MOST, follow),
    signature() {
      try {
        return readWhole(`${path}.sig`, SIGNATURE_SIZE_MOST, follow);
      } catch (error) {
        if (error instanceof KindlingError && error.code === 'NO_ENTRY') return undefined;
        throw error;
      }
    },
  };
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    const found = errnoError(error, { file: path }) ?? error;
    if (found instanceof KindlingError && found.code === 'NO_ENTRY') return [];
    throw found;
  }
}

function bounded(names: readonly string[], label: string): string[] {
  const chosen = names.filter((name) => parseBundleFileName(name) !== undefined).sort(compareNames);
  if (chosen.length > BUNDLES_MOST) throw new KindlingError('LIMIT', `more than ${BUNDLES_MOST} bundles`, { file: label });
  return chosen;
}

/** Bundles of a mounted medium; a directory that holds bundles itself counts too. */
function directoryCandidates(medium: string): Candidate[] {
  const places = [...MEDIA_DIRECTORIES.map((name) => join(medium, name)), medium];
  return places.flatMap((place) => bounded(namesIn(place), place).map((name) => fileCandidate(join(place, name), name)));
}

function contentOf(tree: Tree, path: string, most: number): Uint8Array | undefined {
  const entry = tree.get(path);
  if (entry?.kind !== 'file') return undefined;
  const { content }: { content: ByteSource } = entry;
  if (content.size > most) throw new KindlingError('LIMIT', `it has ${content.size} bytes, at most ${most} are read`, { path });
  return readAll(content).slice();
}

function treeCandidates(tree: Tree, medium: string): Candidate[] {
  return MEDIA_DIRECTORIES.flatMap((place) => {
    const names = tree.children(place).map(({ path }) => path.slice(place.length + 1));
    return bounded(names, medium).map((name): Candidate => {
      const path = `${place}/${name}`;
      return {
        label: `${medium}:${path}`,
        name,
        bytes: () => contentOf(tree, path, BUNDLE_SIZE_MOST) ?? new Uint8Array(0),
        signature: () => contentOf(tree, `${path}.sig`, SIGNATURE_SIZE_MOST),
      };
    });
  });
}

/** Whether a file, an archive as any bundle is, is a bundle and no medium with bundles in it. */
function isBundleTree(tree: Tree): boolean {
  return tree.children(ITU_DIRECTORY).some(({ path }) => tree.get(`${path}/manifest`) !== undefined);
}

async function imageCandidates(path: string, decoders: readonly Decoder[]): Promise<Candidate[]> {
  const { imageTree } = await import('../open-root.ts');
  let tree: Tree;
  try {
    tree = await imageTree(path, decoders);
  } catch (error) {
    if (!(error instanceof KindlingError) || error.code !== 'UNRECOGNISED') throw error;
    const message = 'it is no image that kindling reads (squashfs, EROFS, ISO 9660, FAT, tar, cpio); mount it and name the directory';
    throw new KindlingError('UNRECOGNISED', message, { file: path }, error);
  }
  return isBundleTree(tree) ? [fileCandidate(path, undefined)] : treeCandidates(tree, path);
}

function judged(candidate: Candidate, { keys, decoders }: MediaOutside): FoundBundle {
  const { label, name } = candidate;
  let signature: SignatureState = { state: 'refused', reason: 'it could not be read' };
  let signatureBytes: Uint8Array | undefined;
  try {
    const bytes = candidate.bytes();
    signatureBytes = candidate.signature();
    signature = judgeSignature(bytes, signatureBytes, keys);
    if (signature.state === 'refused') throw new KindlingError('BAD_CHECKSUM', signature.reason);
    const bundle = openBundle(bytes, { decoders, sha256 });
    const expected = bundleFileName(bundle.manifest);
    if (name !== undefined && name !== expected)
      throw new KindlingError('BAD_VALUE', `the bundle calls itself ${expected}: a file of another name would change the order`);
    return { label, signature, signatureBytes, bundle, fault: undefined };
  } catch (error) {
    const fault = located(error, { file: label });
    if (!(fault instanceof KindlingError)) throw fault;
    return { label, signature, signatureBytes, bundle: undefined, fault };
  }
}

/**
 * The bundles at a path, in the order of their numbers, each with what stands against it. Throws NO_ENTRY when there is no such path,
 * UNRECOGNISED for an image that must be mounted first.
 */
export async function findBundles(path: string, outside: MediaOutside): Promise<FoundBundle[]> {
  const isDirectory = system(() => statSync(path), { file: path }).isDirectory();
  const isBundle = !isDirectory && path.endsWith('.itu');
  const candidates = isDirectory
    ? directoryCandidates(path)
    : isBundle
      ? [fileCandidate(path, undefined)]
      : await imageCandidates(path, outside.decoders);
  return inOrder(candidates.map((candidate) => judged(candidate, outside)));
}

/** By number, then by name; what could not be read stands last. */
export function inOrder(found: readonly FoundBundle[]): FoundBundle[] {
  const numberOf = ({ bundle }: FoundBundle): number => bundle?.manifest.number ?? 1000;
  const nameOf = ({ bundle, label }: FoundBundle): string => bundle?.manifest.name ?? label;
  return [...found].sort((a, b) => numberOf(a) - numberOf(b) || compareNames(nameOf(a), nameOf(b)));
}
