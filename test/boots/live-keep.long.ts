// What a live system keeps, in real boots: changes in a directory, a file, a partition and behind LUKS, over restarts and over power cuts, the
// end that leaves every file system clean, and a medium whose damage is found and told.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { CLONE, mustRun } from '../world/index.ts';
import {
  BOOT_SECONDS,
  boot,
  isClean,
  type KeepSystem,
  keepSystem,
  medium,
  PASSPHRASE,
  PROMPT,
  power,
  room,
  sums,
  typed,
} from './live-keep-world.ts';
import { scratchFolder } from './live-world.ts';
import type { Talk, TalkDisk } from './talk.ts';

const TOOLS = ['qemu-system-x86_64', 'mkfs.ext4', 'mkfs.vfat', 'mcopy', 'cryptsetup', 'debugfs', 'dumpe2fs'] as const;
const folder = scratchFolder();
const FREE = 'is unmounted: you may remove the medium';

let made: Promise<KeepSystem> | undefined;
function system(): Promise<KeepSystem> {
  made ??= keepSystem();
  return made;
}

/** Boots, does something, and cuts the power when that fails. */
async function during(talk: Talk, act: (talk: Talk) => Promise<void>): Promise<void> {
  try {
    await act(talk);
  } finally {
    await talk.cut();
  }
}

/** The end as systemd enters it: by the first process. */
async function end(talk: Talk, verb = 'poweroff'): Promise<void> {
  talk.say(`exec /run/initramfs/shutdown ${verb}`);
  await talk.expect(FREE, 300);
  await talk.off(60);
}

/** Two boots: the first writes and ends in order, the second finds it. */
async function keeps(
  disks: readonly (string | TalkDisk)[],
  append: string,
  where: RegExp,
  unlock?: (talk: Talk) => Promise<void>,
): Promise<void> {
  const sys = await system();
  const start = async (): Promise<Talk> => {
    if (unlock === undefined) return await boot(sys, disks, append);
    const talk = power(sys, disks, append);
    await unlock(talk);
    await talk.expect(PROMPT, BOOT_SECONDS);
    return talk;
  };
  await during(await start(), async (talk) => {
    assert.match(await typed(talk, 'cat /run/kindling/live'), where);
    await typed(talk, 'echo kept >/etc/kept; chmod 640 /etc/kept; rm /usr/bin/yes; mv /etc/hostname /etc/moved; ln /etc/kept /etc/linked');
    await end(talk);
  });
  await during(await start(), async (talk) => {
    assert.equal(
      await typed(talk, 'cat /etc/kept; stat -c %a.%h /etc/linked; ls /usr/bin/yes /etc/hostname 2>/dev/null; cat /etc/moved'),
      'kept\n640.2\nprobe',
    );
    await end(talk);
  });
}

test('changes in a directory on the medium; the medium is clean afterwards', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const disk = await medium(join(folder, 'directory.img'), 'ext4', { 'kindling/01-core.sb': { copy: (await system()).bundle } });
  await keeps([disk], 'perch', /^CHANGES=directory \/dev\/vda kindling\/changes$/m);
  assert.ok(await isClean(disk));
  // another init, which calls the program as any other process: the union stays in use by it, so all is made read-only
  await during(await boot(await system(), [disk], 'persistence'), async (talk) => {
    assert.equal(await typed(talk, 'cat /etc/kept; echo more >/etc/more'), 'kept');
    talk.say('/run/initramfs/shutdown poweroff');
    await talk.expect('you may remove the medium once the machine is off', 300);
    await talk.off(60);
  });
  assert.ok(await isClean(disk));
  // set aside, not deleted; and not used at all
  await during(await boot(await system(), [disk], 'perch=fresh'), async (talk) => {
    assert.equal(await typed(talk, 'cat /etc/kept /memory/changes/rw.1/etc/more 2>/dev/null'), 'more');
    talk.say('exec /run/initramfs/shutdown halt');
    await talk.expect('kindling: halted', 300);
  });
  await during(await boot(await system(), [disk], 'perch nopersistence'), async (talk) => {
    assert.match(await typed(talk, 'cat /run/kindling/live; grep vda /proc/mounts'), /^CHANGES=memory$[\s\S]*\/data ext4 ro,/m);
  });
});

test('handover switch keeps and ends the same', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const sys = await keepSystem('handover = switch\n');
  const disk = await medium(join(folder, 'switch.img'), 'ext4', { 'kindling/01-core.sb': { copy: sys.bundle } });
  await during(await boot(sys, [disk], 'perch'), async (talk) => {
    assert.match(await typed(talk, 'cat /run/kindling/live; echo kept >/etc/kept'), /^HANDOVER=switch$/m);
    await end(talk);
  });
  assert.ok(await isClean(disk));
  await during(await boot(sys, [disk], 'perch'), async (talk) => {
    assert.equal(await typed(talk, 'cat /etc/kept'), 'kept');
    await end(talk);
  });
});

test('changes in a file on a stick with FAT; the end waits where it is asked to', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const image = await room(join(folder, 'changes.img'));
  const disk = await medium(join(folder, 'fat.img'), 'vfat', {
    'kindling/01-core.sb': { copy: (await system()).bundle },
    'kindling/changes.img': { copy: image },
  });
  await keeps([disk], 'perch', /^CHANGES=file \/dev\/vda kindling\/changes.img$/m);
  const inside = join(folder, 'changes-after.img');
  await mustRun(tool('mcopy'), ['-o', '-i', disk, '::kindling/changes.img', inside]);
  assert.ok(await isClean(inside));
  await mustRun(tool('fsck.vfat'), ['-n', disk]);
  await during(await boot(await system(), [disk], 'perch kindling.shutdown=wait'), async (talk) => {
    talk.say('exec /run/initramfs/shutdown poweroff');
    await talk.expect('press Enter to go on (poweroff)', 300);
    talk.say('');
    await talk.off(60);
  });
});

test("changes on a partition of Debian live's kind", async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const disk = await medium(join(folder, 'partition-medium.img'), 'ext4', { 'kindling/01-core.sb': { copy: (await system()).bundle } });
  const second = await room(join(folder, 'partition.img'), { label: 'persistence', files: { 'persistence.conf': '/ union\n' } });
  await keeps([{ file: disk, writes: 'none' }, second], 'persistence', /^CHANGES=device \/dev\/vdb$/m);
  assert.ok(await isClean(second));
  assert.match(await mustRun(tool('debugfs'), ['-R', 'cat /rw/etc/kept', second]), /^kept$/m);
});

const unlock = async (talk: Talk): Promise<void> => {
  await talk.expect('is encrypted', BOOT_SECONDS);
  await talk.expect(/Enter passphrase.*:/, 120);
  talk.say('wrong');
  await talk.expect(/Enter passphrase.*:/, 300);
  talk.say(PASSPHRASE);
};

test('encrypted changes, on a partition and in a file', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const core = { 'kindling/01-core.sb': { copy: (await system()).bundle } };
  const disk = await medium(join(folder, 'luks-medium.img'), 'vfat', core);
  const second = await room(join(folder, 'luks.img'), { label: 'kindling-changes', locked: true });
  await keeps([{ file: disk, writes: 'none' }, second], 'perch', /^CHANGES=device \/dev\/vdb luks$/m, unlock);
  assert.ok(!readFileSync(second).includes('kept\n'));
  const stick = await medium(join(folder, 'luks-stick.img'), 'vfat', { ...core, 'kindling/changes.img': { copy: second } }, 128);
  await during(power(await system(), [stick], 'perch'), async (talk) => {
    await unlock(talk);
    await talk.expect(PROMPT, BOOT_SECONDS);
    assert.equal(await typed(talk, 'cat /etc/kept'), 'kept');
    await end(talk);
  });
});

// Writes numbers, each synced before it is said, until the power goes.
const WRITER = 'i=0; mkdir -p /var/n; while :; do i=$((i+1)); echo $i >/var/n/$i; sync; echo "number $i written"; done';

for (const type of ['ext4', 'vfat'] as const) {
  test(`power cuts amid writes, changes on ${type}`, async (t) => {
    if (!needs(t, ...TOOLS)) return;
    const image = await room(join(folder, `power-${type}-changes.img`));
    const disk = await medium(join(folder, `power-${type}.img`), type, {
      'kindling/01-core.sb': { copy: (await system()).bundle },
      ...(type === 'vfat' ? { 'kindling/changes.img': { copy: image } } : { 'kindling/changes/rw/etc/ready': '' }),
    });
    let last = 0;
    for (const least of [3, 11, 7, 0]) {
      await during(await boot(await system(), [disk], 'perch'), async (talk) => {
        assert.match(await typed(talk, 'cat /run/kindling/live'), /^CHANGES=(directory|file) /m);
        const look = `for i in $(seq ${last}); do [ "$(cat /var/n/$i)" = $i ] || echo "lost $i"; done; echo looked`;
        assert.equal(await typed(talk, look), 'looked');
        if (least === 0) return;
        await typed(talk, 'rm -rf /var/n');
        talk.say(WRITER);
        await talk.expect(`number ${least} written\n`, 300);
        // somewhere in the middle of a later one
        await new Promise((resolve) => setTimeout(resolve, least * 17));
        await talk.cut();
        last = Math.max(...[...talk.transcript().matchAll(/^number (\d+) written$/gm)].map((found) => Number(found[1])));
      });
    }
  });
}

test('damaged and full changes are said, and nothing of them is touched', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const core = { 'kindling/01-core.sb': { copy: (await system()).bundle } };
  const image = await room(join(folder, 'damaged-changes.img'));
  const descriptor = openSync(image, 'r+');
  writeSync(descriptor, Buffer.alloc(65536), 0, 65536, 0);
  const disk = await medium(join(folder, 'damaged.img'), 'vfat', { ...core, 'kindling/changes.img': { copy: image } });
  const digest = async (): Promise<string> => {
    const copy = join(folder, 'digest.img');
    await mustRun(tool('mcopy'), ['-o', '-i', disk, '::kindling/changes.img', copy]);
    return createHash('sha256').update(readFileSync(copy)).digest('hex');
  };
  const before = await digest();
  await during(power(await system(), [disk], 'perch'), async (talk) => {
    await talk.expect('holds no file system that can be recognised', BOOT_SECONDS);
    await talk.expect('your choice: ', 120);
    talk.say('t');
    await talk.expect('your choice: ', 120);
    talk.say('g');
    await talk.expect(PROMPT, 300);
    assert.match(await typed(talk, 'cat /run/kindling/live'), /^CHANGES=memory$/m);
  });
  await during(power(await system(), [disk], 'perch kindling.changes=stop'), async (talk) => {
    await talk.expect('kindling: failed: /memory/data/kindling/changes.img holds no file system', BOOT_SECONDS);
    await talk.expect('(kindling) # ', 120);
  });
  await during(await boot(await system(), [disk], 'perch kindling.changes=fresh panic=-1'), async (talk) => {
    assert.match(talk.transcript(), /going on with empty changes in memory, as kindling.changes=fresh says/);
  });
  assert.equal(await digest(), before);

  const full = await room(join(folder, 'full.img'), { mib: 8, label: 'persistence' });
  const filler = join(folder, 'filler');
  await mustRun('dd', ['if=/dev/urandom', `of=${filler}`, 'bs=65536', 'count=128']);
  await mustRun(tool('debugfs'), ['-w', '-R', `write ${filler} filler`, full]).catch(() => undefined);
  await during(await boot(await system(), [disk, full], 'persistence perchdir=/dev/vdb kindling.changes=fresh'), async (talk) => {
    assert.match(talk.transcript(), /\/dev\/vdb is full or cannot be written to/);
  });
});

test('the check of the medium names what is damaged, and the boot goes on without it', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const { bundle } = await system();
  const files = {
    'kindling/01-core.sb': { copy: bundle },
    'kindling/02-more.sb': { copy: bundle },
    'kindling/notes.txt': 'as they were\n',
  };
  const whole = await medium(join(folder, 'checked.img'), 'vfat', { ...files, 'kindling/sha256sums': sums(files) });
  await during(await boot(await system(), [whole], 'kindling.verify'), async (talk) => {
    assert.match(talk.transcript(), /checking the medium: 100 %[\s\S]*the medium is whole: 3 files/);
  });
  const bad = join(folder, 'bad.sb');
  copyFileSync(bundle, bad);
  const descriptor = openSync(bad, 'r+');
  writeSync(descriptor, Buffer.from('damaged!'), 0, 8, Math.floor(statSync(bad).size / 2));
  const damaged = await medium(join(folder, 'checked-damaged.img'), 'vfat', {
    ...files,
    'kindling/02-more.sb': { copy: bad },
    'kindling/sha256sums': sums(files),
  });
  await during(power(await system(), [damaged], 'kindling.verify'), async (talk) => {
    await talk.expect('kindling/02-more.sb is damaged', BOOT_SECONDS);
    await talk.expect('w  go on without 02-more.sb', 120);
    await talk.expect('your choice: ', 120);
    talk.say('w');
    await talk.expect(PROMPT, 300);
    assert.match(await typed(talk, 'cat /run/kindling/live'), /^BUNDLES=01-core.sb$/m);
  });
});

test('sealed bundles: signed root hashes, and the kernel checks every block', async (t) => {
  if (!needs(t, ...TOOLS, 'openssl')) return;
  const [secret, key] = [join(folder, 'secret.pem'), join(folder, 'public.pem')];
  await mustRun(tool('openssl'), ['genpkey', '-algorithm', 'ed25519', '-out', secret]);
  await mustRun(tool('openssl'), ['pkey', '-in', secret, '-pubout', '-out', key]);
  const sys = await keepSystem('verity = yes\n', key);
  const tree = join(folder, 'sealed');
  mkdirSync(join(tree, 'kindling'), { recursive: true });
  copyFileSync(sys.bundle, join(tree, 'kindling/01-core.sb'));
  await mustRun(join(CLONE, 'bin/kindling'), ['bundle', 'seal', tree, '--sign', secret]);
  const names = ['01-core.sb', '01-core.sb.verity', 'roothashes', 'roothashes.sig'];
  const files = Object.fromEntries(names.map((name) => [`kindling/${name}`, { copy: join(tree, 'kindling', name) }]));
  const sealed = await medium(join(folder, 'sealed.img'), 'ext4', files);
  await during(await boot(sys, [sealed], 'perch'), async (talk) => {
    assert.match(talk.transcript(), /root hashes are signed by test.pem/);
    assert.match(await typed(talk, 'cat /proc/mounts'), /^\/dev\/mapper\/kindling-bundle-01-core.sb .* squashfs ro/m);
    await end(talk);
  });
  assert.ok(await isClean(sealed));
  // one bit of the data
  const bad = join(folder, 'sealed-bad.sb');
  copyFileSync(sys.bundle, bad);
  const descriptor = openSync(bad, 'r+');
  writeSync(descriptor, Buffer.from([readFileSync(bad)[200]! ^ 1]), 0, 1, 200);
  const changed = await medium(join(folder, 'sealed-changed.img'), 'vfat', { ...files, 'kindling/01-core.sb': { copy: bad } });
  await during(power(sys, [changed]), async (talk) => {
    await talk.expect('its blocks are not what the signed root hash says', BOOT_SECONDS);
  });
  const forged = await medium(join(folder, 'sealed-forged.img'), 'vfat', {
    ...files,
    'kindling/roothashes': `${'0'.repeat(64)} 01-core.sb\n`,
  });
  await during(power(sys, [forged]), async (talk) => {
    await talk.expect("signed by none of this archive's keys", BOOT_SECONDS);
  });
});
