// Whether a kernel can mount the image of a squashed archive: file system, its compressor, loop devices, overlays.
import type { Decoder } from '../../codecs/index.ts';
import { open as openElf, symbols } from '../../formats/elf/index.ts';
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
  if (faults.length > 0) return faults;
  if (config !== undefined && config.get(symbol) !== 'y') {
    return [`kernel ${version} has no CONFIG_${symbol}: it cannot read an image compressed with ${codec}`];
  }
  if (config === undefined && set !== undefined && !callsFor(set, codec)) {
    return [`squashfs of kernel ${version} was built without ${codec}: it cannot read an image compressed with it`];
  }
  return [];
}

// What squashfs calls of each decompressor, when it was built with it.
const CALLED: Readonly<Record<ImageCodec | 'lzo', string>> = {
  gzip: 'zlib_inflate',
  lz4: 'LZ4_decompress_safe',
  lzo: 'lzo1x_decompress_safe',
  xz: 'xz_dec_run',
  zstd: 'zstd_init_dstream',
};

/** Without a configuration the module itself tells; true as well when it is built in, or has no symbols. */
function callsFor(set: ModuleSet, codec: ImageCodec | 'lzo'): boolean {
  const module = set.get('squashfs');
  if (module === undefined) return true;
  const called = symbols(openElf(set.elf(module))).filter(({ defined }) => !defined);
  const known = Object.values(CALLED);
  if (!called.some(({ name }) => known.includes(name))) return true;
  return called.some(({ name }) => name === CALLED[codec] || (codec === 'zstd' && name.startsWith('ZSTD_')));
}

function moduleFault({ config, version }: KernelFacts, set: ModuleSet | undefined, symbol: string, module: string): string | undefined {
  const said = config?.get(symbol);
  if (said === 'y' || set?.get(module) !== undefined || set?.builtins.has(module) === true) return undefined;
  if (config !== undefined && said !== 'm') return `kernel ${version} has no CONFIG_${symbol}`;
  if (said === 'm') return `kernel ${version} has CONFIG_${symbol}=m, but its module "${module}" is not there`;
  return set === undefined ? undefined : `kernel ${version} has no "${module}", neither as a module nor built in`;
}
