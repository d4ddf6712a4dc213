// live: from a root to a medium: bundles, kernel, live archive, menu and loader, as the parts that an image or a folder is made of
// (docs/live.md). The outside world is handed in.
import { type ByteSource, bytesSource, concat, nameFromBytes, nameToBytes, readAll, type Sha256 } from '../bytes/index.ts';
import type { CodecChoice } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { compareBundleNames, type LeftOut, type NewBundle, splitRoot } from '../media/bundles/index.ts';
import {
  type BundleFile,
  DATA_DIRECTORY,
  type MediumFile,
  type MediumParts,
  type MenuOptions,
  mediumId,
  menuEntries,
  type SourceDigest,
  type Startup,
  sealFiles,
} from '../media/index.ts';
import { EARLY_CONF, findFile, kernelImageOf, type Plan, type Root } from '../plan/index.ts';
import { makeTree, type Tree } from '../tree/index.ts';
import { build } from './build.ts';
import { fittingBundles } from './live-fit.ts';
import type { LiveReuse } from './live-reuse.ts';
import { type PlanOutside, type PlanWords, planFor } from './plan.ts';

/** What a person said. */
export interface LiveWords extends PlanWords {
  /** Name of the system in the menu; the root's own unless told. */
  readonly title?: string | undefined;
  readonly menu: Omit<MenuOptions, 'title' | 'data'>;
  /** Name of the data directory. */
  readonly data: string;
  /** False leaves documentation out. */
  readonly docs: boolean;
  /** Patterns of what is left out. */
  readonly exclude: readonly string[];
  /** Whether modules and firmware are a bundle of their own. */
  readonly separateModules: boolean;
  /** Classes of media that the live archive reaches; all when empty. */
  readonly media: readonly string[];
  readonly handover?: string | undefined;
  readonly encrypted: boolean;
  /** Bytes of the largest bundle that the medium can hold: larger ones are made several (live-fit.ts). */
  readonly bundleMost?: number | undefined;
  /** Seconds since 1970 of everything on the medium. */
  readonly time: number;
}

/** What making a medium needs of the outside. */
export interface LiveOutside extends PlanOutside {
  readonly sha256: Sha256;
  readonly digest: SourceDigest;
  /** Compression of the live archive. */
  readonly codec: CodecChoice;
  /** Everything of the root. */
  readonly tree: Tree;
  /** Bundles that are there already and come in as they are. */
  readonly extra: readonly BundleFile[];
  /** Signs root hashes (64 bytes, Ed25519): the bundles are sealed then, and the archive takes no others. */
  sign?(bytes: Uint8Array): Uint8Array;
  /** Makes a bundle, or takes one that was made of the same. */
  bundle(bundle: NewBundle): Promise<BundleFile>;
  /** What is taken over from the last archive of this root; `root` is its root then. */
  readonly reuse?: LiveReuse;
  /** Told the medium's id as soon as it is known: what else depends on it can begin. */
  onId?(id: string): void;
  /** Told the archive that was made, before anything else is. */
  onArchive?(bytes: Uint8Array): void;
  /** Told what is done now. */
  onStep?(title: string): void;
}

/** A medium, but for what its loader and its form add. */
export interface LiveMedium {
  readonly parts: MediumParts;
  readonly startup: Startup;
  readonly plan: Plan;
  readonly archiveSize: number;
  readonly kernelSize: number;
  readonly title: string;
  readonly leftOut: readonly LeftOut[];
  readonly findings: readonly Finding[];
}

function osReleaseOf(root: Root): string {
  const found = findFile(root, 'etc/os-release') ?? findFile(root, 'usr/lib/os-release');
  return found === undefined || found.content.size > 1 << 16 ? '' : nameFromBytes(readAll(found.content));
}

function titleOf(root: Root): string {
  const name = /^PRETTY_NAME=(?:"([^"\n]*)"|'([^'\n]*)'|(\S*))$/m.exec(osReleaseOf(root));
  const title = (name?.[1] ?? name?.[2] ?? name?.[3] ?? '').replace(/["'$`\\{};|&<>]/g, '');
  return title === '' ? 'Live system' : title;
}

function kernelImage(words: LiveWords, { root, file }: LiveOutside, version: string): ByteSource {
  const named = words.kernel?.includes('/') === true ? file(words.kernel) : undefined;
  if (named !== undefined) return named;
  const path = kernelImageOf(root, version);
  const image = path === undefined ? undefined : findFile(root, path);
  if (image !== undefined) return image.content;
  throw new KindlingError('NO_KERNEL', `${root.label} has no image of kernel ${version} in /boot or beside its modules`);
}

function checkData(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$/.test(name) && !['boot', 'efi'].includes(name.toLowerCase())) return;
  throw new KindlingError(
    'USAGE',
    `the data directory is "${name}", expected a name of letters, digits, ".", "_" and "-" that is neither boot nor EFI`,
  );
}

/** Plans of the live archive: part live, for this medium. */
function planWords(words: LiveWords, id: string, isSealed: boolean): PlanWords {
  const setting = (name: 'media' | 'handover' | 'medium' | 'encrypted' | 'verity', value: string) => ({ name, value });
  return {
    ...words,
    add: [...new Set(['live', ...words.add])],
    settings: [
      ...(words.settings ?? []),
      setting('medium', id),
      ...words.media.map((value) => setting('media', value)),
      ...(words.handover === undefined ? [] : [setting('handover', words.handover)]),
      ...(words.encrypted ? [setting('encrypted', 'yes')] : []),
      ...(isSealed ? [setting('verity', 'yes')] : []),
    ],
  };
}

/** The bundles of a root, in order and each with its bytes. */
async function bundlesOf(words: LiveWords, outside: LiveOutside): Promise<{ bundles: readonly BundleFile[]; leftOut: readonly LeftOut[] }> {
  const { docs, exclude, separateModules, bundleMost } = words;
  const split = splitRoot(outside.tree, { docs, exclude, separateModules });
  const bundles: BundleFile[] = [...outside.extra];
  const large = bundles.find(({ size }) => size > (bundleMost ?? Number.POSITIVE_INFINITY));
  if (large !== undefined) {
    const message = `${large.name} was finished before and has ${large.size} bytes, expected at most ${bundleMost}`;
    throw new KindlingError('NOT_EXPRESSIBLE', message, { path: large.name });
  }
  for (const bundle of split.bundles) {
    outside.onStep?.(`bundle ${bundle.name}`);
    bundles.push(...(await fittingBundles(bundle, bundleMost, outside.bundle)));
  }
  bundles.sort((a, b) => compareBundleNames(a.name, b.name));
  const twice = bundles.find(({ name }, index) => bundles[index + 1]?.name === name);
  if (twice !== undefined) throw new KindlingError('CONFLICT', `two bundles are named ${twice.name}`, { path: twice.name });
  return { bundles, leftOut: split.leftOut };
}

/** The plan with the medium's id in what early userspace is told. */
function forMedium(plan: Plan, id: string): Plan {
  const told = plan.tree.get(EARLY_CONF);
  const text = told?.kind === 'file' ? nameFromBytes(readAll(told.content)) : '';
  const parts = text.split("\nMEDIUM=''\n");
  if (told?.kind !== 'file' || parts.length !== 2) {
    throw new KindlingError('INTERNAL', 'the plan of the live archive has no place for the id of the medium', { path: EARLY_CONF });
  }
  const content = bytesSource(nameToBytes(parts.join(`\nMEDIUM='${id}'\n`)));
  return { ...plan, tree: makeTree(plan.tree.entries.map((entry) => (entry === told ? { ...told, content } : entry))) };
}

/** What would be made. */
export interface LiveForecast {
  readonly plan: Plan;
  readonly title: string;
  readonly bundles: readonly { readonly name: string; readonly entryCount: number; readonly contentSize: number }[];
  readonly leftOut: readonly LeftOut[];
}

/** Looks at everything and makes nothing. Throws what `liveMedium` throws before its first bundle. */
export function liveForecast(words: LiveWords, outside: LiveOutside): LiveForecast {
  checkData(words.data);
  const { docs, exclude, separateModules } = words;
  const { plan } = planFor(planWords(words, 'any', outside.sign !== undefined), outside);
  kernelImage(words, outside, plan.kernel.version);
  const { bundles, leftOut } = splitRoot(outside.tree, { docs, exclude, separateModules });
  const facts = bundles.map(({ name, tree }) => {
    const contentSize = tree.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.content.size : 0), 0);
    return { name: `${name}.sb`, entryCount: tree.entries.length, contentSize };
  });
  return { plan, title: words.title ?? titleOf(outside.root), bundles: facts, leftOut };
}

const filesOf = (bundles: readonly BundleFile[], data: string): MediumFile[] =>
  bundles.map(({ name, content }) => ({ path: `${data}/${name}`, content }));

/** Makes what every form of the medium has. Throws what planning and building throw, CONFLICT for two bundles of one name. */
export async function liveMedium(words: LiveWords, outside: LiveOutside): Promise<LiveMedium> {
  checkData(words.data);
  const title = words.title ?? titleOf(outside.root);
  const menu: MenuOptions = { ...words.menu, title, data: words.data === DATA_DIRECTORY ? undefined : words.data };
  const { sign, sha256 } = outside;
  const isSealed = sign !== undefined;
  // what may be refused comes before what takes long; the id is known after that
  menuEntries(menu);
  outside.onStep?.('planning');
  const unnamed = planFor(planWords(words, 'any', isSealed), outside).plan;
  const { bundles, leftOut } = await bundlesOf(words, outside);
  const id = mediumId(bundles, outside.sha256);
  outside.onId?.(id);
  outside.onStep?.('archive');
  const plan = forMedium(unnamed, id);
  const kernel = kernelImage(words, outside, plan.kernel.version);
  const chunks: Uint8Array[] = [];
  for await (const chunk of build(plan, { codec: outside.codec, sha256: outside.sha256, ...outside.reuse?.encoding })) chunks.push(chunk);
  const archive = concat(chunks);
  outside.onArchive?.(archive);
  const files = isSealed ? sealFiles(filesOf(bundles, words.data), { data: words.data, sha256, sign }) : [];
  const parts: MediumParts = { id, bundles, files, data: words.data, time: words.time };
  const startup: Startup = {
    ...{ id, kernel, archive: bytesSource(archive), menu },
    ...{ version: plan.kernel.version, osRelease: osReleaseOf(outside.root) },
  };
  const findings = plan.findings;
  return { parts, startup, plan, archiveSize: archive.length, kernelSize: kernel.size, title, leftOut, findings };
}
