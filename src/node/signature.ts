// Signatures of bundles: Ed25519 over the whole file, detached, 64 bytes; public keys are PEM files. `openssl pkeyutl -verify -rawin` agrees.
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KindlingError } from '../errors.ts';
import { system } from './errno.ts';

/** Where a machine keeps the public keys it trusts. */
export const KEYS_DIRECTORY = '/etc/kindling/keys';

/** A public key that bundles may be signed with. */
export interface TrustedKey {
  /** The file it came from. */
  readonly file: string;
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** What is known of a bundle's signature. Only `good` counts; `unsigned` can be accepted by a person, the others never. */
export type SignatureState =
  | { readonly state: 'good'; readonly key: string }
  | { readonly state: 'unsigned' }
  | { readonly state: 'refused'; readonly reason: string };

const KEY_SIZE_MOST = 64 * 1024;
const SIGNATURE_SIZE = 64;

const crypto = () => process.getBuiltinModule('node:crypto');

function keyText(file: string): string {
  const { size } = system(() => statSync(file), { file });
  if (size > KEY_SIZE_MOST) throw new KindlingError('LIMIT', `the key has ${size} bytes, at most ${KEY_SIZE_MOST} are read`, { file });
  return system(() => readFileSync(file, 'latin1'), { file });
}

function openKey(file: string): TrustedKey {
  const text = keyText(file);
  // A private key would be taken too: it holds the public one. That it lies where public ones are expected is a mistake worth a word.
  if (text.includes('PRIVATE KEY')) throw new KindlingError('BAD_VALUE', 'it is a private key, expected a public one', { file });
  let key: ReturnType<ReturnType<typeof crypto>['createPublicKey']>;
  try {
    key = crypto().createPublicKey(text);
  } catch (error) {
    throw new KindlingError('BAD_VALUE', 'it is no public key in PEM form', { file }, error);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KindlingError('UNSUPPORTED', `it is a key of type ${key.asymmetricKeyType}, expected Ed25519`, { file });
  }
  return { file, verifies: (bytes, signature) => crypto().verify(null, bytes, key, signature) };
}

/** The keys named by a person, and those of the machine. Throws for a named key that is none; what is wrong in the directory throws too. */
export function trustedKeys(named: readonly string[], directory = KEYS_DIRECTORY): TrustedKey[] {
  const held =
    lstatSync(directory, { throwIfNoEntry: false }) === undefined ? [] : system(() => readdirSync(directory), { file: directory });
  const files = held.filter((name) => name.endsWith('.pem')).sort();
  return [...named, ...files.map((name) => join(directory, name))].map(openKey);
}

/** Judges a detached signature (undefined where there is none) over exactly these bytes. */
export function judgeSignature(bytes: Uint8Array, signature: Uint8Array | undefined, keys: readonly TrustedKey[]): SignatureState {
  if (signature === undefined) return { state: 'unsigned' };
  if (signature.length !== SIGNATURE_SIZE) {
    return {
      state: 'refused',
      reason: `the signature has ${signature.length} bytes, expected ${SIGNATURE_SIZE}: it is damaged or no Ed25519 signature`,
    };
  }
  const key = keys.find((one) => one.verifies(bytes, signature));
  if (key !== undefined) return { state: 'good', key: key.file };
  const reason =
    keys.length === 0
      ? `it is signed, and there is no key to check that with: neither --key nor a file in ${KEYS_DIRECTORY}`
      : `the signature is by none of the ${keys.length} known keys: the bundle was changed, or its key is not trusted here`;
  return { state: 'refused', reason };
}

/** Signs with a private key file (PEM, Ed25519). Throws BAD_VALUE or UNSUPPORTED for any other. */
export function signBytes(bytes: Uint8Array, file: string): Uint8Array {
  const text = keyText(file);
  let key: ReturnType<ReturnType<typeof crypto>['createPrivateKey']>;
  try {
    key = crypto().createPrivateKey(text);
  } catch (error) {
    throw new KindlingError('BAD_VALUE', 'it is no private key in PEM form', { file }, error);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KindlingError('UNSUPPORTED', `it is a key of type ${key.asymmetricKeyType}, expected Ed25519`, { file });
  }
  return new Uint8Array(crypto().sign(null, bytes, key));
}
