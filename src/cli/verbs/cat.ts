// kindling cat: the content of a file in an archive (docs/cat.md).
import { readAll } from '../../bytes/index.ts';
import { cat as contentOf } from '../../verbs/cat.ts';
import { openArchive } from '../image.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

const PIECE_SIZE = 1 << 20;

/** The `cat` verb. */
export const cat: Verb = {
  name: 'cat',
  summary: 'print a file of an archive',
  description: ['Symbolic links are followed inside the archive, hard links lead to their file.'],
  positionals: [
    { name: 'ARCHIVE', summary: 'the archive', required: true },
    { name: 'PATH', summary: 'the file', required: true },
  ],
  options: {},
  examples: [{ command: 'kindling cat /boot/initrd.img init', does: 'prints the init program' }],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', path = ''] = parsed.positionals;
  const content = contentOf(openArchive(file).tree, path);
  if (world.json) {
    await world.document({ archive: file, path, size: content.size, base64: base64(readAll(content)) });
    return 0;
  }
  for (let at = 0; at < content.size; at += PIECE_SIZE) await world.out.write(content.read(at, Math.min(PIECE_SIZE, content.size - at)));
  return 0;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
