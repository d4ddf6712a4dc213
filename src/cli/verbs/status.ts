// kindling status: all kernels and archives of a root at a glance (docs/status.md).
import type { UpdateRoot } from '../../node/update/outside.ts';
import { type KernelStatus, type Status, status as statusOf } from '../../verbs/status.ts';
import { printable } from '../report.ts';
import { UPDATE_ROOT_OPTION, updateRoot } from '../update/root.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { mib } from './plan.ts';

/** The `status` verb. */
export const status: Verb = {
  name: 'status',
  summary: 'show the kernels of a root and whether their archives are in step',
  description: [
    'For every kernel: whether its archive is still what the root would give, and if not why; its size, the least memory it needs, its last proof, and whether the archive it replaced is kept. Then the failsafe archive, archives of kernels that are gone, and the free space of /boot. Nothing is written.',
    'Exit code 0 when every kernel has an archive that is in step, otherwise 1.',
  ],
  positionals: [],
  options: { root: UPDATE_ROOT_OPTION },
  examples: [
    { command: 'kindling status', does: 'shows this machine' },
    { command: 'kindling status -R /a --json', does: 'shows the root mounted on /a, for a program' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const base = parsed.value('root') ?? '/';
  const root = updateRoot(base, world);
  try {
    const found = await statusOf(root.outside);
    if (world.json) await world.document(documentOf(base, found, root));
    else await print(found, root, world);
    return found.inStep ? 0 : 1;
  } finally {
    root.close();
  }
}

/** How far a proof got, in a word. */
function proven(proof: unknown): string {
  if (typeof proof !== 'object' || proof === null) return 'not proven';
  if ('how' in proof && proof.how === 'closure') return 'closure checked';
  const inner = 'proof' in proof ? proof.proof : proof;
  const reached = typeof inner === 'object' && inner !== null && 'reached' in inner && inner.reached === true;
  return reached ? 'proven by a boot' : 'not proven';
}

function linesOf({ kernel, judgement, memory, proof, previous, image }: KernelStatus, world: World): string[] {
  const isFine = judgement.state === 'in step';
  const word = world.out.style(isFine ? 'green' : 'yellow', judgement.state);
  const facts = [
    judgement.file === undefined ? undefined : mib(judgement.file.size),
    memory === undefined ? undefined : `needs ${Math.ceil(memory / (1 << 20))} MiB of RAM`,
    judgement.record === undefined ? undefined : proven(proof),
    previous === undefined ? undefined : `previous kept (${mib(previous.size)})`,
    image === undefined ? 'no kernel image' : undefined,
  ].filter((fact) => fact !== undefined);
  const lines = [`${printable(kernel)}: ${word}${facts.length === 0 ? '' : `, ${facts.join(', ')}`}`];
  if (!isFine) lines.push(`  ${printable(judgement.why)}`);
  if (world.verbosity > 0) {
    for (const { what, path, why, outside } of judgement.changes)
      lines.push(`  ${what} ${outside === true ? '' : '/'}${printable(path)}: ${printable(why)}`);
  }
  return lines;
}

async function print({ kernels, orphans, failsafe, failsafeKernel, room }: Status, { outside }: UpdateRoot, world: World): Promise<void> {
  for (const one of kernels) for (const line of linesOf(one, world)) await world.out.line(line);
  if (kernels.length === 0) await world.out.line('no kernel');
  const kernel = failsafeKernel === undefined ? 'no kernel beside it' : `kernel ${printable(failsafeKernel)}`;
  await world.out.line(failsafe === undefined ? 'failsafe: none' : `failsafe: ${mib(failsafe.size)}, ${kernel}`);
  for (const { name, size } of orphans) await world.out.line(`${printable(name)}: its kernel is gone, ${mib(size)}`);
  if (room !== undefined) await world.out.line(`${outside.store.boot}: ${mib(room.free)} free`);
}

function documentOf(root: string, { kernels, orphans, failsafe, failsafeKernel, room, inStep }: Status, { outside }: UpdateRoot): unknown {
  const { boot } = outside.store;
  const file = (one: { readonly name: string; readonly size: number } | undefined) =>
    one === undefined ? null : { path: `${boot}/${one.name}`, size: one.size };
  return {
    root,
    inStep,
    kernels: kernels.map(({ kernel, image, judgement, memory, proof, previous }) => ({
      kernel,
      image: image ?? null,
      archive: `${boot}/${judgement.name}`,
      state: judgement.state,
      why: judgement.why,
      changes: judgement.changes,
      size: judgement.file?.size ?? null,
      id: judgement.record?.id ?? null,
      words: judgement.record?.words ?? null,
      leastMemory: memory ?? null,
      proof: proof ?? null,
      previous: file(previous),
    })),
    failsafe: failsafe === undefined ? null : { ...file(failsafe), kernel: failsafeKernel ?? null },
    orphans: orphans.map(file),
    free: room?.free ?? null,
  };
}
