// failsafe: what a self-sufficient archive holds beside all drivers: kindling itself, a shell for a person, checkers and editors, and the
// script that finds installed roots. Everything comes from the root it is planned from; kindling's own files are laid over that.
import { KindlingError } from '../../errors.ts';
import { joinPath, type Tree } from '../../tree/index.ts';
import { followed } from '../follow.ts';
import type { Part, ProgramWant } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { findProgram } from '../programs/index.ts';
import type { Root } from '../root.ts';
import { isCheckFile } from './check.ts';
import { isKdumpFile } from './kdump.ts';
import { isLiveFile } from './live.ts';

const PART = 'failsafe';
const HOME = 'usr/lib/kindling/early';
const SCRIPT = `${HOME}/failsafe.sh`;
/** Where an installed kindling is, in a root and in the archive. */
const PROGRAM = 'usr/lib/kindling';
const NODE = `${PROGRAM}/node`;
const LAUNCHER = 'usr/bin/kindling';
// What a person repairs a system with; each is taken where the root has it. What busybox has as well is better as itself here.
const PROGRAMS: readonly (readonly [string, string])[] = [
  ...['bash', 'less', 'nano', 'vim.tiny', 'vim.basic', 'ed'].map((name) => [name, 'for a person at the rescue shell'] as const),
  ...['lsblk', 'findmnt', 'blkid', 'fdisk', 'sfdisk', 'tune2fs', 'debugfs'].map(
    (name) => [name, 'looks at disks and file systems'] as const,
  ),
  ...['fsck.ext4', 'xfs_repair', 'btrfs', 'fsck.f2fs', 'fsck.vfat'].map((name) => [name, 'checks and repairs file systems'] as const),
];
// An editor and a pager need to know the terminal.
const TERMINALS = ['l/linux', 'v/vt100', 'v/vt102', 'v/vt220', 'x/xterm', 's/screen', 'd/dumb'];
const TERMINFO = ['usr/share/terminfo', 'usr/lib/terminfo', 'lib/terminfo', 'etc/terminfo'];
const DEPTH_MOST = 16;

/** Whether a file of early userspace is only for the failsafe archive: other archives do without. */
export function isFailsafeFile(path: string): boolean {
  return path.startsWith(`${HOME}/failsafe`);
}

/** The programs of a root that a failsafe archive takes, each with the reason; paths are of the root. */
export function failsafePrograms(root: Root): ProgramWant[] {
  const paths = new Map<string, string>();
  for (const [name, text] of PROGRAMS) {
    const path = findProgram(root, name);
    if (path !== undefined && !paths.has(path)) paths.set(path, text);
  }
  return [...paths].map(([path, text]) => ({ path, text }));
}

/** Whether the archive itself runs that file of early userspace, which then comes from where all of it comes. */
function isRun(early: Tree, path: string): boolean {
  return (
    early.get(path) !== undefined &&
    !isKdumpFile(path) &&
    !isCheckFile(path) &&
    !isLiveFile(path) &&
    (!isFailsafeFile(path) || path === SCRIPT)
  );
}

/** All files of kindling's own below a directory but for those that the archive runs itself; Node, which needs its libraries, is a program. */
function own(root: Root, early: Tree, path: string, depth: number, into: Wanted[]): void {
  if (depth > DEPTH_MOST) throw new KindlingError('LIMIT', `directories more than ${DEPTH_MOST} deep below /${PROGRAM}`, { path });
  for (const name of root.names(path)) {
    const child = joinPath(path, name);
    const entry = root.entry(child);
    if (entry?.kind === 'directory') own(root, early, child, depth + 1, into);
    else if (entry !== undefined && child !== NODE && !isRun(early, child)) {
      into.push({ entry, segment: 'base', reason: { part: PART, text: 'kindling itself, which repairs archives' } });
    }
  }
}

function kindling(root: Root, early: Tree): Wanted[] {
  const wanted: Wanted[] = [];
  own(root, early, PROGRAM, 0, wanted);
  return [...wanted, ...followed(root, LAUNCHER, 'base', { part: PART, text: 'kindling on PATH' }).wanted];
}

function terminals(root: Root): Wanted[] {
  return TERMINALS.flatMap((name) => {
    const home = TERMINFO.find((one) => root.entry(joinPath(one, name)) !== undefined);
    if (home === undefined) return [];
    return followed(root, joinPath(home, name), 'base', { part: PART, text: 'what a terminal can do, for editors' }).wanted;
  });
}

/** The failsafe part. */
export const failsafe: Part = {
  name: PART,
  summary: 'finds installed roots and repairs their archives instead of booting one (see docs/failsafe.md)',
  when: 'asked',
  wants({ root, early }) {
    if (root.entry(NODE)?.kind !== 'file') {
      throw new KindlingError('NO_PROGRAM', `${root.label} holds no kindling: /${NODE} is no file`, { path: NODE });
    }
    const script = early.get(SCRIPT);
    if (script === undefined)
      throw new KindlingError('NO_ENTRY', 'early userspace lacks the script that finds installed roots', { path: SCRIPT });
    const reason = { part: PART, text: 'finds installed roots', because: 'init' };
    return {
      entries: [{ entry: script, segment: 'base', reason }, ...kindling(root, early), ...terminals(root)],
      programs: [{ path: NODE, text: 'runs kindling itself' }, ...failsafePrograms(root)],
      early: { FAILSAFE: '1' },
    };
  },
};
