// A machine with 64 KiB pages: Debian's kernel for powerpc64le has them (CONFIG_PPC_64K_PAGES). `kindling build` makes archives for it as for
// any other machine; `kindling boot` drives x86-64 and ARM, so QEMU is called here. The second virtual terminal is the report channel.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { reportReader } from '../src/machine/index.ts';
import { findTool } from '../test/tools.ts';
import { debianKernel, debianRoot, diskImage, probeRoot } from '../test/world/index.ts';
import { LABEL } from './images.ts';
import { command } from './measure.ts';
import type { Arena } from './peers.ts';
import { type Booted, kernelTimes } from './phases.ts';
import { KINDLING } from './table.ts';

const QEMU = 'qemu-system-ppc64';
const MEMORY = 1024; // MiB
const TIMEOUT = 400_000; // ms

/** Whether a machine with 64 KiB pages can be started here. */
export function hasLargePages(): boolean {
  return findTool(QEMU) !== undefined;
}

/** Archives by layout, and the disk they find their root on. */
export interface PowerWorld {
  readonly kernel: string;
  readonly disk: string;
  readonly plain: string;
  readonly squash: string;
}

/** Builds both layouts from a Debian root for powerpc64le. */
export async function powerWorld(at: Pick<Arena, 'out' | 'log'>): Promise<PowerWorld> {
  const { folder } = await debianRoot('ppc64el');
  const kernel = await debianKernel('ppc64el');
  const disk = await diskImage({ fs: 'ext4', root: await probeRoot('ppc64el'), label: LABEL });
  const image = (layout: string): string => join(at.out, `powerpc-${layout}.img`);
  for (const layout of ['plain', 'squash'])
    await command([KINDLING, 'build', '--quiet', '--root', folder, '--layout', layout, '-o', image(layout)], at.log);
  return { kernel: kernel.vmlinuz, disk, plain: image('plain'), squash: image('squash') };
}

// The mitigations that the emulated processor lacks have to be named, or the machine does not start.
const MACHINE = 'pseries,accel=tcg,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off';

/** Boots one archive until the root's init has powered off. Throws with the console's last lines when it does not get there. */
export function bootLargePages(at: Pick<Arena, 'out'>, world: PowerWorld, image: string): Booted {
  const reportFile = join(at.out, 'powerpc.report');
  rmSync(reportFile, { force: true });
  const words = [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-machine', MACHINE, '-cpu', 'power9', '-m', String(MEMORY)],
    ...['-chardev', 'stdio,id=console', '-device', 'spapr-vty,chardev=console'],
    ...['-chardev', `file,id=report,path=${reportFile}`, '-device', 'spapr-vty,chardev=report'],
    ...['-drive', `file=${world.disk},format=raw,if=none,id=disk,snapshot=on`, '-device', 'virtio-blk-pci,drive=disk'],
    ...['-kernel', world.kernel, '-initrd', image],
    ...['-append', `console=hvc0 panic=-1 kindling.report=hvc1 root=LABEL=${LABEL} ro init=/sbin/probe-init`],
  ];
  const ran = spawnSync(QEMU, words, { encoding: 'utf8', timeout: TIMEOUT, maxBuffer: 1 << 26 });
  const phases = new Map<string, { free: number; uptime: number }>();
  const facts = new Map<string, string>();
  for (const event of reportReader().push(readFileSync(reportFile))) {
    if (event.kind === 'phase') phases.set(event.name, { free: (event.free ?? 0) / 1024, uptime: event.uptime ?? 0 });
    if (event.kind === 'fact') facts.set(event.key, event.value);
  }
  if (facts.get('probe.done') !== 'yes')
    throw new Error(`${QEMU} with ${image}: the root's init did not finish\n${ran.stdout.slice(-2000)}`);
  return {
    phases,
    ...kernelTimes(ran.stdout),
    rootInit: Number(facts.get('probe.uptime')),
    peak: undefined,
    available: Number(facts.get('probe.memory.available')) / 1024,
  };
}
