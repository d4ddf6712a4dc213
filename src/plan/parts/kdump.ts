// kdump: what a capture kernel needs beside the disk's drivers: the target's file system, makedumpfile where the root has it, and what
// early/kdump.sh is told.
import { type Finding, KindlingError } from '../../errors.ts';
import type { ModuleWant, Part, PartInput, ProgramWant } from '../part.ts';
import { findProgram } from '../programs/index.ts';
import { fileSystemModules } from './filesystems.ts';
import { kdumpTarget } from './kdump-target.ts';
import { hasBusybox } from './tools.ts';

const PART = 'kdump';
// What a dump can be written to; read-only and foreign file systems cannot hold one.
const WRITABLE = ['ext4', 'xfs', 'btrfs', 'f2fs', 'vfat'];
// Of early/kdump.sh, where the root has no busybox.
const COMMANDS = ['date', 'dd', 'df', 'ls', 'mv', 'rmdir', 'sync'];
const COMPRESSION: Readonly<Record<string, string>> = { zlib: '-c', lzo: '-l', snappy: '-p', zstd: '-z', elf: '-E' };

const HOME = 'usr/lib/kindling/early';
/** What a capture archive runs; the init of a proof's first kernel, which lies beside it, is in no archive of a root. */
const SCRIPT = `${HOME}/kdump.sh`;

/** Whether a file of early userspace is only for crash dumps: other archives do without. */
export function isKdumpFile(path: string): boolean {
  return path.startsWith(`${HOME}/kdump`);
}

function core({ root, settings }: PartInput): { readonly words: string; readonly programs: ProgramWant[]; readonly findings: Finding[] } {
  const level = Number(settings['kdump-level'][0]);
  if (!(Number.isInteger(level) && level >= 0 && level <= 31)) {
    throw new KindlingError('BAD_CONFIG', `kdump-level is "${settings['kdump-level'][0]}", expected a whole number from 0 to 31`);
  }
  const format = settings['kdump-format'][0]!;
  const program = format === 'copy' ? undefined : findProgram(root, 'makedumpfile');
  if (program !== undefined) {
    const programs = [{ path: program, text: 'leaves out pages that tell nothing and compresses the dump' }];
    return { words: `${COMPRESSION[format]} -d ${level}`, programs, findings: [] };
  }
  const log = findProgram(root, 'vmcore-dmesg');
  const programs = log === undefined ? [] : [{ path: log, text: "reads the crashed kernel's messages" }];
  if (format === 'copy') return { words: '', programs, findings: [] };
  const message = 'the root has no makedumpfile: the dump is a plain copy, as large as the memory of the machine';
  return {
    words: '',
    programs,
    findings: [{ code: 'kdump-plain-copy', severity: 'warning', where: { path: 'usr/bin/makedumpfile' }, message }],
  };
}

/** The kdump part. */
export const kdump: Part = {
  name: PART,
  summary: 'saves the memory of a crashed kernel instead of booting a root (see docs/kdump.md)',
  when: 'asked',
  wants(input) {
    const { root, host, settings } = input;
    const target = kdumpTarget(settings['kdump-target'][0]!, root, host);
    const { words, programs, findings } = core(input);
    const types = target.kind === 'raw' ? [] : target.type === undefined ? WRITABLE : [target.type];
    const need = types.length === 1 ? 'must' : 'may';
    const modules: ModuleWant[] = types.flatMap((type) => fileSystemModules(type, `file system of the dump target (${type})`, need));
    if (!hasBusybox(root)) {
      for (const name of COMMANDS) {
        const path = findProgram(root, name);
        if (path === undefined)
          throw new KindlingError('NO_PROGRAM', `${root.label} has no "${name}", which saving a dump needs`, { path: name });
        programs.push({ path, text: 'command of the dump script' });
      }
    }
    const early = {
      KDUMP_DEVICE: target.device,
      KDUMP_PATH: target.kind === 'raw' ? '' : target.path,
      KDUMP_RAW: target.kind === 'raw' ? '1' : '',
      KDUMP_FSTYPE: (target.kind === 'raw' ? undefined : target.type) ?? '',
      KDUMP_FLAGS: target.kind === 'raw' ? '' : target.options,
      KDUMP_CORE: words,
      KDUMP_FINAL: settings['kdump-final'][0]!,
      KDUMP_FAILURE: settings['kdump-failure'][0]!,
    };
    const script = input.early.get(SCRIPT);
    if (script === undefined) throw new KindlingError('NO_ENTRY', 'early userspace lacks the script that saves dumps', { path: SCRIPT });
    const reason = { part: PART, text: 'saves the dump', because: 'init' };
    return { entries: [{ entry: script, segment: 'base', reason }], modules, programs, findings, early };
  },
};
