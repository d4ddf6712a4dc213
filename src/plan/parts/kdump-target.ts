// Where a crash dump goes, as a person writes it: DEVICE[:DIRECTORY] for a file system, raw:DEVICE for a partition without one. What cannot
// be opened by a capture kernel with nothing but drivers is refused here, before anything is built.
import { KindlingError } from '../../errors.ts';
import { type FstabLine, fstab } from '../fstab.ts';
import type { HostFacts } from '../host.ts';
import type { Root } from '../root.ts';

/** A directory of a file system. */
export interface DirectoryTarget {
  readonly kind: 'directory';
  /** As root= would name it: UUID=, LABEL=, PARTUUID=, PARTLABEL=, /dev/NAME, /dev/disk/by-*. */
  readonly device: string;
  /** Relative to the file system's own top, "" for the top itself. */
  readonly path: string;
  /** Type and mount options where the root's fstab or the machine's facts say them. */
  readonly type: string | undefined;
  readonly options: string;
}

/** A partition that holds the dump from its first byte. */
export interface RawTarget {
  readonly kind: 'raw';
  readonly device: string;
}

/** Where a dump goes. */
export type KdumpTarget = DirectoryTarget | RawTarget;

/** Where kdump-tools of Debian and kdump-utils of Fedora keep dumps. */
const HOME = '/var/crash';
const NETWORK = /^(nfs4?|ssh|scp|sftp|ftp|tftp|https?|iscsi|nbd|smb|cifs|net):|^\/\/|^[^/=:]+@|^[^/=:]+:/;
const DEVICE = /^(UUID|LABEL|PARTUUID|PARTLABEL)=.+|^\/dev\/.+/;
const STACKED = /^\/dev\/(mapper\/|dm-\d|md\d|md\/|zd\d|bcache\d|disk\/by-id\/(dm-|md-|lvm-))/;

/** Reads a target; "auto" is the file system that holds /var/crash. Throws USAGE for what is none, UNSUPPORTED for what cannot be reached. */
export function kdumpTarget(word: string, root: Root, host: HostFacts | undefined): KdumpTarget {
  if (word === 'auto') return homeOf(root, host);
  if (word.startsWith('raw:')) return { kind: 'raw', device: deviceOf(word.slice(4), word) };
  if (NETWORK.test(word)) {
    const message = `dump target "${word}" is on a network: dumps are saved to a local file system (DEVICE:DIRECTORY) or a partition (raw:DEVICE)`;
    throw new KindlingError('UNSUPPORTED', message, { structure: 'dump target' });
  }
  const [device, path] = split(word);
  const line = fstab(root).find(({ source }) => source === device) ?? mountOf(host, device);
  const type = typeOf(line);
  return {
    kind: 'directory',
    device: deviceOf(device, word),
    path: clean(path ?? (line === undefined ? HOME : below(line.at, HOME)), word),
    type,
    options: line?.options ?? '',
  };
}

/** Splits at the colon before the directory; names below /dev/disk/by-path hold colons of their own. */
function split(word: string): readonly [string, string | undefined] {
  const at = word.includes(':/') ? word.indexOf(':/') : word.startsWith('/dev/disk/by-') ? -1 : word.lastIndexOf(':');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function deviceOf(device: string, word: string): string {
  if (!DEVICE.test(device)) {
    const message = `dump target "${word}": expected DEVICE[:DIRECTORY] or raw:DEVICE, with a device like UUID=..., LABEL=..., PARTUUID=... or /dev/...`;
    throw new KindlingError('USAGE', message);
  }
  if (STACKED.test(device)) {
    const message = `dump target "${word}": ${device} is put together from other devices (LVM, RAID, encryption), which a capture kernel does not open`;
    throw new KindlingError('UNSUPPORTED', message, { structure: 'dump target' });
  }
  return device;
}

function clean(path: string, word: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new KindlingError('USAGE', `dump target "${word}": the directory must not hold ".."`);
  return names.join('/');
}

function typeOf(line: Pick<FstabLine, 'type'> | undefined): string | undefined {
  return line === undefined || !/^[a-z0-9_.]+$/.test(line.type) || line.type === 'auto' ? undefined : line.type;
}

function mountOf(host: HostFacts | undefined, device: string): FstabLine | undefined {
  const mount = host?.mounts.find(({ source }) => source === device);
  return mount === undefined ? undefined : { ...mount, options: '', pass: 0 };
}

function holds(at: string, path: string): boolean {
  return at === '/' || path === at || path.startsWith(`${at}/`);
}

/** The path as seen from the top of the file system mounted at `at`; unchanged when it does not hold it. */
function below(at: string, path: string): string {
  return at !== '/' && holds(at, path) ? path.slice(at.length) : path;
}

function homeOf(root: Root, host: HostFacts | undefined): DirectoryTarget {
  const lines = [...fstab(root), ...(host?.mounts ?? []).map((mount): FstabLine => ({ ...mount, options: '', pass: 0 }))];
  const [line] = lines.filter(({ at }) => holds(at, HOME)).sort((a, b) => b.at.length - a.at.length);
  if (line === undefined) {
    const message = `${root.label} does not say which file system holds ${HOME}: its fstab has no line for it; name the dump target`;
    throw new KindlingError('USAGE', message);
  }
  if (NETWORK.test(line.source) || !DEVICE.test(line.source)) {
    const message = `${HOME} of ${root.label} is on ${line.source} (${line.type}), which a capture kernel does not open; name another dump target`;
    throw new KindlingError('UNSUPPORTED', message, { structure: 'dump target' });
  }
  const device = deviceOf(line.source, line.source);
  return { kind: 'directory', device, path: clean(below(line.at, HOME), HOME), type: typeOf(line), options: line.options };
}
