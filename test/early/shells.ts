// The shells early userspace has to run in, and a way to run one of its functions in each of them on this machine.
import { fileURLToPath } from 'node:url';
import { tool } from '../tools.ts';
import { mustRun } from '../world/index.ts';

/** Where early userspace is in the clone. */
export const EARLY = fileURLToPath(new URL('../../early', import.meta.url));

/** Words that start each shell. */
export const SHELLS: readonly (readonly [string, ...string[]])[] = [['busybox', 'sh'], ['dash']];

/** Sources files of early userspace and runs a script after that; `$1`, `$2`, ... are the words. Answers the lines it printed. */
export async function inShell(
  shell: readonly [string, ...string[]],
  files: readonly string[],
  script: string,
  words: readonly string[] = [],
): Promise<readonly string[]> {
  const sourced = files.map((file) => `. '${EARLY}/${file}'\n`).join('');
  const said = await mustRun(tool(shell[0]), [...shell.slice(1), '-eu', '-c', `BLKID=''\n${sourced}${script}`, 'sh', ...words]);
  return said.split('\n').slice(0, -1);
}
