// tools: the programs early userspace is written with, all of them the root's own: its static busybox, else its busybox with
// libraries, else its single programs. Never the build host's.

import { nameFromBytes, readAll } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { baseName, type FileEntry, symlink, type Tree } from '../../tree/index.ts';
import type { Part, PartWants, ProgramWant } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { applets, findProgram, readObject } from '../programs/index.ts';
import { type Root, resolve } from '../root.ts';
import { failsafePrograms } from './failsafe.ts';

const PART = 'tools';
/** Where early userspace says which commands it uses, one a line; a final "?" marks those it can do without. */
const COMMANDS = 'usr/lib/kindling/early/commands';
const BASIC = ['sh', 'mount', 'umount', 'modprobe', 'switch_root', 'sleep', 'mkdir', 'cat'];
// What a person in the rescue shell reaches for.
const RESCUE = [
  ...[
    '[',
    'awk',
    'basename',
    'blkid',
    'cat',
    'chmod',
    'chroot',
    'clear',
    'cp',
    'cttyhack',
    'cut',
    'dd',
    'df',
    'dirname',
    'dmesg',
    'du',
    'echo',
    'env',
  ],
  ...[
    'false',
    'fdisk',
    'find',
    'findfs',
    'fold',
    'free',
    'getopt',
    'grep',
    'halt',
    'head',
    'hexdump',
    'insmod',
    'kill',
    'less',
    'ln',
    'losetup',
    'ls',
  ],
  ...[
    'lsmod',
    'mkdir',
    'mknod',
    'modinfo',
    'more',
    'mount',
    'mv',
    'od',
    'poweroff',
    'ps',
    'pwd',
    'readlink',
    'reboot',
    'rm',
    'rmdir',
    'rmmod',
    'sed',
  ],
  ...[
    'setsid',
    'sh',
    'sleep',
    'sort',
    'stat',
    'stty',
    'swapoff',
    'swapon',
    'sync',
    'tail',
    'tar',
    'test',
    'touch',
    'tr',
    'true',
    'umount',
    'uname',
  ],
  ...['uniq', 'vi', 'wc', 'xargs', 'zcat'],
];
// The least of it: single programs are large.
const RESCUE_LEAST = ['cat', 'ls', 'dmesg'];
// The kernel's own request for a module names /sbin/modprobe; the others are where scripts expect them.
const IN_SBIN = new Set([
  'modprobe',
  'switch_root',
  'insmod',
  'rmmod',
  'lsmod',
  'modinfo',
  'blkid',
  'halt',
  'poweroff',
  'reboot',
  'losetup',
  'swapon',
  'swapoff',
]);
const BUSYBOXES = [
  'usr/bin/busybox',
  'bin/busybox',
  'usr/sbin/busybox',
  'sbin/busybox',
  'bin/busybox.static',
  'usr/bin/busybox.static',
  'bin/busybox-static',
];

/** A command by name; those that scripts can do without are not `needed`. */
export interface Command {
  readonly name: string;
  readonly needed: boolean;
}

/** The commands early userspace uses. */
export function earlyCommands(early: Tree): Command[] {
  const entry = early.get(COMMANDS);
  return entry?.kind === 'file' ? commandsIn(entry) : BASIC.map((name) => ({ name, needed: true }));
}

/** The commands that a file lists, one a line; "#" starts a comment, a final "?" marks those that scripts can do without. */
export function commandsIn(entry: FileEntry): Command[] {
  return nameFromBytes(readAll(entry.content))
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => ({ name: line.split(/[\s?]/)[0]!, needed: !line.endsWith('?') }));
}

interface Busybox {
  readonly path: string;
  readonly isStatic: boolean;
  readonly applets: ReadonlySet<string>;
}

// Asked for every command of every part, and reading one means going through a megabyte.
const HELD = new WeakMap<Root, Busybox[]>();

function busyboxes(root: Root): Busybox[] {
  const all = HELD.get(root) ?? lookForBusyboxes(root);
  HELD.set(root, all);
  return all;
}

function lookForBusyboxes(root: Root): Busybox[] {
  const seen = new Set<string>();
  return BUSYBOXES.flatMap((path) => {
    const found = resolve(root, path);
    if (found.entry?.kind !== 'file' || seen.has(found.path)) return [];
    seen.add(found.path);
    const object = readObject(found.entry, root.facts);
    if (object.kind !== 'elf') return [];
    const isStatic = object.interpreter === undefined && (object.dynamic?.needed.length ?? 0) === 0;
    return [{ path, isStatic, applets: applets(found.entry, root.facts) }];
  });
}

/** Whether early userspace has a busybox of the root to run on. */
export function hasBusybox(root: Root): boolean {
  return shells(root).length > 0;
}

/** Whether a command can be had: from that busybox, or as a program of the root. */
export function hasCommand(root: Root, name: string): boolean {
  return (chosenBusybox(root)?.applets.has(name) ?? false) || findProgram(root, name) !== undefined;
}

function chosenBusybox(root: Root): Busybox | undefined {
  const found = shells(root);
  return found.find((one) => one.isStatic) ?? found[0];
}

function shells(root: Root): Busybox[] {
  return busyboxes(root).filter((one) => one.applets.has('sh') || one.applets.has('ash'));
}

function fromBusybox(root: Root, busybox: Busybox, { commands, own, who, isRescue }: ToolRequest): PartWants {
  const path = resolve(root, busybox.path).path;
  const programs: ProgramWant[] = [
    { path: busybox.path, text: `tools of ${who} (busybox, ${busybox.isStatic ? 'static' : 'with libraries'})` },
  ];
  const entries: Wanted[] = [];
  for (const { name, needed } of commands) {
    if (own.has(name)) continue;
    if (busybox.applets.has(name)) entries.push(applet(name, path, `command of ${who}`));
    else {
      const program = findProgram(root, name);
      if (program !== undefined) programs.push({ path: program, text: `command of ${who} that busybox lacks` });
      else if (needed) throw noProgram(root, name, who);
    }
  }
  const used = new Set(commands.map(({ name }) => name));
  for (const name of isRescue ? RESCUE : []) {
    if (!used.has(name) && !own.has(name) && busybox.applets.has(name)) entries.push(applet(name, path, 'command of the rescue shell'));
  }
  return { entries, programs, early: { TOOLS: 'busybox' } };
}

function applet(name: string, busybox: string, text: string): Wanted {
  const entry = symlink(`${IN_SBIN.has(name) ? 'sbin' : 'bin'}/${name}`, `/${busybox}`);
  return { entry, segment: 'base', reason: { part: PART, text, because: busybox } };
}

function noProgram(root: Root, name: string, who: string): KindlingError {
  return new KindlingError('NO_PROGRAM', `${root.label} has no "${name}", which ${who} needs (busybox would provide it)`, {
    path: name,
  });
}

function fromPrograms(root: Root, { commands, who, isRescue }: ToolRequest): PartWants {
  const programs: ProgramWant[] = [];
  for (const { name, needed } of commands) {
    const path = findProgram(root, name);
    if (path !== undefined) programs.push({ path, text: `command of ${who}` });
    else if (needed && !SHELL_BUILTINS.has(name)) throw noProgram(root, name, who);
  }
  if (!isRescue) return { programs, early: { TOOLS: 'programs' } };
  const blkid = findProgram(root, 'blkid');
  if (blkid !== undefined) programs.push({ path: blkid, text: 'finds file systems by label and UUID' });
  for (const name of RESCUE_LEAST) {
    const path = findProgram(root, name);
    if (path !== undefined) programs.push({ path, text: 'command of the rescue shell' });
  }
  const finding: Finding = {
    code: 'tools-large',
    severity: 'note',
    where: { path: 'usr/bin' },
    message: 'the root has no busybox: early userspace uses single programs with their libraries, which makes the archive larger',
  };
  return { programs, early: { TOOLS: 'programs' }, findings: [finding] };
}

const SHELL_BUILTINS = new Set(['[', 'test', 'echo', 'true', 'false', 'kill', 'pwd', 'printf']);

/** Tools to take from a root. */
export interface ToolRequest {
  readonly commands: readonly Command[];
  /** Names that come from elsewhere. */
  readonly own: ReadonlySet<string>;
  /** Whose tools they are, in reasons ("early userspace"). */
  readonly who: string;
  /** Whether there is to be a shell for a person: blkid and the usual commands as well. */
  readonly isRescue: boolean;
}

/** The root's busybox with its links, or the single programs; `early.TOOLS` says which. Throws NO_PROGRAM for a command that is nowhere. */
export function toolWants(root: Root, request: ToolRequest): PartWants {
  const chosen = chosenBusybox(root);
  return chosen === undefined ? fromPrograms(root, request) : fromBusybox(root, chosen, request);
}

/** The tools part. */
export const tools: Part = {
  name: PART,
  summary: "programs for early userspace: the root's busybox, or its own shell, mount, modprobe and switch_root",
  when: 'always',
  wants({ root, early, settings }) {
    const others = settings.add.includes('failsafe') ? failsafePrograms(root).map(({ path }) => path) : [];
    const own = new Set([...settings.programs, ...others].map(baseName));
    return toolWants(root, { commands: earlyCommands(early), own, who: 'early userspace', isRescue: true });
  },
};
