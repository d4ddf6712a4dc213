// storage: every driver that can carry the root's disk. The directories are those of the design's definition of "generic".
import type { HostFacts } from '../host.ts';
import type { ModuleWant, Part } from '../part.ts';

const DIRECTORIES: readonly (readonly [string, string])[] = [
  ['kernel/drivers/ata/', 'ATA and SATA controllers'],
  ['kernel/drivers/scsi/', 'SCSI, SAS and RAID controllers, disks and CD-ROM'],
  ['kernel/drivers/nvme/', 'NVMe'],
  ['kernel/drivers/mmc/', 'SD cards and eMMC'],
  ['kernel/drivers/ufs/', 'UFS flash'],
  ['kernel/drivers/block/', 'block devices: virtio, Xen, network and RAM disks, loop'],
  ['kernel/drivers/virtio/', 'virtio buses'],
  ['kernel/drivers/hv/', 'Hyper-V bus'],
  ['kernel/drivers/message/', 'Fusion MPT controllers'],
  ['kernel/drivers/usb/storage/', 'USB disks'],
  ['kernel/drivers/cdrom/', 'CD-ROM'],
];

// Boards reach USB through controllers of their own, and PCs through these four buses.
const USB_DIRECTORIES = ['host', 'c67x00', 'chipidea', 'dwc2', 'dwc3', 'isp1760', 'musb', 'renesas_usbhs', 'typec/tcpm'];
// Host drivers for hardware that carries no disk: wireless USB, PCMCIA and ISA bridges.
const USB_EXCEPT = ['hwa_hc', 'sl811_cs', 'sl811_hcd', 'u132_hcd', 'whci_hcd'];

const NAMED: readonly (readonly [string, string])[] = [
  ['vmd', 'NVMe behind Intel Volume Management Device'],
  ['vmw_pvscsi', 'VMware disks'],
  ['vmw_vmci', 'VMware bus'],
  ['hv_storvsc', 'Hyper-V disks'],
  ['pci_hyperv', 'PCI devices passed to a Hyper-V guest'],
  ['xen_blkfront', 'Xen disks'],
  ['xen_scsifront', 'Xen SCSI disks'],
  ['virtio_pci', 'virtio on PCI'],
  ['virtio_mmio', 'virtio without PCI'],
  ['firewire_ohci', 'FireWire'],
  ['firewire_sbp2', 'FireWire disks'],
  ['onboard_usb_hub', 'USB hubs that must be powered before their disks'],
  ['onboard_usb_dev', 'USB hubs that must be powered before their disks'],
  ['extcon_usb_gpio', 'USB ports with role switches'],
  ['dasd_eckd_mod', 'DASD of IBM Z'],
  ['dasd_fba_mod', 'DASD of IBM Z'],
  ['dasd_diag_mod', 'DASD of IBM Z under z/VM'],
  ['zfcp', 'Fibre Channel of IBM Z'],
];

// Disks need their upper driver as well as the controller, and host scope would not see it by a modalias of the controller.
const UPPER: readonly (readonly [string, string])[] = [
  ['sd_mod', 'SCSI disks'],
  ['sr_mod', 'SCSI CD-ROM'],
];

// In scope "host" the way to the root is known: all of it is loaded at once, before early userspace looks around. A machine that
// differs from its facts costs it a moment only: what is loaded in vain is no error, and looking around follows.
function wayToRoot(host: HostFacts): string {
  const type = host.mounts.find(({ at }) => at === '/')?.type;
  return [...host.chain, ...(type === undefined || type === '' ? [] : [`fs-${type}`])].join(' ');
}

/** The storage part. */
export const storage: Part = {
  name: 'storage',
  summary: 'drivers for disks: ATA, SCSI, NVMe, MMC, UFS, USB, virtio, Hyper-V, VMware, Xen, CD-ROM',
  when: 'default',
  wants({ scope, host }) {
    const modules: ModuleWant[] = DIRECTORIES.map(([what, text]) => ({ what, text, need: 'match' }));
    for (const name of USB_DIRECTORIES) {
      modules.push({ what: `kernel/drivers/usb/${name}/`, except: USB_EXCEPT, text: 'USB controllers', need: 'match' });
    }
    for (const [what, text] of NAMED) modules.push({ what, text, need: 'match' });
    for (const [what, text] of UPPER) modules.push({ what, text, need: 'match' });
    const load = scope === 'host' && host !== undefined && host.chain.length > 0 ? wayToRoot(host) : '';
    return load === '' ? { modules } : { modules, early: { LOAD: load } };
  },
};
