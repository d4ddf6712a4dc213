// What the kernel modules of a bundle say of themselves, and where in a module tree each belongs: a driver that carries disks is put in
// the family whose drivers go into archives, so that the plan takes it (docs/itu.md, "Where modules go").
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { open } from '../../formats/elf/index.ts';
import { treeRoot } from '../../plan/index.ts';
import { type KernelModule, type ModuleSet, nameOfPath, openModules, usingSymbols } from '../../plan/modules/index.ts';
import { baseName, type FileEntry, file, makeTree, parentOf, type Tree, withParents } from '../../tree/index.ts';

/** A module file that was looked into. */
export interface LookedAt {
  /** In the kernel's spelling. */
  readonly name: string;
  /** First word of its vermagic: the kernel it was built for. */
  readonly release: string;
  /** As ELF names it. */
  readonly machine: string;
  /** Directory below `updates` by what the driver does ("drivers/scsi"), or "" when that says nothing. */
  readonly family: string;
}

/** Families by the kernel functions that only their drivers call; the first that fits counts. */
const FAMILIES: readonly (readonly [string, readonly string[]])[] = [
  ['drivers/ata', ['ata_host_activate', 'ata_host_alloc', 'ata_host_alloc_pinfo', 'ata_host_register']],
  ['drivers/nvme/host', ['nvme_init_ctrl']],
  ['drivers/mmc/host', ['mmc_alloc_host', 'devm_mmc_alloc_host', 'sdhci_alloc_host', '__sdhci_add_host', 'sdhci_add_host']],
  ['drivers/usb/host', ['usb_create_hcd', '__usb_create_hcd', 'usb_add_hcd']],
  ['drivers/usb/storage', ['usb_stor_probe1']],
  ['drivers/scsi', ['scsi_host_alloc', 'scsi_add_host_with_dma', 'scsi_register_driver']],
  ['drivers/virtio', ['register_virtio_device']],
  ['drivers/block', ['__blk_mq_alloc_disk', 'blk_mq_alloc_disk', '__blk_alloc_disk', 'device_add_disk', '__register_blkdev']],
  ['drivers/net', ['register_netdev', 'register_netdevice']],
];

/** Looks into a module file. Throws BAD_MAGIC, BAD_VALUE or what its compression gives, with the file's label. */
export function lookAtModule(entry: FileEntry, label: string, decoders: readonly Decoder[]): LookedAt {
  const tree = 'usr/lib/modules/0';
  try {
    if (nameOfPath(entry.path) === undefined) throw new KindlingError('BAD_VALUE', 'a module is called NAME.ko, .ko.gz, .ko.xz or .ko.zst');
    const path = `${tree}/updates/${baseName(entry.path)}`;
    const set = openModules(treeRoot(makeTree(withParents([{ ...entry, path }])), label), tree, decoders);
    const module = set.modules[0]!;
    const release = set.info(module).vermagic?.split(' ')[0];
    if (release === undefined || release === '')
      throw new KindlingError('BAD_VALUE', 'the module has no vermagic: it says not for which kernel it is');
    const { machine, type } = open(set.elf(module));
    if (type !== 'relocatable') throw new KindlingError('BAD_VALUE', `the ELF object is ${type}, expected a relocatable one`);
    return { name: module.name, release, machine, family: familyByUse(set, module) };
  } catch (error) {
    throw located(error, { file: label });
  }
}

function familyByUse(set: ModuleSet, module: KernelModule): string {
  return FAMILIES.find(([, symbols]) => usingSymbols(set, [module], new Set(symbols)).length > 0)?.[0] ?? '';
}

/** Directory below `updates` of a module that the target has already: beside the driver it replaces. */
export function stockFamily(stock: ModuleSet, name: string): string | undefined {
  const held = stock.get(name);
  return held === undefined ? undefined : familyOf(held);
}

/** The family that a module lies in, as the planner sees it: a driver moved to updates/ is still one of its family. */
export function familyOf({ relative }: KernelModule): string {
  return parentOf(relative.replace(/^(kernel|updates\/dkms|updates|extra)\//, ''));
}

/** The module sets of a bundle's tree, one for each kernel it has modules for. */
export function bundleSets(tree: Tree, kernels: readonly string[], decoders: readonly Decoder[]): Map<string, ModuleSet> {
  const sets = new Map<string, ModuleSet>();
  for (const release of kernels) {
    const path = `usr/lib/modules/${release}`;
    if (tree.get(path)?.kind === 'directory') sets.set(release, openModules(treeRoot(tree, 'the bundle'), path, decoders));
  }
  return sets;
}

/** A module file as an entry, with the mode that every module has. */
export function moduleEntry(path: string, { content }: FileEntry): FileEntry {
  return file(path, content, 0o644);
}
