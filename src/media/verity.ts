// dm-verity: the tree of digests that lets a kernel check each block of a bundle when it reads it. On-disk form 1 with hash type 1, as
// veritysetup writes and reads it (cryptsetup's wiki, "DMVerity"); beside `NN-name.sb` it is the file `NN-name.sb.verity`.
//
//   block 0          superblock (512 bytes), zeros
//   block 1          the root block: digests of the blocks of the level below
//   ...              each level below, down to the digests of the data blocks
//
// A digest is SHA-256 over the salt and a block of 4096 bytes; the digest of the root block (of the only data block, where there is one) is
// the root hash, which is not in the file: whoever trusts a bundle has it from elsewhere.
import { type ByteSource, bytesField, nameToBytes, type Sha256, struct, u16le, u32le, u64le, utf8 } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';

/** Bytes of a block, of data and of digests alike. */
export const VERITY_BLOCK = 4096;

const DIGEST = 32;
const PER_BLOCK = VERITY_BLOCK / DIGEST;
const SALT_MOST = 256;
const READ = 256 * VERITY_BLOCK;
const SIGNATURE = nameToBytes('verity\0\0');
const ALGORITHM = 'sha256';

const superblock = struct('verity superblock', 512, {
  signature: bytesField(8),
  version: u32le,
  hashType: u32le,
  uuid: bytesField(16),
  algorithm: bytesField(32),
  dataBlockSize: u32le,
  hashBlockSize: u32le,
  dataBlocks: u64le,
  saltSize: u16le,
  pad1: bytesField(6),
  salt: bytesField(256),
  pad2: bytesField(168),
});

/** A file of digests, and what it is worth by itself. */
export interface VerityTree {
  /** 64 lower-case hex digits. */
  readonly rootHash: string;
  readonly size: number;
  chunks(): Generator<Uint8Array>;
}

/** How `verityTree` computes. */
export interface VerityOptions {
  readonly sha256: Sha256;
  /** At most 256 bytes; a fixed one unless told, so that equal bundles have equal digests. */
  readonly salt?: Uint8Array;
}

function digestBytes(hex: string, into: Uint8Array, at: number): void {
  for (let index = 0; index < DIGEST; index++) into[at + index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
}

/** Digests of the blocks that `pieces` add up to, in whole blocks of digests. */
function level(pieces: Iterable<Uint8Array>, blockCount: number, salt: Uint8Array, sha256: Sha256): Uint8Array {
  const level = new Uint8Array(Math.ceil(blockCount / PER_BLOCK) * VERITY_BLOCK);
  const salted = new Uint8Array(salt.length + VERITY_BLOCK);
  salted.set(salt);
  let at = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += VERITY_BLOCK) {
      salted.set(piece.subarray(from, from + VERITY_BLOCK), salt.length);
      digestBytes(sha256(salted), level, at);
      at += DIGEST;
    }
  }
  return level;
}

function* piecesOf(content: ByteSource, size: number): Generator<Uint8Array> {
  for (let at = 0; at < size; at += READ) yield content.read(at, Math.min(READ, size - at));
}

const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The tree over these bytes. Throws BAD_VALUE when they are not whole blocks (bundles are), or the salt is too long. */
export function verityTree(content: ByteSource, options: VerityOptions): VerityTree {
  const { sha256, salt = utf8('kindling') } = options;
  if (content.size === 0 || content.size % VERITY_BLOCK !== 0) {
    throw new KindlingError('BAD_VALUE', `${content.size} bytes, expected whole blocks of ${VERITY_BLOCK}`, { structure: 'verity' });
  }
  if (salt.length > SALT_MOST) throw new KindlingError('BAD_VALUE', `a salt of ${salt.length} bytes, expected at most ${SALT_MOST}`);
  const dataBlocks = content.size / VERITY_BLOCK;
  const levels: Uint8Array[] = [];
  let blockCount = dataBlocks;
  let pieces: Iterable<Uint8Array> = piecesOf(content, content.size);
  while (blockCount > 1) {
    const made = level(pieces, blockCount, salt, sha256);
    levels.unshift(made);
    blockCount = made.length / VERITY_BLOCK;
    pieces = [made];
  }
  const rootHash = hexOf(level(pieces, 1, salt, sha256).subarray(0, DIGEST));
  const head = headOf(dataBlocks, salt, rootHash);
  return {
    rootHash,
    size: VERITY_BLOCK + levels.reduce((sum, one) => sum + one.length, 0),
    *chunks() {
      yield head;
      yield* levels;
    },
  };
}

function headOf(dataBlocks: number, salt: Uint8Array, rootHash: string): Uint8Array {
  const uuid = new Uint8Array(DIGEST);
  digestBytes(rootHash, uuid, 0);
  // of the random kind, by what it says of itself
  uuid[6] = (uuid[6]! & 0x0f) | 0x40;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  const fields = superblock.encode({
    signature: SIGNATURE,
    version: 1,
    hashType: 1,
    uuid: uuid.slice(0, 16),
    algorithm: padded(utf8(ALGORITHM), 32),
    dataBlockSize: VERITY_BLOCK,
    hashBlockSize: VERITY_BLOCK,
    dataBlocks: BigInt(dataBlocks),
    saltSize: salt.length,
    pad1: new Uint8Array(6),
    salt: padded(salt, SALT_MOST),
    pad2: new Uint8Array(168),
  });
  return padded(fields, VERITY_BLOCK);
}

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const all = new Uint8Array(size);
  all.set(bytes);
  return all;
}

/** What a file of digests says of itself. */
export interface VerityFacts {
  readonly dataBlocks: number;
  readonly salt: Uint8Array;
}

/** Reads the superblock. Throws BAD_MAGIC, TRUNCATED, and UNSUPPORTED for what this module does not compute. */
export function verityFacts(digests: ByteSource): VerityFacts {
  const fields = superblock.decode(digests.read(0, Math.min(superblock.size, digests.size)));
  if (hexOf(fields.signature) !== hexOf(SIGNATURE)) {
    throw new KindlingError('BAD_MAGIC', `the signature is ${hexOf(fields.signature)}, expected "verity"`, { structure: superblock.name });
  }
  const algorithm = String.fromCharCode(...fields.algorithm).replace(/\0.*$/s, '');
  const found = [fields.version, fields.hashType, algorithm, fields.dataBlockSize, fields.hashBlockSize];
  const expected = [1, 1, ALGORITHM, VERITY_BLOCK, VERITY_BLOCK];
  if (found.join(' ') !== expected.join(' ')) {
    const message = `version, hash type, algorithm and block sizes are ${found.join(' ')}, expected ${expected.join(' ')}`;
    throw new KindlingError('UNSUPPORTED', message, { structure: superblock.name });
  }
  if (fields.saltSize > SALT_MOST)
    throw new KindlingError('BAD_VALUE', `a salt of ${fields.saltSize} bytes, expected at most ${SALT_MOST}`);
  return { dataBlocks: Number(fields.dataBlocks), salt: fields.salt.slice(0, fields.saltSize) };
}

/** Whether content, digests and root hash belong together: the tree is computed anew. Throws as `verityFacts`. */
export function verityCheck(content: ByteSource, digests: ByteSource, rootHash: string, sha256: Sha256): Finding[] {
  const { dataBlocks, salt } = verityFacts(digests);
  const wrong = (message: string, offset?: number): Finding => ({
    code: 'verity',
    severity: 'error',
    where: { structure: 'verity', ...(offset === undefined ? {} : { offset }) },
    message,
  });
  if (dataBlocks * VERITY_BLOCK !== content.size)
    return [wrong(`digests of ${dataBlocks} blocks, expected ${content.size / VERITY_BLOCK}`)];
  const tree = verityTree(content, { sha256, salt });
  const findings = tree.rootHash === rootHash ? [] : [wrong(`the root hash is ${tree.rootHash}, expected ${rootHash}`)];
  let at = 0;
  for (const chunk of tree.chunks()) {
    const held = digests.size >= at + chunk.length ? digests.read(at, chunk.length) : new Uint8Array(0);
    // the superblock may name another UUID
    const different = at === 0 ? -1 : chunk.findIndex((byte, index) => byte !== held[index]);
    if (different >= 0) return [...findings, wrong('a digest is not that of its block', at + different)];
    at += chunk.length;
  }
  return findings;
}
