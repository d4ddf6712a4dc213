// kindling itu apply and remove: which bundles, to which roots, and what is said of it.
import { KindlingError } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { openConfined } from '../../node/confined.ts';
import { DISK } from '../../node/disk.ts';
import { carryOutPlans, type PlannedApply, planApply, type UsableBundle, usable } from '../../node/itu/carry-out.ts';
import { LOAD_OUTSIDE, type LoadedModule, liveSystem, loadModules, runningKernel } from '../../node/itu/live.ts';
import { type FoundBundle, findBundles, inOrder, type MediaOutside } from '../../node/itu/media.ts';
import { isInterrupted, openSite, type Recovered, recover, takeOut } from '../../node/itu/remove.ts';
import { type Site, STORE, storedBundles } from '../../node/itu/store.ts';
import { takeLock } from '../../node/lock.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError } from '../verb.ts';
import type { World } from '../world.ts';
import { bundleDocument, mediaOutside } from './list.ts';
import { anotherMedium, bundleLine, chooseBundles, confirm, type MenuOutside, terminalAsk } from './menu.ts';
import { type Rebuilt, rebuildArchives } from './rebuild.ts';

/** One root that bundles are applied to. */
interface Target {
  readonly root: string;
  /** The running system: modules are loaded, and no archive is rebuilt. */
  readonly live: boolean;
}

/** What was done to one root. */
interface Outcome {
  readonly target: Target;
  readonly recovered: Recovered;
  readonly plans: readonly PlannedApply[];
  readonly loaded: readonly LoadedModule[];
  /** Undefined for the running system, which was started from its archive already, and where nobody wants it. */
  readonly rebuilt: Rebuilt | undefined;
}

function targets(parsed: Parsed, world: World): Target[] {
  const root = parsed.value('root');
  const found = liveSystem();
  const wanted = !parsed.flag('no-live') && (parsed.flag('live') || found.live);
  if (parsed.flag('live') && parsed.flag('no-live')) throw usageError('itu apply: --live and --no-live exclude each other');
  if (!wanted && root === undefined) {
    throw usageError(
      `itu apply: the running system is no live or installer system (${found.why}); say --live to change it all the same, or name a root with -R`,
    );
  }
  if (!wanted && !parsed.flag('no-live')) world.detail(`the running system is left alone: ${found.why}`);
  const live = wanted ? [{ root: '/', live: true }] : [];
  return root === undefined || (wanted && root === '/') ? live : [...live, { root, live: false }];
}

async function withSite<T>(root: string, work: (site: Site) => Promise<T>): Promise<T> {
  const site = openSite(root);
  try {
    return await work(site);
  } finally {
    site.close();
  }
}

/** Runs work that changes a root, one run at a time. */
async function locked<T>(root: string, world: World, work: (site: Site) => Promise<T>): Promise<T> {
  const directory = openConfined(DISK, root, 'var/lib/kindling', true)!;
  try {
    const onWait = ({ pid }: { readonly pid: number }): void => world.note(`waiting for process ${pid}, which is at ${printable(root)}`);
    const lock = await takeLock(DISK, directory, { onWait, signal: world.signal });
    try {
      return await withSite(root, work);
    } finally {
      lock.release();
    }
  } finally {
    directory.close();
  }
}

/** Bundles of all media, by the menu where a person is there, otherwise all of them, or those named. */
async function chosen(parsed: Parsed, world: World, outside: MediaOutside, into: readonly Target[]): Promise<UsableBundle[]> {
  const media = parsed.positionals.slice(1);
  const names = parsed.values('bundle');
  const unsigned = parsed.flag('unsigned');
  const stored = media.length === 0 ? storedMedia(into) : media;
  const explicit = parsed.flag('yes') || names.length > 0 || stored.every((medium) => medium.endsWith('.itu'));
  const found: FoundBundle[] = [];
  if (explicit) {
    for (const medium of stored) found.push(...(await findBundles(medium, outside)));
    const strange = names.find((name) => !found.some(({ bundle }) => bundle?.manifest.name === name));
    if (strange !== undefined) throw new KindlingError('NO_ENTRY', `no medium holds a bundle called "${strange}" that could be read`);
    const wanted = names.length === 0 ? found : found.filter(({ bundle }) => names.includes(bundle?.manifest.name ?? ''));
    return inOrder(wanted).map((one) => usable(one, unsigned));
  }
  if (!process.stdin.isTTY || !world.err.isTerminal || world.json)
    throw usageError('itu apply: nobody can be asked here; say --yes for all bundles, or name them with --bundle');
  return await byMenu(stored, unsigned, world, outside, into);
}

/** Without a medium: the bundles that the running system took, for the installed root. */
function storedMedia(into: readonly Target[]): string[] {
  const target = into.find(({ live }) => !live);
  if (target === undefined) throw usageError('itu apply: name a MEDIUM or FILE');
  const site = openSite('/');
  try {
    const applied = storedBundles(site).filter(({ journal }) => journal.state === 'applied');
    if (applied.length === 0) throw usageError('itu apply: the running system took no bundles that could go on; name a MEDIUM or FILE');
    return applied.map(({ name }) => `/${STORE}/${name}`);
  } finally {
    site.close();
  }
}

async function byMenu(
  media: readonly string[],
  unsigned: boolean,
  world: World,
  outside: MediaOutside,
  into: readonly Target[],
): Promise<UsableBundle[]> {
  const terminal = await terminalAsk();
  const say = (line: string): Promise<void> => world.err.line(line);
  const mayUse = ({ signature, bundle }: FoundBundle): boolean =>
    bundle !== undefined && (signature.state === 'good' || (signature.state === 'unsigned' && unsigned));
  const menu: MenuOutside = { ask: terminal.ask, say, mayUse };
  try {
    const wanted: FoundBundle[] = [];
    const pending = [...media];
    for (let medium = pending.shift(); medium !== undefined; medium = pending.shift() ?? (await anotherMedium(terminal.ask))) {
      try {
        const found = await findBundles(medium, outside);
        if (!unsigned && found.some(({ signature }) => signature.state === 'unsigned')) await say('  (unsigned bundles need --unsigned)');
        wanted.push(...(await chooseBundles(medium, found, menu)));
      } catch (error) {
        // A wrong path is asked for again; what was chosen before stays chosen.
        if (!(error instanceof KindlingError)) throw error;
        await say(`  ${printable(`${medium}: ${error.message}`)}`);
      }
    }
    const ordered = inOrder(wanted);
    if (ordered.length === 0) return [];
    await say('To be applied, in this order:');
    for (const one of ordered) await say(`  ${bundleLine(one)}`);
    const where = into.map(({ root, live }) => (live ? 'the running system' : printable(root))).join(' and ');
    return (await confirm(terminal.ask, `Apply ${ordered.length === 1 ? 'it' : 'them'} to ${where}?`))
      ? ordered.map((one) => usable(one, unsigned))
      : [];
  } finally {
    terminal.close();
  }
}

function sayPlans({ root, live }: Target, plans: readonly PlannedApply[], world: World, would: boolean): boolean {
  let fits = true;
  const where = live ? 'the running system' : printable(root);
  for (const { found, findings, how, placing, replaces, kernels } of plans) {
    const { number, name, version } = found.bundle.manifest;
    for (const { severity, message } of findings) {
      if (severity === 'error') {
        fits = false;
        world.note(`${world.err.style('red', 'error:')} ${name}: ${printable(message)}`);
      } else if (severity === 'warning') world.warn(`${name}: ${printable(message)}`);
      else world.detail(`${name}: ${printable(message)}`);
    }
    for (const { path, bundle } of replaces)
      world.warn(`${name} replaces /${printable(path)}, which ${bundle} put there: the last one wins`);
    const count = placing.placements.length - 1;
    const target = kernels.length === 0 ? '' : ` for ${kernels.join(', ')}`;
    const verb =
      how === 'already' ? 'is there already' : `${would ? 'would put' : 'puts'} ${count} file${count === 1 ? '' : 's'}${target} there`;
    world.note(
      `${where}: ${String(number).padStart(3, '0')} ${name} ${version} ${verb}${how === 'again' ? ', after its earlier state is taken out' : ''}`,
    );
  }
  return fits;
}

/** Runs `itu apply`. */
export async function ituApply(parsed: Parsed, world: World): Promise<number> {
  const into = targets(parsed, world);
  const outside = mediaOutside(parsed);
  const bundles = await chosen(parsed, world, outside, into);
  const dryRun = parsed.flag('dry-run');
  const decoders = nodeDecoders();
  const nothing: Recovered = { finished: [], undone: [] };
  if (bundles.length === 0) {
    world.note('nothing is applied');
    if (world.json) await world.document({ written: false, targets: [] });
    return 1;
  }
  // All roots are asked before the first one is changed.
  const planned: Outcome[] = [];
  for (const target of into) {
    const plans = await withSite(target.root, (site) => planApply(site, bundles, decoders));
    planned.push({ target, recovered: nothing, plans, loaded: [], rebuilt: undefined });
  }
  const fits = planned.map(({ target, plans }) => sayPlans(target, plans, world, dryRun)).every((one) => one);
  if (dryRun || !fits) {
    if (!fits) world.note('nothing is applied');
    if (world.json) await world.document({ written: false, targets: planned.map(outcomeDocument) });
    return fits ? 0 : 1;
  }
  const outcomes: Outcome[] = [];
  for (const { target } of planned) outcomes.push(await applyTo(target, bundles, !parsed.flag('no-update'), world));
  const failed = outcomes.some(({ loaded, rebuilt }) => loaded.some(({ result }) => result === 'failed') || rebuilt?.done === false);
  if (world.json) await world.document({ written: true, targets: outcomes.map(outcomeDocument) });
  return failed ? 1 : 0;
}

function outcomeDocument({ target, recovered, plans, loaded, rebuilt }: Outcome): object {
  const bundles = plans.map(({ found, how, kernels, placing, findings, replaces }) => ({
    ...bundleDocument(found),
    how,
    appliedFor: kernels,
    placed: placing.placements.map(({ path }) => path),
    left: placing.left,
    replaces,
    findings,
  }));
  return { ...target, recovered, bundles, loaded, rebuilt: rebuilt ?? null };
}

async function applyTo(target: Target, bundles: readonly UsableBundle[], rebuilds: boolean, world: World): Promise<Outcome> {
  const decoders = nodeDecoders();
  const { recovered, plans } = await locked(target.root, world, async (site) => {
    const cleared = await recover(site, decoders, new Set(bundles.map(({ bundle }) => bundle.manifest.name)));
    for (const name of cleared.finished) world.note(`${printable(target.root)}: an interrupted apply of ${name} was finished`);
    for (const name of cleared.undone) world.note(`${printable(target.root)}: an interrupted run with ${name} was undone`);
    const again = await planApply(site, bundles, decoders);
    const bad = again.flatMap(({ findings }) => findings).find(({ severity }) => severity === 'error');
    if (bad !== undefined) throw new KindlingError('CONFLICT', bad.message, bad.where);
    world.progress.step('applying', again.length);
    await carryOutPlans(site, again, decoders, ({ found }) =>
      world.progress.advance(
        again.findIndex((one) => one.found === found),
        found.label,
      ),
    );
    world.progress.clear();
    return { recovered: cleared, plans: again };
  });
  const loaded = target.live ? await loadAll(plans, world) : [];
  const rebuilt = target.live || !rebuilds ? undefined : await rebuildArchives(target.root, world);
  return { target, recovered, plans, loaded, rebuilt };
}

async function loadAll(plans: readonly PlannedApply[], world: World): Promise<LoadedModule[]> {
  const kernel = runningKernel();
  const results: LoadedModule[] = [];
  for (const { found, kernels } of plans) {
    const { name, load } = found.bundle.manifest;
    if (load.length === 0) continue;
    if (!kernels.includes(kernel)) {
      world.warn(`${name} has no modules for the running kernel ${kernel}: nothing is loaded`);
      continue;
    }
    for (const one of await loadModules(found.bundle.manifest, LOAD_OUTSIDE)) {
      results.push(one);
      if (one.result === 'loaded') world.note(`${one.name} is loaded`);
      else world.warn(`${one.name}: ${printable(one.message)}`);
    }
  }
  return results;
}

/** Runs `itu remove`. */
export async function ituRemove(parsed: Parsed, world: World): Promise<number> {
  const names = parsed.positionals.slice(1);
  const root = parsed.value('root') ?? '/';
  if (names.length === 0) throw usageError('itu remove: name the bundles that are to go');
  const decoders = nodeDecoders();
  const there = await withSite(root, async (site) => new Set(storedBundles(site).map(({ name }) => name)));
  const strange = names.find((name) => !there.has(name));
  if (strange !== undefined) throw new KindlingError('NO_ENTRY', `there is no bundle "${strange}" in ${root}`, { file: root });
  if (parsed.flag('dry-run')) {
    for (const name of names) world.note(`would take ${name} out of ${printable(root)}`);
    if (world.json) await world.document({ root, written: false, removed: names.map((name) => ({ name, changed: [], handed: [] })) });
    return 0;
  }
  const removed = await locked(root, world, async (site) => {
    const results: { name: string; changed: readonly string[]; handed: readonly string[] }[] = [];
    const begun = new Set(isInterrupted(site).map(({ name }) => name));
    await recover(site, decoders, new Set(names));
    for (const name of [...names].reverse()) {
      const done = begun.has(name) ? { changed: [], handed: [] } : await takeOut(site, name, decoders);
      results.push({ name, ...done });
      world.note(`${name} is taken out of ${printable(root)}`);
      for (const path of done.changed) world.warn(`/${printable(path)} was changed since and stays as it is`);
      for (const path of done.handed) world.note(`/${printable(path)} stays: a bundle applied later holds it`);
    }
    return results;
  });
  const rebuilt = parsed.flag('no-update') || (root === '/' && liveSystem().live) ? undefined : await rebuildArchives(root, world);
  if (world.json) await world.document({ root, written: true, removed, rebuilt: rebuilt ?? null });
  return removed.some(({ changed }) => changed.length > 0) || rebuilt?.done === false ? 1 : 0;
}
