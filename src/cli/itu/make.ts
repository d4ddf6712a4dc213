// kindling itu make: what was named is read, the bundle is put together and written, and signed where a key is given.
import { statSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { concat } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { decode as decodePackage } from '../../formats/deb/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { nodeEncoders } from '../../node/codecs-encode.ts';
import { sha256 } from '../../node/digest.ts';
import { errnoError } from '../../node/errno.ts';
import { openRoot } from '../../node/open-root.ts';
import { signBytes } from '../../node/signature.ts';
import { fileSource } from '../../node/source.ts';
import { writeAtomically } from '../../node/write.ts';
import { file } from '../../tree/index.ts';
import { codecChoice } from '../../verbs/build.ts';
import { type ItuInput, type ItuWords, type MadeBundle, makeBundle } from '../../verbs/itu/make.ts';
import { bundleFileName } from '../../verbs/itu/manifest.ts';
import { packArchive } from '../../verbs/pack.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError } from '../verb.ts';
import type { World } from '../world.ts';

/** A file of this machine as something that goes in. The word behind the last "=" says where to. */
function input(word: string): ItuInput {
  const at = word.lastIndexOf('=');
  const path = at < 0 ? word : word.slice(0, at);
  try {
    const content = fileSource(path);
    // Only whether it is a program counts of its mode.
    const { mode } = statSync(path);
    return { entry: file(basename(path), content, mode & 0o777), label: path, to: at < 0 ? undefined : word.slice(at + 1) };
  } catch (error) {
    throw errnoError(error, { file: path }) ?? located(error, { file: path });
  }
}

function packageOf(path: string): ItuWords['packages'][number] {
  try {
    return { label: path, package: decodePackage(fileSource(path), { decoders: nodeDecoders() }) };
  } catch (error) {
    throw located(error, { file: path });
  }
}

function words(parsed: Parsed): ItuWords {
  const name = parsed.value('name');
  const number = parsed.number('number', { least: 0, most: 999 });
  if (name === undefined || number === undefined) throw usageError('itu make: --name NAME and --number NUMBER are needed');
  const load = parsed.values('load').flatMap((value) => value.split(',').filter((word) => word !== ''));
  return {
    name,
    number,
    version: parsed.value('version') ?? '1',
    description: parsed.value('description') ?? '',
    kernels: parsed.values('kernel'),
    modules: parsed.values('module').map(input),
    firmware: parsed.values('firmware').map(input),
    files: parsed.values('file').map(input),
    configs: parsed.values('config').map(input),
    packages: parsed.values('deb').map(packageOf),
    load: parsed.flag('no-load') ? [] : load.length > 0 ? load : undefined,
  };
}

function outputPath(output: string | undefined, made: MadeBundle): string {
  const name = bundleFileName(made.manifest);
  if (output === undefined) return name;
  const isDirectory = output.endsWith('/') || statSync(output, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? join(output, name) : output;
}

/** Runs `itu make`. */
export async function ituMake(parsed: Parsed, world: World): Promise<number> {
  if (parsed.positionals.length > 1) throw usageError(`itu make: unexpected argument "${parsed.positionals[1]}"`);
  const decoders = nodeDecoders();
  const target = parsed.value('root');
  const root = target === undefined ? undefined : await openRoot([target], decoders);
  const codec = codecChoice(parsed.value('codec') ?? 'gzip:9', nodeEncoders());
  const made = makeBundle(words(parsed), { decoders, sha256, root });
  const path = outputPath(parsed.value('output'), made);
  const failed = made.findings.some(({ severity }) => severity === 'error');
  for (const { severity, message, where } of made.findings) {
    const text = printable(`${where.file ?? where.path ?? ''}${(where.file ?? where.path) === undefined ? '' : ': '}${message}`);
    if (severity === 'note') world.detail(text);
    else if (severity === 'warning') world.warn(text);
    else world.note(`${world.err.style('red', 'error:')} ${text}`);
  }
  const facts = { output: path, manifest: made.manifest, findings: made.findings };
  if (failed || parsed.flag('dry-run')) {
    if (world.json) await world.document({ ...facts, written: false, size: null, sha256: null, signature: null });
    else await world.out.line(failed ? 'nothing is written' : `would write ${printable(path)}: ${made.manifest.files.length} files`);
    return failed ? 1 : 0;
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of packArchive(made.tree, 'newc', codec)) pieces.push(piece);
  const bytes = concat(pieces);
  const key = parsed.value('sign');
  // The key is tried before anything is written: a bundle without its signature is of no use to those who ask for one.
  const signature = key === undefined ? undefined : signBytes(bytes, key);
  await writeAtomically(path, [bytes]);
  await signed(path, signature, world);
  const digest = sha256(bytes);
  if (world.json)
    await world.document({
      ...facts,
      written: true,
      size: bytes.length,
      sha256: digest,
      signature: signature === undefined ? null : `${path}.sig`,
    });
  else {
    const what = signature === undefined ? 'not signed' : `signed: ${printable(path)}.sig`;
    world.note(`${printable(path)}: ${bytes.length} bytes, ${made.manifest.files.length} files, ${what}`);
  }
  return 0;
}

/** Writes the signature; one of an earlier bundle of the same name would be a wrong one, and goes. */
async function signed(path: string, signature: Uint8Array | undefined, world: World): Promise<void> {
  if (signature !== undefined) {
    await writeAtomically(`${path}.sig`, [signature]);
    return;
  }
  if (statSync(`${path}.sig`, { throwIfNoEntry: false }) === undefined) return;
  try {
    unlinkSync(`${path}.sig`);
  } catch (error) {
    throw errnoError(error, { file: `${path}.sig` }) ?? new KindlingError('IO', 'it cannot be removed', { file: `${path}.sig` }, error);
  }
  world.warn(`${printable(path)}.sig was that of the bundle before, and is removed`);
}
