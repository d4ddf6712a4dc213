// Bundles of a running live system, on one that is made up: what is mounted, what is written, and what is said when it cannot be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { directory, type Entry, file, makeTree, symlink, type Tree, withParents } from '../tree/index.ts';
import { addLiveBundle, type LiveOutside, removeLiveBundle, whyNotNow } from './live-bundles.ts';

const ID = 'a'.repeat(64);
const DIGEST = 'b'.repeat(64);
const BOTH = { now: true, next: true };

function treeOf(paths: readonly string[]): Tree {
  const entry = (path: string): Entry =>
    path.endsWith('/')
      ? directory(path.slice(0, -1))
      : path.endsWith('@')
        ? symlink(path.slice(0, -1), 'usr/bin')
        : file(path, bytesSource(new Uint8Array(1)));
  return makeTree(withParents(paths.map(entry)));
}

interface Made {
  readonly outside: LiveOutside;
  readonly files: Map<string, string>;
  readonly ran: string[];
}

function live(options: { type?: string; toram?: boolean; options?: string; tree?: Tree; fails?: string } = {}): Made {
  const state = `MEDIUM=${ID}\nDEVICE=/dev/sda1\nFSTYPE=${options.type ?? 'ext4'}\nISO=\nDATA=/memory/data/kindling\nTORAM=${options.toram === true ? 1 : ''}\nCHANGES=memory\nBUNDLES=01-core.sb 05-desk.sb\n`;
  const files = new Map([
    ['/run/kindling/live', state],
    ['/proc/self/mounts', `union / overlay rw 0 0\n/dev/sda1 /run/initramfs/memory/data ext4 ${options.options ?? 'ro'} 0 0\n`],
    ['/memory/data/kindling', ''],
    ['/memory/data/kindling/05-desk.sb', 'desk'],
    ['/memory/data/kindling/medium', `${ID}\n01-core.sb 4\n05-desk.sb 4\n`],
    ['/memory/data/kindling/sha256sums', `${DIGEST}  ./boot/vmlinuz\n${DIGEST}  ./kindling/medium\n`],
    ['/home/07-game.sb', 'game'],
    ['/run/kindling/base/usr', ''],
  ]);
  const ran: string[] = [];
  const move = (from: string, to: string): void => {
    files.set(to, files.get(from)!);
  };
  const outside: LiveOutside = {
    read: (path) => files.get(path),
    exists: (path) => files.has(path),
    size: (path) => files.get(path)!.length,
    sha256: async (path) => (path.endsWith('medium') ? 'c' : 'd').repeat(64),
    realPath: (path) => path.replace('/memory', '/run/initramfs/memory'),
    write: async (path, text) => void files.set(path, text),
    copy: async (from, to) => move(from, to),
    rename: async (from, to) => {
      move(from, to);
      files.delete(from);
    },
    makeDirectory: (path) => void files.set(path, ''),
    tree: async () => options.tree ?? treeOf(['usr/bin/game', 'opt/game/data', 'bin@']),
    run: async (words) => {
      const line = words.join(' ');
      ran.push(line);
      if (options.fails !== undefined && line.includes(options.fails)) return { code: 32, stderr: 'refused\n' };
      const to = words.at(-1)!;
      if (words[0] === 'mount' && !line.includes('remount'))
        files.set('/proc/self/mounts', `${files.get('/proc/self/mounts')}x ${to} x rw 0 0\n`);
      if (line.includes('squashfs')) for (const top of ['usr', 'opt']) files.set(`${to}/${top}`, '');
      return { code: 0, stderr: '' };
    },
  };
  return { outside, files, ran };
}

test('a bundle goes to the medium and is shown at once', async () => {
  const { outside, files, ran } = live();
  const change = await addLiveBundle('/home/07-game.sb', BOTH, outside);
  assert.deepEqual([change.now.done, change.next.done], [true, true]);
  assert.equal(files.get('/memory/data/kindling/07-game.sb'), 'game');
  assert.equal(files.get('/memory/data/kindling/medium'), `${ID}\n01-core.sb 4\n05-desk.sb 4\n07-game.sb 4\n`);
  const digests = `${DIGEST}  ./boot/vmlinuz\n${'c'.repeat(64)}  ./kindling/medium\n${'d'.repeat(64)}  ./kindling/07-game.sb\n`;
  assert.equal(files.get('/memory/data/kindling/sha256sums'), digests);
  assert.equal(files.get('/run/kindling/added'), '07-game.sb\n');
  assert.deepEqual(ran, [
    'mount -o remount,rw /run/initramfs/memory/data',
    'sync -f /run/initramfs/memory/data',
    'mount -o remount,ro /run/initramfs/memory/data',
    'mount -t squashfs -o loop,ro /memory/data/kindling/07-game.sb /memory/bundles/07-game.sb',
    'mount --bind / /run/kindling/base',
    'mount --make-private /run/kindling/base',
    'mount -t overlay -o ro,lowerdir=/memory/bundles/07-game.sb/usr:/run/kindling/base/usr kindling-bundles /run/kindling/stage/usr',
    'mount --bind /memory/bundles/07-game.sb/opt /run/kindling/stage/opt',
    'mount --bind /run/kindling/stage/usr /usr',
    'umount /run/kindling/stage/usr',
    'mount --bind /run/kindling/stage/opt /opt',
    'umount /run/kindling/stage/opt',
  ]);
  ran.length = 0;
  const gone = await removeLiveBundle('07-game.sb', BOTH, outside);
  assert.deepEqual([gone.now.done, gone.next.done], [true, true]);
  assert.deepEqual(
    ran.filter((line) => line.startsWith('umount')),
    ['umount -l /usr', 'umount -l /opt', 'umount -l /memory/bundles/07-game.sb'],
  );
  assert.equal(files.get('/memory/data/kindling/07-game.sb.off'), 'game');
  assert.equal(files.get('/memory/data/kindling/medium'), `${ID}\n01-core.sb 4\n05-desk.sb 4\n`);
  assert.equal(files.get('/run/kindling/added'), '');
});

test('a bundle below one of the root says that the order changes', async () => {
  const { outside, files } = live();
  files.set('/home/03-low.sb', 'low');
  const { now } = await addLiveBundle('/home/03-low.sb', BOTH, outside);
  assert.match(now.text, /above 05-desk.sb now and below it after a boot/);
});

// What only the next boot can show, what only the running system can, and what is refused.
test('what cannot be shown now is for the next boot, and it says why', async () => {
  const { outside, ran } = live({ tree: treeOf(['usr/bin/game', 'etc/game.conf']), options: 'rw' });
  const { now, next } = await addLiveBundle('/home/07-game.sb', BOTH, outside);
  assert.deepEqual([now.done, next.done], [false, true]);
  assert.match(now.text, /it holds etc(\/game.conf)?, and only what is below \/usr and \/opt/);
  assert.deepEqual(ran, ['sync -f /run/initramfs/memory/data']);
});

test('a medium that is not written to', async () => {
  for (const [options, why] of [
    [{ type: 'iso9660' }, /iso9660, which is never written to/],
    [{ fails: 'remount,rw' }, /cannot be written to: refused/],
  ] as const) {
    const { now, next } = await addLiveBundle('/home/07-game.sb', BOTH, live(options).outside);
    assert.deepEqual([now.done, next.done], [true, false]);
    assert.match(next.text, why);
  }
  const away = live({ toram: true });
  away.files.delete('/memory/data/kindling');
  assert.match((await addLiveBundle('/home/07-game.sb', BOTH, away.outside)).next.text, /not here any more/);
});

const code = (wanted: string) => (error: unknown) => error instanceof KindlingError && error.code === wanted;

test('what is refused', async () => {
  const { outside, files } = live();
  await assert.rejects(addLiveBundle('/home/05-desk.sb', BOTH, outside), code('CONFLICT'));
  await assert.rejects(addLiveBundle('/home/game.img', BOTH, outside), code('BAD_NAME'));
  await assert.rejects(removeLiveBundle('09-none.sb', BOTH, outside), code('NO_ENTRY'));
  const { now, next } = await removeLiveBundle('05-desk.sb', BOTH, outside);
  assert.deepEqual([now.done, next.done], [false, true]);
  files.delete('/run/kindling/live');
  await assert.rejects(addLiveBundle('/home/07-game.sb', BOTH, outside), code('NO_ENTRY'));
  const failing = live({ fails: 'overlay' });
  await assert.rejects(addLiveBundle('/home/07-game.sb', BOTH, failing.outside), code('IO'));
  assert.equal(failing.ran.at(-1), 'umount /memory/bundles/07-game.sb');
});

test('what can be shown in a running union', () => {
  assert.equal(whyNotNow(treeOf(['usr/share/x', 'lib@', 'etc/'])), undefined);
  assert.match(whyNotNow(treeOf(['usr/lib/modules/6/x.ko']))!, /kernel modules/);
  assert.match(whyNotNow(treeOf(['var/lib/dpkg/status']))!, /it holds var/);
  assert.match(whyNotNow(treeOf(['usr/']))!, /nothing/);
});
