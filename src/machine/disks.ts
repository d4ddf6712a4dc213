// Disks on the QEMU command line: one backing drive each, and the controllers their buses need (docs/boot.md, "Disks").
import { KindlingError } from '../errors.ts';
import type { Disk, DiskBus, MachineSpec } from './spec.ts';

/** QEMU splits option values at commas; a doubled one stands for itself. */
export function optionValue(text: string): string {
  return text.replaceAll(',', ',,');
}

function drive(disk: Disk, id: string): string {
  const words = [`if=none,id=${id},file=${optionValue(disk.file)},format=${disk.format}`];
  const cd = disk.bus === 'scsi-cd' || disk.bus === 'ide-cd';
  if (cd) words.push('media=cdrom');
  if (disk.readOnly || cd) words.push('read-only=on');
  else if (!disk.writes) words.push('snapshot=on');
  return words.join(',');
}

/** A controller of its own kind with room for `ports` disks; the disks beyond get another one. */
interface Controller {
  readonly device: string;
  readonly ports: number;
  /** Arguments of the disk on port `index` of controller `id`. */
  readonly disk: (id: string, port: number) => string;
}

const scsiDisk = (id: string, port: number): string => `scsi-hd,bus=${id}.0,scsi-id=${port}`;

const CONTROLLERS: Partial<Record<DiskBus, Controller>> = {
  ahci: { device: 'ich9-ahci', ports: 6, disk: (id, port) => `ide-hd,bus=${id}.${port}` },
  usb: { device: 'qemu-xhci', ports: 4, disk: (id) => `usb-storage,bus=${id}.0` },
  uas: { device: 'qemu-xhci', ports: 1, disk: (id) => `usb-uas,id=${id}uas,bus=${id}.0` },
  scsi: { device: 'virtio-scsi-pci', ports: 8, disk: scsiDisk },
  lsi: { device: 'lsi53c895a', ports: 6, disk: scsiDisk },
  megasas: { device: 'megasas', ports: 8, disk: scsiDisk },
  // its driver takes only disks that have a name on the SAS fabric
  mptsas: { device: 'mptsas1068', ports: 8, disk: (id, port) => `${scsiDisk(id, port)},wwn=0x500000000000000${port + 1}` },
  pvscsi: { device: 'pvscsi', ports: 8, disk: scsiDisk },
  sd: { device: 'sdhci-pci', ports: 1, disk: () => 'sd-card' },
  'scsi-cd': { device: 'virtio-scsi-pci', ports: 8, disk: (id, port) => `scsi-cd,bus=${id}.0,scsi-id=${port}` },
};

/** The machine's own IDE channels: two of them, two disks each, on `pc` alone. */
function ideDevice(spec: MachineSpec, bus: DiskBus, index: number): string {
  if (spec.type !== 'pc') throw new KindlingError('USAGE', `a disk on ${bus} needs machine pc, not ${spec.type}`);
  if (index >= 4) throw new KindlingError('USAGE', 'machine pc has room for four IDE disks');
  return `${bus === 'ide-cd' ? 'ide-cd' : 'ide-hd'},bus=ide.${index >> 1},unit=${index & 1}`;
}

/** Arguments for all disks, in the order given. Throws USAGE for a bus that the machine does not have. */
export function diskArguments(spec: MachineSpec): readonly string[] {
  const args: string[] = [];
  const used = new Map<string, number>();
  const next = (key: string): number => {
    const count = used.get(key) ?? 0;
    used.set(key, count + 1);
    return count;
  };
  spec.disks.forEach((disk, index) => {
    const id = `disk${index}`;
    args.push('-drive', drive(disk, id));
    // firmware starts the first disk and asks no further
    const named = spec.kernel === undefined && index === 0 ? `drive=${id},bootindex=0` : `drive=${id}`;
    if (disk.bus === 'virtio') args.push('-device', `virtio-blk-pci,${named}`);
    else if (disk.bus === 'nvme') args.push('-device', `nvme,${named},serial=kindling${index}`);
    else if (disk.bus === 'ide' || disk.bus === 'ide-cd') args.push('-device', `${ideDevice(spec, disk.bus, next('ide'))},${named}`);
    else args.push(...onController(disk.bus, named, next));
  });
  return args;
}

function onController(bus: DiskBus, named: string, next: (key: string) => number): readonly string[] {
  const controller = CONTROLLERS[bus];
  if (controller === undefined) throw new KindlingError('INTERNAL', `no controller is known for disks on ${bus}`);
  const nth = next(bus);
  const id = `${bus.replace('-', '')}${Math.floor(nth / controller.ports)}`;
  const port = nth % controller.ports;
  const args = port === 0 ? ['-device', `${controller.device},id=${id}`] : [];
  const device = controller.disk(id, port);
  // a UAS device is itself a SCSI bus with the disk behind it
  if (bus === 'uas') return [...args, '-device', device, '-device', `scsi-hd,bus=${id}uas.0,${named}`];
  return [...args, '-device', `${device},${named}`];
}
