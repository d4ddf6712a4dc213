// The record loop that newc and odc share. Records come in archive order with names as stored; content is a lazy slice, never a copy.
import { asciiFrom, type ByteSource, nameFromBytes, sliceSource } from '../../bytes/index.ts';
import { type Finding, KindlingError, located } from '../../errors.ts';
import { PATH_MAX } from '../../tree/index.ts';
import { kindOf } from './types.ts';

/** A header's values, whatever its form. `headerSize` and `nameSize` in bytes, `nameSize` with its NUL. */
export interface RecordHeader {
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly mtime: number;
  readonly fileSize: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly nameSize: number;
  /** Sum of the content's bytes modulo 2^32, where the form has one. */
  readonly check: number | undefined;
}

/** One raw record. Offsets count from the start of the source it was read from. */
export interface CpioRecord extends RecordHeader {
  readonly headerAt: number;
  readonly contentAt: number;
  /** The name as stored, up to its first NUL. */
  readonly name: Uint8Array;
  readonly content: ByteSource;
}

/** One header form. */
export interface CpioForm {
  readonly name: string;
  readonly headerSize: number;
  /** Names and content are padded to a multiple of this. */
  readonly alignment: 1 | 4;
  /** Decodes a header at the start of the bytes; throws BAD_MAGIC or BAD_VALUE. */
  header(bytes: Uint8Array): RecordHeader;
}

/** One archive: records up to its TRAILER!!!, and what was odd. `fault` is what made reading stop before the end; the records before it stand. */
export interface CpioArchive {
  readonly at: number;
  /** Offset of the first byte after the archive, padding of the last record included. */
  readonly endAt: number;
  readonly records: readonly CpioRecord[];
  readonly trailer: boolean;
  readonly findings: readonly Finding[];
  readonly fault: KindlingError | undefined;
}

/** Bounds of reading, where the usual ones do not fit. */
export interface ReadOptions {
  /** Most records to read before LIMIT. */
  readonly entriesMost?: number;
  /** Whether stored checksums are compared, which reads all content of a 070702 archive. True unless told. */
  readonly checksums?: boolean;
}

/** How many records are read unless told. */
export const DEFAULT_LIMITS = { entriesMost: 1 << 18 } as const;

const HEAD_SIZE = 256; // header and most names in one read

function align(at: number, unit: number): number {
  return unit === 4 ? at + (-at & 3) : at;
}

function trailing(name: Uint8Array): boolean {
  return name.length === 10 && asciiFrom(name) === 'TRAILER!!!';
}

/** Sum of bytes modulo 2^32, as the crc form has it. */
export function byteSum(source: ByteSource): number {
  let sum = 0;
  for (let at = 0; at < source.size; at += 1 << 20) {
    for (const byte of source.read(at, Math.min(1 << 20, source.size - at))) sum += byte;
    sum >>>= 0;
  }
  return sum;
}

/** Reads one archive that starts at `at`. Never throws for what the bytes hold: see `fault`. */
export function readArchive(source: ByteSource, at: number, form: CpioForm, options: ReadOptions = {}): CpioArchive {
  const entriesMost = options.entriesMost ?? DEFAULT_LIMITS.entriesMost;
  const records: CpioRecord[] = [];
  const findings: Finding[] = [];
  let headerAt = at;
  const done = (trailer: boolean, endAt: number, fault?: KindlingError): CpioArchive => ({ at, endAt, records, trailer, findings, fault });
  try {
    for (let count = 0; ; count++) {
      if (headerAt >= source.size) {
        findings.push({
          code: 'missing-trailer',
          severity: 'warning',
          where: { structure: `${form.name} archive`, offset: at },
          message: 'the archive ends without TRAILER!!!',
        });
        return done(false, source.size);
      }
      if (count > entriesMost) throw new KindlingError('LIMIT', `more than ${entriesMost} entries`, { structure: `${form.name} archive` });
      const record = readRecord(source, headerAt, form, findings);
      const nextAt = align(record.contentAt + record.fileSize, form.alignment);
      if (trailing(record.name)) return done(true, Math.min(nextAt, source.size));
      if (record.nameSize > 0 && record.nameSize <= PATH_MAX) records.push(record);
      if (record.check !== undefined && options.checksums !== false) checkSum(record);
      headerAt = nextAt;
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    const fault = located(error, { structure: `${form.name} header`, offset: headerAt });
    return done(false, headerAt, fault instanceof KindlingError ? fault : error);
  }
}

function readRecord(source: ByteSource, headerAt: number, form: CpioForm, findings: Finding[]): CpioRecord {
  const where = { structure: `${form.name} header`, offset: headerAt };
  const left = source.size - headerAt;
  if (left < form.headerSize) throw new KindlingError('TRUNCATED', `a header needs ${form.headerSize} bytes, ${left} are left`, where);
  let head = source.read(headerAt, Math.min(left, HEAD_SIZE));
  let header: RecordHeader;
  try {
    header = form.header(head);
  } catch (error) {
    // Field errors know their place in the header only.
    if (error instanceof KindlingError)
      throw new KindlingError(error.code, error.message, { ...where, offset: headerAt + (error.where.offset ?? 0) });
    throw error;
  }
  const { nameSize, fileSize } = header;
  const contentAt = align(headerAt + form.headerSize + nameSize, form.alignment);
  if (contentAt + fileSize > source.size && !(fileSize === 0 && headerAt + form.headerSize + nameSize <= source.size)) {
    throw new KindlingError(
      'TRUNCATED',
      `the record announces ${nameSize} bytes of name and ${fileSize} of content, ${left - form.headerSize} are left`,
      where,
    );
  }
  let name = new Uint8Array(0);
  if (nameSize === 0 || nameSize > PATH_MAX) {
    findings.push({
      code: 'name-skipped',
      severity: 'error',
      where,
      message: `the name size is ${nameSize}; the kernel skips an entry whose name is not 1 to ${PATH_MAX} bytes`,
    });
  } else {
    if (form.headerSize + nameSize > head.length) head = source.read(headerAt, form.headerSize + nameSize);
    const stored = head.subarray(form.headerSize, form.headerSize + nameSize);
    if (stored[nameSize - 1] !== 0) {
      throw new KindlingError('BAD_NAME', `the name of ${nameSize} bytes does not end in NUL ("malformed archive" to the kernel)`, where);
    }
    const end = stored.indexOf(0);
    name = stored.slice(0, end);
    if (stored.subarray(end).some((byte) => byte !== 0)) {
      findings.push({
        code: 'name-after-nul',
        severity: 'warning',
        where: { ...where, path: nameFromBytes(name) },
        message: 'bytes follow the NUL inside the name field',
      });
    }
  }
  const content = sliceSource(source, Math.min(contentAt, source.size), fileSize);
  return { ...header, headerAt, contentAt, name, content };
}

function checkSum(record: CpioRecord): void {
  if (kindOf(record.mode) !== 'file') return; // GNU cpio leaves 0 for links, and the kernel sums file data alone
  const sum = byteSum(record.content);
  if (sum === record.check) return;
  throw new KindlingError('BAD_CHECKSUM', `the byte sum is ${sum}, the header says ${record.check}`, {
    offset: record.headerAt,
    path: nameFromBytes(record.name),
  });
}
