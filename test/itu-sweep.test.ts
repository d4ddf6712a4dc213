// Applying and removing a bundle, stopped before every single operation of the disk, and made to fail at every one: afterwards it is finished
// or taken back, and what is there is either all of the bundle or what was there before.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeDecoders } from '../src/node/codecs.ts';
import { CHANGES } from '../src/node/disk.fixture.ts';
import { carryOutPlans, planApply, type UsableBundle } from '../src/node/itu/carry-out.ts';
import { ITU_DISK, type ItuDisk } from '../src/node/itu/disk.ts';
import { openSite, recover, takeOut } from '../src/node/itu/remove.ts';
import { STORE, storedBundles } from '../src/node/itu/store.ts';
import { bundlesOf, kindling, moduleAt, smallRootAt, snapshot } from './itu.fixture.ts';

const DECODERS = nodeDecoders();
const WRITES: readonly string[] = [...CHANGES, 'symlink', 'own'];

class Stopped extends Error {}

interface Counted {
  readonly disk: ItuDisk;
  count(): number;
}

/** A disk that ends at an operation: for good, as when the power fails, or once, with an error of the system. */
function endingDisk(at: number, how: 'stop' | 'ENOSPC' | 'EIO'): Counted {
  let count = 0;
  const handler: ProxyHandler<ItuDisk> = {
    get(target, name: string) {
      const call = Reflect.get(target, name) as (...words: unknown[]) => unknown;
      if (!WRITES.includes(name)) return call;
      return (...words: unknown[]) => {
        count += 1;
        if (how === 'stop' && count >= at) throw new Stopped(`before ${name}, operation ${at}`);
        if (count === at) throw Object.assign(new Error(`${how}: made up`), { code: how, syscall: name });
        // Syncing costs time here and shows nothing: what is written is seen by everybody at once.
        return name === 'sync' || name === 'syncDirectory' ? undefined : call(...words);
      };
    },
  };
  return { disk: new Proxy(ITU_DISK, handler), count: () => count };
}

let folder = '';
let stock: string[] = [];
let full: string[] = [];
let bundle: UsableBundle;
const at = (name: string): string => join(folder, name);

async function inSite<T>(root: string, disk: ItuDisk, work: (site: ReturnType<typeof openSite>) => Promise<T>): Promise<T> {
  const site = openSite(root, disk);
  try {
    return await work(site);
  } finally {
    site.close();
  }
}

const FREE = endingDisk(Number.POSITIVE_INFINITY, 'stop').disk;
const applyOne = (root: string, disk: ItuDisk, one: UsableBundle): Promise<void> =>
  inSite(root, disk, async (site) => carryOutPlans(site, await planApply(site, [one], DECODERS), DECODERS));
const apply = (root: string, disk: ItuDisk): Promise<void> => applyOne(root, disk, bundle);
const remove = (root: string, disk: ItuDisk) => inSite(root, disk, (site) => takeOut(site, 'swept', DECODERS));
const clear = (root: string, undo: boolean) => inSite(root, FREE, (site) => recover(site, DECODERS, new Set(undo ? ['swept'] : [])));

/** Stored states and what is left in the store of a root. */
function stored(root: string): string[] {
  const names = readdirSync(join(root, STORE), { withFileTypes: true }).map(({ name }) => name);
  const site = openSite(root, FREE);
  const states = storedBundles(site).map(({ name, journal }) => `${name} ${journal.state}`);
  site.close();
  return [...states, ...names.filter((name) => name.startsWith('.'))];
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-itu-sweep-'));
  moduleAt(at('in/virtio_blk.ko'), { alias: 'virtio:d00000002v*', imports: ['__blk_mq_alloc_disk'] });
  writeFileSync(at('in/new.conf'), 'options virtio_blk x=1\n');
  const made = ['--name', 'swept', '--number', '1', '--module', 'in/virtio_blk.ko', '--config', 'in/new.conf=/etc/modprobe.d/old.conf'];
  const ended = kindling(folder, 'itu', 'make', ...made, '--firmware', 'in/new.conf=deep/er/fw.bin', '-o', 'swept.itu');
  assert.equal(ended.code, 0, ended.err);
  [bundle] = (await bundlesOf(at('swept.itu'))) as [UsableBundle];
  const root = smallRootAt(at('stock'));
  // once in and out: the store and the index files are there, as on any machine that had a bundle before
  await apply(root, FREE);
  await remove(root, FREE);
  stock = snapshot(root, ['var']);
  cpSync(root, at('full'), { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await apply(at('full'), FREE);
  full = snapshot(at('full'), ['var']);
  assert.notDeepEqual(full, stock);
});
after(() => rmSync(folder, { recursive: true, force: true }));

let serial = 0;
type Copied = 'stock' | 'full' | 'both';

function copyOf(name: Copied): string {
  const root = at(`copy-${serial++}`);
  cpSync(at(name), root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  return root;
}

/** Runs work on a copy with a disk that ends at operation 1, 2, ... until it ends no more; answers how many there are. */
async function sweep(
  from: Copied,
  how: 'stop' | 'ENOSPC' | 'EIO',
  work: (root: string, disk: ItuDisk) => Promise<unknown>,
  check: (root: string, at: number, failed: unknown) => Promise<void>,
): Promise<number> {
  for (let operation = 1; ; operation++) {
    const root = copyOf(from);
    const ending = endingDisk(operation, how);
    let failed: unknown;
    try {
      await work(root, ending.disk);
    } catch (error) {
      failed = error;
    }
    if (ending.count() < operation) {
      assert.equal(failed, undefined);
      rmSync(root, { recursive: true });
      return operation - 1;
    }
    await check(root, operation, failed);
    rmSync(root, { recursive: true });
  }
}

test('an apply that was killed at any operation is finished, or undone, whichever is asked for', async () => {
  const count = await sweep('stock', 'stop', apply, async (root, operation, failed) => {
    assert.ok(failed instanceof Error, `operation ${operation} was stopped and nobody noticed`);
    const begun = stored(root).some((line) => line === 'swept applying' || line === 'swept applied' || line === 'swept removing');
    const other = at('other');
    cpSync(root, other, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    await clear(root, false);
    assert.deepEqual(snapshot(root, ['var']), begun ? full : stock, `finished after operation ${operation}`);
    assert.deepEqual(stored(root), begun ? ['swept applied'] : []);
    await clear(other, true);
    if (stored(other).length > 0) await remove(other, FREE); // the last operations: it was applied already
    assert.deepEqual(snapshot(other, ['var']), stock, `undone after operation ${operation}`);
    assert.deepEqual(stored(other), []);
    rmSync(other, { recursive: true });
  });
  assert.ok(count > 60, `${count} operations`);
});

test('a removal that was killed at any operation is carried through', async () => {
  const count = await sweep('full', 'stop', remove, async (root, operation, failed) => {
    assert.ok(failed instanceof Stopped, `operation ${operation}: ${failed}`);
    const begun = !stored(root).includes('swept applied');
    await clear(root, false);
    assert.deepEqual(snapshot(root, ['var']), begun ? stock : full, `operation ${operation}`);
    assert.deepEqual(stored(root), begun ? [] : ['swept applied']);
  });
  assert.ok(count > 40, `${count} operations`);
});

test('an apply that meets a full or failing disk takes back what it did', async () => {
  for (const how of ['ENOSPC', 'EIO'] as const) {
    await sweep('stock', how, apply, async (root, operation, failed) => {
      // the one error that is no failure: tidying behind a finished step
      if (failed === undefined) {
        assert.deepEqual(snapshot(root, ['var']), full, `${how} at operation ${operation}`);
        return;
      }
      assert.match((failed as { code?: string }).code ?? '', how === 'ENOSPC' ? /NO_SPACE/ : /IO/, `operation ${operation}: ${failed}`);
      await clear(root, false);
      const now = snapshot(root, ['var']);
      assert.deepEqual(now, stock, `${how} at operation ${operation}`);
      assert.deepEqual(stored(root), []);
    });
  }
});

test('what somebody changed between the interruption and its end comes back when the bundle goes', async () => {
  const root = copyOf('stock');
  const changed = join(root, 'etc/modprobe.d/old.conf');
  for (let operation = 1; !stored(root).includes('swept applying'); operation++) {
    await apply(root, endingDisk(operation, 'stop').disk).catch(() => undefined);
    assert.ok(operation < 500);
  }
  writeFileSync(changed, '# by hand\n');
  await clear(root, false);
  assert.deepEqual(snapshot(root, ['var']), full);
  await remove(root, FREE);
  assert.equal(readFileSync(changed, 'utf8'), '# by hand\n');
});

test('a bundle below another one, killed on its way out at any operation: what was there before it comes back with the other', async () => {
  const words = ['--name', 'second', '--number', '2', '--config', 'in/second.conf=/etc/modprobe.d/old.conf'];
  writeFileSync(at('in/second.conf'), 'options virtio_blk x=2\n');
  const ended = kindling(folder, 'itu', 'make', ...words, '--firmware', 'in/second.conf=deep/er/second.bin', '-o', 'second.itu');
  assert.equal(ended.code, 0, ended.err);
  const [second] = (await bundlesOf(at('second.itu'))) as [UsableBundle];
  cpSync(at('full'), at('both'), { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await applyOne(at('both'), FREE, second);
  const count = await sweep('both', 'stop', remove, async (root, operation, failed) => {
    assert.ok(failed instanceof Stopped, `operation ${operation}: ${failed}`);
    await clear(root, false);
    if (stored(root).includes('swept applied')) await remove(root, FREE);
    assert.deepEqual(stored(root), ['second applied'], `operation ${operation}`);
    assert.equal(readFileSync(join(root, 'etc/modprobe.d/old.conf'), 'utf8'), 'options virtio_blk x=2\n');
    await inSite(root, FREE, (site) => takeOut(site, 'second', DECODERS));
    assert.deepEqual(snapshot(root, ['var']), stock, `operation ${operation}`);
  });
  assert.ok(count > 40, `${count} operations`);
});
