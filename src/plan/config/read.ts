// Configuration files: `name = words` lines, `#` comments. Where they are and which wins follows the UAPI drop-in rules
// (systemd's standard-conf): sorted by file name over all directories, the same name in /etc replaces the vendor's, /dev/null masks.
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type Root, resolve } from '../root.ts';
import { type Assignment, assignment, merged, SETTINGS, type SettingName, type Settings } from './settings.ts';

/** A file given by name on the command line. */
export interface ProjectFile {
  readonly label: string;
  readonly text: string;
}

/** What all files together say. */
export interface Configuration {
  readonly settings: Settings;
  /** In the order they were applied. */
  readonly assignments: readonly Assignment[];
  /** Files read, in order; and those that a file or link of the same name put out of force. */
  readonly files: readonly string[];
  readonly masked: readonly string[];
}

const MAIN = 'etc/kindling.conf';
// Lowest precedence first.
const DROP_INS = [
  'usr/lib/kindling/kindling.conf.d',
  'usr/local/lib/kindling/kindling.conf.d',
  'run/kindling/kindling.conf.d',
  'etc/kindling.conf.d',
];
const FILE_MOST = 1024 * 1024;

/** The assignments of one file. Throws BAD_CONFIG with file and line for a line that cannot be understood. */
export function parseFile(text: string, file: string): Assignment[] {
  const found: Assignment[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') continue;
    const equals = line.indexOf('=');
    if (equals < 0) {
      throw new KindlingError('BAD_CONFIG', `${file}:${index + 1}: found "${line}", expected "name = value"`, {
        file,
        structure: `line ${index + 1}`,
      });
    }
    found.push(assignment(line.slice(0, equals).trim(), line.slice(equals + 1).trim(), file, index + 1));
  }
  return found;
}

/** Text of a configuration file of the root; undefined when it is a link to /dev/null or no file. */
function textOf(root: Root, path: string): string | undefined {
  const entry = root.entry(path);
  if (entry?.kind === 'symlink' && entry.target === '/dev/null') return undefined;
  const target = resolve(root, path).entry;
  if (target?.kind !== 'file') return undefined;
  if (target.content.size > FILE_MOST) {
    throw new KindlingError('LIMIT', `${path} has ${target.content.size} bytes, a configuration file at most ${FILE_MOST}`, { file: path });
  }
  return nameFromBytes(readAll(target.content));
}

/** Reads and merges the configuration of a root, and then the project file and further assignments (from the command line). */
export function readConfiguration(root: Root, project?: ProjectFile, last: readonly Assignment[] = []): Configuration {
  const chosen = new Map<string, string>();
  const masked: string[] = [];
  for (const home of DROP_INS) {
    // The whole path is an input, too: the way to it may come and go (/run/kindling with the word of a boot) without a difference.
    root.entry(home);
    const where = resolve(root, home);
    if (where.entry?.kind !== 'directory') continue;
    for (const name of root.names(where.path)) {
      if (!name.endsWith('.conf')) continue;
      const before = chosen.get(name);
      if (before !== undefined) masked.push(`/${before}`);
      chosen.set(name, `${where.path}/${name}`);
    }
  }
  const names = [...chosen.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const files: string[] = [];
  const assignments: Assignment[] = [];
  for (const path of [MAIN, ...names.map((name) => chosen.get(name)!)]) {
    const text = textOf(root, path);
    if (text === undefined) {
      if (path !== MAIN) masked.push(`/${path}`);
      continue;
    }
    files.push(`/${path}`);
    assignments.push(...parseFile(text, `/${path}`));
  }
  if (project !== undefined) {
    files.push(project.label);
    assignments.push(...parseFile(project.text, project.label));
  }
  assignments.push(...last);
  return { settings: merged(assignments), assignments, files, masked: masked.sort() };
}

/** The merged result in the form of a configuration file, each line with where its words came from. */
export function printConfiguration(configuration: Configuration): string {
  const lines: string[] = [];
  for (const file of configuration.files) lines.push(`# read ${file}`);
  for (const file of configuration.masked) lines.push(`# not in force: ${file}`);
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const from = configuration.assignments
      .filter((one) => one.name === name)
      .map((one) => (one.line > 0 ? `${one.file}:${one.line}` : one.file));
    lines.push(
      `${name} = ${configuration.settings[name].join(' ')}  # ${from.length === 0 ? 'default' : from.join(', ')}`.replace('=   #', '=  #'),
    );
  }
  return `${lines.join('\n')}\n`;
}
