// kindling install: a machine uses kindling for good (docs/install.md).
import { KindlingError } from '../../errors.ts';
import { syncBootEntries } from '../../node/boot-entries.ts';
import { type MenuWritten, writeBootMenu } from '../../node/boot-menu.ts';
import { nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { directoryRoot } from '../../node/directory.ts';
import { hookFiles } from '../../node/hook-files.ts';
import { installDisk } from '../../node/install-disk.ts';
import { reloadServices } from '../../node/services.ts';
import { findFile } from '../../plan/index.ts';
import { codecChoice } from '../../verbs/build.ts';
import type { InstallDisk } from '../../verbs/install/disk.ts';
import { HOOK_KINDS, type HookKind } from '../../verbs/install/manifest.ts';
import { installPlan } from '../../verbs/install/plan.ts';
import type { Synced } from '../../verbs/install/sync.ts';
import {
  finishInstall,
  type Installation,
  type InstallStep,
  installation,
  install as installInto,
  isInstalled,
} from '../../verbs/install.ts';
import { finishUninstall, takingBack, uninstall as uninstallFrom } from '../../verbs/uninstall.ts';
import { withInstallLock } from '../install-lock.ts';
import { DRY_RUN_OPTION, ROOT_OPTION } from '../options.ts';
import { exitCodeOf, printable } from '../report.ts';
import { type Parsed, parse, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { update } from './update.ts';

const PROGRAM = 'usr/lib/kindling/kindling';

/** The `install` verb. */
export const install: Verb = {
  name: 'install',
  summary: 'let a machine use kindling for good',
  description: [
    "Makes archives for all kernels of a root and a failsafe archive, sets up what keeps them in step (the distribution's kernel hooks, a service that updates at shutdown, and one that updates in the boot that found an archive out of date), and offers them in the boot menu. The distribution's own generator and its boot entry stay as they are, as a fallback.",
    'What is put in is decided by what is in the root; -n lists it. Files that a person wrote or changed are left alone. A run that was interrupted is finished by the next, or taken back by `kindling uninstall`.',
  ],
  positionals: [],
  options: {
    root: { ...ROOT_OPTION, summary: 'the root to install in: a directory' },
    'dry-run': DRY_RUN_OPTION,
    with: { value: 'LIST', summary: `what to put in, instead of what fits: ${HOOK_KINDS.join(', ')}, with commas between` },
    scope: { value: 'SCOPE', choices: ['generic', 'host'], default: 'generic', summary: 'archives for any machine, or for this one alone' },
    'no-failsafe': { summary: 'make no failsafe archive' },
    codec: { value: 'CODEC[:LEVEL]', default: 'zstd:3', summary: 'compression of the archives' },
  },
  examples: [
    { command: 'kindling install', does: 'installs in the running system' },
    { command: 'kindling install -R /mnt -n', does: 'lists what would be put into the system mounted at /mnt' },
    { command: 'kindling install --with debian,systemd', does: 'leaves out boot entries' },
  ],
  run,
};

function kindsOf(text: string | undefined): HookKind[] | undefined {
  if (text === undefined) return undefined;
  const words = text.split(',').filter((word) => word !== '');
  const wrong = words.find((word) => !HOOK_KINDS.some((kind) => kind === word));
  if (wrong !== undefined) throw usageError(`install: --with has "${wrong}", expected some of ${HOOK_KINDS.join(', ')}`);
  return HOOK_KINDS.filter((kind) => words.includes(kind));
}

async function run(parsed: Parsed, world: World): Promise<number> {
  const base = parsed.value('root') ?? '/';
  const codec = parsed.value('codec') ?? 'zstd:3';
  codecChoice(codec, nodeEncoders());
  const scope = parsed.value('scope') === 'host' ? 'host' : 'generic';
  const kinds = kindsOf(parsed.value('with'));
  const disk = installDisk(base);
  const root = directoryRoot(base);
  if (root.entry('etc')?.kind !== 'directory') throw new KindlingError('NO_ENTRY', 'it is no root: it has no etc', { file: base });
  const plan = installPlan(root, hookFiles(), { with: kinds, scope, codec });
  const first = installation(plan, disk, sha256);
  if (findFile(root, PROGRAM) === undefined) {
    world.warn(
      `there is no /${PROGRAM} in ${printable(base)}: until kindling's package is installed there, nothing keeps archives in step`,
    );
  }
  if (parsed.flag('dry-run')) {
    await tell({ work: first, archives: undefined, entries: undefined, menu: undefined, base, dryRun: true }, world);
    return 0;
  }
  // Directories are for everybody to read, whoever installs.
  process.umask(0o022);
  const work = await withInstallLock(base, world, async () => {
    const now = installation(plan, disk, sha256);
    await installInto(plan, now, disk, sha256);
    return now;
  });
  const made = await madeArchives(base, world);
  if (made.code !== 0 && made.nothing && work.before === undefined) {
    const back = await withInstallLock(base, world, () => {
      const taking = takingBack(disk, sha256);
      uninstallFrom(taking, disk);
      return taking;
    });
    finishUninstall(back, disk);
    world.note('nothing was installed: no archive of this root would boot');
    if (world.json) await world.document({ root: base, written: false, archives: made.archives });
    return made.code;
  }
  const failsafeCode = made.nothing || parsed.flag('no-failsafe') ? 0 : await madeFailsafe(base, disk, world);
  const entries = await syncBootEntries(base);
  const menu = plan.with.includes('grub') ? await writeBootMenu(base) : undefined;
  await withInstallLock(base, world, () => finishInstall(work, disk, sha256));
  // From now on, not only from the next boot: the shutdown that ends this one updates what was changed by hand.
  const units = plan.with.includes('systemd') ? await reloadServices(base, ['kindling-shutdown.service']) : undefined;
  if (units !== undefined) world.warn(printable(units));
  await tell({ work, archives: made.archives, entries, menu, base, dryRun: false }, world);
  return made.code || failsafeCode || (menu?.failed === true ? 1 : 0);
}

/** The failsafe archive and its kernel, unless both are there: it is made once. Without it the rest is as good as before. */
async function madeFailsafe(base: string, disk: InstallDisk, world: World): Promise<number> {
  const [archive, kernel] = ['boot/kindling-failsafe.img', 'boot/kindling-failsafe.vmlinuz'];
  if (disk.look(archive)?.kind === 'file' && disk.look(kernel)?.kind === 'file') return 0;
  const { failsafe } = await import('./failsafe.ts');
  try {
    return await failsafe.run(parse(failsafe, ['-R', base, '-o', disk.placeOf(archive)]), { ...world, json: false });
  } catch (error) {
    if (!(error instanceof KindlingError) || error.code === 'INTERRUPTED' || error.code === 'INTERNAL') throw error;
    world.warn(`there is no failsafe archive: ${printable(error.message)}; "kindling failsafe" makes it later`);
    return exitCodeOf(error);
  }
}

interface MadeArchives {
  /** Exit code of the update. */
  readonly code: number;
  /** No archive is in step. */
  readonly nothing: boolean;
  /** As `update --json` tells them. */
  readonly archives: unknown;
}

/** `kindling update` of all kernels; a root without a kernel gets its archive when it gets a kernel. */
async function madeArchives(base: string, world: World): Promise<MadeArchives> {
  let archives: readonly { readonly outcome: string }[] = [];
  const inner: World = {
    ...world,
    json: true,
    document: async (value) => {
      archives = (value as { archives: typeof archives }).archives;
    },
  };
  try {
    const code = await update.run(parse(update, ['-R', base]), inner);
    return { code, nothing: archives.every(({ outcome }) => outcome === 'refused' || outcome === 'failed'), archives };
  } catch (error) {
    if (!(error instanceof KindlingError) || error.code !== 'NO_KERNEL') throw error;
    world.warn(`${printable(base)} has no kernel yet: its archive is made with it`);
    return { code: 0, nothing: true, archives };
  }
}

const DONE: Readonly<Record<InstallStep['act'], string>> = {
  make: 'made',
  replace: 'replaced',
  remove: 'removed',
  kept: 'is there',
  left: 'left alone',
};

interface Told {
  readonly work: Installation;
  readonly archives: unknown;
  readonly entries: Synced | undefined;
  readonly menu: MenuWritten | undefined;
  readonly base: string;
  readonly dryRun: boolean;
}

async function tell({ work, archives, entries, menu, base, dryRun }: Told, world: World): Promise<void> {
  const findings = [...work.findings, ...(entries?.findings ?? [])];
  if (world.json) {
    const { steps, directories, after } = work;
    await world.document({ root: base, written: !dryRun, with: after.with, steps, directories, archives, entries, menu, findings });
    return;
  }
  for (const { where, message } of findings) world.warn(printable(where.path === undefined ? message : `/${where.path}: ${message}`));
  for (const { path, act, what } of work.steps) {
    const line = `${dryRun ? act : DONE[act]} /${path}: ${what}`;
    if (dryRun) await world.out.line(printable(line));
    else if (act === 'kept') world.detail(line);
    else world.note(line);
  }
  for (const path of entries?.written ?? []) world.note(`made /${path}`);
  for (const path of entries?.removed ?? []) world.note(`removed /${path}`);
  if (menu?.done === true) world.note(`the boot menu was written by ${menu.command}`);
  else if (menu !== undefined)
    world[menu.failed ? 'warn' : 'note'](`the boot menu was not written (${printable(menu.why)}); run: ${menu.command}`);
  if (!dryRun && isInstalled(work)) world.note('everything is in place already');
}
