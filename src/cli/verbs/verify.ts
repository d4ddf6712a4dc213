// kindling verify: what stands between an archive and a boot (docs/verify.md).
import { existsSync } from 'node:fs';
import type { ByteSource } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { openRoot } from '../../node/open-root.ts';
import { fileSource } from '../../node/source.ts';
import { passes, type Verification, verify as verifyArchive } from '../../verbs/verify.ts';
import { printable } from '../report.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

const MIB = 1 << 20;
const COLOURS = { error: 'red', warning: 'yellow', note: 'dim' } as const;

/** The `verify` verb. */
export const verify: Verb = {
  name: 'verify',
  summary: 'say what stands between an archive and a boot',
  description: [
    'Reads the archive as the kernel would and checks its structure, the first program and everything it needs, that the modules fit the kernel, that the root can be reached, and how much memory a boot takes. With --root it also compares with the root: its file systems, its kernel configuration, files that have changed since.',
    'A root behind dm-crypt, LVM, MD, iSCSI or ZFS is recognised by crypttab, fstab or the superblock of --device, and is an error: this archive could not open it. No root privilege is needed and nothing is run.',
    'The image of a live medium (ISO, stick, disk, FAT volume) is checked whole: its structure, what firmware starts, every file against its digest, and whether its boot archive looks for it.',
    'Exit code 1 when there is an error (with --strict: or a warning), 3 when the file is no archive at all.',
  ],
  positionals: [{ name: 'ARCHIVE', summary: 'the archive, or an image of a live medium', required: true }],
  options: {
    root: { short: 'R', value: 'ROOT', multiple: true, summary: 'the root it is for: a directory or an image', completes: 'file' },
    kernel: {
      short: 'k',
      value: 'VERSION|FILE',
      summary: 'the kernel it is for; what the archive has modules for unless told',
      completes: 'file',
    },
    device: { value: 'FILE', summary: 'the block device or disk image that holds the root file system', completes: 'file' },
    facts: { value: 'FILE', summary: 'facts of the machine it is for (kindling plan --print-facts)', completes: 'file' },
    strict: { summary: 'a warning is as bad as an error' },
  },
  examples: [
    { command: 'kindling verify initrd.img', does: 'checks the archive by itself' },
    { command: 'kindling verify live.iso', does: 'checks every file of a live medium' },
    { command: 'kindling verify initrd.img --root / --device /dev/vda2', does: 'checks that it boots this machine' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [path = ''] = parsed.positionals;
  const decoders = nodeDecoders();
  if (isImage(fileSource(path))) return await (await import('../verify-medium.ts')).verifyImage(path, parsed, world);
  const roots = parsed.values('root');
  const root = roots.length === 0 ? undefined : await openRoot(roots, decoders);
  const words = { kernel: parsed.value('kernel'), device: parsed.value('device'), facts: parsed.value('facts') };
  const found = verifyArchive(words, {
    archive: fileSource(path),
    decoders,
    sha256,
    root,
    file: (name) => (existsSync(name) ? fileSource(name) : undefined),
  });
  const isFine = passes(found.findings, parsed.flag('strict'));
  if (world.json) await world.document(documentOf(path, found, isFine));
  else await print(path, found, isFine, world);
  if (!found.recognised) return 3;
  return isFine ? 0 : 1;
}

/** Whether it is an image of a live medium rather than an archive: told by a few bytes, so that an archive is checked without loading more. */
function isImage(source: ByteSource): boolean {
  const has = (at: number, bytes: readonly number[]): boolean =>
    source.size >= at + bytes.length && source.read(at, bytes.length).every((byte, index) => byte === bytes[index]);
  return (
    has(32769, [0x43, 0x44, 0x30, 0x30, 0x31]) ||
    (has(510, [0x55, 0xaa]) && (source.read(0, 1)[0] === 0xeb || has(512, [0x45, 0x46, 0x49, 0x20])))
  );
}

function documentOf(archive: string, { findings, forecast, kernel, memberCount, recognised }: Verification, passed: boolean): unknown {
  const { entryCount, archiveSize, unpackedSize, leastMemory, leastMemoryTmpfs } = forecast;
  return {
    archive,
    passed,
    recognised,
    kernel,
    memberCount,
    findings,
    forecast: { entryCount, archiveSize, unpackedSize, leastMemory, leastMemoryTmpfs },
  };
}

async function print(archive: string, found: Verification, passed: boolean, world: World): Promise<void> {
  for (const finding of found.findings) {
    if (finding.severity === 'note' && world.verbosity < 1) continue;
    await world.out.line(lineOf(finding, world));
  }
  const hidden = world.verbosity < 1 ? found.findings.filter(({ severity }) => severity === 'note').length : 0;
  const count = (severity: Finding['severity']): number => found.findings.filter((one) => one.severity === severity).length;
  const { forecast } = found;
  const kernel = found.kernel === undefined ? 'no kernel known' : `kernel ${found.kernel}`;
  world.note(
    `${printable(archive)}: ${forecast.entryCount} entries in ${found.memberCount} members, ${mib(forecast.archiveSize)}, unpacked ${mib(forecast.unpackedSize)}, ${kernel}`,
  );
  world.note(
    `needs about ${mib(forecast.leastMemory)} of RAM to boot with root= on the command line, ${mib(forecast.leastMemoryTmpfs)} without`,
  );
  const notes = hidden === 0 ? '' : `, ${hidden} notes (-v shows them)`;
  world.note(`${passed ? 'fine' : 'not fine'}: ${count('error')} errors, ${count('warning')} warnings${notes}`);
}

/** A finding as a line. */
export function lineOf({ code, severity, where, message }: Finding, world: World): string {
  const place = [
    where.path === undefined ? undefined : `/${printable(where.path)}`,
    where.structure,
    where.offset === undefined ? undefined : `offset ${where.offset}`,
  ];
  const at = place.filter((one) => one !== undefined).join(', ');
  return `${world.out.style(COLOURS[severity], severity)} ${code}: ${at === '' ? '' : `${at}: `}${printable(message)}`;
}

function mib(size: number): string {
  return `${(size / MIB).toFixed(1)} MiB`;
}
