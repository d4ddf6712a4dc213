// The version, from the package.json of this installation.
import { readFileSync } from 'node:fs';
import { KindlingError } from '../errors.ts';
import { HOME } from '../node/home.ts';

/** The version of this package ("0.1.0"). */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(`${HOME}package.json`, 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string')
    return manifest.version;
  throw new KindlingError('INTERNAL', 'package.json holds no version');
}
