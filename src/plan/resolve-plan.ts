// plan(): asks the parts, resolves what they want against the root, and merges it into one tree with a reason for every entry.
import { bytesSource } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { file, makeTree, type Tree, withParents } from '../tree/index.ts';
import { collection, normal } from './collect.ts';
import type { Settings } from './config/index.ts';
import { chooseDrivers, type Drivers } from './drivers.ts';
import { EARLY_CONF, encodeEarly, mergedEarly } from './early-conf.ts';
import { fileSystemsOf } from './fstab.ts';
import type { HostFacts } from './host.ts';
import { type KernelChoice, kernelFacts } from './kernel.ts';
import { modprobeConfig, openModules } from './modules/index.ts';
import type { Part, PartWants } from './part.ts';
import { mountable } from './parts/filesystems.ts';
import { PARTS } from './parts/index.ts';
import { isReplacedByLive } from './parts/live.ts';
import type { KernelFacts, Plan, Wanted } from './plan.ts';
import { closeOverPrograms } from './programs/index.ts';
import type { Root } from './root.ts';

/** What to plan. */
export interface PlanRequest {
  readonly root: Root;
  /** Undefined: the newest kernel of the root. */
  readonly kernel?: KernelChoice | undefined;
  readonly scope: 'generic' | 'host';
  /** Needed in scope "host". */
  readonly host?: HostFacts | undefined;
  /** Merged configuration, the command line included. */
  readonly settings: Settings;
  /** Early userspace: `init` and what it reads. */
  readonly early: Tree;
  readonly decoders: readonly Decoder[];
}

interface Proposal {
  readonly part: string;
  readonly wants: PartWants;
}

/** Makes the plan. Throws what stands in the way: NO_KERNEL, NO_MODULE, NO_PROGRAM, NO_LIBRARY, CONFLICT, BAD_CONFIG. */
export function plan(request: PlanRequest): Plan {
  const { root, scope, host, settings, early, decoders } = request;
  if (scope === 'host' && host === undefined) throw new KindlingError('USAGE', 'scope "host" needs facts about the machine');
  const kernel = kernelFacts(root, request.kernel);
  const input = { root, kernel, scope, host, settings, early, decoders };
  const parts = activeParts(settings);
  const proposals: Proposal[] = parts.map((part) => ({ part: part.name, wants: part.wants(input) }));
  const findings: Finding[] = proposals.flatMap(({ wants }) => wants.findings ?? []);

  const collected = collection(root);
  for (const { wants } of proposals) for (const wanted of wants.entries ?? []) collected.add(wanted);
  const drivers = driversOf(request, kernel, proposals);
  for (const wanted of drivers?.wanted ?? []) collected.add(wanted);
  findings.push(...(drivers?.findings ?? []), ...withoutModules(kernel, root));
  const asked = proposals.flatMap(({ part, wants }) => (wants.programs ?? []).map((program) => ({ ...program, part })));
  const programs = closeOverPrograms(root, asked, (path) => collected.has(path));
  for (const wanted of programs.wanted) collected.add(wanted);
  findings.push(...programs.findings);
  collected.add(earlyConf(request, proposals, kernel, drivers));

  const { tree, reasons, segmentOf } = collected.finish();
  const microcode = microcodeTree(proposals);
  return {
    scope,
    kernel,
    tree,
    reasons,
    segmentOf,
    microcode,
    deferred: drivers?.deferred ?? [],
    findings,
    parts: parts.map(({ name }) => name),
    packed: drivers?.packed ?? [],
  };
}

/** The parts in force: defaults, without those omitted, with those added. Throws BAD_CONFIG for a part there is not, or that cannot be left out. */
export function activeParts(settings: Settings): Part[] {
  const known = (name: string): Part => {
    const part = PARTS.find((one) => one.name === name);
    if (part !== undefined) return part;
    throw new KindlingError('BAD_CONFIG', `there is no part "${name}"; there are ${PARTS.map((one) => one.name).join(', ')}`);
  };
  const add = new Set(settings.add.map((name) => known(name).name));
  const omit = new Set(settings.omit.map((name) => known(name).name));
  for (const name of omit) {
    if (add.has(name)) throw new KindlingError('CONFLICT', `part "${name}" is both added and omitted`);
    if (known(name).when === 'always') throw new KindlingError('BAD_CONFIG', `part "${name}" cannot be left out: nothing boots without it`);
  }
  const isLive = add.has('live');
  const isUsual = ({ name, when }: Part): boolean => when !== 'asked' && !(isLive && isReplacedByLive(name));
  return PARTS.filter((part) => !omit.has(part.name) && (isUsual(part) || add.has(part.name)));
}

function driversOf(request: PlanRequest, kernel: KernelFacts, proposals: readonly Proposal[]): Drivers | undefined {
  if (kernel.moduleTree === undefined) return undefined;
  const { root, scope, host, settings, decoders } = request;
  const set = openModules(root, kernel.moduleTree, decoders);
  const wants = proposals.flatMap(({ part, wants: { modules } }) => (modules ?? []).map((want) => ({ ...want, part })));
  return chooseDrivers({ set, rules: modprobeConfig(root), kernel, scope, host, settings, wants });
}

function withoutModules({ moduleTree, version, config }: KernelFacts, root: Root): Finding[] {
  if (moduleTree !== undefined || config?.get('MODULES') === 'n') return [];
  const message = `${root.label} has no lib/modules/${version}: only what is built into the kernel can be used, and nothing is deferred`;
  return [{ code: 'no-modules', severity: 'warning', where: { path: `lib/modules/${version}` }, message }];
}

function earlyConf({ root, host }: PlanRequest, proposals: readonly Proposal[], kernel: KernelFacts, drivers: Drivers | undefined): Wanted {
  // A kernel without modules mounts what is built into it, and only trying tells what that is.
  const usable = drivers === undefined ? undefined : new Set([...drivers.packed, ...drivers.builtin]);
  const types = mountable(
    usable,
    [...fileSystemsOf(root), ...(host?.mounts ?? [])].map(({ type }) => type),
  );
  const facts = { KERNEL: kernel.version, DEFERRED: String(drivers?.deferred.length ?? 0), FILESYSTEMS: types.join(' ') };
  const all = proposals.map(({ part, wants }) => ({ part, early: wants.early ?? {} }));
  const values = mergedEarly([...all, { part: 'init', early: facts }]);
  const entry = file(EARLY_CONF, bytesSource(encodeEarly(values)));
  return { entry, segment: 'configuration', reason: { part: 'init', text: 'what the plan tells early userspace', because: 'init' } };
}

function microcodeTree(proposals: readonly Proposal[]): Tree | undefined {
  const wanted = proposals.flatMap(({ wants }) => wants.microcode ?? []);
  return wanted.length === 0 ? undefined : makeTree(withParents(wanted.map(({ entry }) => normal(entry))));
}
