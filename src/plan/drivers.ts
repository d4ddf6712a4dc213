// From the modules that parts want to the modules that are packed: choice by scope, rules of modprobe.d, closure, firmware, index files.
import { bytesSource } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { file, joinPath } from '../tree/index.ts';
import type { Settings } from './config/index.ts';
import type { HostFacts } from './host.ts';
import {
  type Closure,
  closeOver,
  isRefusal,
  type KernelModule,
  type ModprobeConfig,
  type ModuleSet,
  matches,
  moduleIndexes,
  moduleName,
  uncompressedPath,
} from './modules/index.ts';
import type { ModuleWant } from './part.ts';
import type { KernelFacts, Reason, Wanted } from './plan.ts';

/** A want and the part it comes from. */
export interface DriverWant extends ModuleWant {
  readonly part: string;
}

/** What to choose from and by. */
export interface DriverRequest {
  readonly set: ModuleSet;
  readonly rules: ModprobeConfig;
  readonly kernel: KernelFacts;
  readonly scope: 'generic' | 'host';
  readonly host: HostFacts | undefined;
  readonly settings: Settings;
  readonly wants: readonly DriverWant[];
}

/** The packed modules, their index files and firmware, as wanted entries. */
export interface Drivers {
  readonly wanted: readonly Wanted[];
  /** Names of packed modules, in load order. */
  readonly packed: readonly string[];
  /** Modules of the archive's kernel that parts wanted and that are built in. */
  readonly builtin: readonly string[];
  readonly deferred: readonly string[];
  readonly findings: readonly Finding[];
}

/** Chooses. Throws NO_MODULE when a module that must be there is neither a file nor built in. */
export function chooseDrivers(request: DriverRequest): Drivers {
  const { set, rules, settings } = request;
  const findings: Finding[] = [...set.findings, ...rules.findings];
  const named = namedModules(request, findings);
  const closure = closeOver(set, named.keys(), { softdeps: rules.softdeps, weakdeps: rules.weakdeps, firmware: firmwareSearch(request) });
  const packed = closure.modules;
  const names = new Set(packed.map(({ name }) => name));
  for (const name of names) {
    if (named.has(name) || !isOmitted(settings, name)) continue;
    const by = closure.reasons.get(name)?.by ?? 'another module';
    findings.push(finding('module-omitted-needed', 'warning', set.get(name)!.path, `${name} is to be left out, but ${by} needs it`));
  }
  const wanted: Wanted[] = packed.map((module) => ({
    entry: file(storedPath(set, module), set.elf(module)),
    segment: 'modules',
    reason: { part: 'modules', text: 'kernel module' },
  }));
  const withReasons = wanted.flatMap((one, index) =>
    reasonsOf(request, closure, named, packed[index]!).map((reason) => ({ ...one, reason })),
  );
  return {
    wanted: [...withReasons, ...indexFiles(set, packed), ...firmwareFiles(set, closure)],
    packed: packed.map(({ name }) => name),
    builtin: closure.builtins,
    deferred: set.modules.map(({ name }) => name).filter((name) => !names.has(name)),
    findings: [...findings, ...judged(request, closure)],
  };
}

function finding(code: string, severity: Finding['severity'], path: string, message: string): Finding {
  return { code, severity, where: { path }, message };
}

function contradiction(name: string, want: DriverWant): KindlingError {
  return new KindlingError('CONFLICT', `module ${name} is wanted (${want.text}) and is to be left out`, { path: name });
}

function isOmitted(settings: Settings, name: string): boolean {
  return settings['omit-modules'].some((pattern) => matches(moduleName(pattern), name));
}

/** Modules to start the closure from, each with the wants that named it. */
function namedModules(request: DriverRequest, findings: Finding[]): Map<string, DriverWant[]> {
  const { set, rules, settings, scope, wants } = request;
  const present = scope === 'host' ? presentModules(request) : undefined;
  const named = new Map<string, DriverWant[]>();
  const said = new Set<string>();
  const say = (code: string, name: string, message: string, severity: Finding['severity'] = 'note'): void => {
    if (!said.has(name)) findings.push(finding(code, severity, set.get(name)?.path ?? set.tree, message));
    said.add(name);
  };
  const all = families(set);
  for (const want of wants) {
    if (want.on !== undefined && set.get(want.on) === undefined && !set.builtins.has(moduleName(want.on))) continue;
    const found = modulesOf(set, all, want);
    if (found.length === 0 && want.need === 'must') {
      const message = `kernel ${set.version} has no module "${want.what}" (${want.part}: ${want.text}), neither as a file nor built in`;
      throw new KindlingError('NO_MODULE', message, { path: set.tree });
    }
    for (const name of found) {
      const command = rules.install.get(name);
      if (isOmitted(settings, name) && want.need === 'must') throw contradiction(name, want);
      if (isOmitted(settings, name)) say('module-omitted', name, `${name} is left out, as the settings say`);
      else if (command !== undefined && isRefusal(command))
        say('module-refused', name, `${name} is never loaded: modprobe.d says install ${name} ${command}`);
      else if (want.what.endsWith('/') && rules.blacklist.has(name))
        say('module-blacklisted', name, `${name} is blacklisted in modprobe.d`);
      else if (want.need !== 'match' || present === undefined || present.has(name)) {
        const held = named.get(name);
        if (held === undefined) named.set(name, [want]);
        else held.push(want);
        if (command !== undefined) {
          say(
            'module-install-command',
            name,
            `modprobe runs a command instead of loading ${name}, whose programs are not taken: ${command}`,
            'warning',
          );
        }
      }
    }
  }
  return named;
}

/** Modules by place, a driver that was moved to updates/ or extra/ in the place it was moved from. */
interface Family {
  readonly place: string;
  readonly name: string;
}

function families(set: ModuleSet): Family[] {
  return set.modules.map(({ relative, name }) => ({ place: relative.replace(/^(kernel|updates\/dkms|updates|extra)\//, ''), name }));
}

function modulesOf(set: ModuleSet, all: readonly Family[], want: DriverWant): readonly string[] {
  if (!want.what.endsWith('/')) return set.find(want.what);
  const home = want.what.replace(/^kernel\//, '');
  const except = (want.except ?? []).map((word) => (word.endsWith('/') ? word : moduleName(word)));
  const isExcept = ({ place, name }: Family): boolean =>
    except.some((word) => (word.endsWith('/') ? place.startsWith(home + word) : matches(word, name)));
  return all.filter((one) => one.place.startsWith(home) && !isExcept(one)).map(({ name }) => name);
}

/** Names of modules that the machine has a device for, or has loaded. */
function presentModules({ set, rules, host }: DriverRequest): Set<string> {
  const present = new Set<string>();
  if (host === undefined) return present;
  for (const name of [...host.modules, ...host.loaded, ...host.chain]) present.add(moduleName(name));
  for (const alias of host.modaliases) {
    const configured = rules.aliases.find(alias);
    for (const name of configured.length > 0 ? configured : set.find(alias)) present.add(name);
  }
  // Cards are on a bus that shows no modalias.
  if (present.has('mmc_core')) present.add('mmc_block');
  return present;
}

function firmwareSearch({ settings, kernel }: DriverRequest): false | { suffixes: ('.zst' | '.xz')[] } {
  if (settings.firmware[0] === 'no') return false;
  const can = (symbol: string): boolean => kernel.config === undefined || kernel.config.get(symbol) === 'y';
  const suffixes: ('.zst' | '.xz')[] = [];
  if (can('FW_LOADER_COMPRESS_ZSTD')) suffixes.push('.zst');
  if (can('FW_LOADER_COMPRESS_XZ')) suffixes.push('.xz');
  return { suffixes };
}

// Modules are stored uncompressed: the archive compresses better as a whole, and any modprobe can read them.
function storedRelative(module: KernelModule): string {
  const plain = uncompressedPath(module.relative);
  return plain.startsWith('/') ? `updates/${plain.slice(plain.lastIndexOf('/') + 1)}` : plain;
}

function storedPath(set: ModuleSet, module: KernelModule): string {
  return joinPath(set.tree, storedRelative(module));
}

const HOW = {
  named: 'wanted by',
  depends: 'dependency of',
  softdep: 'to be loaded with',
  weakdep: 'may be used by',
  hidden: 'asked for by name by',
} as const;

function reasonsOf(
  { set }: DriverRequest,
  closure: Closure,
  named: ReadonlyMap<string, readonly DriverWant[]>,
  module: KernelModule,
): Reason[] {
  const reasons: Reason[] = (named.get(module.name) ?? []).map(({ part, text }) => ({ part, text }));
  const why = closure.reasons.get(module.name);
  if (why?.by !== undefined) {
    const by = set.get(why.by)!;
    const text = `${HOW[why.how]} ${why.by}`;
    reasons.push({ part: firstPart(closure, named, why.by), text, because: storedPath(set, by) });
  }
  return reasons;
}

function firstPart(closure: Closure, named: ReadonlyMap<string, readonly DriverWant[]>, name: string): string {
  const seen = new Set<string>();
  for (let one: string | undefined = name; one !== undefined && !seen.has(one); one = closure.reasons.get(one)?.by) {
    seen.add(one);
    const part = named.get(one)?.[0]?.part;
    if (part !== undefined) return part;
  }
  return 'modules';
}

function indexFiles(set: ModuleSet, packed: readonly KernelModule[]): Wanted[] {
  return moduleIndexes(set, packed, { pathOf: storedRelative }).map(({ name, bytes }) => ({
    entry: file(joinPath(set.tree, name), bytesSource(bytes)),
    segment: 'modules',
    reason: { part: 'modules', text: 'index of the packed modules, for modprobe' },
  }));
}

function firmwareFiles(set: ModuleSet, closure: Closure): Wanted[] {
  return closure.firmware.flatMap(({ name, file: found, links, wantedBy }) => {
    const by = set.get(wantedBy[0] ?? '');
    const text = `firmware ${name} of ${wantedBy.slice(0, 3).join(', ')}${wantedBy.length > 3 ? ' and others' : ''}`;
    const reason: Reason = by === undefined ? { part: 'firmware', text } : { part: 'firmware', text, because: storedPath(set, by) };
    return [...links, found].map((entry): Wanted => ({ entry, segment: 'firmware', reason }));
  });
}

/** Firmware that is missing for a module the machine has loaded stops its device: in scope host that is an error. */
function judged({ scope, host }: DriverRequest, closure: Closure): Finding[] {
  if (scope !== 'host' || host === undefined) return [...closure.findings];
  const loaded = new Set([...host.loaded, ...host.chain].map(moduleName));
  return closure.findings.map((one) => {
    const isLoaded = one.code === 'firmware-missing' && [...one.message.matchAll(/[\w-]+/g)].some(([word]) => loaded.has(moduleName(word)));
    return isLoaded ? { ...one, severity: 'error' } : one;
  });
}
