// kindling update: judges the archives of a root, updates them, says what it did (docs/update.md).
import { KindlingError } from '../../errors.ts';
import type { UpdateRoot } from '../../node/update/outside.ts';
import { needed, type UpdateOutside, type UpdateResult, type UpdateWords, update as updateArchives } from '../../verbs/update.ts';
import { DRY_RUN_OPTION } from '../options.ts';
import { errorLines, exitCodeOf, printable } from '../report.ts';
import { UPDATE_ROOT_OPTION, updateRoot } from '../update/root.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { mib } from './plan.ts';

/** The `update` verb. */
export const update: Verb = {
  name: 'update',
  summary: 'bring the archives of a root up to date',
  description: [
    'Looks whether the archive of each kernel, /boot/kindling-VERSION.img, is still what its root would give, and makes those anew that are not, or are missing. The new archive is written beside the old one, read back, and then takes its name in one step; the old one is kept as kindling-VERSION.img.previous. Whatever happens meanwhile, one of the two is there, whole. An image of another tool at that place is not touched.',
    'A record of everything the plan looked at, files that were not there included, is kept in /var/lib/kindling. What to plan with comes from the configuration of the root alone. A root that the archive could not reach (behind LUKS, LVM, MD, iSCSI, ZFS) is refused, and nothing changes.',
    'With -n prints which inputs are new, changed or gone, and writes nothing at all: exit code 1 when an update is needed, 0 when not.',
  ],
  positionals: [],
  options: {
    root: UPDATE_ROOT_OPTION,
    kernel: { short: 'k', value: 'VERSION|all', multiple: true, default: 'all', summary: 'the kernel whose archive to update' },
    'dry-run': { ...DRY_RUN_OPTION, summary: 'print what has changed, and write nothing' },
    force: { short: 'f', summary: 'make archives anew that are in step' },
    prove: { summary: 'boot each new archive with its root in QEMU, and replace the old one only when that worked' },
    timeout: { value: 'SECONDS', default: '180', summary: 'how long a proof may take' },
  },
  examples: [
    { command: 'kindling update', does: "brings this machine's archives up to date" },
    { command: 'kindling update -n', does: 'says whether that is needed, and because of which files' },
    { command: 'kindling update --prove', does: 'the same, and each new archive has to boot in QEMU first' },
    { command: 'kindling update -R /a -k 6.1.0-56-amd64', does: 'updates one archive of the root mounted on /a' },
  ],
  run,
};

function wordsOf(parsed: Parsed): UpdateWords {
  const named = parsed.values('kernel');
  if (named.length > 1 && named.includes('all')) throw usageError('update: -k all is all there are');
  const kernels = named.length === 0 || named[0] === 'all' ? ('all' as const) : [...new Set(named)];
  return { kernels, force: parsed.flag('force') };
}

async function run(parsed: Parsed, world: World): Promise<number> {
  const base = parsed.value('root') ?? '/';
  const words = wordsOf(parsed);
  const isDry = parsed.flag('dry-run');
  const proof = proofOf(parsed, base, world);
  const root = updateRoot(base, world);
  try {
    const results = isDry ? await needed(words, root.outside) : await work(base, root, words, proof, world);
    if (world.json) await world.document(documentOf(base, isDry, results, root));
    else if (isDry) await printChanges(results, root, world);
    for (const line of results.flatMap(({ error }) => (error === undefined ? [] : errorLines(error, world.verbosity))))
      await world.err.line(line);
    const failed = results.find(({ error }) => error !== undefined)?.error;
    if (failed !== undefined) return exitCodeOf(failed);
    return results.some(({ outcome }) => outcome === 'needed' || outcome === 'refused') ? 1 : 0;
  } finally {
    root.close();
  }
}

/** What proves new archives, when that was asked for. */
function proofOf(parsed: Parsed, base: string, world: World): Pick<UpdateOutside, 'prove'> {
  const timeout = parsed.number('timeout', { least: 1, most: 86_400 });
  if (!parsed.flag('prove')) {
    if (timeout !== undefined) throw usageError('update: --timeout is for --prove');
    return {};
  }
  if (parsed.flag('dry-run')) throw usageError('update: -n makes no archive that could be proven');
  return {
    async prove(request) {
      // Loaded only where something is proven: it brings the machine with it.
      const { proveNew } = await import('../update/proof.ts');
      return await proveNew(request, { base, timeout }, world);
    },
  };
}

async function work(
  base: string,
  root: UpdateRoot,
  words: UpdateWords,
  proof: Pick<UpdateOutside, 'prove'>,
  world: World,
): Promise<readonly UpdateResult[]> {
  let startedAt = world.now();
  const outside = {
    ...root.outside,
    ...proof,
    onStep: (step: string, total?: number) => world.progress.step(step, total),
    onProgress: (done: number, detail: string) => world.progress.advance(done, detail),
    onResult(result: UpdateResult) {
      world.progress.clear();
      say(result, root, world, (world.now() - startedAt) / 1000);
      startedAt = world.now();
    },
  };
  try {
    return await root.locked(async () => {
      const results = await updateArchives(words, outside);
      await followedByEntries(base, world);
      return results;
    });
  } catch (error) {
    // A root that cannot be written to is fine as long as nothing has to be.
    if (!(error instanceof KindlingError) || (error.code !== 'READ_ONLY' && error.code !== 'NO_PERMISSION')) throw error;
    const results = await needed(words, root.outside);
    if (results.some(({ outcome }) => outcome !== 'in step')) throw error;
    for (const result of results) say(result, root, world, 0);
    return results;
  }
}

/** Boot entries that `kindling install` made follow the archives; also after a run that was cut off between the two. */
async function followedByEntries(base: string, world: World): Promise<void> {
  const { syncBootEntries } = await import('../../node/boot-entries.ts');
  // The archives are in step whatever became of the list of what was installed.
  const synced = await syncBootEntries(base).catch((error: unknown) => {
    if (!(error instanceof KindlingError) || exitCodeOf(error) !== 3) throw error;
    world.warn(`boot entries are left as they are: ${printable(error.message)}; "kindling install" makes the list anew`);
    return undefined;
  });
  for (const { message, where } of synced?.findings ?? [])
    world.warn(printable(where.path === undefined ? message : `/${where.path}: ${message}`));
  for (const path of [...(synced?.written ?? []), ...(synced?.removed ?? [])]) world.detail(printable(`boot entry /${path}`));
}

/** What happened to one archive, on standard error. */
function say(result: UpdateResult, { outside }: UpdateRoot, world: World, seconds: number): void {
  const { outcome, judgement, findings, keptPrevious, size } = result;
  const path = `${outside.store.boot}/${result.name}`;
  for (const { what, path: input, why, outside: beyond } of judgement.changes) {
    world.detail(`${what} ${beyond === true ? '' : '/'}${input}: ${why}`);
  }
  if (outcome === 'in step') world.note(`${path}: in step`);
  else if (outcome === 'refreshed')
    world.note(`${path}: in step, its record renewed (${judgement.why}, and the archive would be the same)`);
  else if (outcome === 'made') {
    const previous = keptPrevious ? ', the one before kept' : '';
    world.note(`${path}: ${mib(size ?? 0)}, ${seconds.toFixed(2)} s (${judgement.why})${previous}`);
  } else if (outcome === 'refused') {
    world.note(`${path}: refused, nothing was changed`);
    for (const { code, message } of findings) world.note(`error ${code}: ${message}`);
  }
}

async function printChanges(results: readonly UpdateResult[], { outside }: UpdateRoot, world: World): Promise<void> {
  const lines = new Map<string, string>();
  for (const { judgement, outcome, name } of results) {
    const archive = `${outside.store.boot}/${name}`;
    world[outcome === 'in step' ? 'detail' : 'note'](`${archive}: ${outcome === 'needed' ? 'an update is needed, ' : ''}${judgement.why}`);
    for (const { what, path, why, outside: beyond } of judgement.changes) {
      const line = `${what} ${beyond === true ? '' : '/'}${printable(path)}`;
      lines.set(`${path}\0${what}`, line);
      world.detail(`${line}: ${why}`);
    }
  }
  for (const key of [...lines.keys()].sort()) await world.out.line(lines.get(key));
}

function documentOf(root: string, dryRun: boolean, results: readonly UpdateResult[], { outside }: UpdateRoot): unknown {
  return {
    root,
    dryRun,
    archives: results.map(({ kernel, name, outcome, judgement, findings, error, id, size, keptPrevious }) => ({
      kernel,
      archive: `${outside.store.boot}/${name}`,
      outcome,
      state: judgement.state,
      why: judgement.why,
      changes: judgement.changes,
      findings,
      ...(error === undefined ? {} : { error: error.toJSON() }),
      ...(id === undefined ? {} : { id, size }),
      keptPrevious,
    })),
  };
}
