// why: the chain of reasons for a path, as text. `archive.explain` finds it.
import type { Chain } from '../archive/index.ts';

/** One chain as lines, the deeper the reason the further in. */
export function chainText(chain: Chain): string {
  return chain.map((link, depth) => `${'  '.repeat(depth)}${link.path === '' ? '.' : link.path}: ${link.text} [${link.part}]\n`).join('');
}
