// init: early userspace itself, as the outside supplies it, with the directories and the console node it starts on.
import { device, directory } from '../../tree/index.ts';
import type { Part } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { type Root, resolve } from '../root.ts';
import { isCheckFile } from './check.ts';
import { isFailsafeFile } from './failsafe.ts';
import { isKdumpFile } from './kdump.ts';
import { isLiveFile } from './live.ts';

const PART = 'init';
const DIRECTORIES: readonly (readonly [string, string])[] = [
  ['dev', 'mount point of devices'],
  ['proc', 'mount point of process information'],
  ['sys', 'mount point of kernel information'],
  ['run', 'mount point of run-time state, moved to the root'],
  ['newroot', 'mount point of the root'],
  ['tmp', 'scratch space of the rescue shell'],
  ['etc', 'configuration of the tools'],
];
// Interpreters and scripts name these; a root with merged /usr keeps them as links.
const STANDARD = ['bin', 'sbin', 'lib', 'lib64'];

/** The links of a merged /usr, with the directories they lead to. */
export function standardLinks(root: Root): Wanted[] {
  return STANDARD.flatMap((name): Wanted[] => {
    const entry = root.entry(name);
    if (entry?.kind !== 'symlink') return [];
    const target = resolve(root, name);
    if (target.entry?.kind !== 'directory') return [];
    const reason = { part: PART, text: `the root has /${name} merged into /${target.path}` };
    return [
      { entry, segment: 'base', reason },
      { entry: directory(target.path), segment: 'base', reason: { part: PART, text: `where /${name} leads`, because: name } },
    ];
  });
}

/** The nodes that are needed before devices are mounted. */
export function firstDevices(): Wanted[] {
  const console = { part: PART, text: 'standard input and output of /init' };
  const early = { part: PART, text: 'used before devices are mounted' };
  return [
    { entry: device('char', 'dev/console', 5, 1, 0o600), segment: 'base', reason: console },
    { entry: device('char', 'dev/null', 1, 3, 0o666), segment: 'base', reason: early },
  ];
}

/** The init part. */
export const init: Part = {
  name: PART,
  summary: 'early userspace: /init, its scripts, mount points and the console node',
  when: 'always',
  wants({ root, early }) {
    const entries: Wanted[] = DIRECTORIES.map(([path, text]) => ({
      entry: directory(path, path === 'tmp' ? 0o1777 : 0o755),
      segment: 'base',
      reason: { part: PART, text },
    }));
    entries.push(...firstDevices(), ...standardLinks(root));
    for (const entry of early.entries) {
      if (entry.kind === 'directory' || [isKdumpFile, isCheckFile, isFailsafeFile, isLiveFile].some((isOf) => isOf(entry.path))) continue;
      const text = entry.path === 'init' ? 'first process of the booted machine' : 'early userspace';
      entries.push({
        entry,
        segment: 'base',
        reason: entry.path === 'init' ? { part: PART, text } : { part: PART, text, because: 'init' },
      });
    }
    return { entries };
  },
};
