// fstab(5) of a root: only the lines that matter before the root is entered.
import { linesOf } from './drop-ins.ts';
import { findFile, type Root } from './root.ts';

/** One line of fstab. */
export interface FstabLine {
  readonly source: string;
  readonly at: string;
  readonly type: string;
  readonly options: string;
  /** Sixth field: order of checks, 0 for none. */
  readonly pass: number;
}

/** All lines of the root's etc/fstab; the escapes \040 and the like are undone. */
export function fstab(root: Root): FstabLine[] {
  const found = findFile(root, 'etc/fstab');
  if (found === undefined) return [];
  const plain = (text: string): string =>
    text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return linesOf(found).flatMap((line) => {
    const [source, at, type, options, , pass] = line.split(/\s+/).map(plain);
    if (source === undefined || at === undefined || type === undefined) return [];
    return [{ source, at: at === '/' ? '/' : at.replace(/\/+$/, ''), type, options: options ?? 'defaults', pass: Number(pass ?? 0) || 0 }];
  });
}

/** The file systems the root says it needs to come up: / and /usr, where the type is a single known word. */
export function fileSystemsOf(root: Root): FstabLine[] {
  return fstab(root).filter(
    ({ at, type }) => (at === '/' || at === '/usr') && /^[a-z0-9_.]+$/.test(type) && !['auto', 'none', 'swap'].includes(type),
  );
}
