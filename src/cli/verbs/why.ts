// kindling why: the chain of reasons for a path of an archive or a plan (docs/why.md).
import { type Chain, explain, reasonsOf } from '../../archive/index.ts';
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { fileSource } from '../../node/index.ts';
import type { Reason } from '../../plan/index.ts';
import { treePath } from '../../verbs/select.ts';
import { chainText, planReasons } from '../../verbs/why.ts';
import { openArchive } from '../image.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

const PLAN_SIZE_MOST = 256 << 20;

/** The `why` verb. */
export const why: Verb = {
  name: 'why',
  summary: 'say why a path is in an archive',
  description: [
    'Prints each reason, and what wanted the thing that wanted it: from the record an archive carries of itself, or from a plan that `kindling plan --json` printed into a file.',
  ],
  positionals: [
    { name: 'ARCHIVE|PLAN', summary: 'an archive that kindling built, or a plan in JSON', required: true },
    { name: 'PATH', summary: 'the path to explain', required: true },
  ],
  options: {},
  examples: [
    { command: 'kindling why initrd.img usr/sbin/blkid', does: 'prints the chain of reasons' },
    { command: 'kindling plan --json --root / > plan.json; kindling why plan.json init', does: 'the same before anything is built' },
  ],
  run,
};

/** Reasons by path, and whether the path is there at all. */
function recorded(file: string): { reasons: ReadonlyMap<string, readonly Reason[]>; has(path: string): boolean } {
  const source = fileSource(file);
  if (source.size > 0 && source.read(0, 1)[0] === 0x7b) {
    if (source.size > PLAN_SIZE_MOST) throw new KindlingError('LIMIT', `${source.size} bytes, a plan has at most ${PLAN_SIZE_MOST}`);
    const reasons = planReasons(nameFromBytes(readAll(source)));
    return { reasons, has: (path) => reasons.has(path) };
  }
  const { tree, outer } = openArchive(file);
  return { reasons: reasonsOf(outer), has: (path) => path === '' || tree.get(path) !== undefined };
}

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', given = ''] = parsed.positionals;
  const path = treePath(given);
  let chains: Chain[];
  try {
    const { reasons, has } = recorded(file);
    if (!has(path)) throw new KindlingError('NO_ENTRY', `there is no "${path}"`, { path });
    chains = explain(path, reasons);
  } catch (error) {
    throw located(error, { file });
  }
  if (world.json) await world.document({ archive: file, path, chains });
  else for (const chain of chains) await world.out.write(chainText(chain));
  if (chains.length === 0) world.note(`nothing is recorded for "${path}"`);
  return chains.length === 0 ? 1 : 0;
}
