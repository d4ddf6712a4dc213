// Closure over what modules need, in load order.
import { type Finding, KindlingError } from '../../errors.ts';
import { type Firmware, type FirmwareSearch, findFirmware } from './firmware.ts';
import { HIDDEN } from './hidden.ts';
import { type ModuleInfo, mergeSoftdeps, type Softdep } from './module-info.ts';
import { moduleName } from './names.ts';
import type { KernelModule } from './scan.ts';
import type { ModuleSet } from './set.ts';

/** How a module came in. */
export type ModuleReason = {
  /** Name of the module that wanted it; undefined for one that was asked for. */
  readonly by: string | undefined;
  readonly how: 'named' | 'depends' | 'softdep' | 'weakdep' | 'hidden';
};

/** A closed selection. */
export interface Closure {
  /** In an order in which they can be loaded one by one. */
  readonly modules: readonly KernelModule[];
  /** Why each module is in, by name: the first reason met. */
  readonly reasons: ReadonlyMap<string, ModuleReason>;
  /** Built-in modules that the selection leans on. */
  readonly builtins: readonly string[];
  /** Firmware that is in the root, one for each name a module asks for (wildcards expanded). */
  readonly firmware: readonly Firmware[];
  readonly findings: readonly Finding[];
}

/** What may be changed about a closure. */
export interface CloseOptions {
  /** Soft dependencies from configuration, by module name in the kernel's spelling: added to the modules' own. */
  readonly softdeps?: ReadonlyMap<string, Softdep>;
  /** Weak dependencies from configuration, in the same way. */
  readonly weakdeps?: ReadonlyMap<string, readonly string[]>;
  /** Where and how to look for firmware; false for none. */
  readonly firmware?: FirmwareSearch | false;
}

/**
 * All modules that the named ones need. Names may be aliases; each stands for all modules it matches.
 * Throws NO_MODULE for a name that is neither a module, an alias nor built in. A module that another one depends on and that is
 * nowhere is a finding.
 */
export function closeOver(set: ModuleSet, names: Iterable<string>, options: CloseOptions = {}): Closure {
  const loaded: KernelModule[] = [];
  const reasons = new Map<string, ModuleReason>();
  const builtins = new Set<string>();
  const findings: Finding[] = [];
  const later: { word: string; reason: ModuleReason }[] = [];

  const missing = (name: string, by: KernelModule) =>
    findings.push({
      code: 'module-dependency-missing',
      severity: 'error',
      where: { path: by.path },
      message: `module ${by.name} depends on ${name}, which is neither a file nor built in`,
    });
  /** Everything a word stands for; false when it stands for nothing. */
  const want = (word: string, reason: ModuleReason): boolean => {
    const found = set.find(word);
    for (const name of found) {
      const module = set.get(name);
      if (module === undefined) builtins.add(name);
      else load(module, reason);
    }
    return found.length > 0;
  };
  /** The module files a module needs first, one by one: each is loaded before the next is looked at. */
  const filesBefore = (module: KernelModule) => {
    const files: { module: KernelModule; how: ModuleReason['how'] }[] = [];
    for (const { word, how } of needsBefore(set, module, options)) {
      const found = how === 'depends' ? exact(set, word) : set.find(word);
      if (found.length === 0 && how === 'depends') missing(word, module);
      for (const name of found) {
        const file = set.get(name);
        if (file === undefined) builtins.add(name);
        else files.push({ module: file, how });
      }
    }
    return files;
  };
  const load = (top: KernelModule, topReason: ModuleReason) => {
    if (reasons.has(top.name)) return;
    reasons.set(top.name, topReason);
    // an explicit stack: chains of dependencies come from the input
    const stack = [{ module: top, needs: filesBefore(top), next: 0 }];
    while (stack.length > 0) {
      const frame = stack.at(-1)!;
      const need = frame.needs[frame.next++];
      if (need === undefined) {
        stack.pop();
        loaded.push(frame.module);
        for (const { word, how } of needsAfter(set, frame.module, options)) later.push({ word, reason: { by: frame.module.name, how } });
      } else if (!reasons.has(need.module.name)) {
        reasons.set(need.module.name, { by: frame.module.name, how: need.how });
        stack.push({ module: need.module, needs: filesBefore(need.module), next: 0 });
      }
    }
  };

  for (const name of names) {
    if (!want(name, { by: undefined, how: 'named' })) {
      throw new KindlingError('NO_MODULE', `kernel ${set.version} has no module "${name}", neither as a file nor built in`, {
        path: set.tree,
      });
    }
    for (let next = later.shift(); next !== undefined; next = later.shift()) want(next.word, next.reason);
  }
  const firmware = options.firmware === false ? { found: [], findings: [] } : findFirmware(set, loaded, [...builtins], options.firmware);
  return { modules: loaded, reasons, builtins: [...builtins], firmware: firmware.found, findings: [...findings, ...firmware.findings] };
}

interface Need {
  readonly word: string;
  readonly how: ModuleReason['how'];
}

function exact(set: ModuleSet, name: string): readonly string[] {
  return set.get(name) !== undefined || set.builtins.has(name) ? [moduleName(name)] : [];
}

function softdepOf(module: KernelModule, info: ModuleInfo, options: CloseOptions): Softdep {
  const added = options.softdeps?.get(module.name);
  return added === undefined ? info.softdep : mergeSoftdeps([info.softdep, added]);
}

function needsBefore(set: ModuleSet, module: KernelModule, options: CloseOptions): Need[] {
  const info = set.info(module);
  return [
    ...softdepOf(module, info, options).pre.map((word) => ({ word, how: 'softdep' as const })),
    ...info.depends.map((word) => ({ word, how: 'depends' as const })),
    ...(HIDDEN.get(module.name)?.wants ?? []).map((word) => ({ word, how: 'hidden' as const })),
  ];
}

function needsAfter(set: ModuleSet, module: KernelModule, options: CloseOptions): Need[] {
  const info = set.info(module);
  return [
    ...softdepOf(module, info, options).post.map((word) => ({ word, how: 'softdep' as const })),
    ...[...info.weakdep, ...(options.weakdeps?.get(module.name) ?? [])].map((word) => ({ word, how: 'weakdep' as const })),
  ];
}
