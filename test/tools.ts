// Foreign programs that tests compare with: where they are, and what happens to a test when one is missing.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

// An ordinary user's PATH often lacks the sbin directories, where mkfs.ext4, depmod and others live.
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Path of a program on PATH or in the sbin directories, or undefined. A name with "/" is looked at as it is. */
export function findTool(tool: string): string | undefined {
  if (tool.includes('/')) return isProgram(tool) ? tool : undefined;
  const folders = [...(process.env.PATH ?? '').split(':').filter((folder) => folder !== ''), ...SBIN];
  return folders.map((folder) => join(folder, tool)).find(isProgram);
}

/** Whether this run must not skip anything: CI is set to something other than "" or "false". */
export function isCi(): boolean {
  const ci = process.env.CI ?? '';
  return ci !== '' && ci !== 'false' && ci !== '0';
}

/**
 * Says whether all the tools are there. When one is not, the test is skipped by its name on a person's machine, and fails when CI is set:
 * `if (!needs(t, 'cpio')) return;`
 */
export function needs(t: TestContext, ...tools: string[]): boolean {
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  if (missing.length === 0) return true;
  const message = `needs ${missing.join(', ')}, not installed here`;
  if (isCi()) throw new Error(`${message} (CI is set, so nothing is skipped)`);
  t.skip(message);
  return false;
}

/** The same for files that packages bring and nobody runs: `if (!needsFiles(t, '/usr/lib/shim/shimx64.efi.signed')) return;` */
export function needsFiles(t: TestContext, ...paths: string[]): boolean {
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length === 0) return true;
  const message = `needs ${missing.join(', ')}, not installed here`;
  if (isCi()) throw new Error(`${message} (CI is set, so nothing is skipped)`);
  t.skip(message);
  return false;
}

/** The path of a tool that `needs` has just found. Throws when it is missing. */
export function tool(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new Error(`${name} is not installed here`);
  return path;
}
