// kdump: the archive of a capture kernel: what goes in, how much memory must be reserved for it, and how it is used. Proving it in a
// machine is kdump-prove.ts.
import { findProgram, forecast, type KdumpTarget, KERNEL_FLOOR, kdumpTarget, PARTS, type Plan, type Root } from '../plan/index.ts';
import { type MadeSizes, type SquashedPlan, squashedForecast } from './layout.ts';
import { type Planned, type PlanOutside, type PlanWords, planFor } from './plan.ts';

/** What a person said beside the words of every plan; undefined leaves it to the root's configuration. */
export interface KdumpWords extends PlanWords {
  readonly target?: string | undefined;
  readonly format?: string | undefined;
  readonly level?: string | undefined;
  readonly final?: string | undefined;
  readonly failure?: string | undefined;
}

/** A plan for a capture kernel, and where it saves. */
export interface KdumpPlanned extends Planned {
  readonly target: KdumpTarget;
}

// What reaches a disk. All other parts that a root's archive has by default serve a root, a person at a keyboard, or this boot's processor.
const KEPT: ReadonlySet<string> = new Set(['storage', 'platform', 'modprobe-config']);

/** Plans a capture archive. Throws what planning throws, and USAGE or UNSUPPORTED for a target that cannot be. */
export function kdumpPlan(words: KdumpWords, outside: PlanOutside): KdumpPlanned {
  const { target, format, level, final, failure, ...rest } = words;
  const given = { 'kdump-target': target, 'kdump-format': format, 'kdump-level': level, 'kdump-final': final, 'kdump-failure': failure };
  const settings = (Object.keys(given) as (keyof typeof given)[]).flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [{ name, value }];
  });
  const asksPerson = final === 'shell' || failure === 'shell';
  const spared = PARTS.filter(({ name, when }) => when === 'default' && !KEPT.has(name) && !(asksPerson && name === 'console'));
  const omit = [...words.omit, ...spared.map(({ name }) => name).filter((name) => !words.add.includes(name) && !words.omit.includes(name))];
  const planned = planFor({ ...rest, add: [...words.add, 'kdump'], omit, settings }, outside);
  const { configuration, host } = planned;
  return { ...planned, target: kdumpTarget(configuration.settings['kdump-target'][0]!, outside.root, host) };
}

/** The parts of what must be reserved, in bytes; `advised` is their sum rounded up to whole `STEP`s. */
export interface Reservation {
  /** What the kernel needs by itself until its init runs. */
  readonly kernel: number;
  /** The archive as it is loaded. */
  readonly archive: number;
  /** What it takes unpacked. */
  readonly unpacked: number;
  /** What saving needs beyond the place of the archive, which is free by then: buffers, the target's file system, the program. */
  readonly working: number;
  readonly margin: number;
  readonly advised: number;
}

const MIB = 1 << 20;
const STEP = 8 * MIB;
// A capture kernel needs less than an everyday one: one processor, no control groups, no tables for memory it does not have. Four searches
// on Debian 12 put it between 80 and 83 MiB; of other machines nothing is known.
const FLOOR: Readonly<Record<string, number>> = { x86_64: 84 * MIB };
// What is in memory beside the unpacked files while a dump is saved: makedumpfile with its page bitmaps (or busybox's dd), the target's file
// system, and pages of the image that are being read. The same searches found no less.
const WORKING = { makedumpfile: 12 * MIB, copy: 8 * MIB };
// Machines differ in what their devices make the kernel allocate.
const MARGIN = 0.1;

/**
 * How much `crashkernel=` a capture archive of this plan needs, by the law of `forecast`: the peak is when the archive is still there and all
 * of it is unpacked. Saving comes later and takes the archive's place; only what it needs beyond that counts. `sizes` when there is an archive.
 */
export function reservation(plan: Plan, squashed: SquashedPlan | undefined, sizes: MadeSizes | undefined): Reservation {
  const law = squashed === undefined ? forecast(plan, sizes?.archive) : squashedForecast(squashed, sizes);
  const saves = plan.tree.entries.some(({ path }) => path.endsWith('/makedumpfile')) ? WORKING.makedumpfile : WORKING.copy;
  const working = Math.max(0, saves - law.archiveSize);
  const kernel = FLOOR[plan.kernel.machine ?? 'x86_64'] ?? KERNEL_FLOOR;
  const sum = kernel + law.archiveSize + law.unpackedSize + working;
  const margin = Math.ceil(sum * MARGIN);
  const advised = Math.ceil((sum + margin) / STEP) * STEP;
  return { kernel, archive: law.archiveSize, unpacked: law.unpackedSize, working, margin, advised };
}

const LINE: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['nr_cpus=1', 'irqpoll', 'reset_devices', 'mce=off', 'numa=off', 'hest_disable', 'pcie_ports=compat'],
  aarch64: ['nr_cpus=1', 'reset_devices', 'swiotlb=noforce'],
};
// Without rootfstype= (or root=) the archive is unpacked into a tmpfs, which may take half of the reserved memory only.
const ALWAYS = [
  'rootfstype=ramfs',
  'cgroup_disable=memory',
  'transparent_hugepage=never',
  'novmcoredd',
  'cma=0',
  'hugetlb_cma=0',
  'panic=10',
];

/** The capture kernel's command line; a person's words come last. */
export function captureLine(machine: string | undefined, append: string): string {
  return [...(LINE[machine ?? 'x86_64'] ?? ['nr_cpus=1', 'reset_devices']), ...ALWAYS, append].join(' ').trim();
}

/** How a person puts an archive to use, as lines to run or to put into files. */
export interface KdumpUse {
  /** Word for the command line of the everyday kernel. */
  readonly crashkernel: string;
  readonly commandLine: string;
  readonly kexec: string;
  /** File names with the lines that belong into them. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/** The lines for an archive that lies at `archive` on the machine; `append` are words for the capture kernel. */
export function kdumpUse(plan: Plan, reserve: Reservation, archive: string, append: string): KdumpUse {
  const { version, machine } = plan.kernel;
  const crashkernel = `crashkernel=${reserve.advised / MIB}M`;
  const commandLine = captureLine(machine, append);
  const kernel = `/boot/vmlinuz-${version}`;
  const kexec = `kexec -s -p ${kernel} --initrd=${archive} --command-line="${commandLine}"`;
  return {
    crashkernel,
    commandLine,
    kexec,
    files: {
      '/etc/default/grub.d/kdump.cfg': [`GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ${crashkernel}"`],
      '/etc/default/kdump-tools': ['USE_KDUMP=1', `KDUMP_KERNEL=${kernel}`, `KDUMP_INITRD=${archive}`, `KDUMP_CMDLINE="${commandLine}"`],
      '/etc/systemd/system/kindling-kdump.service': [
        '[Unit]',
        'Description=Load the capture kernel for crash dumps',
        'ConditionKernelCommandLine=crashkernel',
        '[Service]',
        'Type=oneshot',
        'RemainAfterExit=yes',
        `ExecStart=/sbin/${kexec}`,
        'ExecStop=/sbin/kexec -s -p -u',
        '[Install]',
        'WantedBy=multi-user.target',
      ],
    },
  };
}

/** Where kexec is in a root; undefined when it has none. */
export function kexecOf(root: Root): string | undefined {
  return findProgram(root, 'kexec');
}
