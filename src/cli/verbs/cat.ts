// kindling cat: the content of a file in an archive (docs/cat.md).
import { readAll } from '../../bytes/index.ts';
import { located } from '../../errors.ts';
import { detect as isSquashfs, lookup } from '../../formats/squashfs/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { imageSource } from '../../node/image-source.ts';
import { type Root, treeRoot } from '../../plan/index.ts';
import { cat as contentOf } from '../../verbs/cat.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';

const PIECE_SIZE = 1 << 20;

/** The `cat` verb. */
export const cat: Verb = {
  name: 'cat',
  summary: 'print a file of an archive',
  description: [
    'Symbolic links are followed inside the archive, hard links lead to their file. Several files are printed one after the other.',
    'A squashed archive is one tree with its image: where both have the file, the one in the image is printed, which is what runs. --outer prints the other.',
  ],
  positionals: [
    { name: 'ARCHIVE', summary: 'the archive', required: true },
    { name: 'PATH', summary: 'the file', required: true, repeated: true },
  ],
  options: { outer: { summary: 'look only at what the kernel unpacks, not into the image inside' } },
  examples: [{ command: 'kindling cat /boot/initrd.img init', does: 'prints the init program' }],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [file = '', ...paths] = parsed.positionals;
  const root = await opened(file, parsed.flag('outer'));
  // All of them are there, or nothing is printed.
  const contents = paths.map((path) => ({ path, content: contentOf(root, path) }));
  if (world.json) {
    const files = contents.map(({ path, content }) => ({ path, size: content.size, base64: base64(readAll(content)) }));
    await world.document({ archive: file, ...(files.length === 1 ? files[0] : { files }) });
    return 0;
  }
  for (const { content } of contents) {
    for (let at = 0; at < content.size; at += PIECE_SIZE) await world.out.write(content.read(at, Math.min(PIECE_SIZE, content.size - at)));
  }
  return 0;
}

/** An image by itself is only looked into on the way to the files. */
async function opened(file: string, isOuter: boolean): Promise<Root> {
  const source = imageSource(file);
  if (isSquashfs(source.read(0, Math.min(4, source.size)))) {
    try {
      return { label: file, ...lookup(source, { decoders: nodeDecoders() }) };
    } catch (error) {
      throw located(error, { file });
    }
  }
  const { decodeArchive } = await import('../image.ts');
  const archive = decodeArchive(source, file);
  return treeRoot(isOuter ? archive.outer : archive.tree, file);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
