// Would it find its root? What / and /usr rest on, and whether the archive can get there: layers that must be opened first (LUKS, LVM,
// MD, iSCSI, ZFS) are recognised and refused, file systems and the machine's own drivers must be inside or built in.

import { nameFromBytes, readAll } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import { type FstabLine, findFile, fstab, type Root } from '../../plan/index.ts';
import { finding, type Subject } from './subject.ts';

const TEXT_MOST = 1 << 20;

/** What a layer is called, and the part that would be needed. */
const LAYERS = {
  crypto_LUKS: 'dm-crypt (LUKS)',
  LVM2_member: 'LVM',
  linux_raid_member: 'MD RAID',
  zfs_member: 'ZFS',
  bcache: 'bcache',
} as const;

function layerOfType(type: string): string {
  return Object.hasOwn(LAYERS, type) ? LAYERS[type as keyof typeof LAYERS] : type;
}

function refusal(what: string, evidence: string): Finding {
  return finding('root-layer', 'error', `the root is behind ${what} (${evidence}), and the archive has nothing to open it`);
}

interface CryptLine {
  readonly name: string;
  readonly device: string;
}

function crypttab(root: Root): CryptLine[] {
  const found = findFile(root, 'etc/crypttab');
  if (found === undefined || found.content.size > TEXT_MOST) return [];
  return nameFromBytes(readAll(found.content))
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim().split(/\s+/))
    .flatMap(([name, device]) => (name !== undefined && device !== undefined && name !== '' ? [{ name, device }] : []));
}

/** The layer a device name stands for by its form alone, or undefined. */
function layerOfName(source: string, crypt: readonly CryptLine[]): string | undefined {
  const mapped = /^\/dev\/mapper\/(.+)$/.exec(source)?.[1];
  if (mapped !== undefined) return crypt.some((line) => line.name === mapped) ? LAYERS.crypto_LUKS : 'device mapper (LVM or dm-crypt)';
  if (/^\/dev\/md(\d|\/|_)/.test(source)) return LAYERS.linux_raid_member;
  if (/^\/dev\/disk\/by-path\/ip-.*-iscsi-/.test(source)) return 'iSCSI';
  if (/^\/dev\/bcache/.test(source)) return LAYERS.bcache;
  // /dev/VG/LV: two names that are no directory of the kernel's or udev's own
  const volume = /^\/dev\/([^/]+)\/([^/]+)$/.exec(source);
  if (volume !== null && !['disk', 'mapper', 'md', 'block', 'cciss', 'ida', 'input', 'pts', 'shm'].includes(volume[1]!))
    return LAYERS.LVM2_member;
  return undefined;
}

function layersOf(line: FstabLine, crypt: readonly CryptLine[]): Finding[] {
  const evidence = `etc/fstab mounts ${line.source} on ${line.at}`;
  if (line.type === 'zfs') return [refusal(LAYERS.zfs_member, evidence)];
  const byName = layerOfName(line.source, crypt);
  if (byName !== undefined) return [refusal(byName, evidence)];
  if (line.options.split(',').includes('_netdev')) return [refusal('the network', `${evidence} with _netdev`)];
  return [];
}

/** File-system drivers by the module or builtin that serves them. */
function canMount(subject: Subject, type: string): boolean {
  const { modules, kernel } = subject;
  if (modules?.find(`fs-${type}`).some((name) => modules.get(name) !== undefined || modules.builtins.has(name)) === true) return true;
  const symbol = { ext2: 'EXT4_FS', ext3: 'EXT4_FS', vfat: 'VFAT_FS', iso9660: 'ISO9660_FS' }[type] ?? `${type.toUpperCase()}_FS`;
  return [symbol, type.toUpperCase()].some((name) => kernel?.config?.get(name) === 'y');
}

function checkType(subject: Subject, type: string, evidence: string): Finding[] {
  if (canMount(subject, type)) return [];
  return [finding('filesystem-missing', 'error', `${evidence}, and the archive has no driver for ${type}, nor has the kernel`)];
}

/** Findings about / and /usr as the root's tables, a given device and the machine's facts describe them. */
export function checkReach(subject: Subject): Finding[] {
  const { root, device, host } = subject;
  const findings: Finding[] = [];
  if (device !== undefined) {
    const { label, superblock } = device;
    if (superblock === undefined) findings.push(finding('root-unknown', 'error', `${label} holds no file system that is known`));
    else if (superblock.role === 'layer') findings.push(refusal(layerOfType(superblock.type), `${label} holds ${superblock.type}`));
    else if (superblock.role === 'swap') findings.push(finding('root-unknown', 'error', `${label} is a swap area, not a root`));
    else findings.push(...checkType(subject, superblock.type, `${label} holds ${superblock.type}`));
  }
  if (root !== undefined) {
    const crypt = crypttab(root);
    for (const line of fstab(root).filter(({ at }) => at === '/' || at === '/usr')) {
      const layers = layersOf(line, crypt);
      findings.push(...layers);
      if (layers.length === 0 && /^[a-z0-9_]+$/.test(line.type) && line.type !== 'auto') {
        findings.push(...checkType(subject, line.type, `etc/fstab says ${line.at} is ${line.type}`));
      }
    }
  }
  for (const { at, source, type } of host?.mounts ?? []) {
    const layer = type === 'zfs' ? LAYERS.zfs_member : layerOfName(source, []);
    if (layer !== undefined) findings.push(refusal(layer, `the machine has ${source} on ${at}`));
    else findings.push(...checkType(subject, type, `the machine has ${type} on ${at}`));
  }
  for (const driver of host?.chain ?? []) {
    const { modules } = subject;
    if (modules === undefined || modules.get(driver) !== undefined || modules.builtins.has(driver)) continue;
    findings.push(
      finding('driver-missing', 'error', `the machine reaches its root through ${driver}, which is neither in the archive nor built in`),
    );
  }
  return unique(findings);
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((one) => [`${one.code} ${one.message}`, one])).values()];
}
