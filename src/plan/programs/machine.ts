// What must be equal for two objects to run together, and the directory names that follow from it.
import type { ElfKind } from './objects.ts';

/** Class, byte order and machine of an object, as one word to compare. */
export function machineKey(elf: ElfKind): string {
  return `${elf.machine}-${elf.class}-${elf.endian}`;
}

const TRIPLETS: Readonly<Record<string, string>> = {
  'x86_64-64-little': 'x86_64-linux-gnu',
  'x86_64-32-little': 'x86_64-linux-gnux32',
  '386-32-little': 'i386-linux-gnu',
  'aarch64-64-little': 'aarch64-linux-gnu',
  'arm-32-little': 'arm-linux-gnueabihf',
  'riscv-64-little': 'riscv64-linux-gnu',
  'ppc64-64-little': 'powerpc64le-linux-gnu',
  's390-64-big': 's390x-linux-gnu',
  'loongarch-64-little': 'loongarch64-linux-gnu',
  'sparcv9-64-big': 'sparc64-linux-gnu',
  'mips-64-little': 'mips64el-linux-gnuabi64',
};

/** The multiarch directory of Debian and its kin, or undefined for a machine that has none here. */
export function tripletOf(elf: ElfKind): string | undefined {
  return TRIPLETS[machineKey(elf)];
}

/** Directories that the loader searches without being told, best first, as absolute paths without the first "/". */
export function defaultDirectories(elf: ElfKind): string[] {
  const triplet = tripletOf(elf);
  const own = triplet === undefined ? [] : [`lib/${triplet}`, `usr/lib/${triplet}`];
  const wide = elf.class === 64 ? ['lib64', 'usr/lib64'] : ['lib32', 'usr/lib32'];
  return [...own, ...wide, 'lib', 'usr/lib'];
}

/** What `$LIB` stands for: a multiarch directory where the root has one, else lib64 or lib. */
export function libWords(elf: ElfKind): string[] {
  const triplet = tripletOf(elf);
  return [...(triplet === undefined ? [] : [`lib/${triplet}`]), elf.class === 64 ? 'lib64' : 'lib'];
}

/** What `$PLATFORM` stands for. */
export function platformWord(elf: ElfKind): string {
  return elf.machine === '386' ? 'i686' : elf.machine;
}
