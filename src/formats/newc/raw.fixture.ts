// Builds newc bytes field by field, without any of the encoder's checks: for archives that no honest program writes.
import { concat, utf8 } from '../../bytes/index.ts';

/** What a raw record says; sizes are what they should be unless told. */
export interface RawRecord {
  readonly name: string | Uint8Array;
  readonly mode?: number;
  readonly data?: string | Uint8Array;
  readonly magic?: string;
  readonly ino?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly nlink?: number;
  readonly mtime?: number;
  readonly fileSize?: number;
  readonly rdev?: readonly [number, number];
  readonly nameSize?: number;
  readonly check?: number;
}

const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? utf8(value) : value);

function padded(bytes: Uint8Array): Uint8Array {
  return concat([bytes, new Uint8Array(-bytes.length & 3)]);
}

/** One record, padded. A regular file of mode 0644 unless told. */
export function raw(record: RawRecord): Uint8Array {
  const name = bytesOf(record.name);
  const data = bytesOf(record.data ?? '');
  const [major, minor] = record.rdev ?? [0, 0];
  const fields = [
    record.ino ?? 0,
    record.mode ?? 0o100644,
    record.uid ?? 0,
    record.gid ?? 0,
    record.nlink ?? 1,
    record.mtime ?? 0,
    record.fileSize ?? data.length,
    0,
    0,
    major,
    minor,
    record.nameSize ?? name.length + 1,
    record.check ?? 0,
  ];
  const header = (record.magic ?? '070701') + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const tail = Math.max(0, (record.nameSize ?? name.length + 1) - name.length);
  return concat([padded(concat([utf8(header), name, new Uint8Array(Math.min(tail, 8192))])), padded(data)]);
}

export const TRAILER: Uint8Array = raw({ name: 'TRAILER!!!', mode: 0 });

/** A whole archive of raw records. */
export function rawArchive(...records: RawRecord[]): Uint8Array {
  return concat([...records.map(raw), TRAILER]);
}
