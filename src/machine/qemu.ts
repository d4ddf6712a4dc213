// A machine as a QEMU command line (qemu-system-*(1), QEMU 7.2): a pure function, so that it can be printed, tested and repeated by hand.
// Console is QEMU's standard output; the report channel a file; the monitor a socket. Nothing of the person's QEMU configuration is read.
import type { Architecture } from '../boot/index.ts';
import { KindlingError } from '../errors.ts';
import { diskArguments, optionValue } from './disks.ts';
import type { MachineSpec } from './spec.ts';

/** QEMU's program for an architecture. */
export function program(architecture: Architecture): string {
  return `qemu-system-${architecture}`;
}

const TYPES: Readonly<Record<Architecture, readonly string[]>> = { x86_64: ['pc', 'q35'], aarch64: ['virt'] };

/** The whole command line, program first. Throws USAGE where the choices do not fit each other. */
export function commandLine(spec: MachineSpec): readonly string[] {
  const types = TYPES[spec.architecture];
  if (!types.includes(spec.type)) {
    throw new KindlingError('USAGE', `machine ${spec.type} does not exist for ${spec.architecture}; there is ${types.join(', ')}`);
  }
  if (!Number.isInteger(spec.memory) || spec.memory < 8 || spec.memory > 1 << 20) {
    throw new KindlingError('USAGE', `memory is ${spec.memory} MiB; it must be a whole number from 8 to 1048576`);
  }
  return [
    program(spec.architecture),
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...machineArguments(spec),
    ...serialArguments(spec),
    ...['-chardev', `socket,id=monitor,path=${optionValue(spec.monitorSocket)},server=on,wait=off`, '-mon', 'chardev=monitor,mode=control'],
    ...diskArguments(spec),
    ...startArguments(spec),
  ];
}

function startArguments(spec: MachineSpec): readonly string[] {
  if (spec.kernel !== undefined) {
    return ['-kernel', spec.kernel, ...(spec.initrd === undefined ? [] : ['-initrd', spec.initrd]), '-append', spec.commandLine];
  }
  if (spec.architecture !== 'x86_64') throw new KindlingError('USAGE', `firmware starts x86_64 machines only, not ${spec.architecture}`);
  if (spec.disks.length === 0) throw new KindlingError('USAGE', 'there is no kernel and no disk that firmware could start');
  if (spec.firmware === undefined || spec.firmware === 'bios') return [];
  const { code, variables, isSecure = false } = spec.firmware;
  const flash = (unit: number, file: string, more: string): string[] => [
    '-drive',
    `if=pflash,unit=${unit},format=raw,file=${optionValue(file)}${more}`,
  ];
  const guarded = isSecure ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : [];
  return [...guarded, ...flash(0, code, ',readonly=on'), ...flash(1, variables, '')];
}

function processor(spec: MachineSpec): string {
  if (spec.accelerator === 'kvm') return 'host';
  // emulating the architected pointer authentication cipher takes five times as long as all the rest of a boot
  return spec.architecture === 'aarch64' ? 'max,pauth-impdef=on' : 'max';
}

function isSecure({ firmware }: MachineSpec): boolean {
  return typeof firmware === 'object' && firmware.isSecure === true;
}

function machineArguments(spec: MachineSpec): readonly string[] {
  if (isSecure(spec) && spec.type !== 'q35') throw new KindlingError('USAGE', `Secure Boot needs machine q35, not ${spec.type}`);
  const backed = spec.memoryDirectory !== undefined;
  const machine = `${spec.type},accel=${spec.accelerator}${isSecure(spec) ? ',smm=on' : ''}${backed ? ',memory-backend=ram' : ''}`;
  const args = ['-machine', machine, '-cpu', processor(spec), '-smp', String(spec.processors)];
  args.push('-m', String(spec.memory));
  if (spec.memoryDirectory !== undefined) {
    // a directory, not a file: QEMU makes the file and unlinks it at once, so nothing can be left behind
    args.push('-object', `memory-backend-file,id=ram,size=${spec.memory}M,mem-path=${optionValue(spec.memoryDirectory)},share=on`);
  }
  return args;
}

function serialArguments(spec: MachineSpec): readonly string[] {
  const report = `file,id=report,path=${optionValue(spec.reportFile)}`;
  if (spec.architecture === 'aarch64') {
    // virt has one UART for the normal world; the second port is a PCI one, whose driver kernels have built in
    return ['-chardev', 'stdio,id=console', '-serial', 'chardev:console', '-chardev', report, '-device', 'pci-serial,chardev=report'];
  }
  return [
    ...['-chardev', 'stdio,id=console', '-device', 'isa-serial,chardev=console'],
    ...['-chardev', report, '-device', 'isa-serial,chardev=report'],
  ];
}

/** A command line as a person can paste it into a POSIX shell. */
export function quoted(args: readonly string[]): string {
  return args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`)).join(' ');
}
