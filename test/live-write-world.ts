// A machine made of files: a sysfs, a procfs and device nodes that are ordinary files, for tests of `kindling live write`.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { WriteMachine } from '../src/cli/live-write.ts';
import { LIVE_WRITE_OPTIONS } from '../src/cli/live-write-words.ts';
import { DRY_RUN_OPTION } from '../src/cli/options.ts';
import { parse } from '../src/cli/verb.ts';
import type { Output, World } from '../src/cli/world.ts';
import { KindlingError } from '../src/errors.ts';
import { openDevice } from '../src/node/device.ts';
import type { DeviceWorld } from '../src/node/device-facts.ts';
import { fileSource } from '../src/node/source.ts';

/** A disk to be put into the machine. Sizes in bytes. */
export interface FakeDisk {
  readonly name: string;
  readonly numbers: string;
  /** Where it is in sysfs, below /devices; the block device's folder comes below that. */
  readonly at: string;
  readonly size: number;
  readonly removable?: boolean;
  readonly readOnly?: boolean;
  /** Files of its `device` folder. */
  readonly device?: Readonly<Record<string, string>>;
  readonly partitions?: readonly { readonly numbers: string; readonly start: number; readonly size: number }[];
}

/** The machine. */
export interface FakeMachine {
  readonly top: string;
  readonly devices: DeviceWorld;
  /** The file that stands in for a device. */
  node(name: string): string;
  add(disk: FakeDisk): void;
  /** Says that a device or partition is held by another one, which is made up as well. */
  hold(held: string, holder: { readonly name: string; readonly numbers: string; readonly mapped?: string }): void;
  put(path: string, text: string): void;
}

export const USB_AT = 'pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host2/target2:0:0/2:0:0:0';
export const SATA_AT = 'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';
export const MIB = 1 << 20;

/** A stick of 8 MiB with two partitions, as sdb. */
export const STICK: FakeDisk = {
  name: 'sdb',
  numbers: '8:16',
  at: USB_AT,
  size: 8 * MIB,
  removable: true,
  device: { vendor: 'SanDisk ', model: 'Ultra Fit       ' },
  partitions: [
    { numbers: '8:17', start: MIB, size: 2 * MIB },
    { numbers: '8:18', start: 3 * MIB, size: 4 * MIB },
  ],
};

const QUIET_MOUNTS = '22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n23 22 0:21 / /proc rw - proc proc rw\n';

/** A machine with a system disk sda and nothing else. */
export function fakeMachine(t: TestContext): FakeMachine {
  const top = mkdtempSync(join(tmpdir(), 'kindling-devices-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  const numbersOf = new Map<string, string>();
  const folders = new Map<string, string>();
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  };
  const node = (name: string) => join(top, 'dev', name);
  const register = (name: string, numbers: string, folder: string, size: number): void => {
    folders.set(name, folder);
    numbersOf.set(node(name), numbers);
    put(`${folder}/dev`, `${numbers}\n`);
    put(`${folder}/size`, `${size / 512}\n`);
    mkdirSync(join(top, folder, 'holders'), { recursive: true });
    mkdirSync(join(top, 'sys/dev/block'), { recursive: true });
    symlinkSync(join(top, folder), join(top, 'sys/dev/block', numbers));
    put(`dev/${name}`, '');
    truncateSync(node(name), size);
  };
  const machine: FakeMachine = {
    top,
    node,
    put,
    devices: {
      sys: join(top, 'sys'),
      proc: join(top, 'proc'),
      numbersOf(path) {
        if (numbersOf.has(path)) return numbersOf.get(path);
        if (path.startsWith(join(top, 'dev'))) throw new KindlingError('NO_ENTRY', 'no such file or directory', { file: path });
        return undefined;
      },
    },
    add(disk) {
      const folder = `sys/devices/${disk.at}/block/${disk.name}`;
      register(disk.name, disk.numbers, folder, disk.size);
      put(`${folder}/removable`, disk.removable === true ? '1\n' : '0\n');
      put(`${folder}/ro`, disk.readOnly === true ? '1\n' : '0\n');
      for (const [name, text] of Object.entries(disk.device ?? {})) put(`sys/devices/${disk.at}/${name}`, `${text}\n`);
      symlinkSync(join(top, 'sys/devices', disk.at), join(top, folder, 'device'));
      for (const [index, { numbers, start, size }] of (disk.partitions ?? []).entries()) {
        const name = `${disk.name}${/\d$/.test(disk.name) ? 'p' : ''}${index + 1}`;
        register(name, numbers, `${folder}/${name}`, size);
        put(`${folder}/${name}/partition`, `${index + 1}\n`);
        put(`${folder}/${name}/start`, `${start / 512}\n`);
      }
    },
    hold(held, holder) {
      const folder = `sys/devices/virtual/block/${holder.name}`;
      register(holder.name, holder.numbers, folder, MIB);
      if (holder.mapped !== undefined) put(`${folder}/dm/name`, `${holder.mapped}\n`);
      symlinkSync(join(top, folder), join(top, folders.get(held)!, 'holders', holder.name));
    },
  };
  put('proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n');
  put('proc/self/mountinfo', QUIET_MOUNTS);
  for (const [name, text] of Object.entries({ idVendor: '0781', manufacturer: 'SanDisk', product: 'Ultra Fit', serial: '4C530001' })) {
    put(`sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/${name}`, `${text}\n`);
  }
  machine.add({
    name: 'sda',
    numbers: '8:0',
    at: SATA_AT,
    size: 64 * MIB,
    device: { model: 'DISK' },
    partitions: [{ numbers: '8:1', start: MIB, size: 60 * MIB }],
  });
  return machine;
}

/** What the verb is handed instead of the machine it runs on. */
export function writeMachine({ devices }: FakeMachine, answers?: string[], open: WriteMachine['open'] = openDevice): WriteMachine {
  return { devices, open, read: fileSource, ask: answers === undefined ? undefined : async () => answers.shift() };
}

/** A world that keeps what is said. */
export function listening(json = false): { world: World; out: string[]; err: string[]; documents: unknown[] } {
  const [out, err, documents]: [string[], string[], unknown[]] = [[], [], []];
  const output = (into: string[]): Output => ({
    isTerminal: false,
    columns: 80,
    write: async (chunk) => void into.push(String(chunk)),
    line: async (text = '') => void into.push(text),
    style: (_, text) => text,
  });
  const world: World = {
    out: output(out),
    err: output(err),
    env: {},
    now: () => 0,
    sourceDateEpoch: undefined,
    json,
    verbosity: 0,
    progress: { step: () => {}, advance: () => {}, hide: () => {}, clear: () => {} },
    signal: new AbortController().signal,
    note: (text) => void err.push(text),
    warn: (text) => void err.push(`warning: ${text}`),
    detail: () => {},
    document: async (value) => void documents.push(value),
  };
  return { world, out, err, documents };
}

const VERB = {
  name: 'live',
  positionals: [{ name: 'WORD', summary: '', required: true, repeated: true }],
  options: { ...LIVE_WRITE_OPTIONS, 'dry-run': DRY_RUN_OPTION },
};

/** A command line as `kindling live` reads it. */
export function words(...argv: string[]): ReturnType<typeof parse> {
  return parse(VERB, ['write', ...argv]);
}
