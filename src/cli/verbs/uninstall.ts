// kindling uninstall: takes out of a root what kindling put into it (docs/install.md).
import { lstatSync } from 'node:fs';
import { syncBootEntries } from '../../node/boot-entries.ts';
import { type MenuWritten, writeBootMenu } from '../../node/boot-menu.ts';
import { sha256 } from '../../node/digest.ts';
import { DISK } from '../../node/disk.ts';
import { installDisk } from '../../node/install-disk.ts';
import { isOwnArchive } from '../../node/own-archive.ts';
import { reloadServices } from '../../node/services.ts';
import { openStore } from '../../node/update/store.ts';
import type { InstallDisk } from '../../verbs/install/disk.ts';
import { readManifest } from '../../verbs/install.ts';
import { finishUninstall, kernelArchives, type Uninstallation, uninstallation, uninstall as uninstallFrom } from '../../verbs/uninstall.ts';
import { recordHeads } from '../../verbs/update/judge.ts';
import { withInstallLock } from '../install-lock.ts';
import { DRY_RUN_OPTION, KERNEL_OPTION, ROOT_OPTION } from '../options.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `uninstall` verb. */
export const uninstall: Verb = {
  name: 'uninstall',
  summary: 'take out of a machine what kindling put into it',
  description: [
    'Removes what `kindling install` made, the archives of kindling with their records, and the failsafe archive; other files, and those that somebody changed since, are left, which is said. The program itself belongs to its package and stays.',
    'With -k only what belongs to one kernel goes: its archive, the previous one, and their boot entries. The hooks for removed kernels call that.',
  ],
  positionals: [],
  options: {
    root: { ...ROOT_OPTION, summary: 'the root to take it out of: a directory' },
    kernel: { ...KERNEL_OPTION, value: 'VERSION', summary: 'only what belongs to this kernel' },
    'dry-run': DRY_RUN_OPTION,
  },
  examples: [
    { command: 'kindling uninstall -n', does: 'lists what would be removed' },
    { command: 'kindling uninstall -R /mnt', does: 'takes kindling out of the system mounted at /mnt' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const base = parsed.value('root') ?? '/';
  const kernel = parsed.value('kernel');
  if (kernel !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._+~:-]*$/.test(kernel)) {
    throw usageError(`uninstall: -k is "${kernel}", expected the version of a kernel`);
  }
  const disk = installDisk(base);
  const outside = { sha256, isArchive: ownArchives(base, disk) };
  const look = (): Uninstallation => (kernel === undefined ? uninstallation(disk, outside) : kernelArchives(disk, kernel, outside));
  if (parsed.flag('dry-run')) {
    const { remove, directories, findings } = look();
    const there = [...remove, ...directories].filter((path) => disk.look(path) !== undefined);
    await tell({ base, written: false, removed: there, findings, menu: undefined }, world);
    return 0;
  }
  if (disk.look('var/lib/kindling') === undefined && look().remove.every((path) => disk.look(path) === undefined)) {
    await tell({ base, written: true, removed: [], findings: [], menu: undefined }, world);
    return 0;
  }
  const hasMenu = kernel === undefined && disk.look('etc/grub.d/09_kindling') !== undefined;
  const manifest = kernel === undefined ? undefined : readManifest(disk, sha256);
  let removed: string[] = [];
  const work = await withInstallLock(base, world, () => {
    const now = look();
    removed = uninstallFrom(now, disk, kernel === undefined);
    return now;
  });
  if (kernel === undefined) removed.push(...finishUninstall(work, disk));
  const entries = manifest === undefined ? undefined : await syncBootEntries(base);
  removed.push(...(entries?.removed ?? []));
  const menu = hasMenu ? await writeBootMenu(base) : undefined;
  await tell({ base, written: true, removed, findings: [...work.findings, ...(entries?.findings ?? [])], menu }, world);
  if (kernel === undefined) {
    const units = await reloadServices(base, []);
    if (units !== undefined) world.warn(printable(units));
  }
  // A menu that was not written does no harm: its entries are shown only while the archives are there.
  return 0;
}

/** An archive is kindling's when a record is about that very file, or when it says so itself. */
function ownArchives(base: string, disk: InstallDisk): (path: string) => boolean {
  const store = openStore(DISK, base);
  const heads = recordHeads(store);
  store.close();
  return (path) => {
    const place = disk.placeOf(path);
    const { size, mtimeMs, ino } = lstatSync(place);
    return heads.some((head) => head.size === size && head.mtime === mtimeMs && head.inode === ino) || isOwnArchive(place);
  };
}

interface Told {
  readonly base: string;
  readonly written: boolean;
  readonly removed: readonly string[];
  readonly findings: Uninstallation['findings'];
  readonly menu: MenuWritten | undefined;
}

async function tell({ base, written, removed, findings, menu }: Told, world: World): Promise<void> {
  if (world.json) {
    await world.document({ root: base, written, removed, menu, findings });
    return;
  }
  for (const { where, message } of findings) world.warn(printable(where.path === undefined ? message : `/${where.path}: ${message}`));
  for (const path of removed) {
    if (written) world.detail(printable(`removed /${path}`));
    else await world.out.line(printable(`remove /${path}`));
  }
  if (menu?.done === true) world.note(`the boot menu was written by ${menu.command}`);
  else if (menu !== undefined)
    world[menu.failed ? 'warn' : 'note'](`the boot menu was not written (${printable(menu.why)}); run: ${menu.command}`);
  if (removed.length === 0) world.note('there is nothing of kindling');
  else if (written) world.note(`removed ${removed.length} files, links and directories`);
}
