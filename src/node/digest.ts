// SHA-256 by the platform. node:crypto costs 7 ms to load and is loaded when the first digest is asked for.
import type { Sha256 } from '../bytes/index.ts';

/** Lower-case hex SHA-256. */
export const sha256: Sha256 = (bytes) => process.getBuiltinModule('node:crypto').hash('sha256', bytes, 'hex');

/** A SHA-256 over pieces. */
export interface RunningSha256 {
  update(piece: Uint8Array): void;
  /** Lower-case hex; ends the digest. */
  finish(): string;
}

/** Starts a SHA-256 over pieces. */
export function runningSha256(): RunningSha256 {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  return { update: (piece) => void hash.update(piece), finish: () => hash.digest('hex') };
}
