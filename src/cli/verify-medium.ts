// kindling verify IMAGE, of a live medium: runs the checks and prints what they found (docs/live.md, "Checking").
import { nodeDecoders } from '../node/codecs.ts';
import { sha256 } from '../node/digest.ts';
import { digestSource } from '../node/live-store.ts';
import { fileSource } from '../node/source.ts';
import { passes } from '../verbs/verify.ts';
import { verifyMedium } from '../verbs/verify-medium.ts';
import { printable } from './report.ts';
import type { Parsed } from './verb.ts';
import { lineOf } from './verbs/verify.ts';
import type { World } from './world.ts';

/** Checks the image of a live medium. Answers the exit code. */
export async function verifyImage(path: string, parsed: Parsed, world: World): Promise<number> {
  const source = fileSource(path);
  world.progress.step('checking', source.size);
  const found = verifyMedium({
    source,
    decoders: nodeDecoders(),
    sha256,
    digest: digestSource,
    onFile: (name, done) => world.progress.advance(done, name),
  });
  world.progress.clear();
  const isFine = passes(found.findings, parsed.flag('strict'));
  if (world.json) await world.document({ image: path, passed: isFine, ...found, id: found.id ?? null, loader: found.loader ?? null });
  else {
    for (const finding of found.findings) {
      if (finding.severity !== 'note' || world.verbosity >= 1) await world.out.line(lineOf(finding, world));
    }
    const medium = found.id === undefined ? 'no medium' : `medium ${found.id.slice(0, 16)}`;
    world.note(
      `${printable(path)}: ${found.form}, ${medium}, ${found.loader === undefined ? '' : `UEFI starts ${found.loader}, `}${found.fileCount} files, ${found.bundles.length} bundles`,
    );
    world.note(isFine ? 'fine' : 'not fine');
  }
  return isFine ? 0 : 1;
}
