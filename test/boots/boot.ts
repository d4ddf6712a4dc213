// Boots for tests: one call from an archive to its proof. Machines are small and have one processor; files go to the temporary directory.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DiskBus, MachineType, Proof } from '../../src/machine/index.ts';
import { qemu } from '../../src/machine/index.ts';
import { bootOutside } from '../../src/node/boot-outside.ts';
import { type BootWatch, boot } from '../../src/verbs/boot.ts';

/** A disk of a test boot; its file is never written to. */
export interface TestDisk {
  readonly file: string;
  /** Default virtio. */
  readonly bus?: DiskBus;
  readonly readOnly?: boolean;
}

/** What to boot. Paths of files; memory in MiB (512), timeout in seconds (90), until a phase or a console text (released). */
export interface TestBoot {
  readonly kernel: string;
  /** One archive or several, joined in this order. */
  readonly archive: string | readonly string[];
  readonly disks?: readonly TestDisk[];
  readonly append?: string;
  readonly memory?: number;
  readonly processors?: number;
  readonly until?: string;
  readonly timeout?: number;
  readonly type?: MachineType;
  readonly asIs?: boolean;
  readonly watch?: BootWatch;
}

// Folders of boots go when the test process ends; those of a boot that failed a test stay, for a look at the console.
const finished = new Set<string>();
process.once('exit', () => {
  for (const folder of finished) rmSync(folder, { recursive: true, force: true });
});

/** Boots in QEMU (emulated, always) and returns the proof; a boot that does not get there is a proof too. */
export async function bootArchive(options: TestBoot): Promise<Proof> {
  const request = {
    kernel: options.kernel,
    archives: typeof options.archive === 'string' ? [options.archive] : options.archive,
    disks: (options.disks ?? []).map((disk) => ({
      file: disk.file,
      bus: disk.bus ?? 'virtio',
      format: 'raw' as const,
      readOnly: disk.readOnly ?? false,
      writes: false,
    })),
    append: options.append ?? '',
    memory: options.memory ?? 512,
    processors: options.processors ?? 1,
    until: options.until ?? 'released',
    timeout: options.timeout ?? 90,
    accelerator: 'tcg' as const,
    type: options.type,
    asIs: options.asIs ?? false,
  };
  const proof = await boot(request, bootOutside(), options.watch);
  finished.add(dirname(proof.console));
  return proof;
}

/** Everything the console said in a boot. */
export function consoleOf(proof: Proof): string {
  return readFileSync(proof.console, 'utf8');
}

/** Fails with the reason, the end of the console and the command to repeat it when the boot did not get there. */
export function assertReached(proof: Proof): void {
  if (proof.reached) return;
  finished.delete(dirname(proof.console));
  const tail = consoleOf(proof).split('\n').slice(-30).join('\n');
  assert.fail(`${proof.reason?.code}: ${proof.reason?.text}\n${tail}\nrepeat with: ${qemu.quoted(proof.qemu)}`);
}
