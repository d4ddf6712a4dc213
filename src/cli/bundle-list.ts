// kindling bundle list, order and fix: what bundles there are, whether they go together, and the bundle that makes them.
import type { Finding } from '../errors.ts';
import { bundleFacts, fixes, stackFindings, unionOf } from '../media/bundles/index.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { bundleDocument } from '../verbs/bundle.ts';
import { bundlesAt } from './bundle-open.ts';
import { bundlePath, mib, writeBundle, writtenLine } from './bundle-write.ts';
import { printable } from './report.ts';
import { type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

const HIDDEN_SHOWN = 5;

function placesOf(parsed: Parsed, action: string): readonly string[] {
  const places = parsed.positionals.slice(1);
  if (places.length === 0) throw usageError(`bundle ${action}: name a directory, a medium or bundles`);
  return places;
}

/** Runs `bundle list`. */
export async function bundleList(parsed: Parsed, world: World): Promise<number> {
  const opened = await bundlesAt(placesOf(parsed, 'list'), parsed.value('data') ?? 'kindling');
  const union = unionOf(opened);
  const facts = bundleFacts(opened, union);
  const seen = union.tree.entries.length;
  if (world.json) {
    await world.document({ bundles: facts.map((one, index) => bundleDocument(one, opened, opened[index]!)), union: { entryCount: seen } });
    return 0;
  }
  for (const [index, one] of facts.entries()) {
    const { name, size, codec, blockSize } = opened[index]!;
    await world.out.line(`${printable(name)}  ${mib(size)} of ${mib(one.unpackedSize)}, ${codec}, blocks of ${blockSize / 1024} KiB`);
    const kernels = one.kernels.length === 0 ? '' : `; modules for ${printable(one.kernels.join(', '))}`;
    await world.out.line(`  ${one.fileCount} files: ${one.addedCount} added, ${one.replacedCount} in place of others${kernels}`);
    const removed = one.hides.filter(({ how }) => how === 'removed');
    if (removed.length > 0) await world.out.line(`  ${one.removedCount} entries below removed: ${shown(removed, world)}`);
    const replaced = one.hides.filter(({ how }) => how === 'replaced');
    if (replaced.length > 0) await world.out.line(`  in place of others: ${shown(replaced, world)}`);
    if (one.hiddenCount > 0) await world.out.line(`  ${one.hiddenCount} entries hidden by higher bundles`);
  }
  await world.out.line(`together ${seen} entries`);
  return 0;
}

function shown(hides: readonly { readonly path: string }[], world: World): string {
  const paths = [...new Set(hides.map(({ path }) => path))].sort();
  const most = world.verbosity > 0 ? paths.length : HIDDEN_SHOWN;
  return `${paths.slice(0, most).map(printable).join(', ')}${paths.length > most ? ` and ${paths.length - most} more` : ''}`;
}

async function sayFindings(findings: readonly Finding[], world: World): Promise<void> {
  for (const { code, severity, where, message } of findings) {
    const place = where.path ?? where.file;
    await world.out.line(`${severity}: ${code}: ${printable(`${place === undefined ? '' : `${place}: `}${message}`)}`);
  }
}

/** Runs `bundle order`: the stacking order, and 1 where the order decides whether the system is right. */
export async function bundleOrder(parsed: Parsed, world: World): Promise<number> {
  const opened = await bundlesAt(placesOf(parsed, 'order'), parsed.value('data') ?? 'kindling');
  const findings = stackFindings(opened, unionOf(opened), nodeDecoders());
  const passed = findings.every(({ severity }) => severity === 'note');
  if (world.json) await world.document({ passed, order: opened.map(({ name, file }) => ({ name, file })), findings });
  else {
    for (const { name } of opened) await world.out.line(printable(name));
    await sayFindings(findings, world);
  }
  return passed ? 0 : 1;
}

/** Runs `bundle fix`: writes what can be made anew, and says what cannot. */
export async function bundleFix(parsed: Parsed, world: World): Promise<number> {
  const output = bundlePath('bundle fix', parsed.value('output'), '99-fixes');
  const opened = await bundlesAt(placesOf(parsed, 'fix'), parsed.value('data') ?? 'kindling', output);
  const union = unionOf(opened);
  world.progress.step('making indexes');
  const made = fixes(opened, union, nodeDecoders());
  const after = made.files.length === 0 ? opened : [...opened, { name: '99-fixes.sb', tree: made.tree }];
  const remaining = stackFindings(after, made.files.length === 0 ? union : unionOf(after), nodeDecoders());
  world.progress.clear();
  const left = remaining.filter(({ severity }) => severity !== 'note');
  const bundle = made.files.length === 0 ? undefined : await writeBundle(made.tree, output, parsed, world);
  if (world.json) {
    await world.document({ files: made.files, bundle: bundle ?? null, findings: remaining });
    return left.length === 0 ? 0 : 1;
  }
  for (const { path, reason } of made.files) await world.out.line(`${printable(path)}: ${printable(reason)}`);
  await sayFindings(left, world);
  world.note(bundle === undefined ? 'nothing to make anew' : writtenLine(bundle));
  return left.length === 0 ? 0 : 1;
}
