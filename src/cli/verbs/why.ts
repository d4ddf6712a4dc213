// kindling why: the chain of reasons for a path of an archive (docs/why.md).
import { explain, reasonsOf } from '../../archive/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { treePath } from '../../verbs/select.ts';
import { chainText } from '../../verbs/why.ts';
import { openArchive } from '../image.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `why` verb. */
export const why: Verb = {
  name: 'why',
  summary: 'say why a path is in an archive',
  description: ['Prints each reason, and what wanted the thing that wanted it, from the record the archive carries of itself.'],
  positionals: [
    { name: 'ARCHIVE', summary: 'an archive that kindling built', required: true },
    { name: 'PATH', summary: 'the path to explain', required: true },
  ],
  options: {},
  examples: [{ command: 'kindling why initrd.img usr/sbin/blkid', does: 'prints the chain of reasons' }],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', given = ''] = parsed.positionals;
  const { tree } = openArchive(file);
  const path = treePath(given);
  if (path !== '' && tree.get(path) === undefined) throw new KindlingError('NO_ENTRY', `there is no "${path}"`, { file, path });
  let chains: ReturnType<typeof explain>;
  try {
    chains = explain(path, reasonsOf(tree));
  } catch (error) {
    throw located(error, { file });
  }
  if (world.json) await world.document({ archive: file, path, chains });
  else for (const chain of chains) await world.out.write(chainText(chain));
  if (chains.length === 0) world.note(`nothing is recorded for "${path}"`);
  return chains.length === 0 ? 1 : 0;
}
