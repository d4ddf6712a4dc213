// The value of --disk: a file name alone, or `file=FILE,bus=BUS,format=raw|qcow2,ro,write` with doubled commas in names, as QEMU has them.
import { KindlingError } from '../errors.ts';
import { DISK_BUSES, type Disk, type DiskBus } from '../machine/index.ts';

/** What holds for a disk that does not say otherwise. */
export interface DiskDefaults {
  readonly bus: DiskBus;
  readonly writes: boolean;
}

/** Reads a disk bus. Throws USAGE for one that is not known. */
export function diskBus(word: string): DiskBus {
  const bus = DISK_BUSES.find((known) => known === word);
  if (bus === undefined) throw new KindlingError('USAGE', `disk bus "${word}", expected one of ${DISK_BUSES.join(', ')}`);
  return bus;
}

/** Reads one --disk. A raw image is assumed unless it says otherwise or `isQcow2` says so. Throws USAGE. */
export function diskFrom(value: string, defaults: DiskDefaults, isQcow2: (file: string) => boolean): Disk {
  if (!value.startsWith('file=')) return diskOf({ file: value }, defaults, isQcow2);
  const words = value.replaceAll(',,', '\0').split(',');
  const given: Record<string, string> = {};
  for (const word of words) {
    const text = word.replaceAll('\0', ',');
    const equals = text.indexOf('=');
    const key = equals < 0 ? text : text.slice(0, equals);
    const known = equals < 0 ? ['ro', 'write'] : ['file', 'bus', 'format'];
    if (!known.includes(key)) throw new KindlingError('USAGE', `--disk ${value}: "${text}" is not one of file=, bus=, format=, ro, write`);
    given[key] = text.slice(equals + 1);
  }
  return diskOf(given, defaults, isQcow2);
}

function diskOf(given: Readonly<Record<string, string>>, defaults: DiskDefaults, isQcow2: (file: string) => boolean): Disk {
  const { file = '', format } = given;
  if (file === '') throw new KindlingError('USAGE', '--disk needs a file name');
  if (format !== undefined && format !== 'raw' && format !== 'qcow2') {
    throw new KindlingError('USAGE', `disk format "${format}", expected raw or qcow2`);
  }
  const readOnly = 'ro' in given;
  if (readOnly && 'write' in given) throw new KindlingError('USAGE', `--disk ${file}: ro and write exclude each other`);
  return {
    file,
    bus: given.bus === undefined ? defaults.bus : diskBus(given.bus),
    format: format ?? (isQcow2(file) ? 'qcow2' : 'raw'),
    readOnly,
    writes: !readOnly && (defaults.writes || 'write' in given),
  };
}
