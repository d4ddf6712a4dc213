// The medium as data: what stands in `kindling/medium` and `kindling/sha256sums`, and the id that pairs a medium with its live archive
// (docs/live.md, "The medium").
import { type ByteSource, bytesSource, nameFromBytes, nameToBytes, readAll, type Sha256 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { directory, type Entry, file, makeTree, parentOf, type Tree, withParents } from '../tree/index.ts';

/** The data directory's usual name; `from=` of the boot names another. */
export const DATA_DIRECTORY = 'kindling';

/** A bundle as the medium names it, lowest layer first. */
export interface MediumBundle {
  /** File name in the data directory ("01-core.sb"). */
  readonly name: string;
  readonly size: number;
}

/** A bundle with its digest. */
export interface BundleDigest extends MediumBundle {
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** SHA-256 of everything in a source, in lower-case hex. */
export type SourceDigest = (source: ByteSource) => string;

/** The id of a medium: SHA-256 over names, sizes and digests of its bundles in order. Equal bundles make equal media. */
export function mediumId(bundles: readonly BundleDigest[], sha256: Sha256): string {
  return sha256(nameToBytes(bundles.map(({ name, size, sha256: digest }) => `${digest} ${size} ${name}\n`).join('')));
}

/** The text of `kindling/medium`: the id, then one line a bundle: name and size. */
export function mediumText(id: string, bundles: readonly MediumBundle[]): string {
  return [id, ...bundles.map(({ name, size }) => `${name} ${size}`), ''].join('\n');
}

/** What `kindling/medium` says. Throws BAD_VALUE with the line. */
export function parseMedium(text: string): { readonly id: string; readonly bundles: readonly MediumBundle[] } {
  const [id = '', ...lines] = text.split('\n');
  const bad = (line: number, found: string, expected: string): KindlingError =>
    new KindlingError('BAD_VALUE', `line ${line} is "${found.slice(0, 80)}", expected ${expected}`, { structure: 'medium' });
  if (!/^[0-9a-f]{64}$/.test(id)) throw bad(1, id, 'an id of 64 hex digits');
  if (lines.at(-1) === '') lines.pop();
  const bundles = lines.map((line, index) => {
    const parts = /^([^\s/]+) (\d{1,15})$/.exec(line);
    if (parts === null) throw bad(index + 2, line, 'a name and a size');
    return { name: parts[1]!, size: Number(parts[2]) };
  });
  return { id, bundles };
}

/** The lines of `sha256sum -c`: paths from the medium's top, in path order. */
export function sumsText(sums: ReadonlyMap<string, string>): string {
  return [...sums.keys()].map((path) => `${sums.get(path)}  ./${path}\n`).join('');
}

/** What a sums file says: digests by path. Throws BAD_VALUE with the line. */
export function parseSums(text: string): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const parts = /^([0-9a-f]{64})[ ][ *](?:\.\/)?(.+)$/.exec(line);
    if (parts === null) {
      const message = `line ${index + 1} is "${line.slice(0, 80)}", expected a digest of 64 hex digits, two blanks and a path`;
      throw new KindlingError('BAD_VALUE', message, { structure: 'sha256sums' });
    }
    sums.set(parts[2]!, parts[1]!);
  }
  return sums;
}

/** A file of the medium. */
export interface MediumFile {
  readonly path: string;
  readonly content: ByteSource;
  /** Where it is known already. */
  readonly sha256?: string;
}

/** A bundle with its bytes. */
export interface BundleFile extends BundleDigest {
  readonly content: ByteSource;
}

/** What a medium is composed of. */
export interface MediumParts {
  readonly id: string;
  readonly bundles: readonly BundleFile[];
  /** Kernel, archive and loader files. */
  readonly files: readonly MediumFile[];
  /** Name of the data directory. */
  readonly data: string;
  /** Seconds since 1970 of every entry. */
  readonly time: number;
  /** Make an empty directory for changes. */
  readonly changes?: boolean;
}

/** The path of the medium's own text. */
export const mediumPath = (data: string): string => `${data}/medium`;
/** The path of the digests. */
export const sumsPath = (data: string): string => `${data}/sha256sums`;

/** The path of the digests of files that lie on the EFI system partition alone. */
export const espSumsPath = (data: string): string => `${data}/efi.sha256sums`;

/** Composes the tree of a medium; the digests last, over everything else. Everything belongs to root and has one time. */
export function mediumTree(parts: MediumParts, digest: SourceDigest): Tree {
  const { data, bundles, files, id, time } = parts;
  const own: MediumFile = { path: mediumPath(data), content: bytesSource(nameToBytes(mediumText(id, bundles))) };
  const held = bundles.map(({ name, content, sha256 }): MediumFile => ({ path: `${data}/${name}`, content, sha256 }));
  const all = [...files, ...held, own];
  const sums = new Map(all.map(({ path, content, sha256 }) => [path, sha256 ?? digest(content)] as const));
  const sumsFile = { path: sumsPath(data), content: bytesSource(nameToBytes(sumsText(sorted(sums)))) };
  const entries: Entry[] = [...all, sumsFile].map(({ path, content }) => file(path, content));
  if (parts.changes === true) entries.push(directory(`${data}/changes`));
  const timed = withParents([directory(''), ...entries]).map((entry): Entry => ({ ...entry, mtime: time }));
  return makeTree(timed);
}

function sorted(sums: ReadonlyMap<string, string>): Map<string, string> {
  const names = makeTree(withParents([...sums.keys()].map((path) => file(path, bytesSource(new Uint8Array(0)))))).entries;
  return new Map(names.flatMap(({ path, kind }) => (kind === 'file' ? [[path, sums.get(path)!] as const] : [])));
}

/** Bytes of text of a medium file, bounded. Throws LIMIT above 16 MiB. */
export function textOf(content: ByteSource, path: string): string {
  if (content.size > 1 << 24) throw new KindlingError('LIMIT', `${content.size} bytes, at most ${1 << 24} are read`, { path });
  return nameFromBytes(readAll(content));
}

/** The data directories of a tree: those that hold a file `medium`. */
export function dataDirectories(tree: Tree): readonly string[] {
  return tree.entries.filter(({ kind, path }) => kind === 'file' && /^[^/]+\/medium$/.test(path)).map(({ path }) => parentOf(path));
}
