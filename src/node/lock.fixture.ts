// A process that takes the lock of a directory again and again, and dies with it every other time. It fails when it ever finds somebody else
// inside: `lock.fixture.ts DIRECTORY COUNT`.
import { closeSync, linkSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openConfined } from './confined.ts';
import { DISK } from './disk.ts';
import { takeLock } from './lock.ts';

const [base = '', count = '0'] = process.argv.slice(2);
const directory = openConfined(DISK, base, 'place', true)!;
const inside = join(base, 'inside');

for (let turn = 0; turn < Number(count); turn += 1) {
  const lock = await takeLock(DISK, directory, { pollTime: 1 });
  closeSync(openSync(inside, 'wx'));
  if (turn % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  unlinkSync(inside);
  lock.release();
  if (turn % 2 === 1) continue;
  // What a killed holder leaves. No process has this number: it is above the kernel's limit.
  const left = join(base, `left-${process.pid}-${turn}`);
  writeFileSync(left, `4999999 ${turn} ${process.pid} -\n`);
  try {
    linkSync(left, join(base, 'place/lock'));
  } catch {
    // Somebody has it again already.
  }
}
