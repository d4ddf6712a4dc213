// Runs that change little leave small packs: many of them become one.
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packName, packNames, temporaryName } from './cache-names.ts';
import { entriesOf, writePack } from './pack-file.ts';

const SMALL_SIZE = 4 * 1024 * 1024;
const SMALL_MOST = 16;

/** Joins the small packs of a profile when there are many. Throws what the system throws; nothing is lost then. */
export function joinSmallPacks(directory: string, profile: string): void {
  const small = packNames(directory, profile)
    .map((name) => join(directory, name))
    .filter((path) => (lstatSync(path, { throwIfNoEntry: false })?.size ?? SMALL_SIZE) < SMALL_SIZE);
  if (small.length <= SMALL_MOST) return;
  const writer = writePack(join(directory, temporaryName()));
  try {
    const held = new Set<string>();
    for (const path of small) {
      for (const { key, payload } of entriesOf(readFileSync(path))) {
        const name = Buffer.from(key).toString('latin1');
        if (!held.has(name)) writer.append(key, payload);
        held.add(name);
      }
    }
    writer.finish(join(directory, packName(profile)));
  } catch (error) {
    writer.discard();
    throw error;
  }
  for (const path of small) rmSync(path, { force: true });
}
