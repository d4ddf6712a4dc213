// FAT and GPT against Linux itself, in one boot: it mounts what we write and finds every name, time and byte; it writes to a volume of ours, and we
// read that; it finds the partitions of our GPT where we put them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { bytesSource, concat, readAll, utf8 } from '../../src/bytes/index.ts';
import { asFat, sampleTree, TYPES, volumeOf } from '../../src/formats/fat/fat.fixture.ts';
import { check, decode } from '../../src/formats/fat/index.ts';
import { encode as encodeTable, guidFromDigest, PARTITION_TYPES } from '../../src/formats/partitions/index.ts';
import { sha256 } from '../../src/node/digest.ts';
import { directory, type Entry, file, makeTree, type Tree } from '../../src/tree/index.ts';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { tinyArchive } from './tiny.ts';

const MIB = 1 << 20;
const MODULES = ['drivers/block/loop.ko', 'fs/nls/nls_cp437.ko', 'fs/nls/nls_ascii.ko', 'fs/fat/fat.ko', 'fs/fat/vfat.ko'];

const SCRIPT = `
phase early
busybox mount -t sysfs sysfs /sys
busybox dmesg -n 1
busybox insmod /loop.ko max_part=8
for module in nls_cp437 nls_ascii fat vfat; do busybox insmod /$module.ko; done
busybox mkdir /mnt
attached() { busybox losetup /dev/loop0 $1 && busybox mount -t vfat -o $2,utf8,tz=UTC /dev/loop0 /mnt; }
detached() { busybox umount /mnt && busybox losetup -d /dev/loop0; }
for type in 12 16 32; do
  attached /images/$type ro || say fact fat$type unmountable
  { cd /mnt; busybox find . -type f -exec busybox stat -c '%Y %s %n' {} +; busybox find . -type f -exec busybox sha256sum {} +; busybox find . -type d; cd /; } | busybox sort >/listing
  if busybox cmp /listing /expected; then say fact fat$type same; else busybox diff /expected /listing; say fact fat$type different; fi
  detached
  attached /images/small$type rw
  cd /mnt
  busybox rm README 'a very long name of a file indeed.text'
  busybox mkdir lower 'Mixed Case'
  echo lower >lower/lower.txt
  echo mixed >'Mixed Case/A name with ümläuts ☃.text'
  echo UPPER >lower/UPPER.TXT
  busybox cat /pattern >large
  busybox mv readme.txt 'lower/moved and renamed'
  cd /
  detached
  echo "VOLUME $type"
  busybox gzip -c /images/small$type | busybox base64 -w 0
  echo
  echo "END $type"
done
busybox losetup /dev/loop0 /disk
busybox blockdev --rereadpt /dev/loop0
for partition in /sys/block/loop0/loop0p*; do
  say fact partition$(busybox cat $partition/partition) $(busybox cat $partition/start $partition/size) $(busybox sed -n 's/^PARTNAME=//p' $partition/uevent)
done
phase init
busybox sleep 99
`;

/** What the script lists of a tree. */
function listing(tree: Tree): Uint8Array {
  const lines = tree.entries.flatMap((entry) => {
    const name = entry.path === '' ? '.' : `./${entry.path}`;
    if (entry.kind === 'directory') return [name];
    assert.ok(entry.kind === 'file');
    return [`${entry.mtime} ${entry.content.size} ${name}`, `${sha256(readAll(entry.content))}  ${name}`];
  });
  return concat(lines.map((line) => Buffer.from(`${line}\n`)).sort(Buffer.compare));
}

/** What Linux changes: it comes back over the console, so there is little in it. */
const SMALL = makeTree(
  ['README', 'readme.txt', 'a very long name of a file indeed.text', 'stays'].map((path) =>
    file(path, bytesSource(utf8(`this is ${path}\n`))),
  ),
);

function disk(): Uint8Array {
  const bytes = new Uint8Array(8 * MIB);
  const [own, first, second] = [1, 2, 3].map((seed) => guidFromDigest(new Uint8Array(16).fill(seed)));
  const { primary, backup, backupAt } = encodeTable({
    scheme: 'gpt',
    size: bytes.length,
    diskGuid: own!,
    partitions: [
      { firstByte: MIB, size: 2 * MIB, type: PARTITION_TYPES.efiSystem, guid: first!, name: 'first' },
      { index: 3, firstByte: 4 * MIB, size: 3 * MIB, type: PARTITION_TYPES.linux, guid: second!, name: 'third' },
    ],
  });
  bytes.set(primary);
  bytes.set(backup, backupAt);
  return bytes;
}

test('Linux mounts what we write and finds all of it; we read what Linux writes; it finds our partitions', async (t) => {
  if (!needs(t, 'qemu-system-x86_64')) return;
  const { vmlinuz, root, version } = await debianKernel('amd64');
  const modules = MODULES.map((path): Entry => {
    const bytes = readFileSync(join(root, 'usr/lib/modules', version, 'kernel', path));
    return file(path.split('/').pop()!, bytesSource(bytes));
  });
  const large = new Uint8Array(150_000).map((_, at) => at >> 9);
  const archive = await tinyArchive(SCRIPT, [
    ...modules,
    directory('images'),
    ...TYPES.map((type) => file(`images/${type}`, bytesSource(volumeOf(sampleTree(), type)))),
    ...TYPES.map((type) => file(`images/small${type}`, bytesSource(volumeOf(SMALL, type, type === 12 ? { size: MIB } : {})))),
    file('expected', bytesSource(listing(asFat(sampleTree())))),
    file('pattern', bytesSource(large)),
    file('disk', bytesSource(disk())),
  ]);
  const proof = await bootArchive({ kernel: vmlinuz, archive, until: 'init', timeout: 300, memory: 512 });
  assertReached(proof);
  for (const type of TYPES) assert.equal(proof.facts[`fat${type}`], 'same', consoleOf(proof));
  assert.deepEqual([proof.facts.partition1, proof.facts.partition3], ['2048 4096 first', '8192 6144 third']);
  for (const type of TYPES) {
    const said = new RegExp(`VOLUME ${type}\\s+([A-Za-z0-9+/=\\s]*?)\\s+END ${type}`).exec(consoleOf(proof));
    assert.ok(said !== null, `no volume ${type}`);
    const source = bytesSource(new Uint8Array(gunzipSync(Buffer.from(said[1]!.replaceAll(/\s/g, ''), 'base64'))));
    const { tree } = decode(source);
    const textOf = (path: string) => {
      const entry = tree.get(path);
      assert.ok(entry?.kind === 'file', `${path} is not in ${tree.entries.map((one) => one.path)}`);
      return readAll(entry.content);
    };
    assert.deepEqual(textOf('lower/lower.txt'), utf8('lower\n'));
    assert.deepEqual(textOf('lower/UPPER.TXT'), utf8('UPPER\n'));
    assert.deepEqual(textOf('Mixed Case/A name with ümläuts ☃.text'), utf8('mixed\n'));
    assert.deepEqual(textOf('large'), large);
    assert.deepEqual(textOf('lower/moved and renamed'), utf8('this is readme.txt\n'));
    assert.deepEqual(textOf('stays'), utf8('this is stays\n'));
    for (const gone of ['README', 'readme.txt', 'a very long name of a file indeed.text']) assert.equal(tree.get(gone), undefined, gone);
    assert.deepEqual(
      check(source).filter(({ severity }) => severity !== 'note'),
      [],
    );
  }
});
