// The manifest of an install-time update: what a bundle is, what it is for, and every file with its digest. Form: docs/itu.md.
import { nameFromBytes, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { escapeName, escapeText, unescapeName } from '../../tree/index.ts';

/** One thing that a bundle puts into a root. Files are regular ones owned by root; a link is symbolic and its target is relative. */
export type ItuFile =
  | { readonly kind: 'file' | 'config'; readonly path: string; readonly mode: number; readonly size: number; readonly sha256: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** What a bundle says of itself. */
export interface ItuManifest {
  /** Lower-case letters, digits, ".", "_", "+" and "-". */
  readonly name: string;
  /** Bundles are applied in this order, 0 to 999. */
  readonly number: number;
  readonly version: string;
  readonly description: string;
  /** As ELF names it ("x86_64"), or "any". */
  readonly architecture: string;
  /** Kernel releases that it has modules for; empty when it has none. */
  readonly kernels: readonly string[];
  /** Modules to load at once, in this order. */
  readonly load: readonly string[];
  /** By path. */
  readonly files: readonly ItuFile[];
}

const FIRST = 'kindling itu 1';
const LAST = 'end';
const NAME = /^[a-z0-9][a-z0-9._+-]{0,62}$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+~:_-]{0,63}$/;
const RELEASE = /^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,126}$/;
const MODULE = /^[0-9A-Za-z_-]{1,63}$/;
const ARCHITECTURE = /^[0-9A-Za-z_-]{1,31}$/;
const DESCRIPTION_MOST = 512;
const NUMBER_MOST = 999;
const WORDS_MOST = 4096;

/** Where bundles keep what they say of themselves, in a root and in the bundle alike. */
export const ITU_DIRECTORY = 'usr/lib/kindling/itu';

/** The path of a bundle's manifest. */
export function manifestPath(name: string): string {
  return `${ITU_DIRECTORY}/${name}/manifest`;
}

/** The file name of a bundle: its number in three digits, and its name. */
export function bundleFileName({ number, name }: Pick<ItuManifest, 'number' | 'name'>): string {
  return `${String(number).padStart(3, '0')}-${name}.itu`;
}

/** Number and name out of a file name; undefined when it is none of a bundle. */
export function parseBundleFileName(name: string): { readonly number: number; readonly name: string } | undefined {
  const match = /^(\d{3})-(.+)\.itu$/.exec(name);
  return match === null || !NAME.test(match[2]!) ? undefined : { number: Number(match[1]), name: match[2]! };
}

/** Why a manifest cannot be, or undefined when it can: the same rules when one is made and when one is read. */
export function manifestFault(manifest: Omit<ItuManifest, 'files'>): string | undefined {
  const { name, number, version, description, architecture, kernels, load } = manifest;
  if (!NAME.test(name)) return `the name is "${name}", expected up to 63 lower-case letters, digits, ".", "_", "+" and "-"`;
  if (!Number.isInteger(number) || number < 0 || number > NUMBER_MOST) return `the number is ${number}, expected 0 to ${NUMBER_MOST}`;
  if (!VERSION.test(version)) return `the version is "${version}", expected letters, digits, ".", "+", "~", ":", "_" and "-"`;
  if (description.length > DESCRIPTION_MOST) return `the description has more than ${DESCRIPTION_MOST} characters`;
  if (!ARCHITECTURE.test(architecture)) return `the architecture is "${architecture}", expected one as ELF names it, or any`;
  if (kernels.length > WORDS_MOST || load.length > WORDS_MOST) return `more than ${WORDS_MOST} kernels or modules`;
  const release = kernels.find((word) => !RELEASE.test(word));
  if (release !== undefined) return `the kernel release is "${release}", expected letters, digits, ".", "+", "~", "_" and "-"`;
  const module = load.find((word) => !MODULE.test(word));
  return module === undefined ? undefined : `the module to load is "${module}", expected letters, digits, "_" and "-"`;
}

/** The text of a manifest. Equal manifests give equal text. */
export function printItuManifest(manifest: ItuManifest): string {
  const lines = [
    FIRST,
    `name ${manifest.name}`,
    `number ${manifest.number}`,
    `version ${manifest.version}`,
    `description ${escapeText(manifest.description)}`,
    `architecture ${manifest.architecture}`,
    ...manifest.kernels.map((release) => `kernel ${release}`),
    ...manifest.load.map((module) => `load ${module}`),
    ...manifest.files.map((file) =>
      file.kind === 'link'
        ? `link ${escapeName(file.path)} ${escapeName(file.target)}`
        : `${file.kind} ${file.mode.toString(8).padStart(4, '0')} ${file.size} ${file.sha256} ${escapeName(file.path)}`,
    ),
    LAST,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function bad(message: string, line: number): KindlingError {
  return new KindlingError('BAD_VALUE', `line ${line}: ${message}`, { structure: 'itu manifest' });
}

function fileOf(line: string, at: number): ItuFile | undefined {
  const link = /^link (\S+) (\S+)$/.exec(line);
  if (link !== null) return { kind: 'link', path: unescapeName(link[1]!), target: unescapeName(link[2]!) };
  const file = /^(file|config) ([0-7]{4}) (\d{1,12}) ([0-9a-f]{64}) (\S+)$/.exec(line);
  if (file !== null) {
    const [, kind, mode, size, sha256, path] = file;
    return {
      kind: kind as 'file' | 'config',
      mode: Number.parseInt(mode!, 8),
      size: Number(size),
      sha256: sha256!,
      path: unescapeName(path!),
    };
  }
  if (/^(link|file|config) /.test(line)) throw bad(`"${line.slice(0, 80)}" is no file line`, at);
  return undefined;
}

/** Reads a manifest. Throws BAD_MAGIC for another kind of file, BAD_VALUE with the line for anything not understood, repeated or missing. */
export function parseItuManifest(bytes: Uint8Array): ItuManifest {
  const [first, ...lines] = nameFromBytes(bytes).split('\n');
  if (first !== FIRST)
    throw new KindlingError('BAD_MAGIC', `the first line is ${JSON.stringify(first?.slice(0, 40))}, expected "${FIRST}"`, {
      structure: 'itu manifest',
    });
  if (lines.pop() !== '' || lines.pop() !== LAST)
    throw bad(`expected the line "${LAST}" as the last one: the manifest was cut off`, lines.length + 2);
  const words = new Map<string, string>();
  const kernels: string[] = [];
  const load: string[] = [];
  const files: ItuFile[] = [];
  for (const [index, line] of lines.entries()) {
    const at = index + 2;
    const file = fileOf(line, at);
    if (file !== undefined) {
      files.push(file);
      continue;
    }
    const match = /^([a-z]+) (.*)$/.exec(line);
    const [key = '', value = ''] = match?.slice(1) ?? [];
    if (key === 'kernel') kernels.push(value);
    else if (key === 'load') load.push(value);
    else if (!['name', 'number', 'version', 'description', 'architecture'].includes(key))
      throw bad(`"${line.slice(0, 80)}" means nothing`, at);
    else if (words.has(key)) throw bad(`${key} is given twice`, at);
    else words.set(key, key === 'description' ? unescapeName(value) : value);
  }
  const of = (key: string): string => {
    const word = words.get(key);
    if (word === undefined) throw bad(`${key} is missing`, lines.length + 1);
    return word;
  };
  const number = /^\d{1,3}$/.test(of('number')) ? Number(of('number')) : Number.NaN;
  const said = { name: of('name'), number, version: of('version'), description: of('description'), architecture: of('architecture') };
  const manifest = { ...said, kernels, load, files };
  const fault = manifestFault(manifest);
  if (fault !== undefined) throw new KindlingError('BAD_VALUE', fault, { structure: 'itu manifest' });
  // One text for one meaning: what a person reads is what is compared and signed.
  if (printItuManifest(manifest) !== nameFromBytes(bytes)) {
    throw new KindlingError('BAD_VALUE', 'it is not written as kindling writes it', { structure: 'itu manifest' });
  }
  return manifest;
}

/** The bytes of a manifest. */
export function encodeItuManifest(manifest: ItuManifest): Uint8Array {
  return utf8(printItuManifest(manifest));
}
