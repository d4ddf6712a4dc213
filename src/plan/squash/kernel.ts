// Whether a kernel can mount the image of a squashed archive: file system, its compressor, loop devices, overlays.
import type { Decoder } from '../../codecs/index.ts';
import { type ModuleSet, openModules } from '../modules/index.ts';
import type { KernelFacts } from '../plan.ts';
import type { Root } from '../root.ts';

/** Compressors an image may have. */
export type ImageCodec = 'gzip' | 'xz' | 'lz4' | 'zstd';

const NEEDED: readonly (readonly [string, string, string])[] = [
  ['SQUASHFS', 'squashfs', 'reads the image'],
  ['BLK_DEV_LOOP', 'loop', 'makes a block device of it'],
  ['OVERLAY_FS', 'overlay', 'makes it writable'],
];
const CODEC_SYMBOL: Readonly<Record<ImageCodec | 'lzo', string>> = {
  lzo: 'SQUASHFS_LZO',
  gzip: 'SQUASHFS_ZLIB',
  xz: 'SQUASHFS_XZ',
  lz4: 'SQUASHFS_LZ4',
  zstd: 'SQUASHFS_ZSTD',
};

/** Why the kernel cannot mount such an image, one sentence a reason; empty when it can, or when nothing is known of the kernel. */
export function squashFaults(kernel: KernelFacts, moduleRoot: Root, decoders: readonly Decoder[], codec: ImageCodec | 'lzo'): string[] {
  const { config, moduleTree, version } = kernel;
  const set = moduleTree === undefined ? undefined : openModules(moduleRoot, moduleTree, decoders);
  const faults = NEEDED.flatMap(([symbol, module, why]) => {
    const fault = moduleFault(kernel, set, symbol, module);
    return fault === undefined ? [] : [`${fault}, which ${why}`];
  });
  const symbol = CODEC_SYMBOL[codec];
  if (faults.length === 0 && config !== undefined && config.get(symbol) !== 'y') {
    faults.push(`kernel ${version} has no CONFIG_${symbol}: it cannot read an image compressed with ${codec}`);
  }
  return faults;
}

function moduleFault({ config, version }: KernelFacts, set: ModuleSet | undefined, symbol: string, module: string): string | undefined {
  const said = config?.get(symbol);
  if (said === 'y' || set?.get(module) !== undefined || set?.builtins.has(module) === true) return undefined;
  if (config !== undefined && said !== 'm') return `kernel ${version} has no CONFIG_${symbol}`;
  if (said === 'm') return `kernel ${version} has CONFIG_${symbol}=m, but its module "${module}" is not there`;
  return set === undefined ? undefined : `kernel ${version} has no "${module}", neither as a module nor built in`;
}
