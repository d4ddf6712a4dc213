// The names in the block cache, and how its files are treated: each may vanish or be out of reach at any time.
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { errnoError } from '../errno.ts';

/** Hex digits of the profile at the start of a pack's name. */
export const PROFILE_DIGITS = 16;
const PACK_NAME = /^[0-9a-f]{16}-[0-9a-f]{12}\.pack$/;
/** A pack that is being written, by the process of this number. */
export const TEMPORARY_NAME: RegExp = /^\.(\d+)-[0-9a-f]{12}\.new$/;

function chance(): string {
  return randomBytes(6).toString('hex');
}

/** A new name for a pack of this profile. */
export function packName(profile: string): string {
  return `${profile}-${chance()}.pack`;
}

/** A new name for a pack of this process while it is written. */
export function temporaryName(): string {
  return `.${process.pid}-${chance()}.new`;
}

/** The packs there are, those of one profile or all, sorted. */
export function packNames(directory: string, profile = ''): string[] {
  return readdirSync(directory)
    .filter((name) => PACK_NAME.test(name) && name.startsWith(profile))
    .sort();
}

/** Runs work that makes system calls on files of the cache; undefined when one of them failed. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errnoError(error) === undefined) throw error;
    return undefined; // the cache is only a help: what it does not give is made again
  }
}
