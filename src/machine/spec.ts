// A machine to boot in, as data: what `qemu.ts` turns into a command line.
import type { Architecture } from '../boot/index.ts';

/** How a disk is attached; each needs other drivers in the guest. */
export type DiskBus =
  | 'virtio'
  | 'nvme'
  | 'ahci'
  | 'usb'
  | 'uas'
  | 'scsi'
  | 'lsi'
  | 'megasas'
  | 'mptsas'
  | 'pvscsi'
  | 'ide'
  | 'sd'
  | 'scsi-cd'
  | 'ide-cd';

/** All disk buses, for the command line's help and its tests. */
export const DISK_BUSES: readonly DiskBus[] = [
  'virtio',
  'nvme',
  'ahci',
  'usb',
  'uas',
  'scsi',
  'lsi',
  'megasas',
  'mptsas',
  'pvscsi',
  'ide',
  'sd',
  'scsi-cd',
  'ide-cd',
];

/** A disk of the machine. */
export interface Disk {
  readonly file: string;
  readonly bus: DiskBus;
  /** How the file holds the disk: as it is, or as QEMU's own image format. */
  readonly format: 'raw' | 'qcow2';
  /** The guest sees a disk it cannot write. */
  readonly readOnly: boolean;
  /** The guest's writes reach the file; otherwise they go to a scratch file that vanishes with the machine. */
  readonly writes: boolean;
}

/** QEMU's machine types that kindling drives. */
export type MachineType = 'pc' | 'q35' | 'virt';

/** Who executes the guest's instructions: QEMU's emulator or the host's processor. */
export type Accelerator = 'tcg' | 'kvm';

/** UEFI's own files: its code, and a copy of its variables that this machine may write. */
export interface UefiFirmware {
  readonly code: string;
  readonly variables: string;
  /** Secure Boot is on: only the firmware's own code may write its variables, which takes system management mode (machine q35). */
  readonly isSecure?: boolean;
}

/** A machine. Memory in MiB. */
export interface MachineSpec {
  readonly architecture: Architecture;
  readonly type: MachineType;
  readonly accelerator: Accelerator;
  readonly memory: number;
  readonly processors: number;
  /** Undefined: firmware starts what it finds on the first disk. */
  readonly kernel: string | undefined;
  /** One file; several archives are joined before. */
  readonly initrd: string | undefined;
  /** Of the kernel; not used where firmware starts it. */
  readonly commandLine: string;
  /** What starts the machine where there is no kernel; a BIOS unless told. */
  readonly firmware?: 'bios' | UefiFirmware | undefined;
  readonly disks: readonly Disk[];
  /** Directory for a shared backing of guest memory whose used blocks the host can count (/dev/shm), or undefined. */
  readonly memoryDirectory: string | undefined;
  /** File that gets what the guest writes to its second serial port. */
  readonly reportFile: string;
  /** Socket for QEMU's monitor protocol. */
  readonly monitorSocket: string;
}
