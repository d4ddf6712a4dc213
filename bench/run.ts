// npm run bench: the claims of docs/benchmarks.md, each side by side with the peers, printed as ratios and written to its part of the page.
// Options: --rounds N (5), --only build|update|list|boot|pack|kdump|memory|check|live|live-make, --dry (do not write the pages). The memory claim draws a picture besides.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setUp } from '../scripts/setup.ts';
import { boots } from './claims/boot.ts';
import { build } from './claims/build.ts';
import { check } from './claims/check.ts';
import { kdump } from './claims/kdump.ts';
import { list } from './claims/list.ts';
import { liveMake } from './claims/live-make.ts';
import { liveRead } from './claims/live-read.ts';
import { liveStart } from './claims/live-start.ts';
import { memory } from './claims/memory.ts';
import { pack } from './claims/pack.ts';
import { update } from './claims/update.ts';
import { canDropCaches } from './measure.ts';
import { arena } from './peers.ts';
import { markdown, type Row } from './table.ts';

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const PICTURE = new URL('../docs/memory.svg', import.meta.url);
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string' }, dry: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
const wants = (claim: string): boolean => values.only === undefined || values.only === claim;

if (!canDropCaches()) {
  console.error('bench: the peers run in a chroot of their own and runs start with a cold cache; both need root');
  process.exit(4);
}
await setUp('bench');
const out = mkdtempSync(join(tmpdir(), 'kindling-bench-'));
const at = await arena(out);
const took = (claim: string, counted: number, found: readonly Row[], more = ''): void => {
  console.log(`${claim}:\n${markdown(found)}${more}`);
  if (!values.dry) writePart(claim, `${machine(counted)}\n\n${markdown(found)}${more}`);
};
const few = Math.min(rounds, 5);
// list and boot read the images that building makes; it is shortened where it was not asked for, and not needed for the others
const reads = wants('list') || wants('boot') || wants('memory') || wants('kdump');
if (wants('build')) took('build', rounds, await build(at, rounds, true));
else if (reads) await build(at, 1, false);
if (wants('update')) took('update', rounds, await update(at, rounds));
if (wants('list')) took('list', rounds, await list(at, rounds));
if (wants('boot')) took('boot', few, await boots(at, few));
if (wants('pack')) took('pack', few, await pack(at, few));
if (wants('check')) took('check', Math.max(rounds, 10), await check(at, Math.max(rounds, 10)));
if (wants('kdump')) took('kdump', 1, await kdump(at));
if (wants('live')) {
  const found: Row[] = [];
  for (const claim of [() => liveStart(out, few), () => liveMake(out, at.log, few), () => liveRead(out, few)]) {
    const rows = await claim();
    console.log(markdown(rows));
    found.push(...rows);
  }
  took('live', few, found);
}
if (values.only === 'live-make') console.log(markdown(await liveMake(out, at.log, few)));
if (wants('memory')) {
  const { rows, contestants, picture } = await memory(at, few);
  took('memory', few, rows, `\n${contestants}`);
  if (!values.dry) writeFileSync(PICTURE, picture);
}
rmSync(out, { recursive: true, force: true });

function machine(counted: number): string {
  return `${cpus().length} processors (${cpus()[0]?.model.trim() ?? 'unknown'}), kernel ${at.version} of Debian 12, QEMU without hardware acceleration, medians of ${counted} interleaved rounds.`;
}

/** Replaces what stands between the marks of a claim. */
function writePart(claim: string, text: string): void {
  const [start, end] = [`<!-- npm run bench: ${claim} -->\n`, `<!-- end of ${claim} -->\n`];
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(start) + start.length;
  const until = page.indexOf(end);
  if (from < start.length || until < from) throw new Error(`docs/benchmarks.md lacks ${start.trim()}`);
  writeFileSync(PAGE, `${page.slice(0, from)}\n${text}\n${page.slice(until)}`);
}
