// kernel: Linux kernel images of x86, arm64, riscv; plain, compressed, as EFI programs, as ELF files.
export { parseConfig } from './config.ts';
export { type KernelImage, type KernelKind, open, type X86Setup } from './decode.ts';
export { banner, directEntry, embeddedConfig, payload, version } from './payload.ts';
