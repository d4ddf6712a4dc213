// kindling list: the names in an archive (docs/list.md).
import { entryDocument, list as listOf } from '../../verbs/list.ts';
import { select } from '../../verbs/select.ts';
import { openForNames } from '../names.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

/** The `list` verb. */
export const list: Verb = {
  name: 'list',
  summary: 'print the paths in an archive',
  description: [
    'Reads any initramfs: every compression Linux accepts, the uncompressed segment in front, and several archives one after the other. What is printed is what the kernel would unpack, one path a line, sorted byte by byte, as raw bytes.',
  ],
  positionals: [
    { name: 'ARCHIVE', summary: 'the archive', required: true },
    { name: 'PATH', summary: 'only these paths and what is below them', required: false, repeated: true },
  ],
  options: {
    long: { short: 'l', summary: 'manifest lines: kind, mode, owner, time, path and more, unusual characters escaped' },
    null: { short: '0', summary: 'end each path with NUL instead of a newline' },
  },
  examples: [
    { command: 'kindling list /boot/initrd.img', does: 'prints every path' },
    { command: 'kindling list -l /boot/initrd.img usr/lib/modules', does: 'prints the modules with size and mode' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', ...paths] = parsed.positionals;
  const archive = await openForNames(file, { checksums: false });
  for (const finding of archive.findings) world.warn(`${finding.code}: ${finding.where.path ?? ''}: ${finding.message}`);
  if (world.json) {
    const members = archive.members.map(({ at, size, codec, format, unpackedSize }) => ({ at, size, codec, format, unpackedSize }));
    await world.document({ archive: file, members, entries: select(archive.tree, paths).map(entryDocument), findings: archive.findings });
    return 0;
  }
  await world.out.write(listOf(archive.tree, paths, { long: parsed.flag('long'), nul: parsed.flag('null') }));
  return 0;
}
