// The running system as a target: whether it is a live or installer system, and loading the modules that a bundle names.
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import type { ItuManifest } from '../../verbs/itu/manifest.ts';
import { system } from '../errno.ts';
import { runTool } from '../tools.ts';

/** File systems that only a system without an installed root has at its top: ramfs, tmpfs, overlay, squashfs, EROFS, ISO 9660. */
const LIVE_TYPES: ReadonlySet<number> = new Set([0x858458f6, 0x01021994, 0x794c7630, 0x73717368, 0xe0f5e1e2, 0x9660]);
const LIVE_PLACES = ['/run/live', '/run/initramfs/live', '/run/archiso'];
/** Left by those who start containers: what runs there has an overlay for its root, and no machine to install. */
const CONTAINER_MARKS = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'];
const LIVE_WORDS = /(^|\s)(boot=live|boot=casper|rd\.live\.image|archisobasedir=\S+|kindling\.failsafe=\S+)(\s|$)/;

/** Whether the running system is a live or installer system, and why it is taken for one. */
export function liveSystem(): { readonly live: boolean; readonly why: string } {
  const mark = CONTAINER_MARKS.find((path) => existsSync(path));
  if (mark !== undefined) return { live: false, why: `it is a container: there is ${mark}` };
  if (isChroot()) return { live: false, why: 'it is a chroot' };
  const { type } = system(() => statfsSync('/'));
  if (LIVE_TYPES.has(type)) return { live: true, why: `its root is in memory or read-only (file system type 0x${type.toString(16)})` };
  const place = LIVE_PLACES.find((path) => existsSync(path));
  if (place !== undefined) return { live: true, why: `there is ${place}` };
  const line = existsSync('/proc/cmdline') ? system(() => readFileSync('/proc/cmdline', 'latin1')) : '';
  const word = LIVE_WORDS.exec(line)?.[2];
  return word === undefined ? { live: false, why: 'its root is on a disk' } : { live: true, why: `the kernel was started with ${word}` };
}

/** Whether another directory is the root of process 1; only the superuser can see that, and nobody else changes a system. */
function isChroot(): boolean {
  try {
    const [own, first] = [statSync('/'), statSync('/proc/1/root')];
    return own.dev !== first.dev || own.ino !== first.ino;
  } catch {
    return false; // no /proc, or not the superuser
  }
}

/** The release of the running kernel. */
export const runningKernel = (): string => release();

/** What became of one module that was to be loaded. */
export interface LoadedModule {
  readonly name: string;
  /** `kept`: one of this name was in the kernel before, and stays until the next boot. */
  readonly result: 'loaded' | 'kept' | 'failed';
  readonly message: string;
}

/** What loading needs: one call runs modprobe, the other asks the kernel. */
export interface LoadOutside {
  isLoaded(name: string): boolean;
  modprobe(name: string): Promise<{ readonly code: number; readonly stderr: string }>;
}

const TIMEOUT = 60_000;

/** The modprobe of this machine. */
export const LOAD_OUTSIDE: LoadOutside = {
  isLoaded: (name) => existsSync(`/sys/module/${name.replaceAll('-', '_')}/initstate`),
  modprobe: (name) => runTool('modprobe', [name], { timeout: TIMEOUT }),
};

/** Loads what a manifest says, in its order. A module that cannot be loaded is reported and does not stop the others. */
export async function loadModules(manifest: ItuManifest, outside: LoadOutside): Promise<LoadedModule[]> {
  const results: LoadedModule[] = [];
  for (const name of manifest.load) {
    if (outside.isLoaded(name)) {
      results.push({ name, result: 'kept', message: 'one of this name is loaded already; the new one comes with the next boot' });
      continue;
    }
    const { code, stderr } = await outside.modprobe(name);
    results.push(
      code === 0
        ? { name, result: 'loaded', message: '' }
        : { name, result: 'failed', message: stderr.trim() || `modprobe ended with ${code}` },
    );
  }
  return results;
}
