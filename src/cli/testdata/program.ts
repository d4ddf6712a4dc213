// The command line with verbs that behave badly on request; started by main.test.ts as a process of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import { KindlingError } from '../../errors.ts';
import { fileSource, writeAtomically } from '../../node/index.ts';
import { main } from '../main.ts';
import { OUTPUT_OPTION } from '../options.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

function verb(name: string, run: (parsed: Parsed, world: World) => Promise<number>): Verb {
  return { name, summary: `test ${name}`, positionals: [{ name: 'WORD', summary: 'a word', required: false }], options: { output: OUTPUT_OPTION }, run };
}

async function* slowly(world: World): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(100_000).fill(1);
  world.err.line('half');
  await sleep(30_000);
}

const VERBS = [
  verb('answer', async (parsed) => Number(parsed.positionals[0])),
  verb('fail', async (parsed) => {
    throw new KindlingError('BAD_VALUE', 'found 7,\nexpected 8', { file: parsed.positionals[0] ?? 'x', structure: 'head\u001b[31m', offset: 12 });
  }),
  verb('defect', async () => {
    throw new TypeError('not a function');
  }),
  verb('open', async (parsed) => fileSource(parsed.positionals[0]!).size),
  verb('flood', async (_parsed, world) => {
    for (let count = 0; count < 100_000; count++) await world.out.line(`line ${count}`);
    return 0;
  }),
  verb('write', async (parsed, world) => {
    await writeAtomically(parsed.value('output')!, slowly(world), { mode: 0o600 });
    return 0;
  }),
  verb('store', async (parsed) => {
    await writeAtomically(parsed.value('output')!, [new Uint8Array(8 << 20)]);
    return 0;
  }),
  verb('talk', async (_parsed, world) => {
    world.progress.step('working', 10);
    world.progress.advance(5);
    world.note('a note');
    world.warn('a warning');
    world.detail('a detail');
    await world.out.line(world.out.style('red', 'data'));
    if (world.json) await world.document({ epoch: world.sourceDateEpoch });
    return 0;
  }),
  verb('epoch', async (_parsed, world) => {
    await world.out.line(String(world.sourceDateEpoch));
    return 0;
  }),
];

process.exitCode = await main(
  process.argv.slice(2),
  VERBS.map((one) => ({ name: one.name, summary: one.summary, load: async () => one })),
);
