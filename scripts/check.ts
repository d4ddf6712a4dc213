// The checks that need no test runner: both type checks, formatter and linter, and shellcheck of what runs in the booted machine.
// Prints only what is wrong. `npm run check` runs it alone; scripts/test.ts runs it before the tests.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findTool, isCi } from '../test/tools.ts';
import { CLONE, run } from '../test/world/index.ts';

interface Check {
  readonly name: string;
  readonly program: string;
  readonly words: readonly string[];
}

const bin = (name: string) => join(CLONE, 'node_modules/.bin', name);

/** Shell programs of the project by their first line; early/ has a test of its own, which knows how its files belong together. */
function shellFiles(): string[] {
  const files = ['bin', 'packaging', 'packaging/debian', 'packaging/hooks', 'test/world/probe', '.ci'].flatMap((folder) =>
    readdirSync(join(CLONE, folder), { withFileTypes: true }).flatMap((one) => (one.isFile() ? [join(CLONE, folder, one.name)] : [])),
  );
  return files.filter((path) => /^#!.*\b(sh|bash|dash)\b/.test(readFileSync(path, 'utf8').slice(0, 80))).sort();
}

function checks(): Check[] {
  const list: Check[] = [
    { name: 'tsc', program: bin('tsc'), words: ['-p', 'tsconfig.json'] },
    { name: 'tsc (browser-safe rooms)', program: bin('tsc'), words: ['-p', 'tsconfig.pure.json'] },
    { name: 'biome', program: bin('biome'), words: ['check', '--error-on-warnings', 'src', 'test', 'scripts', 'bench'] },
  ];
  if (findTool('shellcheck') !== undefined) list.push({ name: 'shellcheck', program: 'shellcheck', words: ['-x', ...shellFiles()] });
  else if (isCi()) list.push({ name: 'shellcheck', program: 'shellcheck', words: ['--version'] });
  else process.stderr.write('check: shellcheck is not installed here, so the shell code is not checked\n');
  return list;
}

async function isClean({ name, program, words }: Check): Promise<boolean> {
  const startedAt = performance.now();
  const notStarted = (error: Error) => ({ code: 127, stdout: Buffer.alloc(0), stderr: error.message });
  const ran = await run(program, words, { cwd: CLONE }).catch(notStarted);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`check: ${name}: ${ran.code === 0 ? 'clean' : `exit code ${ran.code}`} (${seconds} s)\n`);
  if (ran.code !== 0) process.stderr.write(`${ran.stdout.toString('utf8')}${ran.stderr}\n`);
  return ran.code === 0;
}

/** Runs all checks side by side. Answers whether all are clean; what is not is printed on standard error. */
export async function check(): Promise<boolean> {
  return (await Promise.all(checks().map(isClean))).every((clean) => clean);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = (await check()) ? 0 : 1;
