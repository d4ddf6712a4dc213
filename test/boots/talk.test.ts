// The driver itself, on a machine that firmware finds nothing to boot on and on one with a shell.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { archives, lateRoot } from './early-world.ts';
import { machineWords, start } from './talk.ts';

test('a prompt is waited for, typed at, and the power pulled', async (t) => {
  if (!needs(t, 'qemu-system-x86_64')) return;
  const kernel = (await debianKernel('amd64')).vmlinuz;
  const archive = await archives().host(await lateRoot());
  const machine = start(machineWords({ kernel, archive, append: 'quiet rd.break=pre-mount' }));
  try {
    const prompt = '(kindling) # ';
    await machine.expect(prompt, 90);
    assert.match(await machine.ask('echo $((6 * 7)); echo done', prompt, 30), /^42\ndone\n$/);
    // what has come beyond the words is there for the next wait
    machine.say('echo one; echo two; echo three');
    await machine.expect(/^two/m, 30);
    await machine.expect('three', 30);
    await machine.expect(prompt, 30);
    await assert.rejects(
      machine.expect('never said', 0.5),
      /did not say never said within 0.5 s\n---- the console's last lines\n[\s\S]*three/,
    );
    assert.match(machine.transcript(), /\(kindling\) # echo \$\(\(6 \* 7\)\); echo done\n42\ndone\n/);
  } finally {
    await machine.cut();
  }
  await assert.rejects(machine.expect('anything', 5), /the machine ended before it said anything/);
});
