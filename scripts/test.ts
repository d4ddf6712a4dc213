// `npm test`: set-up, checks, then the tests (*.test.ts) in one report, as many files side by side as there are processors.
// `--long`, which is `npm run test:all`, runs what takes long instead (*.long.ts: matrices, kill sweeps, stories) and does not check again.
// Further words pick files whose path contains one of them (and skip the checks).
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
const SHOWN_MOST = 12;
const TEST_MOST = 45 * 60_000; // ms; a single test file that takes longer hangs
// those of several minutes: started first, or the others wait for one of them at the end
const LONGEST = [
  ...['story', 'squash', 'live-desktop', 'power', 'live-keep', 'live-media', 'early', 'live-start', 'failsafe', 'check', 'kdump', 'disks'],
  ...['itu', 'live-keep-systemd', 'package', 'live-keep-made', 'update-kill', 'large-pages', 'install', 'live-loaders', 'against-read'],
];

type TestEvent = { type: string; data: Record<string, unknown> };

/** The runner's closing totals ("tests 8"), which the runs of all files have to share. */
function totalOf(event: TestEvent): [name: string, count: number] | undefined {
  if (event.type !== 'test:diagnostic' || event.data.nesting !== 0) return undefined;
  const found = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(String(event.data.message));
  return found === null ? undefined : [found[1] ?? '', Number(found[2])];
}

const diagnostic = (message: string): TestEvent => ({ type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } });

/** All events of one file, kept until it has ended: two files side by side would be told as one. */
async function eventsOf(file: string): Promise<TestEvent[]> {
  const events: TestEvent[] = [];
  for await (const event of run({ files: [join(CLONE, file)], timeout: TEST_MOST, cwd: CLONE })) events.push(event as TestEvent);
  return events;
}

/** Each file's events as it ends, `lanes` files side by side, with one set of totals and the slowest files at the end. `ended` gets the number of failures. */
async function* sideBySide(files: readonly string[], lanes: number, ended: (failed: number) => void): AsyncGenerator<TestEvent> {
  const totals = new Map<string, number>();
  const started = Date.now();
  const seconds = (since: number): number => Math.round((Date.now() - since) / 1000);
  const took = new Map<string, number>();
  const waiting = [...files];
  const running = new Map<string, Promise<readonly [string, TestEvent[]]>>();
  while (waiting.length > 0 || running.size > 0) {
    while (running.size < lanes && waiting.length > 0) {
      const file = waiting.shift()!;
      const began = Date.now();
      running.set(
        file,
        eventsOf(file).then((events) => {
          took.set(file, seconds(began));
          return [file, events] as const;
        }),
      );
    }
    const [file, events] = await Promise.race(running.values());
    running.delete(file);
    for (const event of events) {
      const total = totalOf(event);
      if (total === undefined) yield event;
      else totals.set(total[0], (totals.get(total[0]) ?? 0) + total[1]);
    }
  }
  for (const name of COUNTS) yield diagnostic(`${name} ${totals.get(name) ?? 0}`);
  yield diagnostic(`duration ${seconds(started)} s`);
  const slowest = [...took].sort(([, a], [, b]) => b - a).slice(0, SHOWN_MOST);
  for (const [file, count] of slowest) yield diagnostic(`${file}: ${count} s`);
  const passed = totals.get('tests') ?? 0;
  ended(passed === 0 ? 1 : (totals.get('fail') ?? 0) + (totals.get('cancelled') ?? 0));
}

function report(files: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let failed = 1;
    const events = Readable.from(sideBySide(files, availableParallelism(), (count) => (failed = count)));
    const text = events.compose(new spec());
    text.on('data', (chunk: string) => process.stdout.write(chunk));
    text.on('error', reject);
    text.on('end', () => resolve(failed));
  });
}

/** Shorter is earlier: its place among the longest, or after all of them. */
function turn(path: string): number {
  const place = LONGEST.findIndex((name) => path.endsWith(`/${name}.long.ts`));
  return place < 0 ? LONGEST.length : place;
}

const words = process.argv.slice(2);
const long = words.includes('--long');
const picks = words.filter((word) => word !== '--long');

await setUp('test');
const clean = long || picks.length > 0 || (await check());
// fetched before any test runs into its own deadline
await debianKernel('amd64').catch((error: Error) => process.stderr.write(`Debian's kernel package is not at hand: ${error.message}\n`));

const suffix = long ? /\.long\.ts$/ : /\.test\.ts$/;
const files = ['src', 'test', 'scripts', 'bench']
  .flatMap(sources)
  .filter((path) => suffix.test(path) && (picks.length === 0 || picks.some((pick) => path.includes(pick))))
  .sort((a, b) => turn(a) - turn(b));
const failed = await report(files);
if (!clean) process.stderr.write('the checks before the tests found faults; they are printed above\n');
process.exitCode = clean && failed === 0 ? 0 : 1;
