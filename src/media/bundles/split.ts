// A root as the bundles of a live medium: what a running system makes anew is left out, modules and firmware get a bundle of their own,
// so that the core can be used with another kernel.
import type { Entry, Tree } from '../../tree/index.ts';
import { type LeftOut, matcher, withoutMatches } from './patterns.ts';
import { pick } from './pick.ts';

/** A bundle to be written: its name without suffix, and what goes in. */
export interface NewBundle {
  readonly name: string;
  readonly tree: Tree;
}

/** How a root is split. */
export interface SplitOptions {
  /** False leaves out documentation, manual pages and translations of messages; copyright files stay. True unless told. */
  readonly docs?: boolean;
  /** Whether modules and firmware are a bundle of their own. True unless told. */
  readonly separateModules?: boolean;
  /** Further patterns (docs/bundle.md, "Patterns"). */
  readonly exclude?: readonly string[];
}

/** The bundles, lowest first, and what is in none of them. */
export interface RootSplit {
  readonly bundles: readonly NewBundle[];
  /** The highest path of each thing left out. */
  readonly leftOut: readonly LeftOut[];
}

/** What a live system does not take from its root, and why. */
export const NOT_FOR_LIVE: readonly LeftOut[] = [
  { path: 'boot/initrd*', reason: 'boot archives are beside the bundles on the medium' },
  { path: 'boot/initramfs*', reason: 'boot archives are beside the bundles on the medium' },
  { path: 'boot/vmlinu[xz]*', reason: 'kernels are beside the bundles on the medium' },
  { path: 'usr/lib/modules/*/vmlinuz', reason: 'kernels are beside the bundles on the medium' },
  { path: 'vmlinuz*', reason: 'a link to a kernel' },
  { path: 'initrd.img*', reason: 'a link to a boot archive' },
  { path: 'var/lib/kindling/*', reason: 'records of archives that are not here' },
  { path: 'proc/*', reason: 'the kernel shows it' },
  { path: 'sys/*', reason: 'the kernel shows it' },
  { path: 'dev/*', reason: 'the kernel shows it' },
  { path: 'run/*', reason: 'made anew at each boot' },
  { path: 'tmp/*', reason: 'temporary' },
  { path: 'var/tmp/*', reason: 'temporary' },
  { path: 'lost+found', reason: 'belongs to the file system the root was on' },
  { path: 'var/cache/apt/archives/*.deb', reason: 'a cache of packages' },
  { path: 'var/cache/apt/archives/partial/*', reason: 'a cache of packages' },
  { path: 'var/cache/apt/*.bin', reason: 'apt makes it anew' },
  { path: 'var/lib/apt/lists/*', reason: '"apt update" fetches it' },
];

const DOCUMENTATION: readonly LeftOut[] = [
  'usr/share/man/*',
  'usr/share/info/*',
  'usr/share/help/*',
  'usr/share/gtk-doc/*',
  'usr/share/lintian/*',
  'usr/share/locale/*/LC_MESSAGES/*',
].map((path) => ({ path, reason: 'documentation' }));
const DOC_FILES = /^usr\/share\/doc\/(?!(?:[^/]+\/)?copyright$)[^/]+(?:\/.+)?$/s;
const MODULE_PLACES = /^(?:usr\/)?lib\/(?:modules|firmware)(?:\/|$)/;

/** Splits a root into `01-core` and `02-modules` (the latter where the root has modules or firmware). */
export function splitRoot(root: Tree, options: SplitOptions = {}): RootSplit {
  const docs = options.docs ?? true;
  const wanted = [...NOT_FOR_LIVE, ...(docs ? [] : DOCUMENTATION)];
  const match = matcher([...wanted, ...(options.exclude ?? []).map((path) => ({ path, reason: 'excluded' }))]);
  const { kept, leftOut } = withoutMatches(root.entries, (entry) => {
    const isDoc = !docs && entry.kind !== 'directory' && DOC_FILES.test(entry.path);
    return match(entry.path) ?? (isDoc ? 'documentation' : undefined);
  });
  const isModule = (entry: Entry) => (options.separateModules ?? true) && MODULE_PLACES.test(entry.path);
  const modules = kept.filter(isModule);
  const core = pick(root, kept, (entry) => !isModule(entry));
  if (!modules.some(({ kind }) => kind !== 'directory'))
    return { bundles: [{ name: '01-core', tree: pick(root, kept, () => true) }], leftOut };
  return {
    bundles: [
      { name: '01-core', tree: core },
      { name: '02-modules', tree: pick(root, kept, isModule) },
    ],
    leftOut,
  };
}
