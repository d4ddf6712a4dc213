// A kernel as QEMU starts it soonest. For now: recognised, and started as it is.
import { resolve } from 'node:path';
import { bytesSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { StartableKernel } from '../verbs/boot.ts';
import { fileSource } from './source.ts';

/** Recognises a kernel by its header. */
export function startableKernel(path: string, _asIs: boolean): StartableKernel {
  const source = fileSource(path);
  const head = bytesSource(source.read(0, Math.min(source.size, 4096))).read(0, Math.min(source.size, 4096));
  source.release();
  const has = (at: number, text: string): boolean => [...text].every((char, index) => head[at + index] === char.charCodeAt(0));
  if (has(0x202, 'HdrS')) return { path: resolve(path), architecture: 'x86_64' };
  if (has(0x38, 'ARM\x64')) return { path: resolve(path), architecture: 'aarch64' };
  if (has(0, '\x7fELF') && head[18] === 62) return { path: resolve(path), architecture: 'x86_64' };
  throw new KindlingError('BAD_MAGIC', 'no Linux kernel for x86_64 or aarch64', { file: path });
}
