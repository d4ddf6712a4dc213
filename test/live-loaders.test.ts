// Loaders of live media: what lies where, what `verify` says of it, and what is refused. Booted they are in boots/live-loaders.long.ts.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bytesSource, concat, nameFromBytes, readAll, utf8 } from '../src/bytes/index.ts';
import { encode as encodeNewc } from '../src/formats/newc/index.ts';
import { decodeUki } from '../src/formats/pe/index.ts';
import { STUB_AT, sampleStub } from '../src/formats/pe/stub.fixture.ts';
import {
  bytesVolume,
  diskMedium,
  EFI_PATH,
  grubPrefix,
  isoMedium,
  type Loader,
  type MediumParts,
  mediumId,
  mediumTree,
  type Startup,
  signedGrubLoader,
  systemdBootLoader,
  ukiLoader,
  withLoader,
  withWholeLoader,
} from '../src/media/index.ts';
import { sha256 } from '../src/node/digest.ts';
import { digestSource } from '../src/node/live-store.ts';
import { EARLY_CONF } from '../src/plan/index.ts';
import { file, makeTree, withParents } from '../src/tree/index.ts';
import { verifyMedium } from '../src/verbs/verify-medium.ts';
import { needs, needsFiles, tool } from './tools.ts';
import { mustRun } from './world/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-loaders-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SIGNED_GRUB = '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed';
const SHIM = '/usr/lib/shim/shimx64.efi.signed';
const OPTIONS = { label: 'SAMPLE', sha256, digest: digestSource };

const CORE = concat([utf8('hsqs'), new Uint8Array(50_000).fill(5)]);
const bundles = [{ name: '01-core.sb', size: CORE.length, sha256: sha256(CORE), content: bytesSource(CORE) }];
const id = mediumId(bundles, sha256);
const parts: MediumParts = { id, bundles, files: [], data: 'kindling', time: 1_700_000_000 };

/** A boot archive that looks for a medium. */
function archiveFor(wanted: string) {
  const conf = file(EARLY_CONF, bytesSource(utf8(`LIVE='1'\nMEDIUM='${wanted}'\n`)));
  return bytesSource(concat(Array.from(encodeNewc(makeTree(withParents([conf])).entries), (chunk) => chunk.slice())));
}

function startup(more: Partial<Startup> = {}): Startup {
  const menu = { title: 'Sample 1.0', append: 'extra=1', timeout: 5, serial: true };
  const kernel = bytesSource(sampleStub());
  return { id, kernel, version: '6.1.0', archive: archiveFor(id), menu, osRelease: 'ID=sample\n', ...more };
}

/** An image that says it is signed. */
function signed(bytes = sampleStub()) {
  const view = new DataView(bytes.buffer);
  view.setUint32(STUB_AT.directories + 4 * 8, bytes.length - 8, true);
  view.setUint32(STUB_AT.directories + 4 * 8 + 4, 8, true);
  return bytesSource(bytes);
}

const iso = (loader: Loader): Uint8Array => concat(Array.from(isoMedium(parts, loader, OPTIONS).plan.chunks(), (chunk) => chunk.slice()));

/** A disk; `listed` is the loader that the medium's lists are of. */
function disk(loader: Loader, listed = loader): Uint8Array {
  const data = mediumTree(withLoader(parts, listed, digestSource), digestSource);
  const plan = diskMedium({ id, loader, data, label: 'SAMPLE', time: parts.time, sha256 });
  const bytes = new Uint8Array(plan.size);
  for (const piece of plan.pieces()) bytes.set(piece.bytes, piece.at);
  return bytes;
}

function verified(bytes: Uint8Array) {
  const { findings, loader } = verifyMedium({ source: bytesSource(bytes), decoders: [], sha256, digest: digestSource });
  return { loader, bad: findings.filter(({ severity }) => severity !== 'note').map(({ code }) => code) };
}

test('systemd-boot: kernel, archive and an entry for each way to start lie on its own volume', async (t) => {
  if (!needs(t, 'mcopy', 'sgdisk', 'xorriso')) return;
  const loader = systemdBootLoader(startup(), bytesSource(sampleStub()));
  const names = loader.esp.map(({ path }) => path);
  assert.equal(names.filter((path) => path.startsWith('loader/entries/')).length, 6);
  for (const bytes of [iso(loader), disk(loader)]) assert.deepEqual(verified(bytes), { loader: 'systemd-boot', bad: [] });
  const [discPath, diskPath] = [join(folder, 'sd.iso'), join(folder, 'sd.img')];
  writeFileSync(discPath, iso(loader));
  writeFileSync(diskPath, disk(loader));
  const report = await mustRun(tool('xorriso'), ['-indev', discPath, '-report_el_torito', 'plain']);
  assert.match(report, /El Torito boot img : +1 +UEFI +y +none/);
  assert.doesNotMatch(report, /BIOS/);
  assert.match(await mustRun(tool('sgdisk'), ['-v', diskPath]), /No problems found/);
  assert.match(await mustRun(tool('sgdisk'), ['-p', diskPath]), /1 +2048 .*EF00/);
  const entry = await mustRun(tool('mcopy'), ['-i', `${diskPath}@@1M`, '::loader/entries/kindling-01-normal.conf', '-']);
  assert.equal(
    entry,
    [
      ...['title Sample 1.0', 'sort-key kindling-01', 'version 6.1.0', 'linux /boot/vmlinuz', 'initrd /boot/initrd.img'],
      'options quiet perch console=tty0 console=ttyS0 extra=1\n',
    ].join('\n'),
  );
});

test('systemd-boot: what verify finds missing', () => {
  const whole = systemdBootLoader(startup(), bytesSource(sampleStub()));
  const without = (path: RegExp): Loader => ({ ...whole, esp: whole.esp.filter((one) => !path.test(one.path)) });
  const missing = Array.from({ length: 6 }, () => 'medium-file-missing');
  assert.deepEqual(verified(iso(without(/vmlinuz/))).bad, missing);
  assert.deepEqual(verified(disk(without(/initrd/))).bad, missing);
  assert.deepEqual(verified(iso(without(/BOOTX64/))).bad.slice(0, 1), ['medium-not-bootable']);
  // a kernel that is whole, and not the one that was put there
  const exchanged = whole.esp.map((one) => (one.path === 'boot/vmlinuz' ? { ...one, content: signed() } : one));
  assert.deepEqual(verified(disk({ ...whole, esp: exchanged }, whole)).bad, ['medium-digest']);
  const other = systemdBootLoader(startup({ archive: archiveFor('a'.repeat(64)) }), bytesSource(sampleStub()));
  assert.deepEqual(verified(iso(other)).bad, ['medium-archive-other']);
});

test('a UKI is all of it: the first entry, the archive, the kernel', () => {
  const loader = ukiLoader(startup(), bytesSource(sampleStub()));
  assert.deepEqual(
    loader.esp.map(({ path }) => path),
    [EFI_PATH],
  );
  const uki = decodeUki(loader.esp[0]!.content)!;
  assert.equal(uki.commandLine, 'quiet perch console=tty0 console=ttyS0 extra=1');
  for (const bytes of [iso(loader), disk(loader)]) assert.deepEqual(verified(bytes), { loader: 'uki', bad: [] });
  const other = ukiLoader(startup({ archive: archiveFor('b'.repeat(64)) }), bytesSource(sampleStub()));
  assert.deepEqual(verified(iso(other)).bad, ['medium-archive-other']);
  const tree = mediumTree(withWholeLoader(parts, loader), digestSource);
  assert.deepEqual(
    tree.entries.filter(({ kind }) => kind === 'file').map(({ path }) => path),
    ['EFI/BOOT/BOOTX64.EFI', 'kindling/01-core.sb', 'kindling/medium', 'kindling/sha256sums'],
  );
});

test('a disk for UEFI alone has changes behind the medium, and refuses to be too small', () => {
  const loader = ukiLoader(startup(), bytesSource(sampleStub()));
  const data = mediumTree(withLoader(parts, loader, digestSource), digestSource);
  const request = { id, loader, data, label: 'SAMPLE', time: parts.time, sha256 };
  const { partitions } = diskMedium({ ...request, changes: bytesVolume(new Uint8Array(1 << 20)) });
  assert.deepEqual(
    partitions.map(({ name }) => name),
    ['EFI system', 'SAMPLE', 'kindling-changes'],
  );
  assert.throws(() => diskMedium({ ...request, size: 10 << 20 }), { code: 'LIMIT' });
});

test('signed programs: shim starts GRUB, GRUB looks where its own bytes say', (t) => {
  if (!needsFiles(t, SIGNED_GRUB, SHIM)) return;
  const bytesOf = (path: string) => bytesSource(new Uint8Array(readFileSync(path)));
  const grub = bytesOf(SIGNED_GRUB);
  assert.match(grubPrefix(grub) ?? '', /^\/EFI\/\w+$/);
  const programs = { shim: bytesOf(SHIM), grub };
  const loader = signedGrubLoader(startup({ kernel: signed() }), programs, undefined);
  const config = loader.esp.find(({ path }) => path.endsWith('grub.cfg'))!;
  assert.equal(`/${config.path}`, `${grubPrefix(grub)}/grub.cfg`);
  assert.match(nameFromBytes(readAll(config.content)), /^search .*medium-/);
  // a BIOS would find GRUB's core on a real one
  assert.deepEqual(verified(disk(loader)), { loader: 'grub-signed', bad: [] });
  assert.throws(() => signedGrubLoader(startup(), programs, undefined), { code: 'UNSUPPORTED' });
  assert.throws(() => signedGrubLoader(startup({ kernel: signed() }), { ...programs, shim: bytesSource(sampleStub()) }, undefined), {
    code: 'UNSUPPORTED',
  });
  assert.throws(() => signedGrubLoader(startup({ kernel: signed() }), { ...programs, grub: signed() }, undefined), { code: 'BAD_VALUE' });
  const unsigned: Loader = {
    ...loader,
    medium: loader.medium.map((one) => (one.path === 'boot/vmlinuz' ? { ...one, content: bytesSource(sampleStub()) } : one)),
  };
  assert.deepEqual(verified(disk(unsigned)).bad, ['medium-unsigned']);
  const lost: Loader = { ...loader, esp: loader.esp.filter(({ path }) => path !== config.path) };
  assert.deepEqual(verified(disk(lost)).bad, ['medium-file-missing']);
});

test('a program that is none', () => {
  const loader: Loader = {
    ...ukiLoader(startup(), bytesSource(sampleStub())),
    esp: [{ path: EFI_PATH, content: bytesSource(utf8('MZ')) }],
  };
  assert.ok(verified(iso(loader)).bad.includes('pe-bad-magic'));
});
