// Crash dumps in real crashes: a kernel reserves what was advised and panics, the capture kernel saves, and foreign programs read the dump.
// Every target and every failure: kdump.long.ts.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { debianKernel, mustRun, probeRoot, run, uuidOf } from '../world/index.ts';
import { bootArchive, consoleOf } from './boot.ts';
import { assertProven, crashRoot, kdump, scratchFile } from './kdump-world.ts';

const QEMU = 'qemu-system-x86_64';

test('a crash is saved to a file system by makedumpfile, in exactly the memory advised, and read by others', async (t) => {
  if (!needs(t, QEMU, 'mkfs.ext4', 'debugfs', 'makedumpfile')) return;
  const dump = scratchFile('vmcore');
  const words = ['--target', `UUID=${uuidOf('crash')}:/var/crash`, '--prove', '--dump', dump];
  const ran = await kdump(await crashRoot(), words);
  assertProven(ran);
  const { document } = ran;
  const { proof, memory, dump: found, findings } = document.proof!;
  const { version } = await debianKernel('amd64');
  assert.equal(document.layout, 'squash');
  assert.deepEqual(
    proof.phases.map(({ name }) => name),
    ['first', 'loaded', 'crash', 'squash', 'early', 'coldplug', 'device', 'kdump', 'saved'],
  );
  assert.equal(memory.reserved, document.reserve.advised);
  assert.ok(memory.total * 1024 < memory.reserved && memory.leastAvailable > 0, JSON.stringify(memory));
  // the capture kernel's clock starts anew
  const uptime = (phase: string): number => proof.phases.find(({ name }) => name === phase)!.uptime;
  assert.ok(uptime('saved') > uptime('early') && uptime('early') < uptime('crash') + 20);
  assert.equal(proof.facts.panic, 'sysrq triggered crash');
  assert.match(proof.facts['vmcore-dmesg'] ?? '', /^\d{4,} \/var\/crash\/20\d{10}\/vmcore-dmesg\.txt$/);
  assert.deepEqual(findings, []);
  assert.match(String(found?.place), /^\/var\/crash\/20\d{10}\/vmcore$/);
  assert.deepEqual([found?.form, found?.release, found?.compression, found?.dumpLevel], ['kdump', version, 'lzo', 31]);

  const log = scratchFile('dmesg');
  await mustRun(tool('makedumpfile'), ['--dump-dmesg', dump, log]);
  assert.match(await mustRun('cat', [log]), /Kernel panic - not syncing: sysrq triggered crash/);
  if (!needs(t, 'crash')) return;
  assert.equal((await mustRun(tool('crash'), ['--osrelease', dump])).trim(), version);
});

test('a crash is copied whole to a raw disk; readelf sees the notes', async (t) => {
  if (!needs(t, QEMU, 'readelf')) return;
  const dump = scratchFile('core');
  const ran = await kdump(await crashRoot(), [
    '--target',
    'raw:/dev/vda',
    '--format',
    'copy',
    '--layout',
    'plain',
    '--prove',
    '--dump',
    dump,
  ]);
  assertProven(ran);
  const { dump: found, proof } = ran.document.proof!;
  assert.equal(found?.form, 'elf');
  assert.equal(proof.facts.vmcore, `${found?.size} /dev/vda`);
  const notes = await mustRun(tool('readelf'), ['-n', dump]);
  assert.match(notes, /CORE\s+0x[0-9a-f]+\s+NT_PRSTATUS/);
  assert.match(notes, /VMCOREINFO/);
});

test('without a crashed kernel the archive says so, and does as it is told after failures', async (t) => {
  if (!needs(t, QEMU)) return;
  const root = await probeRoot('amd64', { modules: true });
  const ran = await kdump(root, ['--target', 'LABEL=crash', '--failure', 'poweroff', '--layout', 'plain']);
  assert.equal(ran.code, 0, ran.stderr);
  const { vmlinuz } = await debianKernel('amd64');
  const proof = await bootArchive({ kernel: vmlinuz, archive: ran.archive, memory: 256, append: 'panic=0', until: 'saved' });
  assert.equal(proof.reason?.code, 'early');
  assert.match(proof.reason?.text ?? '', /^NO_VMCORE: there is no \/proc\/vmcore: no kernel crashed before this one/);
  assert.match(consoleOf(proof), /the crash dump was not saved: there is no \/proc\/vmcore/);
  assert.equal(proof.ending, 'guest-shutdown');
});

test('what cannot be is refused before anything is written', async (t) => {
  if (!needs(t, QEMU)) return;
  const root = await probeRoot('amd64', { modules: true });
  const { CLONE } = await import('../world/index.ts');
  const refused = async (...words: readonly string[]) => {
    const archive = scratchFile('refused.img');
    const ran = await run(`${CLONE}/bin/kindling`, ['kdump', '--root', root, '-o', archive, ...words]);
    return { code: ran.code, stderr: ran.stderr, wrote: existsSync(archive) };
  };
  const network = await refused('--target', 'nfs:server:/export');
  assert.match(network.stderr, /UNSUPPORTED: dump target "nfs:server:\/export" is on a network/);
  assert.deepEqual([network.code, network.wrote], [3, false]);
  const nowhere = await refused();
  assert.match(nowhere.stderr, /does not say which file system holds \/var\/crash/);
  assert.deepEqual([nowhere.code, nowhere.wrote], [2, false]);
  const toolless = await refused('--target', 'LABEL=crash', '--prove');
  assert.match(toolless.stderr, /NO_TOOL: .* has no kexec/);
  assert.equal(toolless.code, 4);
});
