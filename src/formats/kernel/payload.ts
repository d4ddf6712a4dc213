// What is inside a kernel image: the unpacked kernel, its version line, its configuration, its direct entry point.
import { type ByteSource, bytesSource, nameFromBytes } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { open as openElf, pvhEntry } from '../elf/index.ts';
import { parseConfig } from './config.ts';
import type { KernelImage } from './decode.ts';
import { findBanner, findBytes } from './scan.ts';

const UNPACKED_MOST = 1 << 30;
const CONFIG_SIZE_MOST = 1 << 24;
const CONFIG_START = 'IKCFG_ST';

/**
 * The unpacked kernel: an ELF file for x86, a raw Image for arm64 and riscv; for kinds that are not compressed the image itself.
 * Throws UNSUPPORTED when no decoder fits or the header announces no payload, LIMIT above 1 GiB, BAD_VALUE when the size is not the
 * one announced, and what the decoder throws.
 */
export function payload(image: KernelImage, decoders: readonly Decoder[]): ByteSource {
  if (image.inner !== undefined) return payload(image.inner, decoders);
  if (image.kind === 'elf' || image.kind === 'image') return image.source;
  const structure = `${image.kind} payload`;
  if (image.packed === undefined) {
    throw new KindlingError('UNSUPPORTED', 'the header is too old to say where the compressed kernel is', { structure });
  }
  const { at, size, unpackedSize } = image.packed;
  const whole = image.source.read(at, size);
  const decoder = decoders.find((one) => one.detect(whole.subarray(0, 16)));
  if (decoder === undefined) {
    // CONFIG_KERNEL_UNCOMPRESSED leaves the ELF file as it is
    if (nameFromBytes(whole.subarray(0, 4)) === '\x7fELF') return bytesSource(whole);
    throw new KindlingError('UNSUPPORTED', 'the kernel is compressed in a way that no given decoder reads', { structure, offset: at });
  }
  if (unpackedSize !== undefined && unpackedSize > UNPACKED_MOST) {
    throw new KindlingError('LIMIT', `the kernel is said to unpack to ${unpackedSize} bytes, at most ${UNPACKED_MOST} are allowed`, {
      structure,
      offset: at + size - 4,
    });
  }
  const frame = decoder.name === 'gzip' ? whole : whole.subarray(0, size - 4);
  try {
    const { bytes } = decoder.decode(frame, unpackedSize ?? UNPACKED_MOST);
    if (unpackedSize !== undefined && bytes.length !== unpackedSize) {
      throw new KindlingError('BAD_VALUE', `the kernel unpacks to ${bytes.length} bytes, its last word says ${unpackedSize}`);
    }
    return bytesSource(bytes);
  } catch (error) {
    throw located(error, { structure, offset: at });
  }
}

/** The version line ("Linux version 6.1.0-1-amd64 (...) ..." without its first two words); undefined when the image holds none. Unpacks the kernel when the header does not say. */
export function banner(image: KernelImage, decoders: readonly Decoder[] = []): string | undefined {
  if (image.headerBanner !== undefined) return image.headerBanner;
  if (image.inner !== undefined) return banner(image.inner, decoders);
  return findBanner(payload(image, decoders))?.replace(/^Linux version /, '');
}

/** The release, as `uname -r` prints it; undefined when the image does not say. */
export function version(image: KernelImage, decoders: readonly Decoder[] = []): string | undefined {
  return banner(image, decoders)?.split(' ', 1)[0];
}

/**
 * The configuration a kernel carries (CONFIG_IKCONFIG=y), by symbol as `parseConfig` gives it; undefined when it carries none.
 * Unpacks the kernel. Needs a gzip decoder.
 */
export function embeddedConfig(image: KernelImage, decoders: readonly Decoder[]): Map<string, string> | undefined {
  const kernel = payload(image, decoders);
  const gzip = decoders.find((one) => one.name === 'gzip');
  for (let at = findBytes(kernel, CONFIG_START); at !== undefined; at = findBytes(kernel, CONFIG_START, at + 1)) {
    const start = at + CONFIG_START.length;
    const frame = kernel.read(start, Math.min(CONFIG_SIZE_MOST, kernel.size - start));
    if (gzip === undefined || !gzip.detect(frame.subarray(0, 16))) continue;
    return parseConfig(nameFromBytes(gzip.decode(frame, CONFIG_SIZE_MOST).bytes));
  }
  return undefined;
}

/** Physical address of the entry by which a virtual machine can start the unpacked kernel directly (PVH); undefined when there is none. */
export function directEntry(kernel: ByteSource): number | undefined {
  if (kernel.size < 4 || nameFromBytes(kernel.read(0, 4)) !== '\x7fELF') return undefined;
  return pvhEntry(openElf(kernel));
}
