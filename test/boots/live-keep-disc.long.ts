// The end of a live system on a disc: the drive lets it out, unless it is told not to.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { BOOT_SECONDS, keepSystem, PROMPT, power } from './live-keep-world.ts';
import { isoMedium, mediumFolder, scratchFolder } from './live-world.ts';

/** Asks QEMU's monitor one thing, on a connection of its own. */
async function monitor(path: string, execute: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const socket = connect(path);
  let text = '';
  let asked = 0;
  socket.on('error', reject);
  socket.on('data', (bytes) => {
    text += bytes.toString('utf8');
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const message = JSON.parse(text.slice(0, at));
      text = text.slice(at + 1);
      if (message.QMP !== undefined) socket.write('{"execute":"qmp_capabilities"}\n');
      else if (message.return !== undefined && asked++ === 0) socket.write(`{"execute":"${execute}"}\n`);
      else if (message.return !== undefined) resolve(message.return);
    }
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

for (const [words, isOut] of [
  ['', true],
  ['noeject', false],
] as const) {
  test(`a disc ${isOut ? 'goes out' : 'stays in'} at the end ${words}`, async (t) => {
    if (!needs(t, 'qemu-system-x86_64', 'xorriso')) return;
    const system = await keepSystem('media = cd\n');
    const iso = await isoMedium(mediumFolder({ bundles: { '01-core.sb': system.bundle } }));
    const socket = join(scratchFolder(), 'monitor');
    const drive = ['-drive', `if=none,id=disc,file=${iso},format=raw,media=cdrom,readonly=on`, '-device', 'ide-cd,drive=disc'];
    const talk = power(system, [], `kindling.shutdown=wait ${words}`, [...drive, '-qmp', `unix:${socket},server=on,wait=off`]);
    try {
      await talk.expect(PROMPT, BOOT_SECONDS);
      talk.say('exec /run/initramfs/shutdown poweroff');
      await talk.expect('press Enter to go on', 120);
      const blocks = (await monitor(socket, 'query-block')) as readonly { readonly tray_open?: boolean }[];
      assert.equal(
        blocks.some((one) => one.tray_open === true),
        isOut,
        JSON.stringify(blocks),
      );
      talk.say('');
      await talk.off(120);
    } finally {
      await talk.cut();
    }
  });
}
