// BootSpec: what is started, as data. No machine in it: the same value can be booted by QEMU, a boot loader or kexec.

/** Machines kindling can start, by the kernel's name for them. */
export type Architecture = 'x86_64' | 'aarch64';

/** A kernel, the archives it gets (one after the other, as one initrd) and its command line. Names are those of the outside world's files. */
export interface BootSpec {
  readonly kernel: string;
  readonly archives: readonly string[];
  readonly commandLine: string;
}
