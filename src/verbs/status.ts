// status: all kernels and archives of a root at a glance. Reads only, and of archives only what a record cannot tell.
import { nameFromBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { open, version } from '../formats/kernel/index.ts';
import { findFile, kernelImageOf, kernelVersions, type Root } from '../plan/index.ts';
import { type Judgement, type JudgeOutside, judge, recordHeads } from './update/judge.ts';
import { type BootFile, type BootRoom, FAILSAFE_NAME, kernelOfArchive, PROOF_NAME, previousName } from './update/store.ts';

const FAILSAFE_KERNEL = 'boot/kindling-failsafe.vmlinuz';

/** One kernel and its archive. */
export interface KernelStatus {
  readonly kernel: string;
  /** Path of its image in the root, when there is one. */
  readonly image: string | undefined;
  readonly judgement: Judgement;
  /** Least memory in bytes, by the forecast that its record keeps. */
  readonly memory: number | undefined;
  /** What proof.json holds: the last proof of this archive. */
  readonly proof: unknown;
  readonly previous: BootFile | undefined;
}

/** A root's kernels and archives. */
export interface Status {
  /** Newest first. */
  readonly kernels: readonly KernelStatus[];
  /** Archives of kernels that the root does not have any more. */
  readonly orphans: readonly BootFile[];
  readonly failsafe: BootFile | undefined;
  /** Release of the kernel that is kept beside the failsafe archive, which is for no other. */
  readonly failsafeKernel: string | undefined;
  /** Undefined when there is no boot/. */
  readonly room: BootRoom | undefined;
  /** Whether every kernel has an archive that is in step. */
  readonly inStep: boolean;
}

/** Looks at a root. */
export async function status(outside: JudgeOutside): Promise<Status> {
  const { store } = outside;
  const root = outside.root();
  const heads = recordHeads(store);
  const versions = kernelVersions(root);
  const kernels: KernelStatus[] = [];
  for (const kernel of versions) {
    const judgement = await judge(kernel, outside, heads);
    kernels.push({
      kernel,
      image: kernelImageOf(root, kernel),
      judgement,
      memory: judgement.record?.memory,
      proof: judgement.record === undefined ? undefined : proofOf(judgement.record.id, outside),
      previous: store.look(previousName(kernel)),
    });
  }
  const names = store.bootNames();
  const known = new Set(versions);
  const orphans = names.flatMap((name) => {
    const kernel = kernelOfArchive(name.replace(/\.previous$/, ''));
    const file = kernel === undefined || known.has(kernel) ? undefined : store.look(name);
    return file === undefined ? [] : [file];
  });
  return {
    kernels,
    orphans,
    failsafe: store.look(FAILSAFE_NAME),
    failsafeKernel: failsafeKernel(root, outside),
    room: root.entry('boot')?.kind === 'directory' ? store.room() : undefined,
    inStep: kernels.length > 0 && kernels.every(({ judgement }) => judgement.state === 'in step'),
  };
}

/** What the image beside the failsafe archive says; nothing where it is damaged, or only root may read it. */
function failsafeKernel(root: Root, { decoders }: JudgeOutside): string | undefined {
  try {
    const image = findFile(root, FAILSAFE_KERNEL);
    return image === undefined ? undefined : version(open(image.content, decoders), decoders);
  } catch (error) {
    if (error instanceof KindlingError) return undefined;
    throw error;
  }
}

/** The last proof; one that cannot be read is none. */
function proofOf(id: string, { store }: JudgeOutside): unknown {
  const bytes = store.recordFile(id, PROOF_NAME);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(nameFromBytes(bytes));
  } catch {
    return undefined;
  }
}
