// install: puts kindling's hooks into a root so that a killed run is finished or taken back by the next one (docs/install.md). The list of
// what will be made is written first; each file appears whole; the list says "done" last.
import type { Sha256 } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { parentOf } from '../tree/index.ts';
import type { InstallDisk } from './install/disk.ts';
import { MANIFEST_MOST, MANIFEST_PATH, type Made, type Manifest, parseManifest, printManifest } from './install/manifest.ts';
import { type InstallItem, type InstallPlan, madeOf } from './install/plan.ts';

/** What happens, or would happen, with one path. */
export interface InstallStep {
  readonly path: string;
  /** "kept" is as it should be already; "left" is a person's, and stays. */
  readonly act: 'make' | 'replace' | 'remove' | 'kept' | 'left';
  readonly what: string;
}

/** What an installation comes to, before or after it is carried out. */
export interface Installation {
  readonly steps: readonly InstallStep[];
  readonly directories: readonly string[];
  readonly findings: readonly Finding[];
  readonly before: Manifest | undefined;
  readonly after: Manifest;
}

/** The list of what was installed; undefined where nothing was. Throws what `parseManifest` throws. */
export function readManifest(disk: InstallDisk, sha256: Sha256): Manifest | undefined {
  if (disk.look(MANIFEST_PATH)?.kind !== 'file') return undefined;
  return parseManifest(disk.read(MANIFEST_PATH, MANIFEST_MOST), sha256);
}

/** A damaged list is made anew: what is there as it should be counts as ours, only directories that were made are not known any more. */
function readBefore(disk: InstallDisk, sha256: Sha256, findings: Finding[]): Manifest | undefined {
  try {
    return readManifest(disk, sha256);
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    findings.push({
      code: 'list-damaged',
      severity: 'warning',
      where: { path: MANIFEST_PATH },
      message: `${error.message}: it is made anew`,
    });
    return undefined;
  }
}

/** Whether what is at a path is this item. */
function isThere(disk: InstallDisk, item: InstallItem, sha256: Sha256): boolean {
  const found = disk.look(item.path);
  if (item.kind === 'link') return found?.kind === 'link' && found.target === item.target;
  return (
    found?.kind === 'file' && found.mode === item.mode && found.size === item.bytes.length && disk.digest(item.path) === sha256(item.bytes)
  );
}

/** Whether what is at a path is as the list says that kindling made it; a directory is not asked for. */
export function isAsMade(disk: InstallDisk, made: Made): boolean {
  const found = disk.look(made.path);
  if (made.kind === 'link') return found?.kind === 'link' && found.target === made.target;
  return made.kind === 'file' && found?.kind === 'file' && found.size <= MANIFEST_MOST && disk.digest(made.path) === made.digest;
}

/** The directories that an item needs and that are not there, outermost first. */
function missingAbove(disk: InstallDisk, path: string): string[] {
  const missing: string[] = [];
  for (let above = parentOf(path); above !== '' && disk.look(above) === undefined; above = parentOf(above)) missing.unshift(above);
  return missing;
}

/** What has to be done to a root for a plan. Writes nothing. */
export function installation(plan: InstallPlan, disk: InstallDisk, sha256: Sha256): Installation {
  const findings: Finding[] = [];
  const before = readBefore(disk, sha256, findings);
  const listed = before?.made ?? [];
  const steps: InstallStep[] = [];
  const made: Made[] = [];
  const directories = new Set<string>();
  for (const item of plan.items) {
    const { path, what } = item;
    const known = listed.filter((one) => one.path === path && one.kind !== 'directory');
    if (isThere(disk, item, sha256)) {
      steps.push({ path, act: 'kept', what });
      made.push(madeOf(item, sha256));
    } else if (disk.look(path) === undefined || known.some((one) => isAsMade(disk, one))) {
      steps.push({ path, act: disk.look(path) === undefined ? 'make' : 'replace', what });
      made.push(madeOf(item, sha256));
      for (const above of missingAbove(disk, path)) directories.add(above);
    } else {
      steps.push({ path, act: 'left', what });
      made.push(...known);
      const whose = known.length > 0 ? 'it was changed since kindling made it' : 'it is there and kindling did not make it';
      findings.push({ code: 'not-ours', severity: 'warning', where: { path }, message: `${whose}; it is left as it is` });
    }
  }
  const planned = new Set(plan.items.map(({ path }) => path));
  for (const one of listed) {
    if (one.kind === 'directory' || planned.has(one.path) || disk.look(one.path) === undefined) continue;
    if (isAsMade(disk, one)) steps.push({ path: one.path, act: 'remove', what: 'is not asked for any more' });
    else if (!listed.some((other) => other.path === one.path && isAsMade(disk, other))) made.push(one);
  }
  // The list's own directory goes with the list.
  for (const above of missingAbove(disk, MANIFEST_PATH)) if (above !== parentOf(MANIFEST_PATH)) directories.add(above);
  const kept = listed.flatMap((one) => (one.kind === 'directory' ? [one.path] : []));
  const all = [...new Set([...kept, ...directories])].map((path): Made => ({ kind: 'directory', path }));
  return { steps, directories: [...directories], findings, before, after: { state: 'done', with: plan.with, made: [...all, ...made] } };
}

/** Whether there is nothing to do: every file, the list and its state are as they should be. */
export function isInstalled({ steps, before, after }: Installation): boolean {
  if (steps.some(({ act }) => act !== 'kept' && act !== 'left')) return false;
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after);
}

/** Carries an installation out, up to the last step: the list still says "making" until `finishInstall`. */
export async function install(plan: InstallPlan, work: Installation, disk: InstallDisk, sha256: Sha256): Promise<void> {
  if (isInstalled(work)) return;
  for (const above of missingAbove(disk, MANIFEST_PATH)) disk.makeDirectory(above);
  const known = new Set(work.after.made.map((one) => JSON.stringify(one)));
  const also = (work.before?.made ?? []).filter((one) => !known.has(JSON.stringify(one)));
  await writeManifest(disk, { ...work.after, state: 'making', made: [...work.after.made, ...also] }, sha256);
  for (const path of work.directories) disk.makeDirectory(path);
  const act = new Map(work.steps.map((step) => [step.path, step.act]));
  for (const item of plan.items) {
    if (act.get(item.path) !== 'make' && act.get(item.path) !== 'replace') continue;
    if (item.kind === 'file') await disk.writeFile(item.path, item.bytes, item.mode);
    else {
      disk.remove(item.path);
      disk.makeLink(item.path, item.target);
    }
  }
  for (const { path, act: what } of work.steps) if (what === 'remove') disk.remove(path);
}

/** The last step of an installation. */
export async function finishInstall(work: Installation, disk: InstallDisk, sha256: Sha256): Promise<void> {
  if (!isInstalled(work)) await writeManifest(disk, work.after, sha256);
}

async function writeManifest(disk: InstallDisk, manifest: Manifest, sha256: Sha256): Promise<void> {
  await disk.writeFile(MANIFEST_PATH, printManifest(manifest, sha256), 0o644);
}
