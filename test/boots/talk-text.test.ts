import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readable } from './talk-text.ts';

test('a console as a person would have read it', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain\r\nlines\r\n', 'plain\nlines\n'],
    ['\x1b[?2004hroot@debian:~# ls\r\n\x1b[?2004l\r', 'root@debian:~# ls\n'],
    ['[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mcron\x1b[0m.\r\n', '[  OK  ] Started cron.\n'],
    ['Reading... 10%\rReading... Done\r\n', 'Reading... Done\n'],
    ['long text\rshort\r\n', 'shorttext\n'],
    ['abd\bc\r\n', 'abc\n'],
    ['\x1b]0;title\x07$ ', '$ '],
    ['\x1b(B\x1b[m\x1b[1;24r\x1b=menu\x1b[2', 'menu'],
    ['\x1b[1;1H\x1b[7m*one\x1b[0m\x1b[2;1Htwo', '\n*one\ntwo'],
    ['planning\r\x1b[Kcompressing\r\x1b[Kdone\n', 'done\n'],
    ['bell\x07 and null\x00', 'bell and null'],
  ];
  for (const [said, read] of cases) assert.equal(readable(said), read, JSON.stringify(said));
});
