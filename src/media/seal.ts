// A sealed medium: beside each bundle the digests of its blocks, and one signed list of root hashes (docs/live-changes.md, "Bundles that the
// kernel checks"). The signature is Ed25519 over the list; `openssl pkeyutl -verify -rawin` checks it in the booting machine.
import { bytesSource, concat, nameToBytes, type Sha256 } from '../bytes/index.ts';
import { compareBundleNames } from './bundles/index.ts';
import type { MediumFile } from './medium.ts';
import { verityTree } from './verity.ts';

/** What the digests of a bundle are called, behind the bundle's own name. */
export const VERITY_SUFFIX = '.verity';
/** The list of root hashes in the data directory. */
export const ROOT_HASHES = 'roothashes';
/** The signature of the list. */
export const ROOT_HASHES_SIGNATURE = 'roothashes.sig';

/** How a medium is sealed. */
export interface SealOptions {
  /** Name of the data directory. */
  readonly data: string;
  readonly sha256: Sha256;
  /** Signs: 64 bytes, Ed25519. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** The files that seal these bundles. Names in `modules/` count by their last part, as they do at boot. */
export function sealFiles(bundles: readonly MediumFile[], options: SealOptions): MediumFile[] {
  const files: MediumFile[] = [];
  const lines: string[] = [];
  const named = bundles.map((one) => ({ one, name: one.path.slice(one.path.lastIndexOf('/') + 1) }));
  for (const { one, name } of named.sort((a, b) => compareBundleNames(a.name, b.name))) {
    const tree = verityTree(one.content, { sha256: options.sha256 });
    files.push({ path: `${one.path}${VERITY_SUFFIX}`, content: bytesSource(concat([...tree.chunks()])) });
    lines.push(`${tree.rootHash} ${name}\n`);
  }
  const list = nameToBytes(lines.join(''));
  files.push({ path: `${options.data}/${ROOT_HASHES}`, content: bytesSource(list) });
  files.push({ path: `${options.data}/${ROOT_HASHES_SIGNATURE}`, content: bytesSource(options.sign(list)) });
  return files;
}
