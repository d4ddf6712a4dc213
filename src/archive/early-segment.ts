// What stands in front of an initramfs and must stay there as it is: uncompressed archives with microcode and ACPI tables, which the kernel
// reads before it can unpack anything (Documentation/arch/x86/microcode.rst; Documentation/admin-guide/acpi/initrd_table_override.rst).
import { nameFromBytes } from '../bytes/index.ts';
import type { Archive, ArchiveMember } from './decode.ts';

function isEarly({ codec, cpios }: ArchiveMember): boolean {
  const paths = cpios
    .flatMap(({ records }) => records.map(({ name }) => nameFromBytes(name).replace(/^(\.\/)+|^\.$/, '')))
    .filter((path) => path !== '');
  return (
    codec === 'none' && paths.length > 0 && paths.every((path) => path === 'early_cpio' || path === 'kernel' || path.startsWith('kernel/'))
  );
}

/** Bytes of the early archives at the start of a file, a multiple of 4; 0 when there are none. What is behind them is an archive by itself. */
export function earlySize({ members }: Pick<Archive, 'members'>): number {
  const next = members.find((member) => !isEarly(member));
  // NULs in front of a compressed frame may end anywhere
  return next === undefined || next === members[0] ? 0 : next.at - (next.at % 4);
}
