// platform: clocks, regulators, buses and pins that a board's disk controller hangs on. PCs have these behind firmware and need none.
import type { ModuleWant, Part } from '../part.ts';

const DIRECTORIES = [
  ...['bus', 'clk', 'gpio', 'i2c/busses', 'i2c/muxes', 'mfd', 'pci/controller', 'phy', 'pinctrl', 'regulator', 'reset', 'spi', 'usb/phy'],
  ...[
    'soc',
    'iommu',
    'nvmem',
    'dma',
    'mailbox',
    'pmdomain',
    'interconnect',
    'firmware',
    'hwspinlock',
    'rpmsg',
    'remoteproc',
    'rtc',
    'extcon',
  ],
];

/** The platform part. */
export const platform: Part = {
  name: 'platform',
  summary: 'clocks, regulators, buses and pins of boards that are no PC',
  when: 'default',
  wants({ kernel }) {
    if (kernel.machine === undefined || ['x86_64', '386', 's390'].includes(kernel.machine)) return {};
    const modules = DIRECTORIES.map(
      (name): ModuleWant => ({ what: `kernel/drivers/${name}/`, text: 'parts of a board that disks depend on', need: 'match' }),
    );
    return { modules };
  },
};
