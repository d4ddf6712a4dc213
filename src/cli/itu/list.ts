// kindling itu list and verify: what bundles there are, on media and in a root, and what stands against them.

import type { Finding } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { directoryRoot } from '../../node/directory.ts';
import { type FoundBundle, findBundles, type MediaOutside } from '../../node/itu/media.ts';
import { openSite } from '../../node/itu/remove.ts';
import { type AppliedBundle, storedBundles } from '../../node/itu/store.ts';
import { trustedKeys } from '../../node/signature.ts';
import { fit } from '../../verbs/itu/fit.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError } from '../verb.ts';
import type { World } from '../world.ts';
import { bundleLine } from './menu.ts';

/** Keys and decoders for reading media. */
export function mediaOutside(parsed: Parsed): MediaOutside {
  return { keys: trustedKeys(parsed.values('key')), decoders: nodeDecoders() };
}

/** A bundle as the JSON documents show it. */
export function bundleDocument({ label, signature, bundle, fault }: FoundBundle): object {
  const { files, ...said } = bundle?.manifest ?? { files: [] };
  return { file: label, signature, ...said, fileCount: files.length, sha256: bundle?.sha256 ?? null, fault: fault ?? null };
}

function appliedDocument({ name, manifest, journal }: AppliedBundle): object {
  const { files, ...said } = manifest;
  return {
    ...said,
    name,
    fileCount: files.length,
    state: journal.state,
    sha256: journal.bundle,
    key: journal.key ?? null,
    appliedFor: journal.kernels,
  };
}

function appliedIn(root: string): AppliedBundle[] {
  const site = openSite(root);
  try {
    return storedBundles(site);
  } finally {
    site.close();
  }
}

const STATES = { applied: 'applied', applying: 'apply was interrupted', removing: 'removal was interrupted' } as const;

/** Runs `itu list`: bundles of media, and those in a root. */
export async function ituList(parsed: Parsed, world: World): Promise<number> {
  const media = parsed.positionals.slice(1);
  const root = parsed.value('root');
  if (media.length === 0 && root === undefined) throw usageError('itu list: name a MEDIUM or FILE, or a root with -R');
  const outside = mediaOutside(parsed);
  const found: FoundBundle[] = [];
  for (const medium of media) found.push(...(await findBundles(medium, outside)));
  const applied = root === undefined ? [] : appliedIn(root);
  if (world.json) {
    await world.document({
      bundles: found.map(bundleDocument),
      ...(root === undefined ? {} : { root, applied: applied.map(appliedDocument) }),
    });
    return 0;
  }
  for (const one of found) await world.out.line(bundleLine(one));
  for (const { manifest, journal } of applied) {
    const { number, name, version, description } = manifest;
    const how = journal.key === undefined ? 'not signed' : `signed (${printable(journal.key)})`;
    await world.out.line(
      `${String(number).padStart(3, '0')}  ${name} ${version}  ${how}  in ${printable(root!)}: ${STATES[journal.state]}  ${printable(description)}`.trimEnd(),
    );
  }
  return 0;
}

/** Everything that stands against a bundle, for a root where there is one. */
export function findingsOf(found: FoundBundle, root: string | undefined, unsigned: boolean): Finding[] {
  const { bundle, fault, signature, label } = found;
  if (fault !== undefined)
    return [{ code: 'itu-refused', severity: 'error', where: { file: label, ...fault.where }, message: fault.message }];
  const findings: Finding[] = [];
  if (signature.state === 'unsigned') {
    const severity = unsigned ? 'note' : 'error';
    findings.push({ code: 'itu-unsigned', severity, where: { file: label }, message: 'the bundle is not signed' });
  }
  if (bundle === undefined) return findings;
  const { manifest, tree } = bundle;
  const target = root === undefined ? undefined : directoryRoot(root);
  return [...findings, ...fit({ manifest, tree, root: target, decoders: nodeDecoders() }).findings];
}

/** Runs `itu verify`: 1 when anything stands in the way of using a bundle. */
export async function ituVerify(parsed: Parsed, world: World): Promise<number> {
  const media = parsed.positionals.slice(1);
  if (media.length === 0) throw usageError('itu verify: name a MEDIUM or FILE');
  const outside = mediaOutside(parsed);
  const results: { found: FoundBundle; findings: Finding[] }[] = [];
  for (const medium of media) {
    const bundles = await findBundles(medium, outside);
    if (bundles.length === 0) world.warn(`${printable(medium)}: no bundles`);
    for (const found of bundles) results.push({ found, findings: findingsOf(found, parsed.value('root'), parsed.flag('unsigned')) });
  }
  const passed = results.length > 0 && results.every(({ findings }) => !findings.some(({ severity }) => severity === 'error'));
  if (world.json) {
    await world.document({ passed, bundles: results.map(({ found, findings }) => ({ ...bundleDocument(found), findings })) });
    return passed ? 0 : 1;
  }
  for (const { found, findings } of results) {
    await world.out.line(bundleLine(found));
    for (const { code, severity, where, message } of findings) {
      await world.out.line(`  ${severity}: ${code}: ${printable(`${where.path === undefined ? '' : `${where.path}: `}${message}`)}`);
    }
  }
  return passed ? 0 : 1;
}
