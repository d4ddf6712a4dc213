// GRUB's core images, made by its own `grub-mkimage` from the modules that the distribution ships (docs/dependencies.md). No root, no mount:
// a program that reads files and writes one.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KindlingError } from '../errors.ts';
import type { CoreRequest } from '../media/index.ts';
import { onInterrupt } from './cleanup.ts';
import { system } from './errno.ts';
import { findTool, runTool } from './tools.ts';

const FOLDERS = ['/usr/lib/grub', '/usr/lib/grub2', '/usr/share/grub', '/usr/local/lib/grub'];
const PACKAGES: Readonly<Record<string, string>> = { 'i386-pc': 'grub-pc-bin', 'x86_64-efi': 'grub-efi-amd64-bin' };
const TIMEOUT_MS = 60_000;

function folderOf(platform: string): string {
  const folder = FOLDERS.map((base) => `${base}/${platform}`).find(
    (path) => existsSync(`${path}/modinfo.sh`) || existsSync(`${path}/kernel.img`),
  );
  if (folder !== undefined) return folder;
  throw new KindlingError('NO_TOOL', `GRUB's modules for ${platform} are not installed (Debian package ${PACKAGES[platform]})`, {
    file: `${FOLDERS[0]}/${platform}`,
  });
}

/** The platforms whose modules are installed, and grub-mkimage with them. */
export function grubPlatforms(): readonly ('i386-pc' | 'x86_64-efi')[] {
  if (findTool('grub-mkimage') === undefined && findTool('grub2-mkimage') === undefined) return [];
  return (['i386-pc', 'x86_64-efi'] as const).filter((platform) => FOLDERS.some((base) => existsSync(`${base}/${platform}/kernel.img`)));
}

/** A boot sector of GRUB ("boot.img", "boot_hybrid.img"). Throws NO_TOOL naming the package. */
export function grubSector(name: 'boot.img' | 'boot_hybrid.img'): Uint8Array {
  const path = `${folderOf('i386-pc')}/${name}`;
  return new Uint8Array(system(() => readFileSync(path), { file: path }));
}

/** Makes a core image. Throws NO_TOOL naming what is to be installed, IO with the program's own words when it fails. */
export async function grubCore(request: CoreRequest): Promise<Uint8Array> {
  const platform = request.format === 'x86_64-efi' ? 'x86_64-efi' : 'i386-pc';
  const folder = folderOf(platform);
  const program = findTool('grub-mkimage') ?? findTool('grub2-mkimage');
  if (program === undefined) throw new KindlingError('NO_TOOL', 'the program "grub-mkimage" is not installed (Debian package grub-common)');
  const scratch = system(() => mkdtempSync(join(tmpdir(), 'kindling-grub-')));
  const remove = (): void => rmSync(scratch, { recursive: true, force: true });
  const withdraw = onInterrupt(remove);
  try {
    const [config, output] = [join(scratch, 'first.cfg'), join(scratch, 'core.img')];
    system(() => writeFileSync(config, request.config));
    const words = ['-d', folder, '-O', request.format, '-p', request.prefix, '-c', config, '-o', output, ...request.modules];
    const { code, stderr } = await runTool(program, words, { timeout: TIMEOUT_MS, env: { ...process.env, LC_ALL: 'C' } });
    if (code !== 0) throw new KindlingError('IO', `grub-mkimage ended with ${code}: ${stderr.trim()}`, { file: program });
    return new Uint8Array(system(() => readFileSync(output), { file: output }));
  } finally {
    withdraw();
    remove();
  }
}
