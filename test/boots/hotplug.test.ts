// Waiting for devices on a kernel that runs a program for each (CONFIG_UEVENT_HELPER). Debian's kernels for machines leave that out; its
// user-mode-linux, which is a kernel that runs as a process, has it.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bytesSource } from '../../src/bytes/index.ts';
import { directory, type Entry, file } from '../../src/tree/index.ts';
import { needs } from '../tools.ts';
import { CLONE } from '../world/index.ts';
import { tinyArchive } from './tiny.ts';

const SECONDS = 60;
const folder = mkdtempSync(join(tmpdir(), 'kindling-hotplug-'));
let machine: ChildProcess | undefined;
after(() => {
  machine?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const early = (name: string, mode: number): Entry => file(`early/${name}`, bytesSource(readFileSync(join(CLONE, 'early', name))), mode);

// early userspace's own files, waiting longer than the test does: only an announcement ends that
const SCRIPT = `export PATH=/sbin
busybox --install -s /sbin
mount -t sysfs sysfs /sys
e_home=/early TOOLS=busybox
. /early/events.sh
echo before $(cat /proc/sys/kernel/hotplug)
events_open
echo helper $(cat /proc/sys/kernel/hotplug) watcher "$v_pid" waits
events_wait ${SECONDS * 10} && echo heard of $(ls /sys/block)
events_close
echo after $(cat /proc/sys/kernel/hotplug)
poweroff -f
`;

test('a kernel that calls a program for each device calls ours while devices are waited for, and then its own again', async (t) => {
  if (!needs(t, 'linux.uml', 'uml_mconsole')) return;
  const archive = await tinyArchive(SCRIPT, [directory('early'), directory('sbin'), early('events.sh', 0o644), early('hotplug', 0o755)]);
  const disk = join(folder, 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, 1 << 20);
  mkdirSync(join(folder, 'uml'));
  const words = [
    `initrd=${archive}`,
    'mem=128M',
    'umid=kindling',
    `uml_dir=${folder}/uml/`,
    'con=null',
    'con0=fd:0,fd:1',
    'ssl=null',
    'quiet',
  ];
  const child = spawn('linux.uml', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  machine = child;
  let said = '';
  let plugged = false;
  child.stdout.on('data', (bytes: Uint8Array) => {
    said += new TextDecoder().decode(bytes);
    if (plugged || !said.includes('waits')) return;
    plugged = true;
    execFileSync('uml_mconsole', [join(folder, 'uml/kindling/mconsole'), 'config', `ubdb=${disk}`], { stdio: 'ignore' });
  });
  const late = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1000);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(late);
  const lines = said.split(/\r*\n/).filter((line) => /^(before|helper|heard|after)/.test(line));
  assert.deepEqual(lines, ['before /sbin/hotplug', 'helper /early/hotplug watcher  waits', 'heard of ubdb', 'after /sbin/hotplug'], said);
});
