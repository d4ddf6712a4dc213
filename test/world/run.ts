// Runs a foreign program to its end and keeps what it said.
import { spawn } from 'node:child_process';

/** How a program ended, and its output. */
export interface Ran {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds; the program is killed after that. */
  readonly timeout?: number;
}

/** Runs a program without a shell, in the C locale. Rejects when it cannot be started; a failing exit code is the caller's to judge. */
export function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      timeout: options.timeout,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined); // a program that does not read its input ends anyway; its exit code says the rest
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const said = Buffer.concat(stderr).toString('utf8');
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout), stderr: signal === null ? said : `${said}\nended by ${signal}` });
    });
  });
}

/** Runs a program that has to succeed; rejects with its last words otherwise. Answers its standard output as text. */
export async function mustRun(program: string, words: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(program, words, options);
  if (ran.code === 0) return ran.stdout.toString('utf8');
  const shown = words.length > 12 ? [...words.slice(0, 12), '…'] : words;
  throw new Error(`${program} ${shown.join(' ')}: exit code ${ran.code}: ${ran.stderr.trim().split('\n').slice(-8).join('\n')}`);
}
