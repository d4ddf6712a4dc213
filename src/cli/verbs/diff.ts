// kindling diff: what differs between two archives or directories (docs/diff.md).
import { sha256 } from '../../node/digest.ts';
import { diffTrees } from '../../tree/index.ts';
import { differenceLine } from '../../verbs/diff.ts';
import { openTree } from '../image.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `diff` verb. */
export const diff: Verb = {
  name: 'diff',
  summary: 'compare two archives or directories',
  description: [
    'Prints what was added, removed and changed from A to B: kind, mode, owner, size, link target, device numbers and content. Times are not compared, and hard links count as the files they name. Exit code 1 means that there are differences.',
  ],
  positionals: [
    { name: 'A', summary: 'an archive, another image, or a directory', required: true },
    { name: 'B', summary: 'the one to compare it with', required: true },
  ],
  options: { 'ignore-owner': { summary: 'do not compare user and group (for a directory unpacked by an ordinary user)' } },
  examples: [{ command: 'kindling diff initrd.img.old initrd.img', does: 'shows what an update changed' }],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [a = '', b = ''] = parsed.positionals;
  const owners = !parsed.flag('ignore-owner');
  const sameBytes = (x: Uint8Array, y: Uint8Array): boolean => Buffer.compare(x, y) === 0;
  const differences = diffTrees(openTree(a), openTree(b), { sha256, sameBytes, owners, allDigests: world.json });
  if (world.json) await world.document({ a, b, differences: differences.map(octalModes) });
  else await world.out.write(differences.map((difference) => `${differenceLine(difference)}\n`).join(''));
  return differences.length === 0 ? 0 : 1;
}

function octalModes<T extends { before?: { mode: number }; after?: { mode: number } }>(difference: T): object {
  const shown = (facts: { mode: number }) => ({ ...facts, mode: facts.mode.toString(8).padStart(4, '0') });
  const { before, after } = difference;
  return {
    ...difference,
    ...(before === undefined ? {} : { before: shown(before) }),
    ...(after === undefined ? {} : { after: shown(after) }),
  };
}
