// modules.dep and its companions for a root that came straight from packages, where depmod never ran.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { directoryRoot } from '../../src/node/directory.ts';
import { moduleIndexes, openModules } from '../../src/plan/modules/index.ts';

/** Writes the indexes of one kernel's modules into the root, by kindling's own index writer. */
export function writeModuleIndexes(folder: string, version: string): void {
  const tree = `usr/lib/modules/${version}`;
  const set = openModules(directoryRoot(folder), tree, nodeDecoders());
  for (const index of moduleIndexes(set, set.modules)) {
    writeFileSync(join(folder, tree, index.name), index.bytes);
  }
}
