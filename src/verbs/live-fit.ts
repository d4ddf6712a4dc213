// live: bundles that fit the file system they go on. One that is too large becomes several, which the boot lays over each other again.
import { KindlingError } from '../errors.ts';
import { cutTree, LAYERS_MOST, type NewBundle } from '../media/bundles/index.ts';
import type { BundleFile } from '../media/index.ts';
import type { Tree } from '../tree/index.ts';

/** Bytes of the largest file on FAT. */
export const FAT_FILE_MOST = 2 ** 32 - 1;

function onlyFile(tree: Tree): string | undefined {
  const files = tree.entries.filter((entry) => entry.kind === 'file' && entry.content.size > 0);
  return files.length === 1 ? files[0]!.path : undefined;
}

/**
 * Makes a bundle, or `NAME-1`, `NAME-2` and so on in its place when it has more than `most` bytes. How many are needed only compression tells:
 * it is tried with one more until all fit. Throws NOT_EXPRESSIBLE for a single file that does not fit.
 */
export async function fittingBundles(
  bundle: NewBundle,
  most: number | undefined,
  make: (bundle: NewBundle) => Promise<BundleFile>,
): Promise<readonly BundleFile[]> {
  const whole = await make(bundle);
  if (most === undefined || whole.size <= most) return [whole];
  for (let count = Math.ceil(whole.size / most); count <= LAYERS_MOST; ) {
    const trees = cutTree(bundle.tree, count);
    const width = String(trees.length).length;
    const made: BundleFile[] = [];
    let worst = 0;
    for (const [index, tree] of trees.entries()) {
      const name = `${bundle.name}-${String(index + 1).padStart(width, '0')}`;
      const one = await make({ name, tree });
      const alone = one.size > most ? onlyFile(tree) : undefined;
      if (alone !== undefined) {
        const message = `"${alone}" alone makes a bundle of ${one.size} bytes, expected at most ${most}`;
        throw new KindlingError('NOT_EXPRESSIBLE', message, { path: alone, structure: one.name });
      }
      made.push(one);
      worst = Math.max(worst, one.size);
      if (worst > most) break;
    }
    if (worst <= most) return made;
    count = Math.max(count + 1, Math.min(2 * count, Math.ceil((count * worst) / most)));
  }
  throw new KindlingError('LIMIT', `${bundle.name} in bundles of ${most} bytes is more than ${LAYERS_MOST} layers`, {
    structure: 'bundle',
  });
}
