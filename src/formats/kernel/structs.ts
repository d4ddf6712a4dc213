// Headers of kernel images: x86 boot protocol (Documentation/arch/x86/boot.rst), arm64 (Documentation/arch/arm64/booting.rst),
// riscv (Documentation/arch/riscv/boot-image-header.rst), EFI zboot (drivers/firmware/efi/libstub/zboot-header.S).
import { bytesField, struct, u8, u16le, u32le, u64le } from '../../bytes/index.ts';

/** The x86 setup header, from 0x1f1 of the image to the end of protocol 2.15. */
export const SETUP_HEADER = struct('x86 setup header', 123, {
  setupSectors: u8,
  rootFlags: u16le,
  systemSize: u32le,
  ramSize: u16le,
  videoMode: u16le,
  rootDevice: u16le,
  bootFlag: u16le,
  jump: u16le,
  magic: u32le,
  protocol: u16le,
  realModeSwitch: u32le,
  startSystem: u16le,
  versionAt: u16le,
  loaderType: u8,
  loadFlags: u8,
  moveSize: u16le,
  code32Start: u32le,
  ramdiskImage: u32le,
  ramdiskSize: u32le,
  bootSectorKludge: u32le,
  heapEnd: u16le,
  loaderVersion: u8,
  loaderTypeMore: u8,
  commandLineAddress: u32le,
  ramdiskAddressMost: u32le,
  kernelAlignment: u32le,
  relocatable: u8,
  alignmentShift: u8,
  extendedLoadFlags: u16le,
  commandLineSize: u32le,
  hardwareSubarch: u32le,
  hardwareSubarchData: u64le,
  payloadOffset: u32le,
  payloadSize: u32le,
  setupData: u64le,
  preferredAddress: u64le,
  initSize: u32le,
  handoverOffset: u32le,
  kernelInfoOffset: u32le,
});
export const SETUP_HEADER_AT = 0x1f1;
export const SETUP_MAGIC = 0x53726448; // "HdrS"
export const BOOT_FLAG = 0xaa55;
export const SECTOR_SIZE = 512;
/** loadFlags: the protected-mode part is loaded at 1 MiB (bzImage). */
export const LOADED_HIGH = 1;
/** extendedLoadFlags: there is a 64-bit entry point. */
export const KERNEL_64 = 1;

/** arm64 and riscv "Image": the same places, different magics. */
export const IMAGE_HEADER = struct('kernel Image header', 64, {
  code: bytesField(8),
  textOffset: u64le,
  imageSize: u64le,
  flags: u64le,
  reserved: bytesField(16),
  riscvMagic: bytesField(8),
  magic: bytesField(4),
  peAt: u32le,
});

/** EFI zboot: a PE program that carries a compressed Image. */
export const ZBOOT_HEADER = struct('EFI zboot header', 64, {
  mz: bytesField(4),
  zimg: bytesField(4),
  payloadAt: u32le,
  payloadSize: u32le,
  reserved: bytesField(8),
  codec: bytesField(32),
  magic: bytesField(4),
  peAt: u32le,
});
