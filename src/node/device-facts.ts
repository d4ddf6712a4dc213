// What sysfs and procfs say of a block device: what it is, how it is attached, what it is in use for. Both are handed in as directories, so that
// a test can make machines up.
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { KindlingError } from '../errors.ts';
import type { DeviceFacts, DevicePartition, DeviceUse } from '../verbs/live-write-guards.ts';
import { deviceNumbers } from './entries.ts';
import { system } from './errno.ts';

/** Where the kernel's word is read. */
export interface DeviceWorld {
  /** "/sys" */
  readonly sys: string;
  /** "/proc" */
  readonly proc: string;
  /** MAJOR:MINOR of a block device; undefined for what is none. Throws NO_ENTRY when there is nothing. */
  numbersOf(path: string): string | undefined;
}

/** The machine this runs on. */
export const OWN_DEVICES: DeviceWorld = {
  sys: '/sys',
  proc: '/proc',
  numbersOf(path) {
    const stats = system(() => statSync(path), { file: path });
    if (!stats.isBlockDevice()) return undefined;
    const { major, minor } = deviceNumbers(stats.rdev);
    return `${major}:${minor}`;
  },
};

/** A small file's text without its line end; "" where there is none. What sysfs does not tell is not there, or refuses to be read. */
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', '').trim();
  } catch {
    return '';
  }
}

function names(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

const SECTOR_SIZE = 512;

/** Facts of the block device at a path. Throws NO_ENTRY, USAGE for what is no block device, IO when the kernel knows nothing of it. */
export function deviceFacts(path: string, world: DeviceWorld = OWN_DEVICES): DeviceFacts {
  const numbers = world.numbersOf(path);
  if (numbers === undefined) throw new KindlingError('USAGE', 'it is no block device', { file: path });
  const folder = real(`${world.sys}/dev/block/${numbers}`);
  if (folder === undefined) throw new KindlingError('IO', `sysfs knows no device ${numbers}`, { file: path });
  const isPartition = text(`${folder}/partition`) !== '';
  const disk = isPartition ? dirname(folder) : folder;
  const device = `${disk}/device`;
  const bus = busOf(disk);
  const usb = bus === 'usb' ? usbAncestor(disk, world.sys) : undefined;
  const vendor = text(`${device}/vendor`);
  const scsi = [/^0x/.test(vendor) ? '' : vendor, text(`${device}/model`) || text(`${device}/name`)];
  const own = usb === undefined ? [] : [text(`${usb}/manufacturer`), text(`${usb}/product`)];
  return {
    path,
    name: basename(folder),
    numbers,
    size: Number(text(`${folder}/size`)) * SECTOR_SIZE,
    readOnly: text(`${folder}/ro`) === '1',
    // a card in a reader on the mmc bus says "0", being a card says enough
    removable: text(`${disk}/removable`) === '1' || (bus === 'mmc' && text(`${device}/type`) === 'SD'),
    bus,
    model: [...new Set([...scsi, ...own])].filter((word) => word !== '').join(' '),
    serial: (usb === undefined ? '' : text(`${usb}/serial`)) || text(`${device}/serial`) || text(`${disk}/serial`),
    wholeDisk: isPartition ? basename(disk) : undefined,
    partitions: isPartition ? [] : partitionsOf(folder),
    uses: usesOf(folder, world),
  };
}

function busOf(disk: string): string {
  if (/\/usb[0-9]+\//.test(disk)) return 'usb';
  if (disk.includes('/mmc_host/')) return 'mmc';
  if (disk.includes('/nvme/') || disk.includes('/nvme-subsystem/')) return 'nvme';
  if (disk.includes('/virtual/')) return 'virtual';
  if (/\/virtio[0-9]+\//.test(disk)) return 'virtio';
  return /\/ata[0-9]+\//.test(disk) ? 'ata' : 'scsi';
}

/** The USB device above a disk: the one that has a product. */
function usbAncestor(disk: string, sys: string): string | undefined {
  for (let folder = dirname(disk); folder.length > sys.length && folder !== '/'; folder = dirname(folder)) {
    if (text(`${folder}/idVendor`) !== '') return folder;
  }
  return undefined;
}

function partitionsOf(disk: string): DevicePartition[] {
  return names(disk)
    .filter((name) => text(`${disk}/${name}/partition`) !== '')
    .map((name) => ({
      name,
      firstByte: Number(text(`${disk}/${name}/start`)) * SECTOR_SIZE,
      size: Number(text(`${disk}/${name}/size`)) * SECTOR_SIZE,
    }))
    .sort((a, b) => a.firstByte - b.firstByte);
}

/** A device, its partitions, and everything that is built on them (device mapper, md, bcache): by MAJOR:MINOR and by name. */
interface Family {
  readonly byNumbers: Map<string, string>;
  readonly byName: Map<string, string>;
  readonly holders: DeviceUse[];
}

function gather(folder: string, label: string, family: Family): void {
  const numbers = text(`${folder}/dev`);
  if (family.byNumbers.has(numbers)) return;
  family.byNumbers.set(numbers, label);
  family.byName.set(basename(folder), label);
  for (const partition of partitionsOf(folder)) gather(`${folder}/${partition.name}`, partition.name, family);
  for (const name of names(`${folder}/holders`)) {
    const holder = real(`${folder}/holders/${name}`);
    const mapped = holder === undefined ? '' : text(`${holder}/dm/name`);
    family.holders.push({ kind: 'holder', name: basename(folder), detail: mapped === '' ? name : `${name} (${mapped})` });
    if (holder !== undefined) gather(holder, name, family);
  }
}

function usesOf(folder: string, world: DeviceWorld): DeviceUse[] {
  const family: Family = { byNumbers: new Map(), byName: new Map(), holders: [] };
  gather(folder, basename(folder), family);
  const nameOf = (source: string): string | undefined => {
    if (!source.startsWith('/')) return undefined;
    return family.byName.get(basename(source)) ?? family.byName.get(basename(real(source) ?? ''));
  };
  const found = new Map<string, DeviceUse>();
  // what process 1 sees too: this process may run in a mount namespace of its own
  for (const process of ['self', '1']) {
    for (const { numbers, source, place } of mountsIn(text(`${world.proc}/${process}/mountinfo`))) {
      const name = family.byNumbers.get(numbers) ?? nameOf(source);
      if (name !== undefined) found.set(`${name} ${place}`, { kind: 'mounted', name, detail: place });
    }
  }
  for (const name of btrfsMembers(world.sys, family)) {
    if (![...found.values()].some((use) => use.name === name))
      found.set(`${name} btrfs`, { kind: 'mounted', name, detail: 'a btrfs of several devices' });
  }
  const swaps = text(`${world.proc}/swaps`)
    .split('\n')
    .slice(1)
    .map((line) => nameOf(unescaped(line.split(/\s/)[0] ?? '')))
    .filter((name) => name !== undefined)
    .map((name): DeviceUse => ({ kind: 'swap', name, detail: '' }));
  return [...found.values(), ...swaps, ...family.holders];
}

/** A mounted btrfs of several devices is shown by one of them alone in mountinfo; sysfs has them all. */
function btrfsMembers(sys: string, { byName }: Family): string[] {
  return names(`${sys}/fs/btrfs`).flatMap((id) =>
    names(`${sys}/fs/btrfs/${id}/devices`).flatMap((device) => {
      const name = byName.get(device) ?? byName.get(basename(linkOf(`${sys}/fs/btrfs/${id}/devices/${device}`)));
      return name === undefined ? [] : [name];
    }),
  );
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function unescaped(word: string): string {
  return word.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function mountsIn(mountinfo: string): { numbers: string; source: string; place: string }[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' '))
    .filter((words) => words.length > 8)
    .map((words) => ({
      numbers: words[2]!,
      place: unescaped(words[4]!),
      source: unescaped(words[words.indexOf('-') + 2] ?? ''),
    }));
}
