// The settings a configuration file may hold: one table, from which parsing, defaults, printing and docs/config.md follow.
import { KindlingError } from '../../errors.ts';

/** One setting: a choice of words, one text, or a list that grows from file to file. */
export interface SettingSpec {
  readonly kind: 'text' | 'list';
  readonly summary: string;
  readonly choices?: readonly string[];
  readonly default: string;
}

/** Every setting, by the name it has in a file. */
export const SETTINGS = {
  scope: { kind: 'text', choices: ['generic', 'host'], default: 'generic', summary: 'what to plan for: any machine, or this one' },
  add: { kind: 'list', default: '', summary: 'parts to add' },
  omit: { kind: 'list', default: '', summary: 'parts to leave out' },
  modules: { kind: 'list', default: '', summary: 'kernel modules to take and to load at the start, by name' },
  'omit-modules': { kind: 'list', default: '', summary: 'kernel modules to leave out, by name; "*" stands for any characters' },
  programs: { kind: 'list', default: '', summary: 'programs of the root to take, with their libraries' },
  files: { kind: 'list', default: '', summary: 'files and directories of the root to take as they are' },
  firmware: { kind: 'text', choices: ['yes', 'no'], default: 'yes', summary: 'whether firmware for the chosen modules is taken' },
  codec: { kind: 'text', default: 'zstd:3', summary: 'compression of the archive' },
  layout: {
    kind: 'text',
    choices: ['plain', 'squash', 'squash-usr', 'auto'],
    default: 'plain',
    summary: 'layout of the archive: plain, squash, squash-usr or auto',
  },
  previous: { kind: 'text', choices: ['yes', 'no'], default: 'yes', summary: 'whether an update keeps the archive it replaces' },
  check: {
    kind: 'text',
    choices: ['off', 'warn', 'stop'],
    default: 'off',
    summary: 'what a boot does when the root has changed behind its archive',
  },
  safe: { kind: 'list', default: '', summary: 'files of the archive that may be old at a boot; "*" stands for any characters' },
  'kdump-target': {
    kind: 'text',
    default: 'auto',
    summary: 'where part kdump saves: DEVICE[:DIRECTORY], raw:DEVICE, or auto for /var/crash',
  },
  'kdump-format': {
    kind: 'text',
    choices: ['lzo', 'zlib', 'snappy', 'zstd', 'elf', 'copy'],
    default: 'lzo',
    summary: "makedumpfile's format of the dump, or a plain copy",
  },
  'kdump-level': { kind: 'text', default: '31', summary: "makedumpfile's level: the sum of the kinds of pages it leaves out" },
  'kdump-final': {
    kind: 'text',
    choices: ['reboot', 'poweroff', 'halt', 'shell'],
    default: 'reboot',
    summary: 'what follows a saved dump',
  },
  'kdump-failure': {
    kind: 'text',
    choices: ['reboot', 'poweroff', 'halt', 'shell'],
    default: 'reboot',
    summary: 'what follows when a dump could not be saved',
  },
  media: {
    kind: 'list',
    default: '',
    summary: 'classes of media that part live reaches: usb, cd, virtio, scsi, ata, nvme, mmc; all unless told',
  },
  handover: {
    kind: 'text',
    choices: ['pivot', 'switch'],
    default: 'pivot',
    summary: 'how part live enters the union: pivot_root with the archive kept for the shutdown, or switch_root',
  },
  medium: { kind: 'text', default: 'any', summary: 'id of the one medium that part live takes, or any' },
  encrypted: { kind: 'text', choices: ['yes', 'no'], default: 'no', summary: 'whether part live can open encrypted changes' },
  verity: {
    kind: 'text',
    choices: ['yes', 'no'],
    default: 'no',
    summary: "whether part live takes only bundles signed by a key of the root's etc/kindling/keys",
  },
  'live-memory': { kind: 'text', default: '48', summary: 'MiB of free memory without which part live says so and goes no further' },
} as const satisfies Record<string, SettingSpec>;

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/** Merged settings: the words of each; a `text` setting has exactly one. */
export type Settings = Readonly<Record<SettingName, readonly string[]>>;

/** Where a setting was set. */
export interface Assignment {
  readonly name: SettingName;
  readonly words: readonly string[];
  readonly file: string;
  readonly line: number;
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

function bad(message: string, file: string, line: number): KindlingError {
  return new KindlingError('BAD_CONFIG', `${file}:${line}: ${message}`, { file, structure: `line ${line}` });
}

/** One assignment, checked. Throws BAD_CONFIG with file and line. */
export function assignment(name: string, value: string, file: string, line: number): Assignment {
  if (!isSetting(name)) throw bad(`"${name}" is no setting; there are ${Object.keys(SETTINGS).join(', ')}`, file, line);
  const spec: SettingSpec = SETTINGS[name];
  const words = value.split(/[\s,]+/).filter((word) => word !== '');
  if (spec.kind === 'text' && words.length !== 1) throw bad(`"${name}" takes one word, found "${value}"`, file, line);
  if (spec.choices !== undefined && !spec.choices.includes(words[0]!)) {
    throw bad(`"${name}" is ${spec.choices.join(' or ')}, found "${value}"`, file, line);
  }
  return { name, words, file, line };
}

/** Settings from assignments in order: a later text replaces, a list grows, an assignment of nothing empties a list. */
export function merged(assignments: readonly Assignment[]): Settings {
  const words = new Map<SettingName, readonly string[]>();
  for (const { name, words: added } of assignments) {
    const spec: SettingSpec = SETTINGS[name];
    const grown = spec.kind === 'list' && added.length > 0 ? [...new Set([...(words.get(name) ?? []), ...added])] : added;
    words.set(name, grown);
    // Of "add" and "omit" what was said last about a part holds, so that no list wins silently over a later wish.
    const other = name === 'add' ? 'omit' : name === 'omit' ? 'add' : undefined;
    if (other !== undefined)
      words.set(
        other,
        (words.get(other) ?? []).filter((word) => !added.includes(word)),
      );
  }
  const of = (name: SettingName): readonly string[] => words.get(name) ?? SETTINGS[name].default.split(' ').filter((word) => word !== '');
  return {
    scope: of('scope'),
    add: of('add'),
    omit: of('omit'),
    modules: of('modules'),
    'omit-modules': of('omit-modules'),
    programs: of('programs'),
    files: of('files'),
    firmware: of('firmware'),
    codec: of('codec'),
    layout: of('layout'),
    previous: of('previous'),
    check: of('check'),
    safe: of('safe'),
    'kdump-target': of('kdump-target'),
    'kdump-format': of('kdump-format'),
    'kdump-level': of('kdump-level'),
    'kdump-final': of('kdump-final'),
    'kdump-failure': of('kdump-failure'),
    media: of('media'),
    handover: of('handover'),
    medium: of('medium'),
    encrypted: of('encrypted'),
    verity: of('verity'),
    'live-memory': of('live-memory'),
  };
}

/** The settings when no file says anything. */
export const DEFAULT_SETTINGS: Settings = merged([]);
