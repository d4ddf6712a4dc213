// What kind of init a finished initramfs has: it decides how the image of a squashed archive is left behind.
import { asciiFrom } from '../../bytes/index.ts';
import { baseName, type FileEntry, type Tree } from '../../tree/index.ts';
import { resolve, treeRoot } from '../root.ts';

/**
 * `systemd`: detaches its root by itself. `script`: ends in one of the programs at `leaves`, which the way back can stand in for.
 * `other`: nobody knows what it does at the end. `none`: there is no init.
 */
export interface InitKind {
  readonly kind: 'systemd' | 'script' | 'other' | 'none';
  /** Where the programs that enter the root are, links not followed. */
  readonly leaves: readonly string[];
  /** The file the init is, links followed. */
  readonly path: string;
}

/** Programs that delete the archive and execute the root's init. */
const LEAVING = ['switch_root', 'run-init'];
const PLACES = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/lib/klibc/bin'];
const SCRIPT_MOST = 1 << 20;

/** Looks at a tree's /init. */
export function initKind(tree: Tree): InitKind {
  const root = treeRoot(tree, 'the archive');
  const { entry, path } = resolve(root, 'init');
  if (entry?.kind !== 'file') return { kind: 'none', leaves: [], path: 'init' };
  if (baseName(path) === 'systemd') return { kind: 'systemd', leaves: [], path };
  const leaves = leavingPrograms(tree);
  return { kind: isScript(entry) && leaves.length > 0 ? 'script' : 'other', leaves, path };
}

function isScript({ content }: FileEntry): boolean {
  return content.size <= SCRIPT_MOST && asciiFrom(content.read(0, Math.min(2, content.size))) === '#!';
}

/** Paths with their directories resolved, so that one program under /bin and /usr/bin is one. */
function leavingPrograms(tree: Tree): string[] {
  const root = treeRoot(tree, 'the archive');
  const found = new Set<string>();
  for (const place of PLACES) {
    const home = resolve(root, place);
    if (home.entry?.kind !== 'directory') continue;
    for (const name of LEAVING) {
      const path = `${home.path}/${name}`;
      if (tree.get(path) !== undefined && resolve(root, path).entry?.kind === 'file') found.add(path);
    }
  }
  return [...found].sort();
}
