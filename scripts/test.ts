// `npm test`: set-up, checks, then all tests in one report: units side by side, boots one after the other. `--all` adds the long matrices
// (*.long.ts). Further words pick files whose path contains one of them (and skip the checks).
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { sources } from '../test/rooms.ts';
import { CLONE, debianKernel } from '../test/world/index.ts';
import { check } from './check.ts';
import { setUp } from './setup.ts';

const COUNTS = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo'] as const;
const TEST_MOST = 30 * 60_000; // ms; a single test file that takes longer hangs

type TestEvent = { type: string; data: Record<string, unknown> };

/** The runner's closing totals ("tests 8"), which two runs have to share. */
function totalOf(event: TestEvent): [name: string, count: number] | undefined {
  if (event.type !== 'test:diagnostic' || event.data.nesting !== 0) return undefined;
  const found = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(String(event.data.message));
  return found === null ? undefined : [found[1] ?? '', Number(found[2])];
}

/** One stream of events from several runs in a row, with one set of totals at its end. `ended` gets the number of failures. */
async function* inARow(runs: readonly (() => AsyncIterable<TestEvent>)[], ended: (failed: number) => void): AsyncGenerator<TestEvent> {
  const totals = new Map<string, number>();
  for (const start of runs) {
    for await (const event of start()) {
      const total = totalOf(event);
      if (total === undefined) yield event;
      else totals.set(total[0], (totals.get(total[0]) ?? 0) + total[1]);
    }
  }
  for (const name of [...COUNTS, 'duration_ms'] as const) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${totals.get(name) ?? 0}`, level: 'info' } };
  }
  const passed = totals.get('tests') ?? 0;
  ended(passed === 0 ? 1 : (totals.get('fail') ?? 0) + (totals.get('cancelled') ?? 0));
}

function report(units: readonly string[], boots: readonly string[]): Promise<number> {
  const started = (files: readonly string[], concurrency: number) => () =>
    run({ files: files.map((path) => join(CLONE, path)), concurrency, timeout: TEST_MOST, cwd: CLONE }) as AsyncIterable<TestEvent>;
  const runs: (() => AsyncIterable<TestEvent>)[] = [];
  if (units.length > 0) runs.push(started(units, availableParallelism()));
  if (boots.length > 0) runs.push(started(boots, 1));
  return new Promise((resolve, reject) => {
    let failed = 1;
    const events = Readable.from(inARow(runs, (count) => (failed = count)));
    const text = events.compose(new spec());
    text.on('data', (chunk: string) => process.stdout.write(chunk));
    text.on('error', reject);
    text.on('end', () => resolve(failed));
  });
}

const words = process.argv.slice(2);
const all = words.includes('--all');
const picks = words.filter((word) => word !== '--all');

await setUp('test');
const clean = picks.length > 0 || (await check());
// fetched before any test runs into its own deadline
await debianKernel('amd64').catch((error: Error) => process.stderr.write(`Debian's kernel package is not at hand: ${error.message}\n`));

const suffix = all ? /\.(test|long)\.ts$/ : /\.test\.ts$/;
const files = ['src', 'test', 'scripts', 'bench']
  .flatMap(sources)
  .filter((path) => suffix.test(path) && (picks.length === 0 || picks.some((pick) => path.includes(pick))));
const isBoot = (path: string) => path.startsWith('test/boots/');
const failed = await report(
  files.filter((path) => !isBoot(path)),
  files.filter(isBoot),
);
if (!clean) process.stderr.write('the checks before the tests found faults; they are printed above\n');
process.exitCode = clean && failed === 0 ? 0 : 1;
