// `npm start`: the whole way once, on real input. A Debian root and its kernel come from packages; kindling plans, builds and verifies an
// archive for them and boots it in QEMU until the root's own init runs. Ends with the timeline and why each module is in.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../test/tools.ts';
import { cacheFolder, debianKernel, debianRoot, diskImage } from '../test/world/index.ts';
import { kindling, say, step, stepsBegin } from './progress.ts';
import { setUp } from './setup.ts';
import { type ModuleEntry, moduleLines, type Phase, timelineLines } from './start-report.ts';

const EXIT_ENVIRONMENT = 4;
const LABEL = 'debian';
const MEMORY = '512'; // MiB
const BOOT_SECONDS = '300';
const MIB = 1 << 20;

interface PlanDocument {
  readonly packed: readonly string[];
  readonly deferred: readonly string[];
  readonly entries: readonly ModuleEntry[];
}

interface ProofDocument {
  readonly reached: boolean;
  readonly phases: readonly Phase[];
  readonly memory: { readonly total: number; readonly least: number | null; readonly afterSwitch: number | null };
  readonly facts: Readonly<Record<string, string>>;
  readonly console: string;
}

/** Ends the run with the exit code of a verb that said no or failed; its own messages are on standard error already. */
function orExit(code: number): void {
  if (code !== 0) process.exit(code);
}

async function bootable(root: Awaited<ReturnType<typeof debianRoot>>): Promise<string | undefined> {
  const lacking = ['qemu-system-x86_64', 'mkfs.ext4', 'debugfs'].filter((program) => findTool(program) === undefined);
  if (lacking.length > 0) {
    say(`\nNot booted: ${lacking.join(', ')} could be neither found nor installed. Everything before the boot was done.`);
    return undefined;
  }
  return await step('ext4 disk image of the root (mkfs.ext4 -d, no mount)', () =>
    diskImage({ fs: 'ext4', root: root.folder, owners: root.owners, label: LABEL, spare: 256 * MIB }),
  );
}

async function main(): Promise<void> {
  stepsBegin();
  const missing = await setUp('start');
  if (missing.length === 0) say('set-up: everything is there');
  const kernel = await step("Debian's kernel package: fetch and unpack", () => debianKernel('amd64'));
  const root = await step('a Debian root from packages: fetch and unpack', () => debianRoot('amd64'));
  const folder = join(cacheFolder(), 'start');
  mkdirSync(folder, { recursive: true });
  const archive = join(folder, 'archive.img');

  const planned = await step(`kindling plan --root ${root.folder}`, () => kindling(['plan', '--root', root.folder, '--json']));
  orExit(planned.code);
  const plan = JSON.parse(planned.stdout) as PlanDocument;
  orExit((await step(`kindling build --root … -o ${archive}`, () => kindling(['build', '--root', root.folder, '-o', archive]))).code);
  const rootWords = ['--root', root.folder];
  orExit((await step(`kindling verify ${archive} --root …`, () => kindling(['verify', archive, ...rootWords]))).code);

  const disk = await bootable(root);
  let proof: ProofDocument | undefined;
  if (disk !== undefined) {
    const words = ['boot', '--kernel', kernel.vmlinuz, '--archive', archive, '--disk', disk, '--append', `root=LABEL=${LABEL} rw`];
    const limits = ['--memory', MEMORY, '--timeout', BOOT_SECONDS, '--console', join(folder, 'console.log'), '--json'];
    const booted = await step(`kindling boot --kernel … --archive … --disk … --append "root=LABEL=${LABEL} rw"`, () =>
      kindling([...words, ...limits]),
    );
    if (booted.code === 1) say(`the boot did not get there; its console is in ${join(folder, 'console.log')}`);
    orExit(booted.code);
    proof = JSON.parse(booted.stdout) as ProofDocument;
  }

  const columns = process.stdout.columns ?? 120;
  const lines = moduleLines(plan.entries, columns);
  process.stdout.write(
    `\nWhy each of the ${plan.packed.length} modules is in (${plan.deferred.length} more stay on the root for after the switch)\n`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
  if (proof === undefined) {
    process.exitCode = EXIT_ENVIRONMENT;
    return;
  }
  process.stdout.write(`\nTimeline of the boot of kernel ${kernel.version} in ${MEMORY} MiB\n`);
  process.stdout.write(`${timelineLines(proof.phases).join('\n')}\n`);
  process.stdout.write(
    `the root's init is ${proof.facts['init-runs'] ?? 'running'}; of the archive is left: ${proof.facts.left ?? 'not said'}\n`,
  );
  process.stdout.write(
    `\narchive: ${archive}\nask it:  bin/kindling why ${archive} usr/lib/modules/${kernel.version}/kernel/fs/ext4/ext4.ko\n`,
  );
}

try {
  await main();
} catch (error) {
  say(`npm start: ${(error as Error).message}`);
  process.exitCode = EXIT_ENVIRONMENT;
}
