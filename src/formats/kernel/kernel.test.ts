// Hand-made images of every kind, and what damaged ones are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { bytesSource, concat, utf8 } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { encode, encodeNote, SECTION, SEGMENT } from '../elf/index.ts';
import { COFF_HEADER, SECTION_HEADER } from '../pe/structs.ts';
import { banner, directEntry, embeddedConfig, open, parseConfig, payload, version } from './index.ts';
import { BOOT_FLAG, IMAGE_HEADER, SETUP_HEADER, SETUP_HEADER_AT, SETUP_MAGIC, ZBOOT_HEADER } from './structs.ts';

const BANNER = 'Linux version 6.9.1-test (me@here) #1 SMP';
const CONFIG = 'CONFIG_BLK_DEV_INITRD=y\n# CONFIG_RD_LZO is not set\nCONFIG_LOCALVERSION="-te\\"st"\n';

function word(value: number): Uint8Array {
  return Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

/** An ELF kernel that says its version, its configuration and its PVH entry. */
function elfKernel(): Uint8Array {
  const target = { class: 64, endian: 'little', machine: 'x86_64' } as const;
  const text = concat([utf8('Linux version %s\n\0'), utf8(`${BANNER}\n\0`), utf8('IKCFG_ST'), gzipSync(CONFIG), utf8('IKCFG_ED')]);
  return encode({
    ...target,
    type: 'executable',
    sections: [
      { name: '.rodata', type: SECTION.progbits, content: text },
      { name: '.notes', type: SECTION.note, content: encodeNote(target, 'Xen', 18, word(0x1000000)), align: 4 },
    ],
    segments: [{ type: SEGMENT.note, section: '.notes', align: 4 }],
  });
}

function bzImage(packed: Uint8Array, change: Partial<ReturnType<typeof SETUP_HEADER.decode>> = {}): Uint8Array {
  const setupSize = 1024;
  const bytes = new Uint8Array(setupSize + 16 + packed.length + 8);
  const zero = SETUP_HEADER.decode(new Uint8Array(SETUP_HEADER.size));
  const header = {
    ...zero,
    setupSectors: 1,
    bootFlag: BOOT_FLAG,
    magic: SETUP_MAGIC,
    protocol: 0x20f,
    versionAt: 0x190,
    loadFlags: 1,
    extendedLoadFlags: 1,
  };
  bytes.set(SETUP_HEADER.encode({ ...header, payloadOffset: 16, payloadSize: packed.length, initSize: 99, ...change }), SETUP_HEADER_AT);
  bytes.set(utf8('6.9.1-test (me@here) #1\0'), 0x190 + 512);
  bytes.set(packed, setupSize + 16);
  return bytes;
}

function armImage(tail: Uint8Array): Uint8Array {
  const zero = IMAGE_HEADER.decode(new Uint8Array(IMAGE_HEADER.size));
  return concat([IMAGE_HEADER.encode({ ...zero, magic: utf8('ARM\x64') }), tail]);
}

function peProgram(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(512 + content.length + 64);
  bytes.set(utf8('MZ'));
  bytes.set(word(128), 0x3c);
  bytes.set(utf8('PE\0\0'), 128);
  bytes.set(
    COFF_HEADER.encode({ machine: 0x8664, sectionCount: 1, time: 0, symbolsAt: 0, symbolCount: 0, optionalSize: 0, characteristics: 0 }),
    132,
  );
  const zero = SECTION_HEADER.decode(new Uint8Array(SECTION_HEADER.size));
  bytes.set(
    SECTION_HEADER.encode({ ...zero, name: utf8(name), virtualSize: content.length, rawSize: content.length + 64, rawAt: 512 }),
    152,
  );
  bytes.set(content, 512);
  return bytes;
}

function zboot(inner: Uint8Array): Uint8Array {
  const packed = concat([zstdCompressSync(inner), word(inner.length)]);
  const zero = ZBOOT_HEADER.decode(new Uint8Array(ZBOOT_HEADER.size));
  const header = { ...zero, mz: utf8('MZ'), zimg: utf8('zimg'), payloadAt: 600, payloadSize: packed.length, codec: utf8('zstd'), peAt: 64 };
  const bytes = new Uint8Array(600 + packed.length);
  bytes.set(ZBOOT_HEADER.encode(header));
  bytes.set(
    concat([
      utf8('PE\0\0'),
      COFF_HEADER.encode({ machine: 0xaa64, sectionCount: 0, time: 0, symbolsAt: 0, symbolCount: 0, optionalSize: 0, characteristics: 0 }),
    ]),
    64,
  );
  bytes.set(packed, 600);
  return bytes;
}

function refused(code: string, act: () => unknown): void {
  assert.throws(act, (error) => error instanceof KindlingError && error.code === code);
}

const ELF = elfKernel();
const PACKED: readonly [string, Uint8Array][] = [
  ['gzip', gzipSync(ELF)],
  ['zstd', concat([zstdCompressSync(ELF), word(ELF.length)])],
];

for (const [codec, packed] of PACKED) {
  test(`a bzImage packed with ${codec}`, () => {
    const image = open(bytesSource(bzImage(packed)));
    assert.deepEqual([image.kind, image.machine, image.efi, version(image)], ['bzimage', 'x86_64', false, '6.9.1-test']);
    assert.deepEqual([image.x86?.protocol, image.x86?.setupSize, image.x86?.initSize], [0x20f, 1024, 99]);
    const kernel = payload(image, pureDecoders);
    assert.deepEqual(kernel.read(0, kernel.size), ELF);
    assert.equal(directEntry(kernel), 0x1000000);
    assert.equal(embeddedConfig(image, pureDecoders)?.get('RD_LZO'), 'n');
  });
}

test('an ELF kernel', () => {
  const image = open(bytesSource(ELF));
  assert.deepEqual([image.kind, image.machine, version(image)], ['elf', 'x86_64', '6.9.1-test']);
  assert.equal(banner(image), '6.9.1-test (me@here) #1 SMP');
  assert.equal(payload(image, []), image.source);
});

test('an arm64 Image: plain, in gzip, in an EFI program', () => {
  const plain = armImage(utf8(`\0\0${BANNER}\n`));
  const kinds = [plain, gzipSync(plain), zboot(plain)].map((bytes) => {
    const image = open(bytesSource(bytes), pureDecoders);
    const kernel = payload(image, pureDecoders);
    assert.deepEqual(kernel.read(0, kernel.size), plain);
    return [image.kind, image.machine, version(image, pureDecoders)];
  });
  assert.deepEqual(kinds, [
    ['image', 'aarch64', '6.9.1-test'],
    ['compressed', 'aarch64', '6.9.1-test'],
    ['zboot', 'aarch64', '6.9.1-test'],
  ]);
  assert.equal(directEntry(bytesSource(plain)), undefined);
});

test('a unified kernel image is the kernel inside', () => {
  const image = open(bytesSource(peProgram('.linux', bzImage(PACKED[1]![1]))));
  assert.deepEqual(
    [image.kind, image.machine, image.efi, image.inner?.kind, version(image)],
    ['uki', 'x86_64', true, 'bzimage', '6.9.1-test'],
  );
  assert.equal(payload(image, pureDecoders).size, ELF.length);
});

test('32-bit and old headers', () => {
  const [gzip] = PACKED.map(([, packed]) => packed);
  assert.equal(open(bytesSource(bzImage(gzip!, { extendedLoadFlags: 0 }))).machine, '386');
  const old = open(bytesSource(bzImage(gzip!, { protocol: 0x204, loadFlags: 0 })));
  assert.deepEqual([old.kind, old.machine], ['zimage', undefined]);
  refused('UNSUPPORTED', () => payload(old, pureDecoders));
});

test('configuration text', () => {
  assert.deepEqual(
    [...parseConfig(`#\n# Automatically generated\n${CONFIG}CONFIG_HZ=250\r\nCONFIG_X=m\nnonsense\n`)],
    [
      ['BLK_DEV_INITRD', 'y'],
      ['RD_LZO', 'n'],
      ['LOCALVERSION', '-te"st'],
      ['HZ', '250'],
      ['X', 'm'],
    ],
  );
});

test('what is no kernel, or a damaged one', () => {
  refused('UNRECOGNISED', () => open(bytesSource(utf8('hello'))));
  refused('UNRECOGNISED', () => open(bytesSource(new Uint8Array(0))));
  refused('UNRECOGNISED', () => open(bytesSource(peProgram('.text', ELF))));
  refused('UNRECOGNISED', () => open(bytesSource(gzipSync('no kernel')), pureDecoders));
  const whole = bzImage(PACKED[0]![1]);
  refused('TRUNCATED', () => open(bytesSource(whole.subarray(0, 1200))));
  refused('TRUNCATED', () => open(bytesSource(bzImage(PACKED[0]![1], { payloadSize: 0x7fffffff }))));
  refused('UNSUPPORTED', () => payload(open(bytesSource(whole)), []));
  refused('LIMIT', () => payload(open(bytesSource(bzImage(concat([zstdCompressSync(ELF), word(0xfffffff0)])))), pureDecoders));
  refused('LIMIT', () => payload(open(bytesSource(bzImage(concat([zstdCompressSync(ELF), word(10)])))), pureDecoders));
  refused('BAD_VALUE', () => payload(open(bytesSource(bzImage(concat([zstdCompressSync(ELF), word(ELF.length + 1)])))), pureDecoders));
});
