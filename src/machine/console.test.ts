import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleWatch, failureIn } from './index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('what the kernel says when it cannot go on', () => {
  const cases: readonly [string, string | undefined][] = [
    ['[    0.9] Initramfs unpacking failed: write error', 'unpack'],
    ['[    0.9] Initramfs unpacking failed: junk at the end of compressed archive', 'unpack'],
    ['[    0.9] rootfs image is not initramfs (no cpio magic); looks like an initrd', 'unpack'],
    ['[    2.0] Kernel panic - not syncing: System is deadlocked on memory', 'memory'],
    ['[    2.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100', 'panic'],
    ['[    2.0] Kernel panic - not syncing: No working init found.  Try passing init= option', 'panic'],
    ['[    0.0] Command line: console=ttyS0 panic=-1', undefined],
    ['[    0.0] Kernel command line: x="Kernel panic - not syncing"', undefined],
    ['[    0.0] panic=-1', undefined],
    ['[    0.0] Out of memory: Killed process 77 (modprobe)', undefined],
  ];
  for (const [line, code] of cases) assert.equal(failureIn(line)?.code, code, line);
});

test('a failure is found across pieces, and the first one counts', () => {
  const watch = consoleWatch();
  assert.equal(watch.push(bytes('[ 1.0] Initramfs unpack')).failure, undefined);
  const news = watch.push(bytes('ing failed: x\r\n[ 1.1] Kernel panic - not syncing: y\r\n'));
  assert.deepEqual(news.failure, { code: 'unpack', text: '[ 1.0] Initramfs unpacking failed: x' });
});

test('a text is found in a prompt without line end, but not in the echoed command line', () => {
  const watch = consoleWatch('login:');
  assert.equal(watch.push(bytes('[ 0.0] Kernel command line: login: \r\nDebian\r\n')).seen, false);
  assert.equal(watch.push(bytes('debian lo')).seen, false);
  assert.equal(watch.push(bytes('gin: ')).seen, true);
  assert.deepEqual(watch.tail(), ['[ 0.0] Kernel command line: login: ', 'Debian', 'debian login: ']);
});

test('the tail is bounded', () => {
  const watch = consoleWatch();
  watch.push(bytes('x\n'.repeat(100_000)));
  assert.equal(watch.tail().length, 12);
});
