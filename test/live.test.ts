// Live media as other programs see them: ISO and disk images of a small medium with real GRUB cores, and what `verify` says of damaged ones.
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bytesSource, concat, utf8 } from '../src/bytes/index.ts';
import { encode as encodeNewc } from '../src/formats/newc/index.ts';
import {
  ARCHIVE_PATH,
  type BundleFile,
  bytesVolume,
  coreRequests,
  diskMedium,
  EFI_PATH,
  grubMenu,
  isoMedium,
  KERNEL_PATH,
  loopbackMenu,
  MENU_PATH,
  type MediumParts,
  markerPath,
  mediumId,
  mediumTree,
} from '../src/media/index.ts';
import { sha256 } from '../src/node/digest.ts';
import { grubCore, grubSector } from '../src/node/grub.ts';
import { digestSource } from '../src/node/live-store.ts';
import { EARLY_CONF } from '../src/plan/index.ts';
import { file, makeTree, withParents } from '../src/tree/index.ts';
import { verifyMedium } from '../src/verbs/verify-medium.ts';
import { needs, tool } from './tools.ts';
import { mustRun, run } from './world/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const TIME = 1_700_000_000;
const MENU = { title: 'Sample 1.0', append: 'quiet=no', timeout: 5, serial: true };

/** A bundle that is squashfs by its first bytes alone. */
function bundle(name: string, size: number): BundleFile {
  const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  bytes.set(utf8('hsqs'));
  return { name, size, sha256: sha256(bytes), content: bytesSource(bytes) };
}

const efiFile = (program: Uint8Array) => ({ path: EFI_PATH, content: bytesSource(program) });

function parts(): MediumParts {
  const bundles = [bundle('01-core.sb', 300_001), bundle('02-modules.sb', 70_000)];
  const id = mediumId(bundles, sha256);
  const conf = file(EARLY_CONF, bytesSource(utf8(`LIVE='1'\nMEDIUM='${id}'\n`)));
  const archive = concat(Array.from(encodeNewc(makeTree(withParents([conf])).entries), (chunk) => chunk.slice()));
  const text = (path: string, content: string) => ({ path, content: bytesSource(utf8(content)) });
  const files = [
    { path: KERNEL_PATH, content: bytesSource(new Uint8Array(5000).fill(7)) },
    { path: ARCHIVE_PATH, content: bytesSource(archive) },
    text(markerPath(id), `${id}\n`),
    text(MENU_PATH, grubMenu(MENU)),
    text('boot/grub/loopback.cfg', loopbackMenu(MENU)),
  ];
  return { id, bundles, files, data: 'kindling', time: TIME };
}

async function isoBytes(): Promise<Uint8Array> {
  const medium = parts();
  const requests = coreRequests(medium.id);
  const [core, efi] = [await grubCore(requests.disc), await grubCore(requests.efi)];
  const program = efiFile(efi);
  const loader = { esp: [program], medium: [program], bios: { core, sector: grubSector('boot_hybrid.img') } };
  const { plan } = isoMedium(medium, loader, { label: 'SAMPLE', sha256, digest: digestSource });
  return concat([...plan.chunks()]);
}

async function diskFile(path: string): Promise<void> {
  const medium = parts();
  const requests = coreRequests(medium.id);
  const [core, efi] = [await grubCore(requests.disk), await grubCore(requests.efi)];
  const data = mediumTree({ ...medium, files: [...medium.files, efiFile(efi)] }, digestSource);
  const loader = { esp: [efiFile(efi)], medium: [], bios: { core, sector: grubSector('boot.img') } };
  const changes = bytesVolume(new Uint8Array(1 << 20).fill(1));
  const disk = diskMedium({ id: medium.id, loader, data, changes, label: 'SAMPLE', time: TIME, sha256 });
  const fd = openSync(path, 'w');
  for (const { at, bytes } of disk.pieces()) writeSync(fd, bytes, 0, bytes.length, at);
  assert.equal(statSync(path).size, disk.size);
}

const verified = (bytes: Uint8Array) => verifyMedium({ source: bytesSource(bytes), decoders: [], sha256, digest: digestSource });
const codes = (bytes: Uint8Array): string[] =>
  verified(bytes).findings.flatMap(({ code, severity }) => (severity === 'error' ? [code] : []));

test('an ISO image: GRUB starts it from a disc and from a stick, and others read what is in it', async (t) => {
  if (!needs(t, 'grub-mkimage', 'xorriso', 'isoinfo', 'bsdtar', '7z', 'sgdisk', 'sha256sum', 'mdir')) return;
  const bytes = await isoBytes();
  assert.equal(sha256(await isoBytes()), sha256(bytes), 'equal input makes equal bytes');
  const path = join(folder, 'sample.iso');
  writeFileSync(path, bytes);
  const report = await mustRun(tool('xorriso'), ['-indev', path, '-report_el_torito', 'plain', '-report_system_area', 'plain']);
  assert.match(report, /El Torito boot img : +1 +BIOS +y +none/);
  assert.match(report, /El Torito boot img : +2 +UEFI +y +none/);
  assert.match(report, /El Torito img opts : +1 .*grub2-boot-info/);
  assert.match(report, /El Torito img path : +2 +\/boot\/grub\/efi.img/);
  assert.match(report, /System area summary: MBR protective-msdos-label grub2-mbr .*GPT/);
  assert.match(report, /GPT partition path : +1 +\/boot\/grub\/efi.img/);
  assert.match(await mustRun(tool('sgdisk'), ['-v', path]), /No problems found/);
  assert.match(await mustRun(tool('isoinfo'), ['-R', '-f', '-i', path]), /^\/kindling\/01-core\.sb$/m);
  assert.match(await mustRun(tool('7z'), ['l', path]), /01-core\.sb/);
  const out = join(folder, 'out');
  await mustRun('mkdir', [out]);
  await mustRun(tool('bsdtar'), ['-xf', path, '-C', out]);
  const checked = await mustRun('sha256sum', ['-c', '--strict', 'kindling/sha256sums'], { cwd: out });
  assert.equal(checked.match(/: OK$/gm)?.length, 11);
  const listed = await run(tool('mdir'), ['-i', join(out, 'boot/grub/efi.img'), '-b', '::/EFI/BOOT']);
  assert.match(listed.stdout.toString(), /BOOTX64\.EFI/);
});

test('a disk image: a GPT that others accept, FAT volumes that need no repair, GRUB where its boot sector looks', async (t) => {
  if (!needs(t, 'grub-mkimage', 'sgdisk', 'fsck.fat', 'mdir')) return;
  const path = join(folder, 'disk.img');
  await diskFile(path);
  assert.match(await mustRun(tool('sgdisk'), ['-v', path]), /No problems found/);
  const rows = (await mustRun(tool('sgdisk'), ['-p', path])).split('\n').filter((line) => /^ +\d/.test(line));
  assert.deepEqual(
    rows.map((row) => row.trim().split(/\s+/)[5]),
    ['EF02', 'EF00', '0700', '8300'],
  );
  const bytes = readFileSync(path);
  assert.equal(bytes.readBigUInt64LE(0x5c), 2048n, 'boot.img loads the sector at which the core begins');
  assert.equal(bytes.readBigUInt64LE((1 << 20) + 500), 2049n, 'whose list says that the rest comes next');
  for (const [row, expected] of [
    [rows[1]!, /BOOTX64\.EFI/],
    [rows[2]!, /01-core\.sb/],
  ] as const) {
    const [, first = '', last = ''] = row.trim().split(/\s+/);
    const volume = join(folder, 'volume.img');
    writeFileSync(volume, bytes.subarray(Number(first) * 512, (Number(last) + 1) * 512));
    const ran = await run(tool('fsck.fat'), ['-n', volume]);
    assert.equal(ran.code, 0, ran.stdout.toString());
    assert.match((await run(tool('mdir'), ['-i', volume, '-/', '-b', '::'])).stdout.toString(), expected);
  }
  const found = verified(new Uint8Array(bytes));
  assert.deepEqual([found.form, found.id, found.bundles], ['disk', parts().id, ['01-core.sb', '02-modules.sb']]);
  assert.deepEqual(
    found.findings.filter(({ severity }) => severity !== 'note'),
    [],
  );
});

test('verify finds what is wrong with an image', async (t) => {
  if (!needs(t, 'grub-mkimage')) return;
  const bytes = await isoBytes();
  const found = verified(bytes);
  assert.deepEqual(
    found.findings.filter(({ severity }) => severity !== 'note'),
    [],
  );
  assert.equal(found.form, 'iso');
  const changed = (change: (copy: Uint8Array) => void): string[] => {
    const copy = bytes.slice();
    change(copy);
    return codes(copy);
  };
  const at = (text: string): number => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(text);
  assert.deepEqual(
    changed((copy) => copy.fill(0, at('hsqs') + 1000, at('hsqs') + 1010)),
    ['medium-digest'],
  );
  const other = changed((copy) => copy.set(utf8('0'.repeat(8)), at("MEDIUM='") + 8));
  assert.deepEqual(other, ['medium-digest', 'medium-archive-other']);
  assert.ok(codes(bytes.slice(0, bytes.length - 400_000)).length > 0, 'an image that was cut off');
  assert.ok(codes(bytes.slice(0, 40_000)).length > 0, 'hardly anything of it');
});

test('the menu has the entries that people look for, and GRUB can read it', async (t) => {
  const menu = grubMenu(MENU);
  const ids = [...menu.matchAll(/--id (\w+)/g)].map(([, id]) => id);
  assert.deepEqual(ids, ['normal', 'toram', 'fresh', 'verify', 'failsafe', 'debug', 'firmware']);
  assert.match(menu, /linux \/boot\/vmlinuz quiet perch console=tty0 console=ttyS0 quiet=no\n/);
  for (const append of ['a;b', 'x="1"', '$HOME', 'a\nb']) {
    assert.throws(() => grubMenu({ ...MENU, append }), { code: 'USAGE' });
  }
  if (!needs(t, 'grub-script-check')) return;
  for (const text of [menu, loopbackMenu(MENU), coreRequests(parts().id).efi.config]) {
    const ran = await run(tool('grub-script-check'), [], { input: text });
    assert.equal(ran.code, 0, ran.stderr);
  }
});

test('the tree of a medium', () => {
  const medium = parts();
  const tree = mediumTree({ ...medium, files: [...medium.files, efiFile(utf8('MZ'))], changes: true }, digestSource);
  assert.ok(tree.get(EFI_PATH) !== undefined && tree.get('kindling/changes')?.kind === 'directory');
  assert.ok(tree.entries.every(({ mtime, uid, gid }) => mtime === TIME && uid === 0 && gid === 0));
});
