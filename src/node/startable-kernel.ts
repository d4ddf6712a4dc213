// A kernel as QEMU starts it soonest. An emulated processor spends seconds in a bzImage's own decompressor; the kernel inside can be started
// directly (PVH) when it says so. Unpacked kernels are kept in the cache, each named by the digests of what it came from and of itself:
// a damaged or deleted one is made again.
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Architecture } from '../boot/index.ts';
import { type ByteSource, readAll } from '../bytes/index.ts';
import { KindlingError, located } from '../errors.ts';
import * as kernel from '../formats/kernel/index.ts';
import type { StartableKernel } from '../verbs/boot.ts';
import { nodeDecoders } from './codecs.ts';
import { sha256 } from './digest.ts';
import { fileSource } from './source.ts';
import { writeAtomically } from './write.ts';

const KEPT_MOST = 6;

/** Recognises a kernel and, unless `asIs`, finds or makes the form that starts soonest. Throws UNRECOGNISED, UNSUPPORTED, and what reading throws. */
export async function startableKernel(path: string, asIs: boolean): Promise<StartableKernel> {
  const source = fileSource(path);
  try {
    const image = kernel.open(source, nodeDecoders());
    const architecture = architectureOf(image.machine, path);
    const direct = asIs || image.kind === 'elf' || image.kind === 'image' ? undefined : await unpacked(source, image);
    if (direct === undefined && image.kind === 'uki') throw new KindlingError('UNSUPPORTED', 'QEMU cannot start this EFI program directly');
    return { path: direct ?? resolve(path), architecture };
  } catch (error) {
    throw located(error, { file: path });
  } finally {
    source.release();
  }
}

function architectureOf(machine: string | undefined, file: string): Architecture {
  if (machine === 'x86_64' || machine === 'aarch64') return machine;
  throw new KindlingError('UNSUPPORTED', `a kernel for ${machine ?? 'an unknown processor'}, expected x86_64 or aarch64`, { file });
}

/** Path of the kernel inside, or undefined when it cannot be started directly or not be kept. */
async function unpacked(source: ByteSource, image: kernel.KernelImage): Promise<string | undefined> {
  const directory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kindling/vmlinux');
  const key = sha256(readAll(source));
  const kept = cached(directory, key);
  if (kept !== undefined) return kept;
  const inside = kernel.payload(image, nodeDecoders());
  if (image.machine === 'x86_64' && kernel.directEntry(inside) === undefined) return undefined;
  const bytes = readAll(inside);
  const target = join(directory, `${key}-${sha256(bytes)}`);
  try {
    mkdirSync(directory, { recursive: true });
    await writeAtomically(target, [bytes]);
    prune(directory);
  } catch {
    return undefined; // no cache here (read-only, full): the image as it is starts too, only later
  }
  return target;
}

/** A kept kernel whose bytes still have the digest in its name; a damaged one is removed. */
function cached(directory: string, key: string): string | undefined {
  const name = names(directory).find((one) => one.startsWith(`${key}-`));
  if (name === undefined) return undefined;
  const path = join(directory, name);
  try {
    const source = fileSource(path);
    const whole = sha256(readAll(source)) === name.slice(key.length + 1);
    source.release();
    if (!whole) rmSync(path, { force: true });
    else utimesSync(path, new Date(), new Date());
    return whole ? path : undefined;
  } catch {
    return undefined; // removed or made unreadable meanwhile: it is made again, or done without
  }
}

/** Keeps those used last. */
function prune(directory: string): void {
  const aged = names(directory)
    .map((name) => join(directory, name))
    .map((path) => ({ path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of aged.slice(KEPT_MOST)) rmSync(path, { force: true });
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => /^[0-9a-f]{64}-[0-9a-f]{64}$/.test(name));
  } catch {
    return []; // not there yet
  }
}
