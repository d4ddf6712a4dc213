// dpkg's list of packages (var/lib/dpkg/status) over several bundles: each bundle that brings a list hides those below it. What is missing
// in the one that is seen is found in the hidden ones, and in status.d, where bundles made from packages note what they hold.
import { nameFromBytes, nameToBytes, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { baseName, type Tree } from '../../tree/index.ts';
import type { Layer, Union } from './union.ts';

/** dpkg's list. */
export const STATUS_PATH = 'var/lib/dpkg/status';
/** One file for each package of a bundle made from packages, as container tools read it. */
export const STATUS_PARTS = 'var/lib/dpkg/status.d';
const SIZE_MOST = 1 << 28;

/** A package that the visible list does not name although its files are there. */
export interface LostPackage {
  readonly name: string;
  /** Index of the layer that brings it. */
  readonly layer: number;
  /** Its paragraph, without a newline at the end. */
  readonly paragraph: string;
}

function textAt(tree: Tree, path: string, file: string): string | undefined {
  const entry = tree.get(path);
  if (entry?.kind !== 'file') return undefined;
  if (entry.content.size > SIZE_MOST)
    throw new KindlingError('LIMIT', `${entry.content.size} bytes, at most ${SIZE_MOST} are read`, { file, path });
  return nameFromBytes(readAll(entry.content));
}

function paragraphs(text: string): string[] {
  return text
    .split(/\n\n+/)
    .filter((one) => one.trim() !== '')
    .map((one) => one.replace(/\n+$/, ''));
}

function field(paragraph: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(paragraph)?.[1]?.trim() ?? '';
}

function keyOf(paragraph: string): string {
  return `${field(paragraph, 'Package')}:${field(paragraph, 'Architecture')}`;
}

/** Packages whose files are seen and that the visible list does not name, lower layers first. */
export function lostPackages(layers: readonly Layer[], union: Union): LostPackage[] {
  const visible = textAt(union.tree, STATUS_PATH, 'the union');
  const known = new Set(paragraphs(visible ?? '').map(keyOf));
  const lost: LostPackage[] = [];
  const offer = (paragraph: string, layer: number, isInstalled: boolean): void => {
    const key = keyOf(paragraph);
    const name = field(paragraph, 'Package');
    if (name === '' || known.has(key) || !isInstalled) return;
    known.add(key);
    lost.push({ name, layer, paragraph });
  };
  const hasFiles = (paragraph: string): boolean => {
    const name = field(paragraph, 'Package');
    const lists = [name, `${name}:${field(paragraph, 'Architecture')}`].map((one) => `var/lib/dpkg/info/${one}.list`);
    return / installed$/.test(field(paragraph, 'Status')) && lists.some((path) => union.tree.get(path) !== undefined);
  };
  for (const [layer, { name, tree }] of layers.entries()) {
    // one that a higher layer removed has no list of files any more
    if (union.originOf(STATUS_PATH) !== layer) {
      for (const paragraph of paragraphs(textAt(tree, STATUS_PATH, name) ?? '')) offer(paragraph, layer, hasFiles(paragraph));
    }
  }
  for (const { path } of union.tree.children(STATUS_PARTS)) {
    if (baseName(path).endsWith('.md5sums')) continue; // beside NAME, as container tools write it
    for (const paragraph of paragraphs(textAt(union.tree, path, 'the union') ?? '')) offer(paragraph, union.originOf(path)!, true);
  }
  return lost;
}

/** The visible list with the lost packages behind it. */
export function mergedStatus(union: Union, lost: readonly LostPackage[]): Uint8Array {
  const visible = paragraphs(textAt(union.tree, STATUS_PATH, 'the union') ?? '');
  const added = lost.map(({ paragraph }) => (field(paragraph, 'Status') === '' ? withStatus(paragraph) : paragraph));
  return nameToBytes([...visible, ...added].map((one) => `${one}\n\n`).join(''));
}

function withStatus(paragraph: string): string {
  return paragraph.replace(/^(Package:.*)$/m, '$1\nStatus: install ok installed');
}
