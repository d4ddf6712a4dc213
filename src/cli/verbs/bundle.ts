// kindling bundle: the squashfs layers of a live system (docs/bundle.md).
import { BUNDLE_LIVE_OPTIONS } from '../bundle-live-options.ts';
import { BUNDLE_WRITE_OPTIONS } from '../bundle-write.ts';
import { DRY_RUN_OPTION } from '../options.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

const ACTIONS = ['make', 'split', 'list', 'order', 'fix', 'seal', 'add', 'remove'] as const;
type Action = (typeof ACTIONS)[number];

const WRITING: readonly string[] = ['output', 'dry-run', ...Object.keys(BUNDLE_WRITE_OPTIONS)];
/** Options by the actions that have them. */
const ALLOWED: Readonly<Record<Action, readonly string[]>> = {
  make: [...WRITING, 'over', 'changes', 'exclude', 'volatile', 'ignore-times', 'marks', 'data'],
  split: [...WRITING, 'exclude', 'no-docs'],
  list: ['data'],
  order: ['data'],
  fix: [...WRITING, 'data'],
  seal: ['data', 'sign'],
  add: Object.keys(BUNDLE_LIVE_OPTIONS),
  remove: Object.keys(BUNDLE_LIVE_OPTIONS),
};

/** The `bundle` verb. */
export const bundle: Verb = {
  name: 'bundle',
  summary: 'make, list and check the bundles of a live system',
  description: [
    'A bundle is a squashfs image NN-NAME.sb that a live system lays over others: the number gives the order, higher ones lie on top. make writes one from a directory, an image or Debian packages; with --over only what differs from the layers below; with --changes from the upper directory of an overlay that is or was mounted. split makes the bundles of a medium from a root.',
    'list says what each bundle of a directory or medium adds and hides. order prints the order in which a boot stacks them and what is wrong with it: one file that sums up many (ld.so.cache, modules.dep, dpkg status, caches of the desktop) is seen from one bundle only. fix writes a bundle with those of them that can be made anew.',
    'seal gives the bundles of a medium that is a directory digests of their blocks (dm-verity) and a signed list of root hashes.',
    'add and remove change the live system that is running: at once where the kernel allows it, and on its medium for the boots to come; they say which.',
    'Nothing of a package is run: make says which maintainer scripts were not. Neither mounting nor root is needed.',
  ],
  positionals: [
    { name: 'ACTION', summary: ACTIONS.join(', '), required: true },
    {
      name: 'PATH',
      summary: 'the source of make or split; names of bundles for remove; bundles, directories or media for the others',
      required: false,
      repeated: true,
    },
  ],
  options: {
    output: { short: 'o', value: 'FILE|DIR', summary: 'the bundle to write; a directory for split', completes: 'file' },
    over: { value: 'PATH', multiple: true, summary: 'make: write only what differs from these layers (lowest first)', completes: 'file' },
    changes: { summary: 'make: the source is the upper directory of an overlay' },
    exclude: { value: 'PATTERN', multiple: true, summary: 'make, split: leave out paths that fit' },
    volatile: { summary: 'make: take logs, caches and other volatile paths of changes too' },
    'ignore-times': { summary: 'make --over: a file of which only the time differs is the same' },
    marks: { value: 'SPACE', choices: ['trusted', 'user'], default: 'trusted', summary: 'make: whose attributes mark opaque directories' },
    'no-docs': { summary: 'split: leave out documentation, manual pages and translations of messages' },
    data: { value: 'DIR', default: 'kindling', summary: 'the data directory of media' },
    'dry-run': DRY_RUN_OPTION,
    ...BUNDLE_WRITE_OPTIONS,
    sign: { value: 'FILE', summary: 'seal: the private key (PEM, Ed25519) to sign with', completes: 'file' },
    ...BUNDLE_LIVE_OPTIONS,
  },
  examples: [
    { command: 'kindling bundle make /srv/tools -o 20-tools.sb', does: 'makes a bundle of a directory' },
    { command: 'kindling bundle make vim_*.deb -o 30-vim.sb', does: 'makes a bundle of packages' },
    {
      command: 'kindling bundle make newroot --over medium/kindling -o 40-changes.sb',
      does: 'saves what differs from the bundles of a medium',
    },
    { command: 'kindling bundle make --changes /memory/changes -o 50-session.sb', does: 'saves the changes of a live system' },
    { command: 'kindling bundle order medium', does: 'says in which order bundles are stacked, and what that breaks' },
    { command: 'kindling bundle fix medium -o medium/kindling/99-fixes.sb', does: 'makes indexes and caches of all bundles anew' },
    { command: 'kindling bundle add 20-tools.sb', does: 'adds a bundle to the running live system' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [action] = parsed.positionals;
  if (!isAction(action)) throw usageError(`bundle: the action is "${action}", expected one of ${ACTIONS.join(', ')}`);
  const foreign = Object.keys(bundle.options).find((name) => parsed.values(name).length > 0 && !ALLOWED[action].includes(name));
  if (foreign !== undefined) throw usageError(`bundle ${action}: --${foreign} is for another action`);
  switch (action) {
    case 'make':
      return await (await import('../bundle-make.ts')).bundleMake(parsed, world);
    case 'split':
      return await (await import('../bundle-make.ts')).bundleSplit(parsed, world);
    case 'list':
      return await (await import('../bundle-list.ts')).bundleList(parsed, world);
    case 'order':
      return await (await import('../bundle-list.ts')).bundleOrder(parsed, world);
    case 'fix':
      return await (await import('../bundle-list.ts')).bundleFix(parsed, world);
    case 'seal':
      return await (await import('../bundle-seal.ts')).bundleSeal(parsed, world);
    case 'add':
      return await (await import('../bundle-live.ts')).bundleAdd(parsed, world);
    case 'remove':
      return await (await import('../bundle-live.ts')).bundleRemove(parsed, world);
  }
}

function isAction(word: string | undefined): word is Action {
  return (ACTIONS as readonly (string | undefined)[]).includes(word);
}
