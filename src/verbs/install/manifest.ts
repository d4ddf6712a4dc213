// The list of what `install` put into a root, var/lib/kindling/installed: `uninstall` removes exactly that (docs/install.md). It is written
// before the first file is made and once more when all are, so that a run that was killed is known by its list.
import { nameFromBytes, nameToBytes, type Sha256 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

/** Ways in which a root calls kindling, and boot loaders that offer its archives. */
export const HOOK_KINDS = ['kernel-install', 'debian', 'pacman', 'systemd', 'sysvinit', 'bls', 'grub'] as const;

/** One of the ways of `HOOK_KINDS`. */
export type HookKind = (typeof HOOK_KINDS)[number];

/** Something that was made. A path of which a run replaced the content has two file lines until the run is done. */
export type Made =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly digest: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** What is in the list. */
export interface Manifest {
  /** "making" from before the first file until everything is there. */
  readonly state: 'making' | 'done';
  readonly with: readonly HookKind[];
  readonly made: readonly Made[];
}

/** Where the list is in a root. */
export const MANIFEST_PATH = 'var/lib/kindling/installed';

/** More than this is no list of ours. */
export const MANIFEST_MOST = 1024 * 1024;

const FIRST = 'kindling installed 1';

/** The list as text; its last line is a digest of all lines before. */
export function printManifest(manifest: Manifest, sha256: Sha256): Uint8Array {
  const lines = [FIRST, `state ${manifest.state}`, `with ${manifest.with.join(' ')}`];
  for (const made of manifest.made) {
    if (made.kind === 'directory') lines.push(`directory ${made.path}`);
    else if (made.kind === 'file') lines.push(`file ${made.digest} ${made.path}`);
    else lines.push(`link ${made.path} ${made.target}`);
  }
  const text = `${lines.join('\n')}\n`;
  return nameToBytes(`${text}end ${sha256(nameToBytes(text))}\n`);
}

function bad(message: string): KindlingError {
  return new KindlingError('BAD_VALUE', message, { file: MANIFEST_PATH });
}

/** Reads a list. Throws BAD_MAGIC, BAD_VALUE or BAD_CHECKSUM for what is none or was damaged. */
export function parseManifest(bytes: Uint8Array, sha256: Sha256): Manifest {
  const text = nameFromBytes(bytes);
  if (!text.startsWith(`${FIRST}\n`)) throw new KindlingError('BAD_MAGIC', `expected "${FIRST}"`, { file: MANIFEST_PATH });
  const endAt = text.lastIndexOf('end ');
  const covered = text.slice(0, endAt);
  if (text.slice(endAt) !== `end ${sha256(nameToBytes(covered))}\n`) {
    throw new KindlingError('BAD_CHECKSUM', 'the list of what was installed is damaged', { file: MANIFEST_PATH });
  }
  const [, state, kinds, ...rest] = covered.slice(0, -1).split('\n');
  if (state !== 'state making' && state !== 'state done') throw bad(`found "${state}", expected a state`);
  if (kinds === undefined || !kinds.startsWith('with')) throw bad(`found "${kinds}", expected "with ..."`);
  return {
    state: state === 'state done' ? 'done' : 'making',
    with: HOOK_KINDS.filter((kind) => kinds.split(' ').includes(kind)),
    made: rest.map(madeLine),
  };
}

function madeLine(line: string): Made {
  const [kind, first = '', second = '', ...more] = line.split(' ');
  if (more.length === 0) {
    if (kind === 'directory' && first !== '' && second === '') return { kind, path: first };
    if (kind === 'file' && /^[0-9a-f]{64}$/.test(first) && second !== '') return { kind, path: second, digest: first };
    if (kind === 'link' && first !== '' && second !== '') return { kind, path: first, target: second };
  }
  throw bad(`found "${line}", expected a directory, file or link`);
}
