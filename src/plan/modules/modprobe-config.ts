// modprobe.d(5): options, alias, blacklist, install, remove, softdep, weakdep.
import type { Finding } from '../../errors.ts';
import type { Root } from '../root.ts';
import { type AliasTable, aliasTable } from './alias-table.ts';
import { type ConfLine, confFiles, confLines } from './conf-files.ts';
import { mergeSoftdeps, parseSoftdep, type Softdep } from './module-info.ts';
import { moduleName } from './names.ts';

/** What the modprobe.d files of a root say. Module names are in the kernel's spelling. */
export interface ModprobeConfig {
  /** Paths of the files that count, in the order they are read: what an archive has to carry to behave as the root does. */
  readonly files: readonly string[];
  /** Parameters by module name, joined in the order they stand. */
  readonly options: ReadonlyMap<string, string>;
  /** Extra names: they win over the modules' own. */
  readonly aliases: AliasTable;
  /** Modules that are not loaded through an alias (they still load by name and as a dependency). */
  readonly blacklist: ReadonlySet<string>;
  /** Commands that are run instead of loading, by module name. `/bin/true` and `/bin/false` there mean "never load". */
  readonly install: ReadonlyMap<string, string>;
  readonly remove: ReadonlyMap<string, string>;
  readonly softdeps: ReadonlyMap<string, Softdep>;
  readonly weakdeps: ReadonlyMap<string, readonly string[]>;
  /** Lines that mean nothing to modprobe. */
  readonly findings: readonly Finding[];
}

/** Reads the modprobe.d files of a root. */
export function modprobeConfig(root: Root): ModprobeConfig {
  return { ...parseModprobe(confLines(root, 'modprobe.d')), files: confFiles(root, 'modprobe.d') };
}

/** What configuration lines say. */
export function parseModprobe(lines: readonly ConfLine[]): ModprobeConfig {
  const options = new Map<string, string>();
  const aliases: [string, string][] = [];
  const blacklist = new Set<string>();
  const commands = { install: new Map<string, string>(), remove: new Map<string, string>() };
  const softdeps = new Map<string, Softdep>();
  const weakdeps = new Map<string, readonly string[]>();
  const findings: Finding[] = [];
  for (const line of lines) {
    const [command, subject] = line.words;
    const rest = restOf(line);
    const name = moduleName(subject ?? '');
    if (command === 'include' || command === 'config') continue; // long obsolete, passed over in silence
    if (subject === undefined || (rest === '' && command !== 'blacklist')) {
      findings.push(oddLine(line, `"${command}" needs ${command === 'blacklist' ? 'a module' : 'a module and more'}`));
    } else if (command === 'options') options.set(name, options.has(name) ? `${options.get(name)} ${rest}` : rest);
    else if (command === 'alias') aliases.push([subject, moduleName(rest.split(/\s+/)[0]!)]);
    else if (command === 'blacklist') blacklist.add(name);
    else if (command === 'install' || command === 'remove') {
      if (!commands[command].has(name)) commands[command].set(name, rest); // the first one counts
    } else if (command === 'softdep') softdeps.set(name, mergeSoftdeps([softdeps.get(name) ?? NO_SOFTDEP, parseSoftdep(rest)]));
    else if (command === 'weakdep') weakdeps.set(name, [...(weakdeps.get(name) ?? []), ...rest.split(/\s+/)]);
    else findings.push(oddLine(line, `"${command}" is no modprobe.d command`));
  }
  return { files: [], options, aliases: aliasTable(aliases), blacklist, ...commands, softdeps, weakdeps, findings };
}

const NO_SOFTDEP: Softdep = { pre: [], post: [] };

/** What stands after the second word, as written. */
function restOf(line: ConfLine): string {
  return line.text.replace(/^\S+\s+\S+\s*/, '');
}

function oddLine(line: ConfLine, message: string): Finding {
  return { code: 'modprobe-config', severity: 'warning', where: { path: line.file, structure: `line ${line.line}` }, message };
}

/** Whether an install command only says "never load this". */
export function isRefusal(command: string): boolean {
  return /^(?:\/usr)?\/bin\/(?:true|false)$|^(?:true|false|:)$/.test(command.trim());
}
