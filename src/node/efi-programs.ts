// Programs for UEFI that packages bring: systemd-boot and its stub, and what distributions have signed for Secure Boot (docs/live.md, "Loaders").
import { existsSync } from 'node:fs';
import type { ByteSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { SignedPrograms } from '../media/index.ts';
import { fileSource } from './source.ts';

/** What it is, where distributions put it, and Debian's package. */
interface Program {
  readonly what: string;
  readonly paths: readonly string[];
  readonly package: string;
}

const SYSTEMD_BOOT: Program = {
  what: 'systemd-boot',
  paths: ['/usr/lib/systemd/boot/efi/systemd-bootx64.efi'],
  package: 'systemd-boot-efi',
};
const STUB: Program = {
  what: "systemd's EFI stub",
  paths: ['/usr/lib/systemd/boot/efi/linuxx64.efi.stub'],
  package: 'systemd-boot-efi',
};
// shim's first name is what Debian and Ubuntu call it; grubx64 looks for its configuration in EFI/debian (or EFI/ubuntu) of the volume it was started from
const SHIM: Program = {
  what: 'the signed shim',
  paths: ['/usr/lib/shim/shimx64.efi.signed', '/usr/lib/shim/shimx64.efi.signed.latest'],
  package: 'shim-signed',
};
const SIGNED_GRUB: Program = {
  what: 'the signed GRUB',
  paths: ['/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'],
  package: 'grub-efi-amd64-signed',
};
const KEY_PROGRAMS = ['/usr/lib/shim/mmx64.efi.signed', '/usr/lib/shim/mmx64.efi'];

function found({ what, paths, package: name }: Program): ByteSource {
  const path = paths.find((one) => existsSync(one));
  if (path === undefined) throw new KindlingError('NO_TOOL', `${what} is not installed (Debian package ${name})`, { file: paths[0]! });
  return fileSource(path);
}

/** systemd-boot. Throws NO_TOOL naming the package. */
export const systemdBoot = (): ByteSource => found(SYSTEMD_BOOT);

/** The stub of unified kernel images. Throws NO_TOOL naming the package. */
export const efiStub = (): ByteSource => found(STUB);

/** Shim, GRUB and, where there is one, shim's program for keys. Throws NO_TOOL naming the package. */
export function signedPrograms(): SignedPrograms {
  const keys = KEY_PROGRAMS.find((one) => existsSync(one));
  return { shim: found(SHIM), grub: found(SIGNED_GRUB), ...(keys === undefined ? {} : { keys: fileSource(keys) }) };
}
