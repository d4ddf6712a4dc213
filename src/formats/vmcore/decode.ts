// A saved crash dump: the kernel's own ELF core (fs/proc/vmcore.c) or makedumpfile's compressed form. Only what says what it is gets read:
// headers, notes and VMCOREINFO (kernel/crash_core.c), never the pages.
import { asciiFrom, type ByteSource, type Fields, nameFromBytes, toSize } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { notes, open as openElf, SEGMENT } from '../elf/index.ts';
import { FLAT_SIGNATURE, header, SIGNATURE, STATUS, subHeader } from './structs.ts';

/** What a crash dump says of itself. */
export interface Vmcore {
  /** `elf`: memory as it was, or with pages left out as holes; `kdump`: makedumpfile's compressed form. */
  readonly form: 'elf' | 'kdump';
  /** Release of the kernel that crashed. */
  readonly release: string;
  /** Machine as ELF names it for an ELF core, as uname(2) does for the other. */
  readonly machine: string;
  /** The kernel's VMCOREINFO by name: OSRELEASE, PAGESIZE, CRASHTIME and what debuggers need. */
  readonly info: ReadonlyMap<string, string>;
  /** Bytes of the crashed machine's memory that the dump speaks for. */
  readonly memorySize: number;
  /** Processors whose registers at the crash the dump holds. */
  readonly processorCount: number;
  /** How pages are compressed, and which kinds were left out; undefined for an ELF core. */
  readonly compression: 'zlib' | 'lzo' | 'snappy' | 'zstd' | 'none' | undefined;
  readonly dumpLevel: number | undefined;
  /** The end of the last thing the headers point at; what is written after it is no part of the dump. Undefined where headers do not tell. */
  readonly endAt: number | undefined;
  /** The writer ran out of space and said so. */
  readonly incomplete: boolean;
}

const HEAD_SIZE = 16;
const INFO_SIZE_MOST = 1 << 20;
const BLOCK_SIZE_MOST = 1 << 20;
const PRSTATUS = 1;
// a bit for each page of 16 TiB
const BITMAP_SIZE_MOST = 1 << 29;
const PIECE_SIZE = 1 << 20;
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Whether these first bytes are those of a crash dump. An ELF file of another type is refused by `decode`. */
export function detect(head: Uint8Array): 'elf' | 'kdump' | undefined {
  const text = asciiFrom(head.subarray(0, SIGNATURE.length));
  if (text === SIGNATURE) return 'kdump';
  return text.startsWith('\x7fELF') ? 'elf' : undefined;
}

/** Reads what a dump says of itself. Throws UNRECOGNISED for what is none, UNSUPPORTED for the stream form, TRUNCATED, BAD_VALUE or LIMIT. */
export function decode(source: ByteSource): Vmcore {
  const head = source.read(0, Math.min(HEAD_SIZE, source.size));
  const form = detect(head);
  if (form === 'elf') return fromElf(source);
  if (form === 'kdump') return fromKdump(source);
  const found = asciiFrom(head);
  if (found.startsWith(FLAT_SIGNATURE)) {
    throw new KindlingError('UNSUPPORTED', "the dump is in makedumpfile's stream form: rearrange it with makedumpfile -R", { offset: 0 });
  }
  throw new KindlingError('UNRECOGNISED', `the file starts with ${JSON.stringify(found)}: neither an ELF core nor a kdump file`, {
    offset: 0,
  });
}

function infoFrom(bytes: Uint8Array): Map<string, string> {
  const info = new Map<string, string>();
  for (const line of nameFromBytes(bytes).replace(/\0+$/, '').split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) info.set(line.slice(0, equals), line.slice(equals + 1));
  }
  return info;
}

function releaseOf(info: ReadonlyMap<string, string>, structure: string): string {
  const release = info.get('OSRELEASE');
  if (release === undefined) throw new KindlingError('BAD_VALUE', 'VMCOREINFO names no OSRELEASE', { structure });
  return release;
}

function fromElf(source: ByteSource): Vmcore {
  const elf = openElf(source);
  if (elf.type !== 'core')
    throw new KindlingError('UNRECOGNISED', `an ELF file of type ${elf.type}, expected a core`, { structure: 'ELF header' });
  const found = notes(elf);
  const vmcoreinfo = found.find(({ owner }) => owner === 'VMCOREINFO');
  if (vmcoreinfo === undefined)
    throw new KindlingError('BAD_VALUE', 'the core has no VMCOREINFO note: it is no kernel crash dump', { structure: 'ELF note' });
  const info = infoFrom(vmcoreinfo.desc);
  const loads = elf.segments.filter(({ type }) => type === SEGMENT.load);
  return {
    form: 'elf',
    release: releaseOf(info, 'VMCOREINFO'),
    machine: elf.machine,
    info,
    memorySize: loads.reduce((sum, { size }) => sum + size, 0),
    processorCount: found.filter(({ owner, type }) => owner === 'CORE' && type === PRSTATUS).length,
    compression: undefined,
    dumpLevel: undefined,
    endAt: Math.max(0, ...elf.segments.map(({ at, size }) => at + size)),
    incomplete: false,
  };
}

function range(source: ByteSource, at: number, size: number, structure: string): Uint8Array {
  if (size > INFO_SIZE_MOST)
    throw new KindlingError('LIMIT', `${size} bytes, at most ${INFO_SIZE_MOST} are read`, { structure, offset: at });
  if (at + size > source.size) {
    throw new KindlingError('TRUNCATED', `${size} bytes at ${at} leave the file of ${source.size}`, { structure, offset: at });
  }
  return source.read(at, size);
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return nameFromBytes(end < 0 ? field : field.subarray(0, end));
}

function compressionOf({ status }: Fields<typeof header.fields>): 'zlib' | 'lzo' | 'snappy' | 'zstd' | 'none' {
  for (const name of ['zlib', 'lzo', 'snappy', 'zstd'] as const) if ((status & STATUS[name]) !== 0) return name;
  return 'none';
}

/** Pages the machine had: bits of the first bitmap, which follows both headers; the second tells which of them are in the dump. */
function pageCount(source: ByteSource, { blockSize, subHeaderSize, bitmapSize }: Fields<typeof header.fields>): number {
  const at = (1 + subHeaderSize) * blockSize;
  const size = Math.floor(bitmapSize / 2) * blockSize;
  const structure = 'kdump bitmap';
  if (size > BITMAP_SIZE_MOST)
    throw new KindlingError('LIMIT', `${size} bytes, at most ${BITMAP_SIZE_MOST} are read`, { structure, offset: at });
  if (at + size > source.size)
    throw new KindlingError('TRUNCATED', `${size} bytes at ${at} leave the file of ${source.size}`, { structure, offset: at });
  let count = 0;
  for (let done = 0; done < size; done += PIECE_SIZE) {
    for (const byte of source.read(at + done, Math.min(PIECE_SIZE, size - done))) count += BITS[byte]!;
  }
  return count;
}

function fromKdump(source: ByteSource): Vmcore {
  const first = header.decode(range(source, 0, header.size, header.name));
  const { blockSize } = first;
  if (blockSize < 512 || blockSize > BLOCK_SIZE_MOST || (blockSize & (blockSize - 1)) !== 0) {
    const offset = header.offsetOf('blockSize');
    throw new KindlingError('BAD_VALUE', `the block size is ${blockSize}, expected a power of two from 512`, {
      structure: header.name,
      offset,
    });
  }
  const second = subHeader.decode(range(source, blockSize, subHeader.size, subHeader.name));
  const at = toSize(second.vmcoreinfoAt, 'vmcoreinfoAt');
  const size = toSize(second.vmcoreinfoSize, 'vmcoreinfoSize');
  if (size === 0) throw new KindlingError('BAD_VALUE', 'the dump holds no VMCOREINFO', { structure: subHeader.name, offset: blockSize });
  const info = infoFrom(range(source, at, size, 'VMCOREINFO'));
  return {
    form: 'kdump',
    release: releaseOf(info, 'VMCOREINFO'),
    machine: text(first.machine),
    info,
    memorySize: pageCount(source, first) * blockSize,
    processorCount: first.processorCount,
    compression: compressionOf(first),
    dumpLevel: second.dumpLevel,
    endAt: undefined,
    incomplete: (first.status & STATUS.incomplete) !== 0,
  };
}
