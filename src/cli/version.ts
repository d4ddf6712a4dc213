// The version, from the package's own package.json: the same file beside src/ in a clone and beside dist/ in an installed package.
import { readFileSync } from 'node:fs';
import { KindlingError } from '../errors.ts';

/** The version of this package ("0.1.0"). */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string')
    return manifest.version;
  throw new KindlingError('INTERNAL', 'package.json holds no version');
}
