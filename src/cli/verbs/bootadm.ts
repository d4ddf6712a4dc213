// kindling bootadm: the archives of a root in the words of Solaris' bootadm (docs/bootadm.md). Every error is exit code 1 there, so it is here.
import { realpathSync } from 'node:fs';
import { inputsOf } from '../../archive/record/index.ts';
import { nameToBytes } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { errnoError } from '../../node/errno.ts';
import type { UpdateRoot } from '../../node/update/outside.ts';
import { safeIn, watchRoot } from '../../plan/index.ts';
import { BOOTADM_USAGE, type BootadmRefusal, type BootadmWords, bootadmWords, changeLine, stateLine, unfit } from '../../verbs/bootadm.ts';
import { planFor } from '../../verbs/plan.ts';
import { UPDATE_DEFAULTS } from '../../verbs/update/make.ts';
import { kernelsFor, needed, type UpdateResult, update } from '../../verbs/update.ts';
import { DRY_RUN_OPTION } from '../options.ts';
import { asKindlingError, printable, whereText } from '../report.ts';
import { UPDATE_ROOT_OPTION, updateRoot } from '../update/root.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `bootadm` verb. */
export const bootadm: Verb = {
  name: 'bootadm',
  summary: 'update and list archives in the words of Solaris',
  description: [
    'The archives of a Linux root under the commands, options, messages and exit codes of bootadm(8): update-archive does what update does, with -n what update -n does; list-archive prints the files that the archives of the root are made from. Letters can be put together (-vnf); each may be given once.',
    'Exit code 0: done, or in step. 1: an update is needed, or any error. Roots of Solaris and illumos are refused for now.',
  ],
  positionals: [{ name: 'COMMAND', summary: 'update-archive or list-archive', required: true }],
  options: {
    root: { ...UPDATE_ROOT_OPTION, value: 'ALTROOT' },
    platform: { short: 'p', value: 'PLATFORM', choices: ['i86pc', 'sun4u', 'sun4v'], summary: 'the platform of that root; needs -R' },
    format: { short: 'F', value: 'FORMAT', choices: ['cpio', 'hsfs', 'ufs', 'ufs-nocompress'], summary: 'the form of the archive' },
    'dry-run': { ...DRY_RUN_OPTION, summary: 'print the files that differ, and write nothing; implies -v' },
    force: { short: 'f', summary: 'make archives anew that are in step' },
  },
  examples: [
    { command: 'kindling bootadm update-archive -n -R /a', does: 'prints the files of /a that its archives are behind' },
    { command: 'kindling bootadm list-archive', does: 'prints the files that the archives of this machine are made from' },
  ],
  parse: (argv): Parsed => ({
    positionals: argv,
    flag: (name) => argv.includes(`--${name}`) || (name === 'help' && argv.includes('-h')),
    value: () => undefined,
    values: () => [],
    number: () => undefined,
  }),
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const words = bootadmWords(parsed.positionals);
  const say = (message: string): Promise<void> => world.err.line(`bootadm: ${printable(message)}`);
  if ('messages' in words) return await refuse(words, say, world);
  try {
    if (words.command === 'update-archive' && process.geteuid?.() !== 0) {
      await say('you must be root to run this command');
      return 1;
    }
    return await work(words, rootOf(words), say, world);
  } catch (error) {
    const found = asKindlingError(error, errnoError);
    await say(`${found.message}${whereText(found.where)}`);
    if (world.json) await world.document({ error: found.toJSON() });
    return 1;
  }
}

async function refuse({ messages, usage, code }: BootadmRefusal, say: (message: string) => Promise<void>, world: World): Promise<number> {
  for (const message of messages) await say(message);
  if (usage) await world.err.line(BOOTADM_USAGE);
  if (world.json) await world.document({ error: { code: 'USAGE', message: messages.join('; ') || BOOTADM_USAGE } });
  return code;
}

function rootOf({ altRoot }: BootadmWords): string {
  if (altRoot === undefined) return '/';
  try {
    return realpathSync(altRoot);
  } catch (error) {
    const why = errnoError(error, {})?.message.replace(/^\w+: /, '') ?? String(error);
    throw new KindlingError('NO_ENTRY', `cannot resolve path ${altRoot}: ${why}`);
  }
}

async function work(words: BootadmWords, base: string, say: (message: string) => Promise<void>, world: World): Promise<number> {
  const onWait = (pid: number): void => void say(`Another instance of bootadm (pid ${pid}) is running`).catch(() => {});
  const root = updateRoot(base, world, onWait);
  try {
    const fault = unfit(root.outside.root(), base, words);
    if (fault !== undefined) throw new KindlingError('UNSUPPORTED', fault);
    if (words.command === 'list-archive') return await listArchive(root, world);
    return words.isCheck ? await check(words, root, base, say, world) : await updateArchive(words, root, base, say, world);
  } finally {
    root.close();
  }
}

const ALL = { kernels: 'all' } as const;

/** `-n`: standard output holds the differing files and nothing else. */
async function check(
  words: BootadmWords,
  root: UpdateRoot,
  base: string,
  say: (message: string) => Promise<void>,
  world: World,
): Promise<number> {
  const results = await needed({ ...ALL, force: words.force }, root.outside);
  if (words.force) await say('forced update of archive requested');
  for (const { judgement, name, error } of results) {
    const line = stateLine(judgement.state, `${root.outside.store.boot}/${name}`);
    if (error !== undefined) await say(`${error.message}${whereText(error.where)}`);
    else if (line !== undefined) await say(line);
  }
  if (world.json) await world.document(documentOf(base, results));
  else for (const line of linesOf(results)) await world.out.line(line);
  return results.every(({ outcome }) => outcome === 'in step') ? 0 : 1;
}

/** Each difference once: an input of several archives is one file. */
function linesOf(results: readonly UpdateResult[]): string[] {
  return [...new Set(results.flatMap(({ judgement }) => judgement.changes.map((change) => printable(changeLine(change)))))].sort();
}

async function updateArchive(
  words: BootadmWords,
  root: UpdateRoot,
  base: string,
  say: (message: string) => Promise<void>,
  world: World,
): Promise<number> {
  const tell = async (line: string): Promise<void> => {
    if (!world.json) await world.out.line(printable(line));
  };
  if (words.force && words.isVerbose) await tell('forced update of archive requested');
  const { boot } = root.outside.store;
  let results: readonly UpdateResult[];
  try {
    results = await root.locked(async () => {
      const updated = await update({ ...ALL, force: words.force }, root.outside);
      // Boot entries that `kindling install` made follow the archives.
      const synced = await (await import('../../node/boot-entries.ts')).syncBootEntries(base);
      for (const { message, where } of synced?.findings ?? []) await say(`${message}${whereText(where)}`);
      return updated;
    });
  } catch (error) {
    if (!(error instanceof KindlingError) || error.code !== 'READ_ONLY') throw error;
    results = await needed({ ...ALL, force: words.force }, root.outside);
    if (results.every(({ outcome }) => outcome === 'in step')) return 0;
    throw new KindlingError('READ_ONLY', `${base} filesystem is read-only, skipping archives update`);
  }
  for (const { outcome, judgement, name, findings, error } of results) {
    const path = `${boot}/${name}`;
    const line = stateLine(judgement.state, path);
    if (words.isVerbose && line !== undefined) await tell(line);
    if (words.isVerbose) for (const change of judgement.changes) await tell(changeLine(change));
    if (outcome === 'made') await tell(`updating ${path} (CPIO)`);
    if (outcome === 'made' && words.isVerbose) await tell(`Successfully created ${path}`);
    for (const finding of findings) await say(`${path}: ${finding.message}`);
    if (error !== undefined) await say(`${error.message}${whereText(error.where)}`);
  }
  if (world.json) await world.document(documentOf(base, results));
  return results.some(({ outcome }) => outcome === 'refused' || outcome === 'failed') ? 1 : 0;
}

function documentOf(root: string, results: readonly UpdateResult[]): unknown {
  return {
    root,
    archives: results.map(({ kernel, name, outcome, judgement: { state, why, changes } }) => ({
      kernel,
      archive: name,
      outcome,
      state,
      why,
      changes,
    })),
  };
}

/** The files of the root that its archives hold, whether those are there or not. */
async function listArchive({ outside }: UpdateRoot, world: World): Promise<number> {
  const paths = new Set<string>();
  for (const kernel of kernelsFor(ALL, outside.root())) {
    const watched = watchRoot(outside.root());
    const { plan, configuration } = planFor(
      { kernel, add: [], omit: [], defaults: UPDATE_DEFAULTS },
      {
        root: watched.root,
        decoders: outside.decoders,
        file: () => undefined,
        hostFacts: () => outside.facts(),
        earlyTree: () => outside.earlyTree(),
      },
    );
    const trees = plan.microcode === undefined ? [plan.tree] : [plan.tree, plan.microcode];
    // Which files, not what is in them: nothing is digested.
    const facts = { trees, sha256: outside.sha256, digestOf: () => '', isSafe: safeIn(plan, configuration.settings.safe) };
    for (const { path, packed } of inputsOf(watched.seen(), facts)) if (packed) paths.add(path);
  }
  const sorted = [...paths].sort();
  if (world.json) await world.document({ files: sorted });
  else for (const path of sorted) await world.out.write(nameToBytes(`${path}\n`));
  return 0;
}
