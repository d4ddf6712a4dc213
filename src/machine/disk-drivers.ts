// Which disk of QEMU needs the same driver as a disk of this machine: so that a proof proves the driver the machine will use.
import type { DiskBus } from './spec.ts';

// By the kernel's module names, the telling one first: a UAS disk may have usb_storage loaded beside it.
const BUS_OF_DRIVER: readonly (readonly [string, DiskBus])[] = [
  ['virtio_blk', 'virtio'],
  ['nvme', 'nvme'],
  ['virtio_scsi', 'scsi'],
  ['uas', 'uas'],
  ['usb_storage', 'usb'],
  ['ahci', 'ahci'],
  ['ata_piix', 'ide'],
  ['megaraid_sas', 'megasas'],
  ['mptsas', 'mptsas'],
  ['vmw_pvscsi', 'pvscsi'],
  ['sym53c8xx', 'lsi'],
  ['sdhci_pci', 'sd'],
];

/** The bus whose disks are driven by one of these modules; undefined where QEMU has no such device. */
export function busFor(drivers: readonly string[]): DiskBus | undefined {
  return BUS_OF_DRIVER.find(([driver]) => drivers.includes(driver))?.[1];
}
