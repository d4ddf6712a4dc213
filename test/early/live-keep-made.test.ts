// What may become an encrypted volume, by its bytes alone: what a power cut can leave of the making of one, and nothing that holds anything else.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from '../tools.ts';
import { inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-made-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = 3 << 20;
const MARK = Buffer.from('KINDLING-MAKING\n');
const LUKS = Buffer.from('LUKS\xba\xbe\0\x02', 'latin1');
const making = Buffer.from('kindling-making');

const START = `say() { :; }; ch_text=it ch_error='' ch_place=/none
`;
const FILES = ['superblock.sh', 'live-changes-make.sh'] as const;

// Name, pieces by offset, and whether it counts as a making that was cut short, and as empty.
const STATES: readonly (readonly [string, readonly (readonly [number, Uint8Array])[], string])[] = [
  ['zeros', [], 'other empty'],
  [
    'the marks, before the zeros',
    [
      [0, MARK],
      [1080, Buffer.from([0x53, 0xef])],
      [SIZE - 512, MARK],
    ],
    'cut',
  ],
  [
    'zeros and random bytes, before the header',
    [
      [32_768, Buffer.alloc(4096, 0xa5)],
      [SIZE - 512, MARK],
    ],
    'cut',
  ],
  [
    'a header, before the file system',
    [
      [0, LUKS],
      [24, making],
      [SIZE - 512, MARK],
    ],
    'cut',
  ],
  [
    'a volume',
    [
      [0, LUKS],
      [24, Buffer.from('kindling-changes')],
      [SIZE - 512, MARK],
    ],
    'other something',
  ],
  ['a byte within the first MiB', [[1_048_575, Buffer.from([1])]], 'other something'],
  ['a partition table', [[510, Buffer.from([0x55, 0xaa])]], 'other something'],
];

for (const [name, pieces, expected] of STATES) {
  test(`encrypted changes: ${name}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const image = Buffer.alloc(SIZE);
    for (const [at, bytes] of pieces) image.set(bytes, at);
    const file = join(folder, name.replaceAll(/\W/g, '-'));
    writeFileSync(file, image);
    const script = `${START}ch_source=$1 P_TYPE=''
if changes_marked "$1"; then echo cut; elif make_empty; then echo other empty; else echo other something; fi`;
    for (const shell of SHELLS) assert.deepEqual(await inShell(shell, FILES, script, [file]), [expected], shell.join(' '));
  });
}

test('encrypted changes: the marks are where they are looked for', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  const file = join(folder, 'marks');
  for (const shell of SHELLS) {
    writeFileSync(file, Buffer.alloc(SIZE, 7));
    const script = `${START}ch_source=$1; make_last "$1"; make_mark "$mk_last"; make_mark 0; changes_marked "$1" && echo cut
printf '\\0%.0s' 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 | dd of="$1" conv=notrunc 2>/dev/null; changes_marked "$1" && echo cut`;
    assert.deepEqual(await inShell(shell, FILES, script, [file]), ['cut', 'cut'], shell.join(' '));
  }
});
