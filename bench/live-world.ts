// What the claims about live media share: one Debian with its own live archive in it, as a folder and a tar, and images of it made both ways.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { liveTar } from '../test/boots/live-desktop-world.ts';
import { CLONE, cacheFolder, mustRun, once } from '../test/world/index.ts';
import { recipeTar } from '../test/world/live-root.ts';
import { unpackTar } from '../test/world/unpack.ts';

/** The root and what is in it. */
export interface LivePeer {
  readonly tar: string;
  readonly folder: string;
  readonly vmlinuz: string;
  /** The archive that Debian's live-boot makes. */
  readonly archive: string;
}

/** The root with live-boot; made once. */
export async function livePeer(): Promise<LivePeer> {
  const tar = await recipeTar('live-peer', [join(CLONE, 'test/world/live-root'), join(CLONE, 'bench/live-boot')]);
  const folder = await unpacked(tar);
  const image = readdirSync(join(folder, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  const archive = join(folder, 'boot/live-boot.img');
  if (image === undefined || !existsSync(archive)) throw new Error(`${folder}/boot holds no kernel, or no live-boot.img`);
  return { tar, folder, vmlinuz: join(folder, 'boot', image), archive };
}

/** A kept tar's files, beside it; made once. */
async function unpacked(tar: string): Promise<string> {
  return await once(tar.slice(cacheFolder().length + 1, -'.tar'.length), (scratch) => {
    const owners = unpackTar(tar, scratch);
    if (owners.size === 0) throw new Error(`${tar} has nobody but root in it`);
  });
}

/** The desktop's root as a folder. */
export async function desktopFolder(): Promise<string> {
  return await unpacked(await liveTar('desktop'));
}

/** Compression of both sides' images: mksquashfs' and ours say the same in different words. */
export const CODEC = {
  ours: ['--codec', 'zstd:9', '--block', '128K'],
  theirs: ['-comp', 'zstd', '-Xcompression-level', '9', '-b', '128K'],
};

const CFG = `serial
terminal_output serial
set timeout=0
menuentry live {
  linux /live/vmlinuz boot=live console=ttyS0
  initrd /live/initrd.img
}
`;

/** The tree of a medium as live-boot has it, but for the squashfs image. */
export function peerMedium(peer: LivePeer, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'live'), { recursive: true });
  mkdirSync(join(folder, 'boot/grub'), { recursive: true });
  cpSync(peer.vmlinuz, join(folder, 'live/vmlinuz'));
  cpSync(peer.archive, join(folder, 'live/initrd.img'));
  writeFileSync(join(folder, 'boot/grub/grub.cfg'), CFG);
}

/** The pipe people use: mksquashfs and grub-mkrescue, as one shell command; what is finished is on the disk, on both sides. */
export function pipeCommand(root: string, medium: string, iso: string): readonly string[] {
  const squash = [
    'mksquashfs',
    root,
    join(medium, 'live/filesystem.squashfs'),
    ...CODEC.theirs,
    '-noappend',
    '-quiet',
    '-no-progress',
    '-e',
    'boot',
  ];
  return ['sh', '-ec', '"$@" && grub-mkrescue -o "$ISO" "$MEDIUM" -- -volid LIVE && sync "$ISO"', 'sh', ...squash].map((word) =>
    word.replaceAll('$ISO', iso).replace('$MEDIUM', medium),
  );
}

/** The image of the pipe, once. */
export async function pipeIso(peer: LivePeer, scratch: string): Promise<string> {
  const [medium, iso] = [join(scratch, 'peer-medium'), join(scratch, 'peer.iso')];
  peerMedium(peer, medium);
  const [program = '', ...words] = pipeCommand(peer.folder, medium, iso);
  await mustRun(program, words);
  return iso;
}

/** A disc with the same tree, as live-build writes discs: ISO 9660 alone. (live-boot would take the HFS+ that grub-mkrescue adds for the medium.) */
export async function peerDisc(peer: LivePeer, scratch: string): Promise<string> {
  const [medium, iso] = [join(scratch, 'peer-disc'), join(scratch, 'peer-disc.iso')];
  peerMedium(peer, medium);
  const image = join(medium, 'live/filesystem.squashfs');
  await mustRun('mksquashfs', [peer.folder, image, ...CODEC.theirs, '-noappend', '-quiet', '-no-progress', '-e', 'boot']);
  await mustRun('xorriso', ['-as', 'mkisofs', '-quiet', '-iso-level', '3', '-R', '-J', '-joliet-long', '-V', 'LIVE', '-o', iso, medium]);
  return iso;
}
