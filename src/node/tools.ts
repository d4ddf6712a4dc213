// Outside programs: finding them and running them. Nothing of a root is ever run; these are the machine's own (QEMU, in tests cpio and others).
import { accessSync, constants, statSync } from 'node:fs';
import { concat } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { onInterrupt } from './cleanup.ts';

// An ordinary user's PATH on Debian lacks these, and mkfs and friends are there.
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of a program on PATH or in a system directory, or undefined. A name with "/" is looked at as it is. */
export function findTool(name: string, env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  if (name.includes('/')) return isProgram(name) ? name : undefined;
  const directories = [...(env.PATH ?? '').split(':').filter((directory) => directory.startsWith('/')), ...SYSTEM_DIRECTORIES];
  return directories.map((directory) => `${directory}/${name}`).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for this user: in both cases no program
  }
}

/** How `runTool` runs a program. */
export interface RunOptions {
  readonly input?: Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until the program is ended and TIMEOUT is thrown. */
  readonly timeout?: number;
  /** Most bytes of output that are taken before LIMIT is thrown; 256 MiB unless told. */
  readonly limit?: number;
}

/** How a program ended. `code` is 128 + n when signal n ended it. */
export interface ToolResult {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** Runs a program to its end. Throws NO_TOOL when there is none of this name; an exit code other than 0 is the caller's to judge. */
export async function runTool(name: string, args: readonly string[], options: RunOptions = {}): Promise<ToolResult> {
  const path = findTool(name);
  if (path === undefined) throw new KindlingError('NO_TOOL', `the program "${name}" is not installed`);
  const { spawn } = await import('node:child_process');
  const { constants: os } = await import('node:os');
  const limit = options.limit ?? 256 * 1024 * 1024;
  return await new Promise((resolve, reject) => {
    const child = spawn(path, [...args], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let failure: KindlingError | undefined;
    const end = (why: KindlingError): void => {
      failure ??= why;
      child.kill('SIGKILL');
    };
    const withdraw = onInterrupt(() => child.kill('SIGTERM'));
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => end(new KindlingError('TIMEOUT', `${name} did not end within ${options.timeout} ms`)), options.timeout);
    const out: Uint8Array[] = [];
    const err: Uint8Array[] = [];
    let size = 0;
    const take = (into: Uint8Array[]) => (piece: Uint8Array) => {
      size += piece.length;
      if (size > limit) end(new KindlingError('LIMIT', `${name} printed over ${limit} bytes`));
      else into.push(piece);
    };
    child.stdout.on('data', take(out));
    child.stderr.on('data', take(err));
    // A program may end without reading its input; its exit code says whether that was a failure.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? new Uint8Array(0));
    const settle = (): void => {
      clearTimeout(timer);
      withdraw();
    };
    child.on('error', (error) => {
      settle();
      reject(new KindlingError('IO', `${name} could not be started: ${error.message}`, {}, error));
    });
    child.on('close', (code, signal) => {
      settle();
      if (failure !== undefined) reject(failure);
      else {
        resolve({
          code: code ?? 128 + (signal === null ? 0 : os.signals[signal]),
          stdout: concat(out),
          stderr: Buffer.concat(err).toString('utf8'),
        });
      }
    });
  });
}
