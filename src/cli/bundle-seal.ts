// kindling bundle seal: dm-verity for the bundles of a medium that is a directory (docs/live-changes.md, "Bundles that the kernel checks").
import { existsSync, readFileSync } from 'node:fs';
import { nameToBytes, readAll } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { type MediumFile, parseSums, sealFiles, sumsPath, sumsText } from '../media/index.ts';
import { bundlesIn } from '../node/bundles.ts';
import { sha256 } from '../node/digest.ts';
import { system } from '../node/errno.ts';
import { signBytes } from '../node/signature.ts';
import { writeAtomically } from '../node/write.ts';
import { printable } from './report.ts';
import { type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

/** Runs `bundle seal`. */
export async function bundleSeal(parsed: Parsed, world: World): Promise<number> {
  const [, directory, ...more] = parsed.positionals;
  const key = parsed.value('sign');
  if (directory === undefined || more.length > 0) throw usageError('bundle seal: name one medium, a directory');
  if (key === undefined) throw usageError('bundle seal: name the private key with --sign');
  const data = parsed.value('data') ?? 'kindling';
  const top = directory.replace(/\/+$/, '');
  const bundles = bundlesIn(top, data)
    .filter(({ file }) => file.startsWith(`${top}/${data}/`))
    .map(({ file, open }): MediumFile => ({ path: file.slice(top.length + 1), content: open() }));
  if (bundles.length === 0) throw new KindlingError('NO_ENTRY', `there are no bundles in ${data}/`, { file: top });
  const files = sealFiles(bundles, { data, sha256, sign: (bytes) => signBytes(bytes, key) });
  for (const { path, content } of files) await writeAtomically(`${top}/${path}`, [readAll(content)], { mode: 0o644 });
  await listed(top, data, files);
  if (world.json) {
    await world.document({ files: files.map(({ path, content }) => ({ path, size: content.size })) });
    return 0;
  }
  for (const { path, content } of files) await world.out.line(`${printable(path)}  ${content.size} bytes`);
  return 0;
}

/** The medium's own digests know the new files too, where it has any. */
async function listed(top: string, data: string, files: readonly MediumFile[]): Promise<void> {
  const file = `${top}/${sumsPath(data)}`;
  if (!existsSync(file)) return;
  const sums = new Map(parseSums(system(() => readFileSync(file, 'utf8'), { file })));
  for (const { path, content } of files) sums.set(path, sha256(readAll(content)));
  await writeAtomically(file, [nameToBytes(sumsText(sums))], { mode: 0o644 });
}
