// Installs the Debian packages a command needs, where that is possible and allowed. Never uses sudo, never fails: what cannot be installed
// is named, and the caller goes on with what works.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { findTool } from '../test/tools.ts';
import { DEBIAN_PACKAGES, type DebianPackage, type Group } from './debian-packages.ts';

const LOCK_SECONDS = 300;

// what a package brings may be a file that nobody runs, by its whole path
function isThere(program: string): boolean {
  return program.startsWith('/') ? existsSync(program) : findTool(program) !== undefined;
}

function missingPackages(group: Group): DebianPackage[] {
  return DEBIAN_PACKAGES.filter((entry) => entry.groups.includes(group) && !entry.programs.every(isThere));
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function aptGet(words: readonly string[]): boolean {
  const common = ['-q', '-y', '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, '-o', 'Acquire::Retries=3', '-o', 'Dpkg::Use-Pty=0'];
  // apt's own output is for a person and long; it is shown only when it failed
  const done = spawnSync('apt-get', [...common, ...words], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (done.status === 0) return true;
  const last = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().split('\n').slice(-5).join('\n  ');
  say(`apt-get ${words.join(' ')} failed:\n  ${done.error?.message ?? last}`);
  return false;
}

async function agreed(names: readonly string[]): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Install the Debian packages ${names.join(' ')} now? [Y/n] `);
    return !/^\s*n/i.test(answer);
  } finally {
    terminal.close();
  }
}

function report(missing: readonly DebianPackage[], why: string): void {
  say(`Not installed (${why}):`);
  for (const entry of missing) {
    const programs = entry.programs.filter((program) => !isThere(program));
    say(`  ${entry.name.padEnd(22)} ${programs.join(', ')}: ${entry.why}`);
  }
  say(`With them more works; as root: apt-get install --no-install-recommends ${missing.map((entry) => entry.name).join(' ')}`);
}

/**
 * Makes the programs of a group available as far as it may: root on a Debian-like system installs what is missing (on a terminal after one
 * question), anybody else is told what is missing. Answers the packages that still are.
 */
export async function setUp(group: Group): Promise<readonly DebianPackage[]> {
  const missing = missingPackages(group);
  if (missing.length === 0) return [];
  const names = missing.map((entry) => entry.name);
  if (findTool('apt-get') === undefined || !existsSync('/etc/debian_version')) {
    report(missing, 'this is no Debian-like system, so they are not installed for you');
    return missing;
  }
  if (process.geteuid?.() !== 0) {
    report(missing, 'only root can install them, and kindling never uses sudo');
    return missing;
  }
  if (!(await agreed(names))) {
    report(missing, 'not wanted');
    return missing;
  }
  say(`Installing the Debian packages ${names.join(' ')}`);
  aptGet(['update']);
  const install = ['install', '--no-install-recommends'];
  // One package that a system does not have must not keep the others away.
  if (!aptGet([...install, ...names]) && names.length > 1) for (const name of names) aptGet([...install, name]);
  const still = missingPackages(group);
  if (still.length > 0) report(still, 'apt-get could not bring them');
  return still;
}
