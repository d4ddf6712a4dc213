// The machine itself, in real boots of a tiny archive: success, each kind of failure, and that nothing is ever left behind.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesSource } from '../../src/bytes/index.ts';
import { bootOutside } from '../../src/node/index.ts';
import { file } from '../../src/tree/index.ts';
import { leastMemory } from '../../src/verbs/boot.ts';
import { needs } from '../tools.ts';
import { CLONE, debianKernel } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { tinyArchive } from './tiny.ts';

const QEMU = 'qemu-system-x86_64';
const KINDLING = join(CLONE, 'bin/kindling');
let kernel = '';

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
});

/** Ids of QEMU processes that have this path on their command line. */
function machinesWith(path: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return words[0]?.endsWith(QEMU) && words.includes(path);
      } catch {
        return false; // it ended since it was listed
      }
    })
    .map(Number);
}

async function until(what: string, holds: () => boolean, seconds = 20): Promise<void> {
  for (let turns = seconds * 20; !holds(); turns--) {
    assert.ok(turns > 0, `${what}: not within ${seconds} s`);
    await sleep(50);
  }
}

const backings = (): readonly string[] => readdirSync('/dev/shm').filter((name) => name.includes('qemu'));

test('phases, facts and memory of a boot, and nothing left behind', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await tinyArchive('phase early\nsay fact kernel $(busybox uname -r)\nphase init\nphase released\nbusybox sleep 99');
  const proof = await bootArchive({ kernel, archive, memory: 256, append: 'root=/dev/null' });
  assertReached(proof);
  assert.deepEqual(
    proof.phases.map((mark) => mark.name),
    ['early', 'init', 'released'],
  );
  for (const mark of proof.phases) {
    assert.ok(mark.at > 0.5 && mark.uptime !== null && mark.uptime < mark.at, JSON.stringify(mark));
    assert.ok(mark.memory !== null && mark.memory > 100_000 && mark.memory < 262_144, JSON.stringify(mark));
  }
  assert.match(proof.facts.kernel ?? '', /^\d+\.\d+/);
  assert.equal(proof.ending, 'quit');
  assert.ok(proof.memory.least !== null && proof.memory.least > 50 * 1024 && proof.memory.least < 200 * 1024, String(proof.memory.least));
  assert.match(consoleOf(proof), /Linux version/);
  assert.deepEqual(readdirSync(dirname(proof.console)), ['console.log']);
  assert.deepEqual(machinesWith(archive), []);
  assert.deepEqual(backings(), []);
  assert.match(proof.commandLine, /^console=ttyS0 panic=-1 no_timer_check kindling\.report=ttyS1 root=/);
});

test('a panic is seen, with its line, and the files for repeating it stay', async (t) => {
  if (!needs(t, QEMU)) return;
  const proof = await bootArchive({ kernel, archive: await tinyArchive('phase early\nexit 3'), memory: 256 });
  assert.equal(proof.reason?.code, 'panic');
  assert.match(proof.reason?.text ?? '', /Attempted to kill init/);
  assert.equal(proof.ending, 'guest-reset');
  assert.equal(proof.phases.length, 1);
  assert.ok(existsSync(dirname(proof.qemu.find((word) => word.startsWith('file,id=report,path='))!.slice(20))));
});

test('a guest that goes off by itself did not get there', async (t) => {
  if (!needs(t, QEMU)) return;
  const proof = await bootArchive({ kernel, archive: await tinyArchive('say failed no-root none\nbusybox poweroff -f'), memory: 256 });
  assert.deepEqual([proof.reason?.code, proof.reason?.text, proof.ending], ['early', 'no-root: none', 'guest-shutdown']);
});

test('a deadline ends the machine cleanly', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await tinyArchive('busybox sleep 99');
  const proof = await bootArchive({ kernel, archive, memory: 256, timeout: 2 });
  assert.equal(proof.reason?.code, 'timeout');
  assert.ok(['quit', 'killed'].includes(proof.ending), proof.ending);
  assert.deepEqual(machinesWith(archive), []);
});

test('junk after the archive is a failure to unpack', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await tinyArchive('phase released\nbusybox sleep 99');
  appendFileSync(archive, `kindling${'x'.repeat(4096)}`);
  const proof = await bootArchive({ kernel, archive, memory: 256 });
  assert.equal(proof.reason?.code, 'unpack');
  assert.match(proof.reason?.text ?? '', /Initramfs unpacking failed/);
});

test('an archive that does not fit in memory is seen', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await tinyArchive('phase released', [file('ballast', bytesSource(new Uint8Array(80 << 20).fill(7)))]);
  const proof = await bootArchive({ kernel, archive, memory: 200, append: 'root=/dev/null' });
  assert.ok(proof.reason?.code === 'memory' || proof.reason?.code === 'unpack', `${proof.reason?.code}: ${proof.reason?.text}`);
});

test('several archives are one, each aligned', async (t) => {
  if (!needs(t, QEMU)) return;
  const first = await tinyArchive('exit 1');
  appendFileSync(first, new Uint8Array(2)); // a length that is no multiple of four
  const second = await tinyArchive('phase released\nbusybox sleep 99');
  assertReached(await bootArchive({ kernel, archive: [first, second], memory: 256 }));
});

test('the least memory is found near what one boot touched', async (t) => {
  if (!needs(t, QEMU)) return;
  const request = {
    kernel,
    archives: [await tinyArchive('phase released\nbusybox sleep 99')],
    disks: [],
    append: 'root=/dev/null quiet',
    memory: 192,
    processors: 1,
    until: 'released',
    timeout: 60,
    accelerator: 'tcg' as const,
    type: undefined,
    asIs: false,
  };
  const { first, found, forecast } = await leastMemory(request, undefined, bootOutside());
  assertReached(first);
  assert.ok(found !== undefined);
  for (const proof of [first, found.proof]) rmSync(dirname(proof.console), { recursive: true });
  assert.ok(Math.abs(found.least - forecast) <= 24, `${found.least} MiB measured, ${forecast} MiB forecast`);
  assert.ok(
    found.trials.some((trial) => !trial.reached),
    'a size that fails was tried',
  );
});

/** kindling as a process of its own, with its QEMU running. */
async function running(archive: string): Promise<ChildProcess> {
  const child = spawn(KINDLING, ['boot', '-k', kernel, '-a', archive, '-m', '256'], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, TMPDIR: dirname(archive) },
  });
  await until('QEMU started', () => machinesWith(archive).length === 1);
  return child;
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
  test(`${signal} to kindling ends QEMU too`, async (t) => {
    if (!needs(t, QEMU, 'setpriv')) return;
    const archive = await tinyArchive('busybox sleep 99');
    const child = await running(archive);
    child.kill(signal);
    const [code, by] = await once(child, 'exit');
    if (signal === 'SIGKILL') assert.equal(by, 'SIGKILL');
    else assert.equal(code, signal === 'SIGTERM' ? 143 : 130);
    await until('QEMU is gone', () => machinesWith(archive).length === 0, 5);
    assert.deepEqual(backings(), []);
  });
}

async function output(args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(KINDLING, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const [code] = await once(child, 'close');
  return { code, text };
}

test('--json prints the proof as docs/boot.md has it, and its command is the one -n prints', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await tinyArchive('phase released\nbusybox sleep 99');
  const words = ['boot', '-k', kernel, '-a', archive, '-m', '256', '--json', '--append', 'quiet'];
  const dry = JSON.parse((await output([...words, '-n'])).text);
  const { code, text } = await output([...words, '--console', join(dirname(archive), 'kept.log')]);
  const proof = JSON.parse(text);
  assert.equal(code, 0);
  assert.equal(proof.console, join(dirname(archive), 'kept.log'));
  const page = readFileSync(join(CLONE, 'docs/boot.md'), 'utf8');
  const fields = Object.keys(proof).flatMap((key) =>
    key === 'memory' ? Object.keys(proof.memory).map((part) => `memory.${part}`) : [key],
  );
  for (const field of fields) assert.ok(page.includes(`| \`${field}\` |`), field);
  const folder = (command: readonly string[]) => dirname(command.find((word) => word.includes('id=report,path='))!.split('path=')[1]!);
  const bare = (command: readonly string[]) => command.map((word) => word.replace(folder(command), 'FOLDER'));
  assert.deepEqual(bare(dry.qemu), bare(proof.qemu));
  rmSync(folder(dry.qemu), { recursive: true });
});

test('exit codes: 4 without QEMU, 3 for what is no kernel or not there, 2 for nonsense', async () => {
  const archive = await tinyArchive('exit 1');
  const bad = join(dirname(archive), 'no-kernel');
  writeFileSync(bad, 'x'.repeat(5000));
  const code = async (args: readonly string[], path = process.env.PATH): Promise<unknown> => {
    const child = spawn(process.execPath, [join(CLONE, 'src/cli/main.ts'), 'boot', '-q', ...args], {
      env: { PATH: path },
      stdio: 'ignore',
    });
    return (await once(child, 'exit'))[0];
  };
  assert.equal(await code(['-k', kernel, '-a', archive, '--append', 'x\ny']), 2);
  assert.equal(await code(['-k', kernel, '-a', archive], '/nowhere'), 4);
  assert.equal(await code(['-k', bad, '-a', archive]), 3);
  assert.equal(await code(['-k', kernel, '-a', join(dirname(archive), 'none')]), 3);
});
