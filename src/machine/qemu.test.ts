import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { DISK_BUSES, type Disk, type DiskBus, type MachineSpec, qemu } from './index.ts';

const SPEC: MachineSpec = {
  architecture: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  memory: 256,
  processors: 1,
  kernel: '/k',
  initrd: '/a',
  commandLine: 'console=ttyS0 quiet',
  disks: [],
  memoryDirectory: '/dev/shm',
  reportFile: '/run/report',
  monitorSocket: '/run/monitor',
};

const disk = (bus: DiskBus, more: Partial<Disk> = {}): Disk => ({
  file: '/d.img',
  bus,
  format: 'raw',
  readOnly: false,
  writes: false,
  ...more,
});

/** The -drive and -device arguments of a machine with these disks. */
function disks(spec: Partial<MachineSpec>): readonly string[] {
  const bare = qemu.commandLine({ ...SPEC, disks: [] }).length;
  const args = qemu.commandLine({ ...SPEC, ...spec });
  const from = args.indexOf('-drive');
  return args.slice(from, from + args.length - bare);
}

test('a whole command line', () => {
  assert.equal(
    qemu.quoted(qemu.commandLine(SPEC)),
    'qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -machine pc,accel=tcg,memory-backend=ram -cpu max -smp 1 -m 256' +
      ' -object memory-backend-file,id=ram,size=256M,mem-path=/dev/shm,share=on' +
      ' -chardev stdio,id=console -device isa-serial,chardev=console -chardev file,id=report,path=/run/report -device isa-serial,chardev=report' +
      ' -chardev socket,id=monitor,path=/run/monitor,server=on,wait=off -mon chardev=monitor,mode=control' +
      " -kernel /k -initrd /a -append 'console=ttyS0 quiet'",
  );
});

test('another architecture, processor and no counting', () => {
  const arm = qemu.quoted(
    qemu.commandLine({ ...SPEC, architecture: 'aarch64', type: 'virt', memoryDirectory: undefined, initrd: undefined }),
  );
  assert.match(arm, /^qemu-system-aarch64 .* -machine virt,accel=tcg -cpu max,pauth-impdef=on -smp 1 -m 256 -chardev/);
  assert.match(arm, / -serial chardev:console .* -device pci-serial,chardev=report /);
  assert.doesNotMatch(arm, /-initrd|memory-backend/);
  assert.match(qemu.quoted(qemu.commandLine({ ...SPEC, accelerator: 'kvm', type: 'q35' })), /-machine q35,accel=kvm,\S+ -cpu host/);
});

test('each disk bus', () => {
  const cases: readonly [DiskBus, string][] = [
    ['virtio', '-device virtio-blk-pci,drive=disk0'],
    ['nvme', '-device nvme,drive=disk0,serial=kindling0'],
    ['ahci', '-device ich9-ahci,id=ahci0 -device ide-hd,bus=ahci0.0,drive=disk0'],
    ['usb', '-device qemu-xhci,id=usb0 -device usb-storage,bus=usb0.0,drive=disk0'],
    ['uas', '-device qemu-xhci,id=uas0 -device usb-uas,id=uas0uas,bus=uas0.0 -device scsi-hd,bus=uas0uas.0,drive=disk0'],
    ['scsi', '-device virtio-scsi-pci,id=scsi0 -device scsi-hd,bus=scsi0.0,scsi-id=0,drive=disk0'],
    ['lsi', '-device lsi53c895a,id=lsi0 -device scsi-hd,bus=lsi0.0,scsi-id=0,drive=disk0'],
    ['megasas', '-device megasas,id=megasas0 -device scsi-hd,bus=megasas0.0,scsi-id=0,drive=disk0'],
    ['mptsas', '-device mptsas1068,id=mptsas0 -device scsi-hd,bus=mptsas0.0,scsi-id=0,wwn=0x5000000000000001,drive=disk0'],
    ['pvscsi', '-device pvscsi,id=pvscsi0 -device scsi-hd,bus=pvscsi0.0,scsi-id=0,drive=disk0'],
    ['ide', '-device ide-hd,bus=ide.0,unit=0,drive=disk0'],
    ['sd', '-device sdhci-pci,id=sd0 -device sd-card,drive=disk0'],
    ['scsi-cd', '-device virtio-scsi-pci,id=scsicd0 -device scsi-cd,bus=scsicd0.0,scsi-id=0,drive=disk0'],
    ['ide-cd', '-device ide-cd,bus=ide.0,unit=0,drive=disk0'],
  ];
  assert.deepEqual(
    cases.map(([bus]) => bus),
    DISK_BUSES,
  );
  for (const [bus, expected] of cases) {
    const words = disks({ disks: [disk(bus)] });
    assert.equal(words.slice(2).join(' '), expected);
  }
});

test('several disks share controllers while there is room', () => {
  const words = disks({ disks: [disk('lsi'), disk('ide'), ...Array.from({ length: 6 }, () => disk('lsi')), disk('ide-cd')] }).join(' ');
  assert.match(words, /id=lsi0 .*bus=lsi0\.0,scsi-id=5,drive=disk6 .*-device lsi53c895a,id=lsi1 -device scsi-hd,bus=lsi1\.0,scsi-id=0,/);
  assert.match(words, /bus=ide\.0,unit=0,drive=disk1 .*bus=ide\.0,unit=1,drive=disk8$/);
});

test('disks are not written to unless told', () => {
  const drive = (more: Partial<Disk>, bus: DiskBus = 'virtio') => disks({ disks: [disk(bus, more)] })[1];
  assert.equal(drive({}), 'if=none,id=disk0,file=/d.img,format=raw,snapshot=on');
  assert.equal(drive({ writes: true, format: 'qcow2' }), 'if=none,id=disk0,file=/d.img,format=qcow2');
  assert.equal(drive({ readOnly: true, writes: true }), 'if=none,id=disk0,file=/d.img,format=raw,read-only=on');
  assert.equal(drive({}, 'scsi-cd'), 'if=none,id=disk0,file=/d.img,format=raw,media=cdrom,read-only=on');
  assert.equal(drive({ file: '/a,b=c' }), 'if=none,id=disk0,file=/a,,b=c,format=raw,snapshot=on');
});

test('UEFI with Secure Boot: only the firmware writes its variables', () => {
  const spec: MachineSpec = { ...SPEC, type: 'q35', kernel: undefined, initrd: undefined, disks: [disk('virtio')] };
  const command = qemu.quoted(qemu.commandLine({ ...spec, firmware: { code: '/code', variables: '/variables', isSecure: true } }));
  assert.match(command, / -machine q35,accel=tcg,smm=on,memory-backend=ram /);
  assert.match(
    command,
    / -global driver=cfi.pflash01,property=secure,value=on -drive if=pflash,unit=0,\S+,readonly=on -drive if=pflash,unit=1,/,
  );
  assert.doesNotMatch(qemu.quoted(qemu.commandLine({ ...spec, firmware: { code: '/code', variables: '/variables' } })), /smm|secure/);
});

test('what does not fit is refused', () => {
  const cases: readonly Partial<MachineSpec>[] = [
    { type: 'virt' },
    { architecture: 'aarch64' },
    { memory: 7 },
    { memory: 2.5 },
    { type: 'q35', disks: [disk('ide')] },
    { kernel: undefined, disks: [disk('virtio')], firmware: { code: '/c', variables: '/v', isSecure: true } },
    { disks: Array.from({ length: 5 }, () => disk('ide')) },
  ];
  for (const spec of cases) {
    assert.throws(
      () => qemu.commandLine({ ...SPEC, ...spec }),
      (error) => error instanceof KindlingError && error.code === 'USAGE',
    );
  }
});

test('a command line survives the shell', () => {
  assert.equal(qemu.quoted(['a', "it's", 'b c', '$HOME', '']), `a 'it'\\''s' 'b c' '$HOME' ''`);
});
