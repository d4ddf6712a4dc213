// Claim: late modules make the ramdisk of a live medium small against one that holds all drivers, and GRUB reads it from a USB stick that much
// sooner. The stick is emulated (xhci, usb-storage) and started by a BIOS; the time is GRUB's, from `initrd` to `boot`, on the serial console.
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineWords, start } from '../../test/boots/talk.ts';
import { CLONE, mustRun } from '../../test/world/index.ts';
import { liveRoot } from '../../test/world/live-root.ts';
import { median } from '../measure.ts';
import { type Row, ratio } from '../table.ts';

const CFG = (name: string) => `serial
terminal_output serial
linux /vmlinuz console=ttyS0
echo reading begins
initrd /${name}
echo reading ends
boot
`;
const SECONDS = 600;

async function stick(scratch: string, vmlinuz: string, archive: string, name: string): Promise<string> {
  const folder = join(scratch, `stick-${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'boot/grub'), { recursive: true });
  cpSync(vmlinuz, join(folder, 'vmlinuz'));
  cpSync(archive, join(folder, name));
  writeFileSync(join(folder, 'boot/grub/grub.cfg'), CFG(name));
  const image = join(scratch, `${name}.iso`);
  await mustRun('grub-mkrescue', ['-o', image, folder]);
  return image;
}

async function readSeconds(image: string): Promise<number> {
  const usb = [
    '-device',
    'qemu-xhci',
    '-drive',
    `if=none,id=stick,file=${image},format=raw,read-only=on`,
    '-device',
    'usb-storage,drive=stick,bootindex=0',
  ];
  const talk = start(machineWords({ memory: 1024, words: usb }));
  try {
    await talk.expect('reading begins', SECONDS);
    const began = talk.seconds();
    await talk.expect('reading ends', SECONDS);
    return talk.seconds() - began;
  } finally {
    await talk.cut();
  }
}

/** Sizes and read times of both archives. */
export async function liveRead(scratch: string, rounds: number): Promise<Row[]> {
  const root = await liveRoot();
  const [small, whole, modules] = [join(scratch, 'small.img'), join(scratch, 'whole.img'), join(scratch, 'modules.img')];
  const kindling = join(CLONE, 'bin/kindling');
  await mustRun(kindling, ['build', '--root', root.folder, '-k', root.version, '--add', 'live', '--codec', 'zstd:9', '-o', small]);
  const tree = join(scratch, 'tree');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, 'usr/lib'), { recursive: true });
  execFileSync('cp', ['-r', join(root.folder, 'usr/lib/modules'), join(tree, 'usr/lib/modules')]);
  await mustRun(kindling, ['pack', tree, '-o', modules, '--format', 'newc', '--codec', 'zstd:9']);
  cpSync(small, whole);
  appendFileSync(whole, readFileSync(modules));
  const names = ['small.img', 'whole.img'] as const;
  const images = [await stick(scratch, root.vmlinuz, small, names[0]), await stick(scratch, root.vmlinuz, whole, names[1])];
  const times: number[][] = [[], []];
  for (let round = 0; round < rounds; round++) for (const [index, image] of images.entries()) times[index]!.push(await readSeconds(image));
  const [size, wholeSize] = [small, whole].map((path) => statSync(path).size);
  const [seconds, wholeSeconds] = times.map(median);
  return [
    {
      what: "the live archive's size",
      ours: `${(size! / 1e6).toFixed(1)} MB`,
      peer: 'the same with all drivers in it',
      theirs: `${(wholeSize! / 1e6).toFixed(1)} MB`,
      ratio: ratio(wholeSize! / size!),
      target: 'reported',
    },
    {
      what: 'GRUB reads it from a USB stick',
      ours: `${seconds!.toFixed(2)} s`,
      peer: 'the same with all drivers in it',
      theirs: `${wholeSeconds!.toFixed(2)} s`,
      ratio: ratio(wholeSeconds! / seconds!),
      target: 'reported',
    },
  ];
}
