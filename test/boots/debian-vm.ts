// The Debian on a disk as a machine in QEMU: made bootable once by its own grub-install, then copied for each test that writes to it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../tools.ts';
import { type DebianDisk, debianDisk } from '../world/debian-disk.ts';
import { mustRun, once } from '../world/index.ts';
import { machineWords, start, type Talk } from './talk.ts';

/** The prompt of root's shell on the console; the exit code of the last command stands before it unless it was 0. */
export const PROMPT = /^(?:\[exit (\d+)\] )?root@debian:\S+# $/m;

/** Seconds that a boot to the prompt may take on a busy machine. */
export const BOOT_SECONDS = 600;

/** Copies a disk image, holes as holes. */
export async function copyDisk(from: string, to: string): Promise<void> {
  await mustRun(tool('cp'), ['--sparse=always', '--reflink=auto', from, to]);
}

/** What a command of the shell said, and how it ended. */
export interface Answer {
  readonly text: string;
  readonly code: number;
}

/** Types a command at the shell's prompt and waits for the next one. */
export async function shell(machine: Talk, command: string, seconds = 60): Promise<Answer> {
  machine.say(command);
  const said = await machine.expect(PROMPT, seconds);
  const text = said.slice(said.indexOf('\n') + 1, said.lastIndexOf('\n') + 1);
  return { text, code: Number(PROMPT.exec(said)?.[1] ?? 0) };
}

/** The same for a command that has to succeed; answers what it said. */
export async function must(machine: Talk, command: string, seconds = 60): Promise<string> {
  const { text, code } = await shell(machine, command, seconds);
  if (code !== 0) throw new Error(`in the machine, ${command}: exit code ${code}\n${text}`);
  return text;
}

/** The disk with GRUB in its first sectors, as `grub-install` and `update-grub` leave it. Made once, in a first boot without a boot loader. */
export async function bootableDisk(): Promise<DebianDisk> {
  const disk = await debianDisk();
  const name = disk.file.slice(disk.file.lastIndexOf('/') + 1).replace('.img', '-grub.img');
  const file = await once(name, async (scratch) => {
    await copyDisk(disk.file, scratch);
    const { kernel, archive } = disk;
    const machine = start(machineWords({ memory: 1024, disks: [{ file: scratch }], kernel, archive, append: 'root=LABEL=debian quiet' }));
    try {
      await machine.expect(PROMPT, BOOT_SECONDS);
      await must(machine, 'grub-install /dev/vda && update-grub', 600);
      machine.say('poweroff');
      await machine.off(300);
    } finally {
      await machine.cut();
    }
  });
  return { ...disk, file };
}

/** A folder for the disks of a test process, gone with it. */
export function diskFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-debian-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
