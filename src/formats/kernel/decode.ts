// Tells kernel images apart and reads their headers.
import { asciiFrom, type ByteSource, bytesSource, readAll, u32le } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { open as openElf } from '../elf/index.ts';
import * as pe from '../pe/index.ts';
import {
  BOOT_FLAG,
  IMAGE_HEADER,
  KERNEL_64,
  LOADED_HIGH,
  SECTOR_SIZE,
  SETUP_HEADER,
  SETUP_HEADER_AT,
  SETUP_MAGIC,
  ZBOOT_HEADER,
} from './structs.ts';

/** What an image is. `image` is the raw arm64 or riscv Image, `zboot` that one inside an EFI program, `compressed` any of these in one frame. */
export type KernelKind = 'bzimage' | 'zimage' | 'image' | 'zboot' | 'elf' | 'uki' | 'compressed';

/** An opened kernel image. */
export interface KernelImage {
  readonly kind: KernelKind;
  /** As ELF's e_machine names it ("x86_64", "aarch64"); undefined when only the unpacked kernel could tell. */
  readonly machine: string | undefined;
  /** Whether UEFI firmware can start the file as it is. */
  readonly efi: boolean;
  /** The version line that stands in an x86 header: release, builder, date. `version` finds it in the other kinds. */
  readonly headerBanner: string | undefined;
  readonly source: ByteSource;
  /** Where the compressed kernel lies in `source`; undefined for kinds that are not compressed. */
  readonly packed: { readonly at: number; readonly size: number; readonly unpackedSize: number | undefined } | undefined;
  /** The image inside an outer one (uki), or behind the compression (compressed). */
  readonly inner: KernelImage | undefined;
  /** x86 only: what a loader needs to know. */
  readonly x86: X86Setup | undefined;
}

/** The parts of the x86 setup header that loaders and memory forecasts use. Sizes and addresses in bytes. */
export interface X86Setup {
  /** Boot protocol, 0x20f for 2.15. */
  readonly protocol: number;
  readonly setupSize: number;
  /** Memory the kernel needs from its load address until it runs. */
  readonly initSize: number;
  readonly commandLineSize: number;
  readonly ramdiskAddressMost: number;
  readonly relocatable: boolean;
}

const UNPACKED_MOST = 1 << 30;

/**
 * Opens a kernel image. Decoders are used for an image that is one compressed frame; without a fitting one its machine and version stay
 * unknown. Throws UNRECOGNISED when it is no kernel image, TRUNCATED or BAD_VALUE when it is a damaged one.
 */
export function open(source: ByteSource, decoders: readonly Decoder[] = []): KernelImage {
  const head = source.read(0, Math.min(source.size, 4096));
  const start = asciiFrom(head.subarray(0, 8));
  if (start.startsWith('\x7fELF')) return openElfKernel(source);
  if (start.startsWith('MZ') && start.slice(4, 8) === 'zimg') return openZboot(source);
  if (head.length >= SETUP_HEADER_AT + SETUP_HEADER.size) {
    const setup = SETUP_HEADER.decode(head, SETUP_HEADER_AT);
    if (setup.magic === SETUP_MAGIC && setup.bootFlag === BOOT_FLAG) return openX86(source, setup);
  }
  if (head.length >= IMAGE_HEADER.size) {
    const magic = asciiFrom(IMAGE_HEADER.decode(head).magic);
    if (magic === 'ARM\x64') return openImage(source, 'aarch64');
    if (magic === 'RSC\x05') return openImage(source, 'riscv');
  }
  if (pe.detect(source)) {
    const image = pe.decode(source);
    const linux = pe.section(source, image, '.linux');
    if (linux !== undefined) return { ...outer('uki', source, open(linux, decoders)), machine: image.machine, efi: true };
  }
  const decoder = decoders.find((one) => one.detect(head.subarray(0, 16)));
  if (decoder !== undefined) return openCompressed(source, decoder);
  throw new KindlingError('UNRECOGNISED', `a file that starts with ${JSON.stringify(start)} is no kernel image`, {
    structure: 'kernel image',
    offset: 0,
  });
}

function openElfKernel(source: ByteSource): KernelImage {
  return plain('elf', source, openElf(source).machine, false);
}

function openImage(source: ByteSource, machine: string): KernelImage {
  const efi = asciiFrom(source.read(0, 2)) === 'MZ';
  return plain('image', source, machine, efi);
}

function openX86(source: ByteSource, setup: ReturnType<typeof SETUP_HEADER.decode>): KernelImage {
  const setupSize = ((setup.setupSectors || 4) + 1) * SECTOR_SIZE;
  const packed = { at: setupSize + setup.payloadOffset, size: setup.payloadSize };
  // the payload has been announced since protocol 2.08
  const announced = setup.protocol >= 0x208 && packed.size > 4;
  if (announced && packed.at + packed.size > source.size) {
    throw new KindlingError(
      'TRUNCATED',
      `the compressed kernel takes ${packed.size} bytes, ${Math.max(0, source.size - packed.at)} are left`,
      {
        structure: 'x86 setup header',
        offset: packed.at,
      },
    );
  }
  const banner = setup.versionAt === 0 ? undefined : textAt(source, setup.versionAt + SECTOR_SIZE);
  return {
    kind: (setup.loadFlags & LOADED_HIGH) !== 0 ? 'bzimage' : 'zimage',
    // older headers say nothing about the width
    machine: setup.protocol >= 0x20c ? ((setup.extendedLoadFlags & KERNEL_64) !== 0 ? 'x86_64' : '386') : undefined,
    efi: pe.detect(source),
    headerBanner: banner,
    source,
    packed: announced ? { ...packed, unpackedSize: lastWord(source, packed.at + packed.size) } : undefined,
    inner: undefined,
    x86: {
      protocol: setup.protocol,
      setupSize,
      initSize: setup.initSize,
      commandLineSize: setup.commandLineSize,
      ramdiskAddressMost: setup.ramdiskAddressMost,
      relocatable: setup.relocatable !== 0,
    },
  };
}

function openZboot(source: ByteSource): KernelImage {
  const header = ZBOOT_HEADER.decode(source.read(0, Math.min(source.size, ZBOOT_HEADER.size)));
  const packed = { at: header.payloadAt, size: header.payloadSize };
  if (packed.size <= 4 || packed.at + packed.size > source.size) {
    throw new KindlingError('TRUNCATED', `the compressed kernel takes ${packed.size} bytes at ${packed.at} of ${source.size}`, {
      structure: 'EFI zboot header',
      offset: 8,
    });
  }
  return {
    ...plain('zboot', source, pe.detect(source) ? pe.decode(source).machine : undefined, true),
    packed: { ...packed, unpackedSize: lastWord(source, packed.at + packed.size) },
  };
}

function openCompressed(source: ByteSource, decoder: Decoder): KernelImage {
  let inner: KernelImage;
  try {
    inner = open(bytesSource(decoder.decode(readAll(source), UNPACKED_MOST).bytes));
  } catch (error) {
    throw located(error, { structure: `${decoder.name} kernel image` });
  }
  return { ...outer('compressed', source, inner), efi: false, packed: { at: 0, size: source.size, unpackedSize: inner.source.size } };
}

function outer(kind: KernelKind, source: ByteSource, inner: KernelImage): KernelImage {
  return { ...plain(kind, source, inner.machine, inner.efi), inner, x86: inner.x86 };
}

function plain(kind: KernelKind, source: ByteSource, machine: string | undefined, efi: boolean): KernelImage {
  return { kind, machine, efi, headerBanner: undefined, source, packed: undefined, inner: undefined, x86: undefined };
}

function textAt(source: ByteSource, at: number): string | undefined {
  if (at >= source.size) return undefined;
  const text = asciiFrom(source.read(at, Math.min(512, source.size - at))).split('\0', 1)[0]!;
  return text === '' ? undefined : text;
}

/** The unpacked size stands in the last four bytes: gzip ends with it by itself, the kernel's build appends it to the others. */
function lastWord(source: ByteSource, end: number): number {
  const word = source.read(end - 4, 4);
  return u32le.get(new DataView(word.buffer, word.byteOffset, 4), 0);
}
