// kindling extract: an archive's files below a directory (docs/extract.md).
import { extractTree } from '../../node/extract.ts';
import { extraction } from '../../verbs/extract.ts';
import { openArchive } from '../image.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `extract` verb. */
export const extract: Verb = {
  name: 'extract',
  summary: 'write the files of an archive below a directory',
  description: [
    'Nothing outside the directory is touched: an archive with absolute names, "..", or entries behind links that lead nowhere is refused before anything is written, and no link in the directory is followed.',
    'What the image of a squashed archive holds is written as part of the same tree, and a squashfs or EROFS image is extracted like an archive.',
    'An ordinary user gets everything but devices, ownership and set-id bits. That is said, and is no failure unless --strict is given.',
  ],
  positionals: [
    { name: 'ARCHIVE', summary: 'the archive', required: true },
    { name: 'PATH', summary: 'only these paths and what is below them', required: false, repeated: true },
  ],
  options: {
    directory: { short: 'C', value: 'DIR', summary: 'where to write; made when it is missing', completes: 'directory' },
    outer: { summary: 'what the kernel unpacks, with the image inside as a file' },
    strict: { summary: 'exit with 1 when anything was left out' },
  },
  examples: [{ command: 'kindling extract /boot/initrd.img -C unpacked', does: 'unpacks everything' }],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', ...paths] = parsed.positionals;
  const target = parsed.value('directory');
  if (target === undefined) throw usageError('extract: -C DIR is missing: where to write');
  const archive = openArchive(file);
  const { entries, dropped } = extraction(parsed.flag('outer') ? { ...archive, tree: archive.outer } : archive, paths);
  world.progress.step('extracting', entries.length);
  let count = 0;
  const result = await extractTree(entries, target, { onEntry: (path) => world.progress.advance(count++, path) });
  world.progress.clear();
  for (const finding of dropped) world.warn(`${finding.where.path ?? ''}: ${finding.message}`);
  const left = result.skipped.filter(({ what }) => what === 'entry');
  for (const { path, reason } of left) world.note(`left out: ${path}: ${reason}`);
  for (const what of ['owner', 'mode'] as const) {
    const matching = result.skipped.filter((skipped) => skipped.what === what);
    if (matching.length > 0) world.note(`${matching.length} entries without their ${what}: ${matching[0]!.reason}`);
  }
  if (world.json)
    await world.document({ archive: file, directory: target, entryCount: result.entryCount, skipped: result.skipped, dropped });
  return parsed.flag('strict') && (result.skipped.length > 0 || dropped.length > 0) ? 1 : 0;
}
