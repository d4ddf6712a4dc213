// bundle: layers of a live system from trees, packages and differences, and what there is to say of a stack of them (docs/bundle.md).
import type { Finding } from '../errors.ts';
import {
  type BundleFacts,
  differenceLayer,
  type Layer,
  type LeftOut,
  type MarkSpace,
  matcher,
  overlayForm,
  pick,
  VOLATILE,
  withoutMatches,
} from '../media/bundles/index.ts';
import type { SameBytes, Tree } from '../tree/index.ts';

/** What a bundle is made of. */
export interface BundleSource {
  readonly tree: Tree;
  /** `tree`: all of it. `changes`: it is the upper directory of an overlay. `over`: what it has that `lower` has not. */
  readonly as: 'tree' | 'changes' | 'over';
  /** What is seen below; for `over`. */
  readonly lower?: Tree;
  readonly exclude: readonly string[];
  /** Take volatile paths of `changes` and `over` too. */
  readonly volatile: boolean;
  /** For `over`: whether a time alone makes a file changed. */
  readonly times: boolean;
  readonly marks: MarkSpace;
  readonly sameBytes?: SameBytes;
}

/** A bundle's tree before it is packed, and how it came about. */
export interface BundlePlan {
  readonly tree: Tree;
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly Finding[];
  readonly counts?: { readonly added: number; readonly changed: number; readonly removed: number };
}

/** What goes into a bundle. Throws NOT_EXPRESSIBLE or UNSUPPORTED for a layer that overlayfs could not show alone. */
export function planBundle(source: BundleSource): BundlePlan {
  const excluded = source.exclude.map((path) => ({ path, reason: 'excluded' }));
  const rules = source.as === 'tree' || source.volatile ? excluded : [...excluded, ...VOLATILE];
  if (source.as === 'over') {
    const { tree, addedCount, changedCount, removedCount, leftOut } = differenceLayer(source.lower!, source.tree, {
      exclude: rules,
      times: source.times,
      marks: source.marks,
      ...(source.sameBytes === undefined ? {} : { sameBytes: source.sameBytes }),
    });
    return { tree, leftOut, notes: [], counts: { added: addedCount, changed: changedCount, removed: removedCount } };
  }
  const form = overlayForm(source.tree, source.marks);
  const reasonFor = matcher(rules);
  const { kept, leftOut } = withoutMatches(form.tree.entries, ({ path }) => reasonFor(path));
  const tree = leftOut.length === 0 ? form.tree : pick(form.tree, kept, () => true);
  return { tree, leftOut, notes: notesOf(form) };
}

function notesOf({ whiteoutCount, opaqueCount, ownCount, newerCount, redirectCount }: ReturnType<typeof overlayForm>): Finding[] {
  const notes: Finding[] = [];
  const note = (code: string, severity: Finding['severity'], message: string) => notes.push({ code, severity, where: {}, message });
  if (whiteoutCount + opaqueCount + ownCount > 0) {
    const own = ownCount === 0 ? '' : `, ${ownCount} files of its own left out`;
    note(
      'aufs-converted',
      'note',
      `marks of aufs turned into those of overlayfs: ${whiteoutCount} whiteouts, ${opaqueCount} opaque directories${own}`,
    );
  }
  if (newerCount > 0)
    note('newer-whiteouts', 'note', `${newerCount} whiteouts that need Linux 6.7 or later are now such as every kernel knows`);
  if (redirectCount > 0) {
    note(
      'renamed-directories',
      'warning',
      `${redirectCount} directories were renamed: their content is seen only where overlayfs is mounted with redirect_dir=on or follow`,
    );
  }
  return notes;
}

/** A bundle as the JSON documents show it. */
export function bundleDocument(
  facts: BundleFacts,
  layers: readonly Layer[],
  opened: { file: string; size: number; codec: string; blockSize: number },
): object {
  const { hides, ...counts } = facts;
  const shadows = hides.map(({ path, of, how, entryCount }) => ({ path, of: layers[of]!.name, how, entryCount }));
  return { ...counts, file: opened.file, size: opened.size, codec: opened.codec, blockSize: opened.blockSize, hides: shadows };
}
