// The loader of a squashed archive: what stays outside the image and is unpacked by the kernel itself. Its scripts come from outside
// (early/squash), its programs from a root, its modules from the kernel's module tree; each entry has a reason, as in any plan.
import { bytesSource, nameFromBytes, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { directory, file, makeTree, type Tree } from '../../tree/index.ts';
import { type Collection, collection } from '../collect.ts';
import { DEFAULT_SETTINGS } from '../config/index.ts';
import { chooseDrivers } from '../drivers.ts';
import { encodeEarly } from '../early-conf.ts';
import { modprobeConfig, openModules } from '../modules/index.ts';
import { firstDevices, standardLinks } from '../parts/init.ts';
import { type Command, commandsIn, toolWants } from '../parts/tools.ts';
import type { KernelFacts, Reason, Wanted } from '../plan.ts';
import { closeOverPrograms } from '../programs/index.ts';
import { type Root, treeRoot } from '../root.ts';
import type { SquashLayout } from './layout.ts';

/** Name of the part that the loader's entries have in their reasons. */
export const LOADER_PART = 'squash';
/** Path of the file that tells the loader what the archive is like. */
export const SQUASH_CONF = 'usr/lib/kindling/squash.conf';

const SCRIPTS = 'usr/lib/kindling/squash';
const EARLY = 'usr/lib/kindling/early';
const MODULES = ['loop', 'squashfs', 'overlay'] as const;
const DIRECTORIES: readonly (readonly [string, string])[] = [
  ['dev', 'mount point of devices'],
  ['proc', 'mount point of process information'],
  ['sys', 'mount point of kernel information'],
  ['run', 'mount point of run-time state'],
  ['newroot', 'mount point of the image with its writable layer'],
  ['squash', 'mount point of what the image needs'],
];

/** Who hands the machine to the root: a script that ends in switch_root (there is a way back to the loader), or an init that detaches its root. */
export type SquashMode = 'return' | 'drop';

/** The files of early/squash, at the top ("init", "commands", "files", and scripts), and those of the early userspace. */
export interface LoaderScripts {
  readonly squash: Tree;
  readonly early: Tree;
}

/** What a loader is planned from. */
export interface LoaderRequest extends LoaderScripts {
  readonly layout: SquashLayout;
  readonly mode: SquashMode;
  /** Where programs may come from, the preferred one first. */
  readonly roots: readonly Root[];
  /** Where the kernel's modules are; `kernel.moduleTree` is a path in it. */
  readonly moduleRoot: Root;
  readonly kernel: KernelFacts;
  readonly decoders: readonly Decoder[];
  /** Trees of the root that come from the image in layout `squash-usr`. */
  readonly trees: readonly string[];
}

/** What is outside the image: its entries, why each is there, and the modules among them in load order. */
export interface Loader {
  readonly tree: Tree;
  readonly reasons: ReadonlyMap<string, readonly Reason[]>;
  readonly modules: readonly string[];
  /** `busybox` or `programs`. */
  readonly tools: string;
}

/** Plans the loader. Throws NO_PROGRAM when none of the roots has all it needs, NO_LIBRARY, NO_ENTRY for an installation without its scripts. */
export function planLoader(request: LoaderRequest): Loader {
  const modules = loaderModules(request);
  const commands = loaderCommands(request.squash, modules.names.length > 0);
  const root = rootWithTools(request.roots, commands);
  const collected = collection(root);
  for (const wanted of [...places(request), ...firstDevices(), ...standardLinks(root), ...scripts(request)]) collected.add(own(wanted));
  for (const wanted of modules.wanted) collected.add(own(wanted));
  const tools = toolWants(root, { commands, own: new Set(), who: 'the loader', isRescue: false });
  for (const wanted of tools.entries ?? []) collected.add(own(wanted));
  takePrograms(root, collected, tools.programs ?? []);
  const kind = tools.early?.TOOLS ?? 'programs';
  collected.add(conf(request, modules.names, kind));
  const { tree, reasons } = collected.finish();
  return { tree, reasons, modules: modules.names, tools: kind };
}

function own(wanted: Wanted): Wanted {
  return { ...wanted, segment: 'base', reason: { ...wanted.reason, part: LOADER_PART } };
}

function takePrograms(root: Root, collected: Collection, programs: readonly { path: string; text: string }[]): void {
  const asked = programs.map((program) => ({ ...program, part: LOADER_PART }));
  for (const wanted of closeOverPrograms(root, asked, (path) => collected.has(path)).wanted) collected.add(wanted);
}

function places({ trees }: { trees: readonly string[] }): Wanted[] {
  const wanted = [...DIRECTORIES, ...trees.map((tree) => [tree, 'mount point of a tree of the image'] as const)];
  return wanted.map(([path, text]) => ({ entry: directory(path), segment: 'base', reason: { part: LOADER_PART, text } }));
}

/** Modules that mount the image, always: in scope "host" the machine that the facts are of had no use for them. */
function loaderModules({ kernel, moduleRoot, decoders }: LoaderRequest): { wanted: readonly Wanted[]; names: readonly string[] } {
  if (kernel.moduleTree === undefined) return { wanted: [], names: [] };
  const set = openModules(moduleRoot, kernel.moduleTree, decoders);
  // The root's rules are for its own modprobe; the loader's reads none, and a rule against squashfs is none against this image.
  const rules = modprobeConfig(treeRoot(makeTree([]), 'no rules'));
  const wants = MODULES.map((what) => ({ what, text: 'mounts the image', need: 'may' as const, part: LOADER_PART }));
  const settings = { ...DEFAULT_SETTINGS, firmware: ['no'] };
  const { wanted, packed } = chooseDrivers({ set, rules, kernel, scope: 'generic', host: undefined, settings, wants });
  return { wanted, names: MODULES.filter((name) => packed.includes(name)) };
}

function text(entry: ReturnType<Tree['get']>, path: string): string {
  if (entry?.kind !== 'file')
    throw new KindlingError('NO_ENTRY', `early userspace has no "${path}": the installation is incomplete`, { path });
  return nameFromBytes(readAll(entry.content));
}

function loaderCommands(squash: Tree, loads: boolean): Command[] {
  const entry = squash.get('commands');
  text(entry, 'squash/commands');
  const commands = entry?.kind === 'file' ? commandsIn(entry) : [];
  return loads ? commands : commands.filter(({ name }) => name !== 'modprobe');
}

/** Only one root, or libraries of two builds would meet. */
function rootWithTools(roots: readonly Root[], commands: readonly Command[]): Root {
  let first: unknown;
  for (const root of roots) {
    try {
      toolWants(root, { commands, own: new Set(), who: 'the loader', isRescue: false });
      return root;
    } catch (error) {
      if (!(error instanceof KindlingError) || error.code !== 'NO_PROGRAM') throw error;
      first ??= error;
    }
  }
  throw first ?? new KindlingError('INTERNAL', 'a loader needs a root to take its tools from');
}

function scripts({ squash, early }: LoaderScripts): Wanted[] {
  // Not because of init: that name has the reasons of the init inside, too.
  const reason = (what: string): Reason => ({ part: LOADER_PART, text: what });
  const wanted: Wanted[] = [];
  for (const entry of squash.entries) {
    if (entry.kind !== 'file' || entry.path === 'commands' || entry.path === 'files') continue;
    if (entry.path === 'init') {
      const first = { part: LOADER_PART, text: 'mounts the image and becomes its init' };
      wanted.push({ entry: { ...entry, mode: 0o755 }, segment: 'base', reason: first });
    } else wanted.push({ entry: { ...entry, path: `${SCRIPTS}/${entry.path}` }, segment: 'base', reason: reason('script of the loader') });
  }
  for (const name of text(squash.get('files'), 'squash/files').split('\n')) {
    if (name === '' || name.startsWith('#')) continue;
    const entry = early.get(`${EARLY}/${name}`);
    text(entry, name);
    wanted.push({ entry: entry!, segment: 'base', reason: reason('early userspace that the loader shares') });
  }
  return wanted;
}

function conf({ layout, mode, trees }: LoaderRequest, modules: readonly string[], tools: string): Wanted {
  const values = new Map([
    ['FORMAT', 'squashfs'],
    ['IMAGE', `/${layout.image}`],
    ['MODE', layout.name === 'squash-usr' ? 'usr' : mode],
    ['MODULES', modules.join(' ')],
    ['TOOLS', tools],
    ['TREES', trees.join(' ')],
  ]);
  const entry = file(SQUASH_CONF, bytesSource(encodeEarly(values)));
  return { entry, segment: 'base', reason: { part: LOADER_PART, text: 'what the archive tells its loader' } };
}
