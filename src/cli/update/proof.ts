// `update --prove`: the new archive is checked, and booted with its root, before it takes the old one's place.

import { utf8 } from '../../bytes/index.ts';
import { consoleTail } from '../../node/boot-files.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { directoryRoot } from '../../node/directory.ts';
import { proveOutside } from '../../node/prove-disks.ts';
import { fileSource } from '../../node/source.ts';
import { kernelImageOf } from '../../plan/index.ts';
import { PROOF_DEFAULTS, proveUpdate, type UpdateProof } from '../../verbs/update/prove.ts';
import type { ProofAnswer, ProofRequest } from '../../verbs/update.ts';
import { passes, verify } from '../../verbs/verify.ts';
import { printable } from '../report.ts';
import type { World } from '../world.ts';

/** How to prove. */
export interface ProofWords {
  /** Directory of the root. */
  readonly base: string;
  /** Seconds; the usual ones unless told. */
  readonly timeout: number | undefined;
}

/** Proves an archive that is not in its place yet. Throws TIMEOUT and NO_TOOL: then nothing is known, and the old archive stays. */
export async function proveNew({ archive, kernel }: ProofRequest, { base, timeout }: ProofWords, world: World): Promise<ProofAnswer> {
  const root = directoryRoot(base);
  const source = fileSource(archive);
  const closed = verify({ kernel }, { archive: source, decoders: nodeDecoders(), sha256, root, file: () => undefined });
  source.release();
  const bad = closed.findings.find(({ severity }) => severity === 'error');
  if (bad !== undefined || !passes(closed.findings, false))
    return { accepted: false, why: `${bad?.code}: ${bad?.message}`, proof: undefined };
  const image = kernelImageOf(root, kernel);
  const proof: UpdateProof =
    image === undefined
      ? { how: 'closure', why: `the root has no image of kernel ${kernel}` }
      : await booted({ archive, image: `${base.replace(/\/+$/, '')}/${image}`, base, timeout }, world);
  const text = utf8(`${JSON.stringify(proof, null, 2)}\n`);
  if (proof.how === 'closure') {
    world.note(printable(`closure only, not booted: ${proof.why}`));
    return { accepted: true, why: proof.why, proof: text };
  }
  const { reached, reason, seconds, console } = proof.proof;
  if (reached) {
    world.note(`proven: the root's init ran after ${seconds.toFixed(1)} s`);
    return { accepted: true, why: 'it booted', proof: text };
  }
  for (const line of consoleTail(console)) world.note(`  | ${printable(line)}`);
  return { accepted: false, why: `it did not reach the root's init: ${reason?.text ?? 'unknown'} (console: ${console})`, proof: undefined };
}

async function booted(
  { archive, image, base, timeout }: { archive: string; image: string; base: string; timeout: number | undefined },
  world: World,
): Promise<UpdateProof> {
  const request = { ...PROOF_DEFAULTS, archive, kernel: image, root: base, timeout: timeout ?? PROOF_DEFAULTS.timeout };
  world.progress.step('booting it');
  return await proveUpdate(request, proveOutside(), {
    signal: world.signal,
    onPhase: ({ name, at }) => world.detail(`${at.toFixed(2)} s ${name}`),
  });
}
