// The Debian packages that kindling's own scripts and tests use, and what each is for. kindling itself needs none of them but QEMU, and that only to boot.

/** What a package is needed for: `npm start`, `npm test`, `npm run bench`, `npm run live`. */
export type Group = 'start' | 'test' | 'bench' | 'live';

export interface DebianPackage {
  readonly name: string;
  /** Programs it brings; it counts as installed when all of them are found. A path where it brings no program on PATH. */
  readonly programs: readonly string[];
  readonly groups: readonly Group[];
  readonly why: string;
}

const START: readonly Group[] = ['start', 'test', 'bench'];
const LIVE: readonly Group[] = ['test', 'bench', 'live'];
const TEST: readonly Group[] = ['test'];
const BENCH: readonly Group[] = ['test', 'bench'];

export const DEBIAN_PACKAGES: readonly DebianPackage[] = [
  { name: 'qemu-system-x86', programs: ['qemu-system-x86_64'], groups: [...START, 'live'], why: 'boots the archives' },
  {
    name: 'e2fsprogs',
    programs: ['mke2fs', 'mkfs.ext4', 'debugfs', 'e2fsck', 'dumpe2fs', 'fsck.ext4'],
    groups: START,
    why: 'makes ext4 disk images without mounting',
  },
  { name: 'qemu-system-arm', programs: ['qemu-system-aarch64'], groups: TEST, why: 'boots the arm64 archive' },
  {
    name: 'qemu-system-ppc',
    programs: ['qemu-system-ppc64'],
    groups: BENCH,
    why: 'a machine with 64 KiB pages, to measure memory on',
  },
  { name: 'busybox-static', programs: ['busybox'], groups: TEST, why: 'its modprobe and sh against our indexes and early userspace' },
  { name: 'kmod', programs: ['modprobe', 'depmod'], groups: TEST, why: 'reads our module indexes' },
  { name: 'cpio', programs: ['cpio'], groups: BENCH, why: 'reads and writes newc and odc against ours' },
  { name: 'libarchive-tools', programs: ['bsdtar', 'bsdcpio'], groups: TEST, why: 'a second reader of cpio and tar' },
  { name: 'zstd', programs: ['zstd'], groups: BENCH, why: 'codec against ours' },
  { name: 'xz-utils', programs: ['xz'], groups: TEST, why: 'codec against ours (xz, lzma)' },
  { name: 'lz4', programs: ['lz4'], groups: TEST, why: 'codec against ours (legacy frames)' },
  { name: 'lzop', programs: ['lzop'], groups: TEST, why: 'codec against ours' },
  { name: 'bzip2', programs: ['bzip2'], groups: TEST, why: 'codec against ours' },
  { name: 'gzip', programs: ['gzip'], groups: TEST, why: 'codec against ours' },
  { name: 'binutils', programs: ['readelf', 'objcopy', 'objdump', 'ar'], groups: TEST, why: 'ELF, PE and ar against ours' },
  { name: 'diffutils', programs: ['diff'], groups: TEST, why: 'compares extracted trees' },
  { name: 'git', programs: ['git'], groups: TEST, why: 'lists what a packed install is compared with' },
  { name: 'dash', programs: ['dash'], groups: TEST, why: 'a second shell for early userspace' },
  { name: 'shellcheck', programs: ['shellcheck'], groups: TEST, why: 'checks the shell code of early userspace' },
  { name: 'attr', programs: ['setfattr', 'getfattr'], groups: TEST, why: 'extended attributes in tar against ours' },
  { name: 'file', programs: ['file'], groups: TEST, why: 'a second opinion on what an image is' },
  { name: 'groff-base', programs: ['groff'], groups: TEST, why: 'renders the manual pages' },
  { name: 'zsh', programs: ['zsh'], groups: TEST, why: 'takes the completion script' },
  { name: 'fish', programs: ['fish'], groups: TEST, why: 'takes the completion script' },
  { name: 'fdisk', programs: ['fdisk', 'sfdisk'], groups: TEST, why: 'partitioned disks for root=PARTUUID=' },
  { name: 'btrfs-progs', programs: ['mkfs.btrfs'], groups: TEST, why: 'btrfs roots' },
  { name: 'xfsprogs', programs: ['mkfs.xfs'], groups: TEST, why: 'xfs roots' },
  { name: 'f2fs-tools', programs: ['mkfs.f2fs'], groups: TEST, why: 'f2fs superblocks for early userspace' },
  { name: 'dosfstools', programs: ['mkfs.vfat', 'mkfs.fat', 'fsck.fat'], groups: TEST, why: 'makes and checks FAT volumes against ours' },
  { name: 'erofs-utils', programs: ['mkfs.erofs', 'fsck.erofs', 'dump.erofs'], groups: TEST, why: 'EROFS images and their superblocks' },
  { name: 'xorriso', programs: ['xorriso'], groups: TEST, why: 'ISO 9660 superblocks for early userspace' },
  { name: 'genisoimage', programs: ['genisoimage', 'isoinfo'], groups: TEST, why: 'writes and reads ISO 9660 against ours' },
  { name: 'p7zip-full', programs: ['7z'], groups: TEST, why: 'a further reader of ISO 9660' },
  { name: 'makedumpfile', programs: ['makedumpfile'], groups: TEST, why: 'reads the crash dumps that capture archives save' },
  { name: 'crash', programs: ['crash'], groups: TEST, why: 'a second reader of crash dumps' },
  { name: 'squashfs-tools', programs: ['mksquashfs', 'unsquashfs'], groups: BENCH, why: 'squashfs roots' },
  { name: 'squashfs-tools-ng', programs: ['gensquashfs', 'tar2sqfs'], groups: TEST, why: 'squashfs images of another writer' },
  { name: 'dracut-core', programs: ['dracut', 'lsinitrd'], groups: BENCH, why: 'a peer: its images are read, its time is compared' },
  {
    name: 'initramfs-tools-core',
    programs: ['mkinitramfs', 'lsinitramfs'],
    groups: BENCH,
    why: 'a peer: its images are read, its time is compared',
  },
  {
    name: 'systemd',
    programs: ['kernel-install', 'systemd-analyze'],
    groups: TEST,
    why: 'calls the kernel-install plugin, reads the units',
  },
  { name: 'systemd-boot', programs: ['bootctl'], groups: TEST, why: 'reads the boot entries' },
  { name: 'pacman-package-manager', programs: ['pacman'], groups: TEST, why: 'calls the pacman hooks' },
  {
    name: 'grub-common',
    programs: ['grub-mkconfig', 'grub-script-check', 'grub-mkimage', 'grub-mkrescue'],
    groups: LIVE,
    why: "runs and reads GRUB's entries, makes its core for live media",
  },
  { name: 'openssl', programs: ['openssl'], groups: TEST, why: 'makes keys and signatures of driver bundles against ours' },
  { name: 'lintian', programs: ['lintian'], groups: TEST, why: "Debian's own checks of the package" },
  { name: 'debianutils', programs: ['run-parts'], groups: TEST, why: 'calls the kernel hooks' },
  {
    name: 'mmdebstrap',
    programs: ['mmdebstrap'],
    groups: LIVE,
    why: 'installs the Debian that tells the whole story in QEMU, and those of live media',
  },
  { name: 'uidmap', programs: ['newuidmap'], groups: LIVE, why: 'lets mmdebstrap make the root of a live medium for an ordinary user' },
  {
    name: 'mtools',
    programs: ['mcopy', 'mdel', 'mdir', 'minfo', 'mlabel'],
    groups: TEST,
    why: 'reads and writes FAT volumes against ours',
  },
  { name: 'gdisk', programs: ['sgdisk'], groups: TEST, why: 'reads and writes partition tables against ours' },
  { name: 'ovmf', programs: ['/usr/share/OVMF/OVMF_CODE_4M.fd'], groups: LIVE, why: 'UEFI firmware, to boot live media by' },
  { name: 'grub-pc-bin', programs: ['/usr/lib/grub/i386-pc/modinfo.sh'], groups: LIVE, why: 'GRUB for BIOS, put on live media' },
  { name: 'grub-efi-amd64-bin', programs: ['/usr/lib/grub/x86_64-efi/modinfo.sh'], groups: LIVE, why: 'GRUB for UEFI, put on live media' },
  {
    name: 'systemd-boot-efi',
    programs: ['/usr/lib/systemd/boot/efi/systemd-bootx64.efi', '/usr/lib/systemd/boot/efi/linuxx64.efi.stub'],
    groups: TEST,
    why: 'systemd-boot and its stub, put on live media',
  },
  // both are installed without a word to the firmware: their scripts call grub-install only where the running system is started by /boot/efi/EFI/...
  { name: 'shim-signed', programs: ['/usr/lib/shim/shimx64.efi.signed'], groups: TEST, why: 'starts live media with Secure Boot on' },
  {
    name: 'grub-efi-amd64-signed',
    programs: ['/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'],
    groups: TEST,
    why: 'the GRUB that shim accepts, put on live media',
  },
  { name: 'cryptsetup-bin', programs: ['cryptsetup', 'veritysetup'], groups: TEST, why: 'encrypted changes, and dm-verity against ours' },
  { name: 'exfatprogs', programs: ['mkfs.exfat'], groups: TEST, why: 'makes a stick with exFAT' },
  { name: 'user-mode-linux', programs: ['linux.uml'], groups: TEST, why: 'a kernel that runs a program for each device' },
  { name: 'uml-utilities', programs: ['uml_mconsole'], groups: TEST, why: 'plugs a disk into that' },
];
