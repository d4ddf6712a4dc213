import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { linux } from './index.ts';

test('words are split as the kernel splits them', () => {
  const cases: readonly [string, readonly linux.Word[]][] = [
    ['', []],
    ['  quiet ', [{ name: 'quiet', value: undefined }]],
    [
      'root=LABEL=a b',
      [
        { name: 'root', value: 'LABEL=a' },
        { name: 'b', value: undefined },
      ],
    ],
    ['dyndbg="file a +p"', [{ name: 'dyndbg', value: 'file a +p' }]],
    ['"name=with space"', [{ name: 'name', value: 'with space' }]],
    ['a="open quote', [{ name: 'a', value: 'open quote' }]],
  ];
  for (const [line, expected] of cases) assert.deepEqual(linux.words(line), expected, line);
});

test('the last word of a name counts', () => {
  assert.equal(linux.lastValue('root=/dev/sda ro root=/dev/vda', 'root'), '/dev/vda');
  assert.equal(linux.lastValue('ro', 'ro'), '');
  assert.equal(linux.lastValue('ro', 'rw'), undefined);
});

test('our words come first, the person wins', () => {
  const line = (architecture: 'x86_64' | 'aarch64', emulated: boolean, append: string) =>
    linux.commandLine({ architecture, emulated, append });
  assert.equal(line('x86_64', true, 'root=/dev/vda'), 'console=ttyS0 panic=-1 no_timer_check kindling.report=ttyS1 root=/dev/vda');
  assert.equal(line('x86_64', false, ''), 'console=ttyS0 panic=-1 kindling.report=ttyS1');
  assert.equal(line('aarch64', true, 'quiet'), 'console=ttyAMA0 panic=-1 kindling.report=ttyS0 quiet');
  assert.equal(line('x86_64', false, 'panic=30'), 'console=ttyS0 kindling.report=ttyS1 panic=30');
  assert.equal(line('x86_64', false, 'console=tty0'), 'console=ttyS0 panic=-1 kindling.report=ttyS1 console=tty0');
});

test('a line the kernel would not take whole is refused', () => {
  for (const append of ['a\nb', 'a\0b', 'x'.repeat(2048)]) {
    assert.throws(
      () => linux.commandLine({ architecture: 'x86_64', emulated: true, append }),
      (error) => error instanceof KindlingError && error.code === 'USAGE',
    );
  }
});
