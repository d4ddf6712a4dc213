// The verbs there are. Each is imported when it is used and not before: start-up time is a promise.
import type { Verb } from './verb.ts';

/** A verb's line in the list, and how to get it. */
export interface VerbEntry {
  readonly name: string;
  /** The same text as the verb's own `summary` (a test compares them). */
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

// One line per verb, added when its module is there; in the order a person meets them.
export const VERBS: readonly VerbEntry[] = [
  { name: 'plan', summary: 'say what goes into an archive, and why', load: async () => (await import('./verbs/plan.ts')).plan },
  { name: 'build', summary: 'make a boot archive for a root and its kernel', load: async () => (await import('./verbs/build.ts')).build },
  {
    name: 'squash',
    summary: 'put the files of a finished initramfs into one compressed image',
    load: async () => (await import('./verbs/squash.ts')).squash,
  },
  {
    name: 'verify',
    summary: 'say what stands between an archive and a boot',
    load: async () => (await import('./verbs/verify.ts')).verify,
  },
  {
    name: 'list',
    summary: 'print the paths in an archive',
    load: async () => (await import('./verbs/list.ts')).list,
  },
  {
    name: 'cat',
    summary: 'print a file of an archive',
    load: async () => (await import('./verbs/cat.ts')).cat,
  },
  {
    name: 'extract',
    summary: 'write the files of an archive below a directory',
    load: async () => (await import('./verbs/extract.ts')).extract,
  },
  {
    name: 'diff',
    summary: 'compare two archives or directories',
    load: async () => (await import('./verbs/diff.ts')).diff,
  },
  {
    name: 'why',
    summary: 'say why a path is in an archive',
    load: async () => (await import('./verbs/why.ts')).why,
  },
  {
    name: 'pack',
    summary: 'write a directory or image as a squashfs, ISO 9660 or FAT image or an archive',
    load: async () => (await import('./verbs/pack.ts')).pack,
  },
  {
    name: 'boot',
    summary: 'start a kernel with archives in QEMU and prove how far it gets',
    load: async () => (await import('./verbs/boot.ts')).boot,
  },
  {
    name: 'kdump',
    summary: 'make the archive that saves a crashed kernel, and prove it',
    load: async () => (await import('./verbs/kdump.ts')).kdump,
  },
  {
    name: 'live',
    summary: 'make bootable live media: ISO, USB stick, disk or folder',
    load: async () => (await import('./verbs/live.ts')).live,
  },
  {
    name: 'update',
    summary: 'bring the archives of a root up to date',
    load: async () => (await import('./verbs/update.ts')).update,
  },
  {
    name: 'status',
    summary: 'show the kernels of a root and whether their archives are in step',
    load: async () => (await import('./verbs/status.ts')).status,
  },
  {
    name: 'install',
    summary: 'let a machine use kindling for good',
    load: async () => (await import('./verbs/install.ts')).install,
  },
  {
    name: 'uninstall',
    summary: 'take out of a machine what kindling put into it',
    load: async () => (await import('./verbs/uninstall.ts')).uninstall,
  },
  {
    name: 'itu',
    summary: 'add driver bundles to a live system and to the installed root',
    load: async () => (await import('./verbs/itu.ts')).itu,
  },
  {
    name: 'failsafe',
    summary: 'make the archive that repairs a machine which does not boot',
    load: async () => (await import('./verbs/failsafe.ts')).failsafe,
  },
  {
    name: 'bootadm',
    summary: 'update and list archives in the words of Solaris',
    load: async () => (await import('./verbs/bootadm.ts')).bootadm,
  },
  {
    name: 'bundle',
    summary: 'make, list and check the bundles of a live system',
    load: async () => (await import('./verbs/bundle.ts')).bundle,
  },
  {
    name: 'completion',
    summary: 'print completions for bash, zsh or fish',
    load: async () => (await import('./verbs/completion.ts')).completion,
  },
];
