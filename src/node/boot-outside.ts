// The outside world of `boot`: kernels made startable, files of one boot, machines.
import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KindlingError } from '../errors.ts';
import type { UefiFirmware } from '../machine/index.ts';
import type { BootFiles, BootOutside } from '../verbs/boot.ts';
import { onInterrupt } from './cleanup.ts';
import { system } from './errno.ts';
import { backingDirectory } from './guest-memory.ts';
import { machineHost } from './machine-host.ts';
import { startableKernel } from './startable-kernel.ts';

// sun_path holds 108 bytes, the ending NUL included
const SOCKET_PATH_MOST = 100;

/** The real outside world of a boot. */
export function bootOutside(): BootOutside {
  return { ...machineHost(), kernel: startableKernel, files: bootFiles, backingDirectory };
}

function bootFiles(archives: readonly string[], consoleFile: string | undefined): BootFiles {
  for (const archive of archives) readable(archive);
  const base = Buffer.byteLength(tmpdir()) > SOCKET_PATH_MOST - 40 ? '/tmp' : tmpdir();
  const directory = system(() => mkdtempSync(join(base, 'kindling-boot-')));
  const console = resolve(consoleFile ?? join(directory, 'console.log'));
  const made = { report: join(directory, 'report'), monitor: join(directory, 'monitor'), joined: join(directory, 'initrd') };
  const variables = join(directory, 'variables.fd');
  const remove = (everything: boolean): void => {
    const keepsConsole = !everything && consoleFile === undefined;
    for (const path of keepsConsole ? [...Object.values(made), variables] : [directory]) rmSync(path, { recursive: true, force: true });
  };
  const withdraw = onInterrupt(() => remove(true));
  return {
    console,
    report: made.report,
    monitor: made.monitor,
    initrd: archives.length > 1 ? join4(archives, made.joined) : archives[0] && resolve(archives[0]),
    uefi(isSecure) {
      const { code, variables: empty } = uefiFiles(isSecure ? SECURE_FILES : UEFI_FILES);
      system(() => copyFileSync(empty, variables));
      return { code, variables, isSecure };
    },
    keep: withdraw,
    discard(everything) {
      withdraw();
      remove(everything);
    },
  };
}

// where distributions put OVMF: Debian, Fedora, Arch, openSUSE
const UEFI_FILES: readonly (readonly [code: string, variables: string])[] = [
  ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
  ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
  ['/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
  ['/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
  ['/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'],
];

// the same with Secure Boot, and variables that hold Microsoft's keys
const SECURE_FILES: typeof UEFI_FILES = [
  ['/usr/share/OVMF/OVMF_CODE_4M.ms.fd', '/usr/share/OVMF/OVMF_VARS_4M.ms.fd'],
  ['/usr/share/OVMF/OVMF_CODE_4M.secboot.fd', '/usr/share/OVMF/OVMF_VARS_4M.ms.fd'],
  ['/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd', '/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd'],
  ['/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin', '/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin'],
];

function uefiFiles(places: typeof UEFI_FILES): UefiFirmware {
  const found = places.find((files) => files.every((path) => existsSync(path)));
  if (found === undefined)
    throw new KindlingError('NO_TOOL', 'UEFI firmware for QEMU is not installed (Debian package ovmf)', { file: places[0]![0] });
  return { code: found[0], variables: found[1] };
}

function readable(path: string): void {
  system(() => accessSync(path, constants.R_OK), { file: path });
  if (!statSync(path).isFile()) throw new KindlingError('IO', 'it is not a regular file, expected an archive', { file: path });
}

/** Archives one after the other, each padded to a multiple of four bytes: the kernel looks for the next one there. */
function join4(archives: readonly string[], target: string): string {
  const out = system(() => openSync(target, 'w', 0o644), { file: target });
  const buffer = new Uint8Array(1 << 20);
  try {
    for (const archive of archives) {
      const input = system(() => openSync(archive, 'r'), { file: archive });
      let size = 0;
      try {
        for (let count = readSync(input, buffer); count > 0; count = readSync(input, buffer)) {
          system(() => writeWhole(out, buffer.subarray(0, count)), { file: target });
          size += count;
        }
      } finally {
        closeSync(input);
      }
      system(() => writeWhole(out, new Uint8Array(-size & 3)), { file: target });
    }
  } finally {
    closeSync(out);
  }
  return target;
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
