// plan: from words of a command line to a Plan, with the outside world handed in.

import { type ByteSource, nameFromBytes, readAll } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';
import { embeddedConfig, open, version } from '../formats/kernel/index.ts';
import {
  type Assignment,
  assignment,
  type Configuration,
  type HostFacts,
  type KernelChoice,
  kernelConfigOf,
  merged,
  moduleTreeOf,
  type Plan,
  parseFacts,
  plan,
  type Root,
  readConfiguration,
  type SettingName,
} from '../plan/index.ts';
import type { Tree } from '../tree/index.ts';

/** What a person said. */
export interface PlanWords {
  /** A version, or a kernel image file. */
  readonly kernel?: string | undefined;
  readonly scope?: string | undefined;
  /** A facts file for scope "host". */
  readonly facts?: string | undefined;
  readonly add: readonly string[];
  readonly omit: readonly string[];
  /** A configuration file that comes after those of the root. */
  readonly config?: string | undefined;
  /** Settings that a verb has options of its own for. */
  readonly settings?: readonly { readonly name: SettingName; readonly value: string }[];
  /** Settings that hold where no file says anything: a verb's own defaults. */
  readonly defaults?: readonly { readonly name: SettingName; readonly value: string }[];
}

/** What planning needs of the outside. */
export interface PlanOutside {
  readonly root: Root;
  readonly decoders: readonly Decoder[];
  /** Opens a file; undefined when there is none. */
  file(path: string): ByteSource | undefined;
  /** Facts of this machine. */
  hostFacts(): HostFacts;
  earlyTree(): Tree;
}

const TEXT_MOST = 16 * 1024 * 1024;

function textFile(outside: PlanOutside, path: string): string {
  const source = outside.file(path);
  if (source === undefined) throw new KindlingError('NO_ENTRY', 'there is no such file', { file: path });
  if (source.size > TEXT_MOST) throw new KindlingError('LIMIT', `${source.size} bytes, at most ${TEXT_MOST} are read`, { file: path });
  return nameFromBytes(readAll(source));
}

/** The configuration in force: the root's, the project file's, the command line's. */
export function configurationFor(words: PlanWords, outside: PlanOutside): Configuration {
  const last: Assignment[] = [];
  const said = (name: string, value: string): void => {
    last.push(assignment(name, value, 'command line', 0));
  };
  if (words.scope !== undefined) said('scope', words.scope);
  const both = words.add.find((name) => words.omit.includes(name));
  if (both !== undefined) throw new KindlingError('USAGE', `part "${both}" is both added and omitted`);
  for (const { name, value } of words.settings ?? []) said(name, value);
  for (const name of words.add) said('add', name);
  for (const name of words.omit) said('omit', name);
  const project = words.config === undefined ? undefined : { label: words.config, text: textFile(outside, words.config) };
  const read = readConfiguration(outside.root, project, last);
  const defaults = (words.defaults ?? []).map(({ name, value }) => assignment(name, value, 'default of the verb', 0));
  if (defaults.length === 0) return read;
  const assignments = [...defaults, ...read.assignments];
  return { ...read, assignments, settings: merged(assignments) };
}

/** The kernel a person named: a version of the root, or else an image file, which says its own version. */
export function kernelFor(
  words: Pick<PlanWords, 'kernel'>,
  outside: Pick<PlanOutside, 'root' | 'decoders' | 'file'>,
): KernelChoice | undefined {
  const { kernel } = words;
  if (kernel === undefined) return undefined;
  if (!kernel.includes('/') && moduleTreeOf(outside.root, kernel) !== undefined) return { version: kernel };
  const source = outside.file(kernel);
  if (source === undefined) {
    if (kernel.includes('/')) throw new KindlingError('NO_KERNEL', 'there is no such kernel image', { file: kernel });
    return { version: kernel };
  }
  const image = open(source, outside.decoders);
  const release = version(image, outside.decoders);
  if (release === undefined) throw new KindlingError('UNSUPPORTED', 'the kernel image does not say its version', { file: kernel });
  // A configuration in the root is as good, and costs no unpacking of the kernel.
  const config = kernelConfigOf(outside.root, release) ?? embeddedConfig(image, outside.decoders);
  return { version: release, machine: image.machine ?? image.inner?.machine, ...(config === undefined ? {} : { config }) };
}

/** A plan and the configuration it was made with. */
export interface Planned {
  readonly plan: Plan;
  readonly configuration: Configuration;
  /** The machine's facts, in scope "host". */
  readonly host: HostFacts | undefined;
}

/** Plans. */
export function planFor(words: PlanWords, outside: PlanOutside): Planned {
  const configuration = configurationFor(words, outside);
  const { settings } = configuration;
  const scope = settings.scope[0] === 'host' ? 'host' : 'generic';
  if (words.facts !== undefined && scope !== 'host') throw new KindlingError('USAGE', '--facts is for scope "host"; add --scope host');
  const host = scope === 'host' ? hostOf(words, outside) : undefined;
  const request = {
    root: outside.root,
    kernel: kernelFor(words, outside),
    scope,
    host,
    settings,
    early: outside.earlyTree(),
    decoders: outside.decoders,
  } as const;
  return { plan: plan(request), configuration, host };
}

function hostOf(words: PlanWords, outside: PlanOutside): HostFacts {
  return words.facts === undefined ? outside.hostFacts() : parseFacts(textFile(outside, words.facts), words.facts);
}
