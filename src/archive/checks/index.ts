// checks: everything `verify` looks at besides structure, in the order of its report.
import type { Sha256 } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import type { Tree } from '../../tree/index.ts';
import { checkDecoded, faultFinding } from '../check.ts';
import type { Archive } from '../decode.ts';
import { checkImage } from './image.ts';
import { checkClosure, checkInit, checkLinks, checkStale } from './init.ts';
import { checkModules, checkOptions } from './kernel-fit.ts';
import { checkReach } from './reach.ts';
import { type Known, plainSubject, subjectOf } from './subject.ts';

export type { Known } from './subject.ts';
export { runningTree, versionsInside } from './subject.ts';

/** All findings about an archive: structure, first program, closure, kernel fit, reach of the root, staleness. Never throws for its content. */
export function checkAll(archive: Archive, known: Known, sha256?: Sha256): Finding[] {
  const structural = checkDecoded(archive, sha256);
  if (archive.tree.entries.length === 0) return structural;
  let subject = plainSubject(archive, known);
  structural.push(...attempt(() => checkImage(subject)));
  if (archive.inner?.path === '') return structural;
  structural.push(
    ...attempt(() => {
      subject = subjectOf(archive, known);
      return [];
    }),
  );
  const checks = [checkInit, checkClosure, checkLinks, checkModules, checkOptions, checkReach, checkStale];
  return [...structural, ...checks.flatMap((check) => attempt(() => check(subject)))];
}

/** Findings about the way to the root of an archive that is only planned. */
export function checkPlannedReach(tree: Tree, known: Omit<Known, 'size'>): Finding[] {
  const planned: Archive = { members: [], outer: tree, inner: undefined, tree, bootconfig: undefined, findings: [], fault: undefined };
  return attempt(() => checkReach(subjectOf(planned, { ...known, size: 0 })));
}

/** Content that cannot be read, of a damaged image say, is a finding of its own; what else the check would have said is unknown. */
function attempt(check: () => Finding[]): Finding[] {
  try {
    return check();
  } catch (error) {
    if (error instanceof KindlingError) return [faultFinding(error)];
    throw error;
  }
}
