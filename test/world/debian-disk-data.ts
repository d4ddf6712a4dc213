// What the Debian on a disk is made of, and what its owner set up in it.

/** Packages beside the essential ones and the kernel. Nothing recommended is added. */
export const DISK_PACKAGES: readonly string[] = [
  'busybox',
  'dbus',
  'e2fsprogs',
  'grub-pc',
  'initramfs-tools',
  'kmod',
  'less',
  'procps',
  'systemd-sysv',
  'udev',
  'zstd',
];

/** The label of the disk with packages. */
export const PACKAGES_LABEL = 'packages';

/** Files by path. Console and boot menu are on the serial port, and its login is root's. */
export const DISK_FILES: Readonly<Record<string, string>> = {
  'etc/hostname': 'debian\n',
  'etc/hosts': '127.0.0.1 localhost debian\n::1 localhost\n',
  'etc/fstab': `LABEL=debian / ext4 errors=remount-ro 0 1\nLABEL=${PACKAGES_LABEL} /media/packages ext4 ro,nofail,x-systemd.device-timeout=600 0 0\n`,
  'etc/apt/sources.list': 'deb [trusted=yes] file:/media/packages ./\n',
  // an emulated machine on a busy computer is no broken one
  'etc/systemd/system.conf.d/patient.conf': '[Manager]\nDefaultTimeoutStartSec=900\nDefaultDeviceTimeoutSec=900\n',
  // no percentages counted up on the console
  'etc/apt/apt.conf.d/90quiet': 'quiet "1";\n',
  'etc/default/grub': `GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=ttyS0 no_timer_check"
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
`,
  'etc/systemd/system/serial-getty@ttyS0.service.d/login.conf':
    '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --keep-baud 115200 - dumb\n',
  // the distribution's own archives are made in the machine as well, and an emulated one is slow: this machine's drivers, packed fast
  'etc/initramfs-tools/conf.d/fast': 'MODULES=dep\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\n',
  'root/.bash_profile': `PS1='$(code=$?; [ $code = 0 ] || echo "[exit $code] ")root@debian:\\w# '
export PAGER=cat SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
stty columns 300
`,
};
