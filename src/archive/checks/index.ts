// checks: everything `verify` looks at besides structure, in the order of its report.
import type { Sha256 } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import { checkDecoded } from '../check.ts';
import type { Archive } from '../decode.ts';
import { checkImage } from './image.ts';
import { checkClosure, checkInit, checkLinks, checkStale } from './init.ts';
import { checkModules, checkOptions } from './kernel-fit.ts';
import { checkReach } from './reach.ts';
import { type Known, subjectOf } from './subject.ts';

export type { Known } from './subject.ts';
export { runningTree, versionsInside } from './subject.ts';

/** All findings about an archive: structure, first program, closure, kernel fit, reach of the root, staleness. Never throws for its content. */
export function checkAll(archive: Archive, known: Known, sha256?: Sha256): Finding[] {
  const structural = checkDecoded(archive, sha256);
  if (archive.tree.entries.length === 0) return structural;
  const subject = subjectOf(archive, known);
  if (archive.inner?.path === '') return [...structural, ...checkImage(subject)];
  const checks = [checkImage, checkInit, checkClosure, checkLinks, checkModules, checkOptions, checkReach, checkStale];
  return [...structural, ...checks.flatMap((check) => check(subject))];
}
