// Proof before trust: an archive that was just made is booted with the root it is for before it takes the old one's place. The root is only
// read: what the guest writes goes to a scratch file that vanishes with the machine. Described in docs/update.md, "Proof before trust".
import { KindlingError } from '../../errors.ts';
import type { Accelerator, Disk, Proof } from '../../machine/index.ts';
import { type BootOutside, type BootWatch, boot } from '../boot.ts';

/** The disks that a root is on, attached with the controllers that need the machine's own drivers. */
export interface RootDisks {
  readonly disks: readonly Disk[];
  /** Words of the kernel command line that name the root ("root=UUID=... ro"). */
  readonly commandLine: string;
  /** Removes what was made for the proof alone. */
  discard(): void;
}

/** The outside world of a proof. */
export interface ProveOutside extends BootOutside {
  /** The disks of a root, or one clause why no machine can be made that has them. Throws NO_TOOL, NO_SPACE, NO_PERMISSION. */
  rootDisks(root: string): Promise<RootDisks | { readonly why: string }>;
}

/** What to prove. */
export interface UpdateProofRequest {
  /** The archive, wherever it is now. */
  readonly archive: string;
  /** File of the kernel image. */
  readonly kernel: string;
  /** Directory of the root. */
  readonly root: string;
  /** Seconds. */
  readonly timeout: number;
  /** MiB. */
  readonly memory: number;
  readonly accelerator: Accelerator;
}

/** What came of it: a boot, or the word that only the closure was checked and why. */
export type UpdateProof = { readonly how: 'booted'; readonly proof: Proof } | { readonly how: 'closure'; readonly why: string };

/** How a proof is made unless told: emulated, because a device for acceleration may be there and not work; seconds, MiB. */
export const PROOF_DEFAULTS = { accelerator: 'tcg', timeout: 180, memory: 512 } as const;

/**
 * Boots an archive until the root's init runs. Throws TIMEOUT when that takes too long, NO_TOOL when there is no QEMU: then nothing is known
 * and the old archive stays. A boot that ended elsewhere is a proof with `reached` false.
 */
export async function proveUpdate(request: UpdateProofRequest, outside: ProveOutside, watch: BootWatch = {}): Promise<UpdateProof> {
  const found = await outside.rootDisks(request.root);
  if ('why' in found) return { how: 'closure', why: found.why };
  try {
    const proof = await boot(
      {
        kernel: request.kernel,
        archives: [request.archive],
        disks: found.disks,
        // The record of an archive that is not in its place yet is not on the root either.
        append: `${found.commandLine} kindling.check=off`,
        memory: request.memory,
        processors: 1,
        until: 'init',
        timeout: request.timeout,
        accelerator: request.accelerator,
        type: found.disks.some(({ bus }) => bus === 'ide') ? 'pc' : undefined,
        asIs: false,
      },
      outside,
      watch,
    );
    if (proof.reason?.code === 'timeout') {
      throw new KindlingError('TIMEOUT', `the new archive did not reach the root's init within ${request.timeout} s`, {
        file: request.archive,
      });
    }
    if (proof.reason?.code === 'refused') throw new KindlingError('NO_TOOL', `QEMU did not start the machine: ${proof.reason.text}`);
    return { how: 'booted', proof };
  } finally {
    found.discard();
  }
}
