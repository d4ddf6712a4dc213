// The words of docs/story.md between the transcripts.

/** One stretch of the story. */
export interface Chapter {
  readonly name: string;
  readonly title: string;
  readonly text: string;
}

/** What stands before the first chapter. */
export const INTRODUCTION = `# A machine that keeps its boot archive true

What follows happened on a Debian 12 in QEMU: installed by dpkg, started by its firmware and its own GRUB from its own disk, with systemd
and apt, and without a network: a second disk holds the packages it installs. Everything in the boxes is what its serial console said.
Left out are only empty lines, frames of boot menus, the greeting at a login, kernel messages about hardware, and apt's list of
files that a small repository does not have;
\`[...]\` stands where a long output was cut. Later chapters may have been played from a copy of the disk as an earlier one left it. \`npm run test:all -- story\` plays it again, checks each step, and with \`KINDLING_BLESS=1\` writes this page.`;

const TABLE = [
  {
    name: 'before',
    title: 'The machine as its distribution left it',
    text: 'An ext4 root on a disk with a master boot record, GRUB in front of it, an archive made by initramfs-tools.',
  },
  {
    name: 'install',
    title: 'kindling is installed',
    text: `The package brings everything it needs, its own Node included. Nothing of the machine changes until \`kindling install\` is typed: that
puts hooks where the distribution looks for them, makes the first archive, and adds entries to the boot menu above the distribution's own,
which stays.`,
  },
  {
    name: 'first-boot',
    title: 'The first boot from its archive',
    text: `The first entry of the menu is now kindling's. The early userspace says which root it found; that root was compared with the
archive's record before it became writable, and had it differed, that would stand here.`,
  },
  {
    name: 'upgrade',
    title: 'apt upgrades the kernel',
    text: `Nobody calls kindling here: the kernel's package runs its hooks, and the archive of the new kernel is there before the boot menu is
written. The next boot is the new kernel's.`,
  },
  {
    name: 'shutdown',
    title: 'A file changed by hand is noticed at an orderly shutdown',
    text: `A setting for a module that is in the archive. \`kindling update -n\` says that the archive is out of step; the shutdown brings it up to date, so
the next boot has it, and asked again it has nothing to say.`,
  },
  {
    name: 'power',
    title: 'The power goes in the middle of an update',
    text: `The machine is killed while \`kindling update\` writes the new archive. It boots from the old one, which notices that it is behind its root, and
is made anew in the same boot. Then it is killed just after the new archive has its name. (The test beside this one, \`power\`, does it at every
point where the disk was flushed, with the writes that were under way lost in part.)`,
  },
  {
    name: 'refusal',
    title: 'A changed driver stops the boot before the root is writable',
    text: `With \`check = stop\` in its configuration the machine does not start from an archive that no longer is what the root has. A driver is changed
and the power goes before anybody could update the archive. The boot stops with the root still read-only, names the file and the two ways on.`,
  },
  {
    name: 'failsafe',
    title: 'The failsafe repairs it',
    text: `The failsafe archive needs nothing of the root: it finds the system, mounts it on /a, says what is out of step and repairs it.`,
  },
  {
    name: 'expert',
    title: 'An expert goes on instead',
    text: `The same again, with the second way: leaving the shell says that the files named do not matter. The boot goes on, and the archive is made
anew in it.`,
  },
  {
    name: 'uninstall',
    title: 'Away again',
    text: 'Nothing of kindling is left, and the machine boots as its distribution made it.',
  },
] as const satisfies readonly Chapter[];

/** The name of a chapter. */
export type ChapterName = (typeof TABLE)[number]['name'];

/** The chapters in their order. */
export const CHAPTERS: readonly (Chapter & { readonly name: ChapterName })[] = TABLE;
