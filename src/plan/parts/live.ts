// live: a boot archive that finds a medium with bundles and boots into their union (docs/live-boot.md). It proposes by itself what reaches a
// medium of the classes asked for; all other drivers wait in a bundle, so that what a loader has to read stays small.
import { type Finding, KindlingError } from '../../errors.ts';
import type { ModuleWant, Part, PartInput, ProgramWant } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { findProgram } from '../programs/index.ts';
import type { Root } from '../root.ts';
import { fileSystemModules } from './filesystems.ts';
import { toolWants } from './tools.ts';

const PART = 'live';
const HOME = 'usr/lib/kindling/early';
// Parts that mount one root on a disk. What this needs of the like it proposes itself; by name they can still be added.
const REPLACED = new Set(['storage', 'filesystems', 'fsck', 'usr', 'resume', 'console']);

type Drivers = readonly (readonly [string, string])[];

const ATA: Drivers = [['kernel/drivers/ata/', 'ATA and SATA controllers']];
const USB: Drivers = [
  ['kernel/drivers/usb/host/', 'USB controllers'],
  ['kernel/drivers/usb/storage/', 'USB disks and discs'],
];
const DISK: Drivers = [['sd_mod', 'disks behind SCSI commands']];
const DISC: Drivers = [['sr_mod', 'CD, DVD and Blu-ray']];

/** Drivers by class of medium: names, or directories of the module tree. */
const CLASSES: Readonly<Record<string, Drivers>> = {
  usb: [...USB, ...DISK],
  // a drive for discs is behind ATA, USB or a virtual SCSI bus
  cd: [...ATA, ...USB, ...DISC, ['virtio_pci', 'virtio on PCI'], ['virtio_scsi', 'SCSI of a virtual machine']],
  virtio: [
    ['virtio_pci', 'virtio on PCI'],
    ['virtio_mmio', 'virtio without PCI'],
    ['virtio_blk', 'disks of a virtual machine'],
    ['virtio_scsi', 'SCSI of a virtual machine'],
    ['xen_blkfront', 'Xen disks'],
    ['hv_storvsc', 'Hyper-V disks'],
    ['pci_hyperv', 'PCI devices passed to a Hyper-V guest'],
    ['vmw_pvscsi', 'VMware disks'],
    ...DISK,
  ],
  scsi: [
    ...['mptspi', 'mptsas', 'mpt3sas', 'megaraid_sas', 'sym53c8xx', 'hpsa', 'smartpqi', 'aacraid', 'aic7xxx', 'xen_scsifront'].map(
      (name) => [name, 'SCSI, SAS and RAID controllers'] as const,
    ),
    ...DISK,
    ...DISC,
  ],
  ata: [...ATA, ...DISK],
  nvme: [
    ['nvme', 'NVMe'],
    ['vmd', 'NVMe behind Intel Volume Management Device'],
  ],
  mmc: [
    ['kernel/drivers/mmc/', 'SD cards and eMMC'],
    ['rtsx_pci', 'card readers on PCI'],
    ['rtsx_usb', 'card readers on USB'],
  ],
};

/** Every class of media there is. */
export const MEDIA_CLASSES: readonly string[] = Object.keys(CLASSES);

const FILE_SYSTEMS: readonly (readonly [string, string])[] = [
  ['iso9660', 'discs and their images'],
  ['vfat', 'sticks with FAT'],
  ['exfat', 'sticks with exFAT'],
  ['ext4', 'disks and sticks with ext2 to ext4, and changes'],
  ['ntfs3', 'disks of Windows'],
];

const STACK: readonly (readonly [string, string])[] = [
  ['squashfs', 'bundles'],
  ['loop', 'bundles and ISO files'],
  ['overlay', 'the union of bundles'],
];

// A question may have to be answered. What has a driver of its own is of no use without it, even where it would do as a plain keyboard.
const KEYBOARDS = [
  ...['atkbd', 'i8042', 'usbhid', 'hid_generic', 'hid_apple', 'hid_logitech_dj', 'hid_logitech_hidpp', 'hid_microsoft', 'hid_lenovo'],
  ...['hid_cherry', 'hid_holtek_kbd', 'hid_roccat', 'virtio_input', 'hyperv_keyboard', 'xen_kbdfront'],
];
// What dm-crypt asks the kernel for by name when it opens a LUKS volume.
const CIPHERS = [
  'aes_generic',
  'aesni_intel',
  'xts',
  'cbc',
  'ecb',
  'sha256_generic',
  'sha512_generic',
  'essiv',
  'algif_skcipher',
  'dm_integrity',
];

const COMMANDS = [
  ...['cp', 'rm', 'rmdir', 'mkdir', 'ln', 'du', 'sort', 'stat', 'mount', 'umount', 'switch_root'].map((name) => ({ name, needed: true })),
  ...['losetup', 'sync', 'eject'].map((name) => ({ name, needed: false })),
  // changes that are kept, the check of the medium, and the end of it all
  ...['mv', 'dd', 'sha256sum', 'chmod', 'chroot', 'grep'].map((name) => ({ name, needed: false })),
];

/** Whether a file of early userspace is only for live systems: other archives do without. */
export function isLiveFile(path: string): boolean {
  return path.startsWith(`${HOME}/live`);
}

/** Whether a part is not in force beside the live part unless it is asked for by name. */
export function isReplacedByLive(part: string): boolean {
  return REPLACED.has(part);
}

function modulesOf({ settings, kernel }: PartInput): ModuleWant[] {
  const modules: ModuleWant[] = [];
  const classes = settings.media.length === 0 ? MEDIA_CLASSES : settings.media;
  for (const name of classes) {
    const drivers = CLASSES[name];
    if (drivers === undefined) {
      throw new KindlingError('BAD_CONFIG', `there is no class of media "${name}"; there are ${MEDIA_CLASSES.join(', ')}`);
    }
    modules.push(...drivers.map(([what, text]): ModuleWant => ({ what, text, need: 'may' })));
  }
  if (kernel.machine !== undefined && kernel.machine !== 'x86_64' && kernel.machine !== '386') {
    const boards = ['c67x00', 'chipidea', 'dwc2', 'dwc3', 'isp1760', 'musb', 'renesas_usbhs'];
    if (classes.includes('usb'))
      modules.push(...boards.map((name): ModuleWant => ({ what: `kernel/drivers/usb/${name}/`, text: 'USB controllers', need: 'may' })));
  }
  for (const [type, text] of FILE_SYSTEMS) modules.push(...fileSystemModules(type, text, 'may'));
  for (const [what, text] of STACK) modules.push({ what, text, need: 'must' });
  modules.push({ what: 'dm_mod', text: 'media that another loader maps', need: 'may' });
  for (const what of KEYBOARDS) modules.push({ what, text: 'keyboards', need: 'may' });
  if (settings.encrypted[0] === 'yes') {
    modules.push({ what: 'dm_crypt', text: 'encrypted changes', need: 'must' });
    for (const what of CIPHERS) modules.push({ what, text: 'ciphers of encrypted changes', need: 'may' });
  }
  if (settings.verity[0] === 'yes') modules.push({ what: 'dm_verity', text: 'bundles that are checked block by block', need: 'must' });
  return modules;
}

/** What opens and makes encrypted changes. */
function encryptionWants(root: Root): readonly ProgramWant[] {
  const programs: ProgramWant[] = [{ path: 'usr/sbin/cryptsetup', text: 'opens encrypted changes' }];
  const maker = findProgram(root, 'mkfs.ext4');
  if (maker !== undefined) programs.push({ path: maker, text: 'makes the file system of encrypted changes' });
  return programs;
}

const KEYS = 'etc/kindling/keys';

/** What checks signed bundles: the keys of the root, and the programs. Throws NO_ENTRY without a key: nothing could ever be booted. */
function verityWants({ root, settings }: PartInput): { readonly entries: readonly Wanted[]; readonly programs: readonly ProgramWant[] } {
  if (settings.verity[0] !== 'yes') return { entries: [], programs: [] };
  const entries = root.names(KEYS).flatMap((name): Wanted[] => {
    const entry = root.entry(`${KEYS}/${name}`);
    if (entry?.kind !== 'file' || !name.endsWith('.pem')) return [];
    return [{ entry, segment: 'base', reason: { part: PART, text: 'a key that bundles may be signed by' } }];
  });
  if (entries.length === 0) throw new KindlingError('NO_ENTRY', `${root.label} has no key that bundles could be signed by`, { path: KEYS });
  const programs = [
    { path: 'usr/sbin/veritysetup', text: 'has the kernel check bundles block by block' },
    { path: 'usr/bin/openssl', text: 'checks the signature of the root hashes' },
  ];
  return { entries, programs };
}

function checked({ settings }: PartInput): { readonly medium: string; readonly memory: string } {
  const medium = settings.medium[0] ?? '';
  if (medium !== 'any' && !/^[0-9a-f]{64}$/.test(medium)) {
    throw new KindlingError('BAD_CONFIG', `medium is "${medium}", expected an id of 64 hexadecimal digits, or any`);
  }
  const memory = settings['live-memory'][0]!;
  if (!/^\d{1,6}$/.test(memory)) throw new KindlingError('BAD_CONFIG', `live-memory is "${memory}", expected a number of MiB`);
  if (settings.layout[0]!.startsWith('squash')) {
    throw new KindlingError('CONFLICT', 'a live archive moves itself out of the first file system and has layout plain, not squash');
  }
  return { medium: medium === 'any' ? '' : medium, memory };
}

/** The live part. */
export const live: Part = {
  name: PART,
  summary: 'finds a medium with bundles and boots into their union (see docs/live-boot.md)',
  when: 'asked',
  wants(input) {
    const { root, early, settings } = input;
    const { medium, memory } = checked(input);
    const reason = { part: PART, text: 'finds the medium and unites its bundles', because: 'init' };
    const scripts = early.entries.flatMap((entry): Wanted[] => (isLiveFile(entry.path) ? [{ entry, segment: 'base', reason }] : []));
    if (scripts.length === 0) {
      throw new KindlingError('NO_ENTRY', 'early userspace lacks the scripts of live systems', { path: `${HOME}/live.sh` });
    }
    const handover = settings.handover[0]!;
    const commands = [...COMMANDS, { name: 'pivot_root', needed: handover === 'pivot' }];
    const tools = toolWants(root, { commands, own: new Set(settings.programs), who: 'the live system', isRescue: false });
    const programs = [...(tools.programs ?? [])];
    if (settings.encrypted[0] === 'yes') programs.push(...encryptionWants(root));
    const verity = verityWants(input);
    programs.push(...verity.programs);
    const findings: Finding[] = [...(tools.findings ?? [])];
    const values = {
      LIVE: '1',
      MEDIUM: medium,
      DATA: 'kindling',
      HANDOVER: handover,
      MEMORY: memory,
      TIMEOUT: '60',
      ...(verity.entries.length > 0 ? { VERITY: '1' } : {}),
    };
    return {
      entries: [...(tools.entries ?? []), ...scripts, ...verity.entries],
      programs,
      modules: modulesOf(input),
      early: { ...tools.early, ...values },
      findings,
    };
  },
};
