// Writes the pages that are made from tables: man/*.1, docs/errors.md, docs/verbs.md. `node scripts/generate.ts`; a test says when it is due.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorsPage, programManual, verbManual, verbsPage } from '../src/cli/manual.ts';
import { VERBS } from '../src/cli/verbs.ts';

/** Every generated file: path in the repository and its text. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const verbs = await Promise.all(VERBS.map((entry) => entry.load()));
  const files = new Map([
    ['man/kindling.1', programManual(VERBS)],
    ['docs/errors.md', errorsPage()],
    ['docs/verbs.md', verbsPage(verbs)],
  ]);
  for (const verb of verbs) files.set(`man/kindling-${verb.name}.1`, verbManual(verb));
  return files;
}

/** Top directory of the repository. */
export const TOP: string = join(import.meta.dirname, '..');

if (import.meta.main) {
  const files = await generatedFiles();
  mkdirSync(join(TOP, 'man'), { recursive: true });
  for (const name of readdirSync(join(TOP, 'man'))) if (!files.has(`man/${name}`)) rmSync(join(TOP, 'man', name));
  for (const [path, text] of files) {
    mkdirSync(dirname(join(TOP, path)), { recursive: true });
    writeFileSync(join(TOP, path), text);
  }
}
