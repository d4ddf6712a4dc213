// Several bundles and one root: what would be done is known, and refused where it must be, before the first byte is written.
import type { Decoder } from '../../codecs/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import type { Root } from '../../plan/index.ts';
import { type Entry, makeTree, type Tree, withParents } from '../../tree/index.ts';
import { fit } from '../../verbs/itu/fit.ts';
import { sameState } from '../../verbs/itu/journal.ts';
import { type Placing, placing } from '../../verbs/itu/place.ts';
import { directoryRoot } from '../directory.ts';
import { applyBundle, stateOf } from './apply.ts';
import type { FoundBundle } from './media.ts';
import { takeOut } from './remove.ts';
import { type Site, storedBundles } from './store.ts';

/** A bundle with its signature judged good, or accepted without one. */
export type UsableBundle = FoundBundle & { readonly bundle: NonNullable<FoundBundle['bundle']> };

/** What applying one bundle to one root comes to. */
export interface PlannedApply {
  readonly found: UsableBundle;
  /** Kernels of the root that it has modules for. */
  readonly kernels: readonly string[];
  readonly placing: Placing;
  readonly findings: readonly Finding[];
  /** `already`: this very bundle is there, untouched; `again`: it or another version of it is taken out first. */
  readonly how: 'new' | 'already' | 'again';
  /** Paths where something of another bundle is replaced; this one wins. */
  readonly replaces: readonly { readonly path: string; readonly bundle: string }[];
}

/** A bundle that may be used; throws its fault, or BAD_CHECKSUM for an unsigned one that nobody accepted. */
export function usable(found: FoundBundle, unsigned: boolean): UsableBundle {
  const { bundle, fault, signature, label } = found;
  if (fault !== undefined) throw fault;
  if (signature.state === 'unsigned' && !unsigned) {
    throw new KindlingError('BAD_CHECKSUM', 'the bundle is not signed; --unsigned takes it all the same', { file: label });
  }
  if (bundle === undefined || signature.state === 'refused')
    throw new KindlingError('INTERNAL', 'a bundle without content was found usable');
  return { ...found, bundle };
}

/** A root as it will be when something is laid over it. */
function overlaid(root: Root, over: Tree): Root {
  return {
    label: root.label,
    entry: (path) => {
      const found = over.get(path);
      return found === undefined || found.kind === 'directory' ? (root.entry(path) ?? found) : found;
    },
    names: (path) => {
      const added = over.children(path).map((child) => child.path.slice(path === '' ? 0 : path.length + 1));
      return added.length === 0 ? root.names(path) : [...new Set([...root.names(path), ...added])].sort();
    },
  };
}

/** Says what applying these bundles, in this order, would do. Writes nothing. */
export async function planApply(site: Site, bundles: readonly UsableBundle[], decoders: readonly Decoder[]): Promise<PlannedApply[]> {
  const root = directoryRoot(site.root);
  const stored = storedBundles(site);
  const owners = new Map(stored.flatMap(({ name, journal }) => journal.puts.map(({ path }) => [path, name] as const)));
  const laid = new Map<string, Entry>();
  const plans: PlannedApply[] = [];
  for (const found of bundles) {
    const { manifest, tree, sha256 } = found.bundle;
    if (plans.some((one) => one.found.bundle.manifest.name === manifest.name)) {
      throw new KindlingError('CONFLICT', `two bundles are called ${manifest.name}`, { file: found.label });
    }
    const over = overlaid(root, makeTree(withParents(laid.values())));
    const { kernels, findings } = fit({ manifest, tree, root: over, decoders });
    const places = placing(found.bundle, root, kernels);
    const replaces = places.placements.flatMap(({ path }) => {
      const owner = owners.get(path);
      return owner === undefined || owner === manifest.name ? [] : [{ path, bundle: owner }];
    });
    const before = stored.find(({ name }) => name === manifest.name);
    const same =
      before?.journal.bundle === sha256 && before.journal.state === 'applied' && places.placements.length === before.journal.puts.length;
    const untouched = same && (await isUntouched(site, before.journal.puts, owners, manifest.name));
    plans.push({
      found,
      kernels,
      placing: places,
      findings,
      how: before === undefined ? 'new' : untouched ? 'already' : 'again',
      replaces,
    });
    for (const { entry, path } of places.placements) {
      laid.set(path, { ...entry, path });
      owners.set(path, manifest.name);
    }
  }
  return plans;
}

type Puts = ReturnType<typeof storedBundles>[number]['journal']['puts'];

/** Whether everything a bundle put is there. What a later bundle holds is that one's. */
async function isUntouched(site: Site, puts: Puts, owners: ReadonlyMap<string, string>, name: string): Promise<boolean> {
  for (const { path, now } of puts) {
    if (owners.get(path) === name && !sameState((await stateOf(site, path)).state, now)) return false;
  }
  return true;
}

/** Applies what was planned, one bundle after the other. */
export async function carryOutPlans(
  site: Site,
  plans: readonly PlannedApply[],
  decoders: readonly Decoder[],
  onBundle: (plan: PlannedApply) => void = () => undefined,
): Promise<void> {
  for (const plan of plans) {
    onBundle(plan);
    const { found, how, kernels } = plan;
    if (how === 'already') continue;
    if (how === 'again') await takeOut(site, found.bundle.manifest.name, decoders);
    const key = found.signature.state === 'good' ? found.signature.key : undefined;
    const { placements } = plan.placing;
    await applyBundle(site, { bundle: found.bundle, signature: found.signatureBytes, key, kernels, placements }, decoders);
  }
}
