// The files of packaging/hooks beside this program, as `install` takes them.
import { readdirSync, readFileSync } from 'node:fs';
import { system } from './errno.ts';
import { HOME } from './home.ts';

/** All of them by name. Throws NO_ENTRY when the installation lacks them. */
export function hookFiles(home = `${HOME}packaging/hooks`): ReadonlyMap<string, Uint8Array> {
  const names = system(() => readdirSync(home), { file: home }).sort();
  return new Map(names.map((name) => [name, system(() => readFileSync(`${home}/${name}`), { file: `${home}/${name}` })]));
}
