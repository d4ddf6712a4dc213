// npm run bench: every claim of the table in one run, side by side with the peers, printed as ratios and written to docs/benchmarks.md.
// Options: --rounds N (5), --only build|list|boot|pack|kdump|memory, --dry (do not write the pages). The memory claim has a part of the page and a
// picture of its own, which are written when it alone runs, too.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setUp } from '../scripts/setup.ts';
import { boots } from './claims/boot.ts';
import { build } from './claims/build.ts';
import { kdump } from './claims/kdump.ts';
import { list } from './claims/list.ts';
import { memory } from './claims/memory.ts';
import { pack } from './claims/pack.ts';
import { canDropCaches } from './measure.ts';
import { arena } from './peers.ts';
import { markdown, type Row } from './table.ts';

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const PICTURE = new URL('../docs/memory.svg', import.meta.url);
const WHOLE = { start: '<!-- npm run bench -->\n', end: '<!-- end -->\n' };
const MEMORY = { start: '<!-- npm run bench: memory -->\n', end: '<!-- end of memory -->\n' };

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
const rows: Row[] = [];
const took = (claim: string, found: readonly Row[]): void => {
  console.log(`${claim}:\n${markdown(found)}`);
  rows.push(...found);
};
// the later claims read the images that the first one makes, so it always runs, shortened where it was not asked for
took('build', await build(at, wants('build') ? rounds : 1, wants('build')));
if (wants('list')) took('list', await list(at, rounds));
if (wants('boot')) took('boot', await boots(at, Math.min(rounds, 5)));
if (wants('pack')) took('pack', await pack(at, Math.min(rounds, 5)));
if (wants('kdump')) took('kdump', await kdump(at));
if (wants('memory')) {
  const counted = Math.min(rounds, 5);
  const { rows: found, contestants, picture } = await memory(at, counted);
  console.log(`memory:\n${markdown(found)}\n${contestants}`);
  if (!values.dry) {
    writeFileSync(PICTURE, picture);
    writePart(MEMORY, `${machine(counted)}\n\n${markdown(found)}\n${contestants}`);
  }
}
if (!values.dry && values.only === undefined) writePart(WHOLE, `${machine(rounds)}\n\n${markdown(rows)}`);
rmSync(out, { recursive: true, force: true });

function machine(counted: number): string {
  return `${cpus().length} processors (${cpus()[0]?.model.trim() ?? 'unknown'}), kernel ${at.version} of Debian 12, QEMU without hardware acceleration, medians of ${counted} interleaved rounds.`;
}

function writePart(marks: { start: string; end: string }, text: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(marks.start) + marks.start.length;
  const until = page.indexOf(marks.end);
  if (from < marks.start.length || until < from) throw new Error(`docs/benchmarks.md lacks ${marks.start.trim()}`);
  writeFileSync(PAGE, `${page.slice(0, from)}\n${text}\n${page.slice(until)}`);
}
