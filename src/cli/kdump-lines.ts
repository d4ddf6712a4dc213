// What `kindling kdump` prints: what must be reserved and why, how the archive is used, what a proof found.
import { GRID_MIB } from '../machine/index.ts';
import type { KdumpTarget } from '../plan/index.ts';
import type { KdumpPlanned, KdumpUse, Reservation } from '../verbs/kdump.ts';
import type { CrashProof, LeastCrash } from '../verbs/kdump-prove.ts';
import { printable } from './report.ts';
import { mib } from './verbs/plan.ts';
import type { World } from './world.ts';

const MIB = 1 << 20;

/** All there is to say of one run. */
export interface KdumpResult {
  readonly planned: KdumpPlanned;
  readonly layout: 'plain' | 'squash';
  readonly reserve: Reservation;
  readonly use: KdumpUse;
  readonly output: string;
  /** Undefined when nothing was written. */
  readonly size: number | undefined;
  readonly proof: CrashProof | undefined;
  readonly least: LeastCrash | undefined;
}

/** Prints it, as text or as one document. */
export async function printKdump(result: KdumpResult, world: World): Promise<void> {
  const { planned, layout, reserve, use, output, size, proof, least } = result;
  if (world.json) {
    const found = least?.found;
    await world.document({
      output,
      written: size !== undefined,
      size: size ?? null,
      layout,
      target: planned.target,
      reserve,
      use,
      findings: planned.plan.findings,
      proof: proof ?? null,
      ...(found === undefined ? {} : { minMemory: { measured: found.least, grid: GRID_MIB, trials: found.trials } }),
    });
    return;
  }
  for (const line of useLines(result)) await world.out.line(printable(line));
  if (proof !== undefined) await printProof(proof, world);
  if (least?.found !== undefined) {
    await world.out.line(`least crashkernel=: ${least.found.least}M measured, ${reserve.advised / MIB}M advised`);
  }
}

function targetText(target: KdumpTarget): string {
  if (target.kind === 'raw') return `the partition ${target.device}`;
  return `/${target.path} on ${target.device}${target.type === undefined ? '' : ` (${target.type})`}`;
}

const PARTS = {
  kernel: 'what the kernel needs by itself',
  archive: 'the archive as it is loaded',
  unpacked: 'what it takes unpacked',
  working: 'what saving needs beyond the memory of the archive, which is free by then',
  margin: 'a tenth, for what devices of a real machine ask for',
} as const;

function useLines({ planned: { plan, target }, layout, reserve, use, output, size }: KdumpResult): string[] {
  const made = size === undefined ? `would write ${output}: about` : `${output}:`;
  const names = Object.keys(PARTS) as (keyof typeof PARTS)[];
  return [
    `${made} ${mib(reserve.archive)}, ${plan.packed.length} modules, layout ${layout}, saves to ${targetText(target)}`,
    '',
    `reserve ${use.crashkernel}:`,
    ...names.map((name) => `  ${name.padEnd(9)}${mib(reserve[name]).padStart(11)}  ${PARTS[name]}`),
    '',
    'load it with:',
    `  ${use.kexec}`,
    ...Object.entries(use.files).flatMap(([file, lines]) => ['', `${file}:`, ...lines.map((line) => `  ${line}`)]),
  ];
}

async function printProof({ reached, proof, memory, dump, findings }: CrashProof, world: World): Promise<void> {
  await world.out.line();
  if (proof.reached && memory.total !== null && memory.leastAvailable !== null) {
    const [total, left] = [memory.total, memory.leastAvailable].map((kib) => Math.round(kib / 1024));
    await world.out.line(`capture kernel: ${total} MiB of ${memory.crashkernel} MiB usable, ${left} MiB available at the least`);
  }
  if (dump !== null) {
    const form = dump.form === 'elf' ? 'ELF core' : `makedumpfile, ${dump.compression}, level ${dump.dumpLevel}`;
    const size = dump.size === null ? '' : `${mib(dump.size)} `;
    await world.out.line(`dump: ${size}at ${dump.place} (${form}) of kernel ${dump.release}, ${mib(dump.memorySize)} of memory`);
  }
  for (const { message } of findings) world.warn(printable(message));
  await world.out.line(reached ? `proven in ${proof.seconds.toFixed(2)} s` : 'not proven');
  if (proof.reached) return;
  const { consoleTail } = await import('../node/boot-files.ts');
  const { code, text } = proof.reason ?? { code: 'ended', text: 'unknown' };
  const little = code === 'memory' || code === 'unpack' ? `crashkernel=${memory.crashkernel}M is too little: ` : '';
  world.warn(`no dump was saved: ${little}${printable(text)}`);
  for (const line of consoleTail(proof.console)) world.note(`  | ${printable(line)}`);
  world.note(`console: ${proof.console}`);
}
