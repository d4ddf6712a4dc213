// kindling itu: install-time updates, driver bundles for a running live or installer system and for the installed root (docs/itu.md).
import { DRY_RUN_OPTION } from '../options.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

const ACTIONS = ['make', 'list', 'verify', 'apply', 'remove'] as const;

const MAKE_ONLY = [
  'output',
  'name',
  'number',
  'version',
  'description',
  'kernel',
  'module',
  'firmware',
  'file',
  'config',
  'deb',
  'load',
  'no-load',
  'sign',
  'codec',
];
const APPLY_ONLY = ['bundle', 'yes', 'live', 'no-live'];

/** The `itu` verb. */
export const itu: Verb = {
  name: 'itu',
  summary: 'add driver bundles to a live system and to the installed root',
  description: [
    'make writes a bundle: kernel modules, firmware, files and configuration in one file NNN-NAME.itu, with a signature beside it when a key is given. list and verify say what bundles are on media (in kindling/itu/ or ITUs/), or in a root. apply adds them, remove takes them out again.',
    'apply works on the running system when that is a live or installer system (its modules are loaded at once), and on the installed root that -R names, whose archive is then rebuilt. On a terminal it shows a menu; elsewhere it needs --yes, or bundles by name. Without a medium it goes on with the bundles that the running system has taken.',
    'Only bundles with a good signature are used: Ed25519, by a key in /etc/kindling/keys/*.pem or one given with --key. --unsigned accepts those that have none; a wrong signature is refused always.',
  ],
  positionals: [
    { name: 'ACTION', summary: ACTIONS.join(', '), required: true },
    { name: 'MEDIUM|FILE|NAME', summary: 'media or bundles; for remove, names of bundles', required: false, repeated: true },
  ],
  options: {
    root: { short: 'R', value: 'ROOT', summary: 'the installed root; for make, the root to check against', completes: 'directory' },
    key: { value: 'FILE', multiple: true, summary: 'a public key (PEM) to trust besides those of the machine', completes: 'file' },
    unsigned: { summary: 'accept bundles without a signature' },
    bundle: { value: 'NAME', multiple: true, summary: 'apply: this bundle of the media' },
    yes: { short: 'y', summary: 'apply: all bundles of the media, without asking' },
    live: { summary: 'apply: change the running system even when it is no live system' },
    'no-live': { summary: 'apply: leave the running system alone' },
    'no-update': { summary: 'apply, remove: leave the archives of the root as they are' },
    'dry-run': DRY_RUN_OPTION,
    output: { short: 'o', value: 'DIR|FILE', default: 'NNN-NAME.itu', summary: 'make: where to write', completes: 'file' },
    name: { value: 'NAME', summary: 'make: name of the bundle' },
    number: { value: 'NUMBER', summary: 'make: its place among others, 0 to 999' },
    version: { value: 'VERSION', default: '1', summary: 'make: its version' },
    description: { value: 'TEXT', summary: 'make: one line for the menu' },
    kernel: { short: 'k', value: 'VERSION', multiple: true, summary: 'make: a kernel it is for; those of its modules unless told' },
    module: { value: 'FILE[=DIR]', multiple: true, summary: 'make: a kernel module, and its directory below updates/', completes: 'file' },
    firmware: {
      value: 'FILE[=PATH]',
      multiple: true,
      summary: 'make: a firmware file, and its path below /usr/lib/firmware',
      completes: 'file',
    },
    file: { value: 'FILE=PATH', multiple: true, summary: 'make: any file, and where it goes', completes: 'file' },
    config: { value: 'FILE=PATH', multiple: true, summary: 'make: a configuration file below /etc', completes: 'file' },
    deb: { value: 'FILE', multiple: true, summary: 'make: the files of a Debian package', completes: 'file' },
    load: { value: 'MODULE', multiple: true, summary: 'make: a module to load at once; all of --module unless told' },
    'no-load': { summary: 'make: load nothing' },
    sign: { value: 'FILE', summary: 'make: the private key (PEM, Ed25519) to sign with', completes: 'file' },
    codec: { value: 'CODEC[:LEVEL]', default: 'gzip:9', summary: 'make: compression, which every kernel that is to unpack it must know' },
  },
  examples: [
    {
      command: 'kindling itu make --name raid9 --number 10 --module raid9.ko --sign vendor.key -o /media/usb/kindling/itu/',
      does: 'makes a signed bundle on a medium',
    },
    { command: 'kindling itu apply /media/usb -R /a', does: 'asks which bundles, and adds them to the live system and to the root on /a' },
    { command: 'kindling itu list -R /a', does: 'says which bundles are in a root' },
    { command: 'kindling itu remove raid9 -R /a', does: 'takes one out again' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [action] = parsed.positionals;
  const foreign = (names: readonly string[], only: string): void => {
    const found = names.find((name) => parsed.values(name).length > 0);
    if (found !== undefined) throw usageError(`itu ${action}: --${found} is for itu ${only}`);
  };
  if (action !== 'make') foreign(MAKE_ONLY, 'make');
  if (action !== 'apply') foreign(APPLY_ONLY, 'apply');
  switch (action) {
    case 'make':
      return await (await import('../itu/make.ts')).ituMake(parsed, world);
    case 'list':
      return await (await import('../itu/list.ts')).ituList(parsed, world);
    case 'verify':
      return await (await import('../itu/list.ts')).ituVerify(parsed, world);
    case 'apply':
      return await (await import('../itu/apply.ts')).ituApply(parsed, world);
    case 'remove':
      return await (await import('../itu/apply.ts')).ituRemove(parsed, world);
    default:
      throw usageError(`itu: the action is "${action}", expected one of ${ACTIONS.join(', ')}`);
  }
}
