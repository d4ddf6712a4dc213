// Facts about this machine, from /sys and /proc (scope "host"). Read-only; what may not be read is left out.
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { HostFacts, MountFacts } from '../plan/index.ts';

const DEPTH_MOST = 40;

// A device can go away, or be closed to us, between two looks; then it is simply not part of the facts.
function optional<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function text(path: string): string {
  return optional(() => readFileSync(path, 'utf8').replace(/\n$/, '')) ?? '';
}

function modaliasesBelow(path: string, depth: number, into: Set<string>): void {
  if (depth > DEPTH_MOST) return;
  for (const one of optional(() => readdirSync(path, { withFileTypes: true })) ?? []) {
    if (one.name === 'modalias' && one.isFile()) {
      const alias = text(join(path, one.name));
      if (alias !== '') into.add(alias);
    } else if (one.isDirectory()) modaliasesBelow(join(path, one.name), depth + 1, into);
  }
}

/** Block devices that a block device rests on (dm, md, loop), itself included, as /sys/class/block names. */
function underlying(sys: string, name: string, into: Set<string>): void {
  if (into.has(name)) return;
  into.add(name);
  for (const slave of optional(() => readdirSync(`${sys}/class/block/${name}/slaves`)) ?? []) underlying(sys, slave, into);
}

/** Modules of the drivers of a device and of all devices it hangs on. */
function driversAbove(sys: string, path: string, into: Set<string>): void {
  for (let at = path; at.startsWith(`${sys}/`); at = dirname(at)) {
    for (const link of ['device/driver/module', 'driver/module']) {
      const module = optional(() => readlinkSync(join(at, link)));
      if (module !== undefined) into.add(basename(module));
    }
  }
}

/** Modules that drive a block device (a path below /dev) and everything it rests on; empty when nothing is known of it. */
export function chainOf(sys: string, device: string): string[] {
  const name = optional(() => {
    const { rdev } = statSync(device);
    const [major, minor] = [Math.floor(rdev / 256) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00)];
    return basename(realpathSync(`${sys}/dev/block/${major}:${minor}`));
  });
  if (name === undefined) return [];
  const devices = new Set<string>();
  underlying(sys, name, devices);
  const modules = new Set<string>();
  for (const one of devices) {
    const path = optional(() => realpathSync(`${sys}/class/block/${one}`));
    if (path !== undefined) driversAbove(sys, path, modules);
  }
  return [...modules];
}

function mountsOf(proc: string): MountFacts[] {
  const found = new Map<string, MountFacts>();
  for (const line of text(`${proc}/self/mounts`).split('\n')) {
    const [source, at, type] = line.split(' ');
    if (source === undefined || type === undefined || type === 'rootfs' || (at !== '/' && at !== '/usr')) continue;
    found.set(at, { at, source, type });
  }
  return [...found.values()];
}

function resumeOf(proc: string, commandLine: string): string {
  const word = /(?:^|\s)resume=(\S+)/.exec(commandLine)?.[1];
  if (word !== undefined) return word;
  const swap = text(`${proc}/swaps`)
    .split('\n')
    .slice(1)
    .find((line) => /\spartition\s/.test(line));
  return swap?.split(/\s+/)[0] ?? '';
}

/** Facts about the running machine. The two file systems can be elsewhere for a test. */
export function hostFacts({ sys = '/sys', proc = '/proc' }: { readonly sys?: string; readonly proc?: string } = {}): HostFacts {
  const modaliases = new Set<string>();
  modaliasesBelow(`${sys}/devices`, 0, modaliases);
  const loaded = text(`${proc}/modules`)
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter((name) => name !== '');
  const modules = optional(() => readdirSync(`${sys}/module`)) ?? [];
  const commandLine = text(`${proc}/cmdline`);
  const mounts = mountsOf(proc);
  const resume = resumeOf(proc, commandLine);
  const devices = [...mounts.map(({ source }) => source), ...(resume.startsWith('/dev/') ? [resume] : [])];
  const vendor = /^vendor_id\s*:\s*(\S+)/m.exec(text(`${proc}/cpuinfo`))?.[1];
  return {
    facts: 1,
    kernel: text(`${proc}/sys/kernel/osrelease`) || release(),
    modaliases: [...modaliases].sort(),
    modules: [...modules].sort(),
    loaded: loaded.sort(),
    chain: [...new Set(devices.flatMap((device) => chainOf(sys, device)))].sort(),
    mounts,
    resume,
    commandLine,
    ...(vendor === undefined ? {} : { processor: vendor }),
  };
}
