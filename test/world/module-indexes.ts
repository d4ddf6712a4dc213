// modules.dep and its companions for a root that came straight from packages, where depmod never ran.
import { tool } from '../tools.ts';
import { mustRun } from './run.ts';

/** Writes the indexes of one kernel's modules into the root. */
export async function writeModuleIndexes(folder: string, version: string): Promise<void> {
  await mustRun(tool('depmod'), ['-b', folder, version]);
}
