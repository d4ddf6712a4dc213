// Host facts: what scope "host" knows about the machine the archive is for. They are read from /sys and /proc by `node/`, or come
// from a facts file taken on another machine; the planner sees only this value.
import { KindlingError } from '../errors.ts';

/** A file system the boot needs, and the block devices it rests on. */
export interface MountFacts {
  /** Where it is mounted: "/" or "/usr". */
  readonly at: string;
  /** Device as the mount table names it. */
  readonly source: string;
  /** File system type ("ext4"). */
  readonly type: string;
}

/** Facts about one machine. Names of modules use "_", as the kernel prints them. */
export interface HostFacts {
  /** Version of the facts form. */
  readonly facts: 1;
  /** Release of the kernel that was running when the facts were taken. */
  readonly kernel: string;
  /** Every modalias below /sys/devices. */
  readonly modaliases: readonly string[];
  /** Modules loaded, those built in included as far as /sys/module shows them. */
  readonly modules: readonly string[];
  /** Modules in /proc/modules: really loaded from files. */
  readonly loaded: readonly string[];
  /** Drivers, by module name, of the devices that the root, /usr and resume devices rest on. */
  readonly chain: readonly string[];
  readonly mounts: readonly MountFacts[];
  /** Device to resume from, or "". */
  readonly resume: string;
  /** Kernel command line of the running system. */
  readonly commandLine: string;
  /** Vendor word of an x86 processor ("GenuineIntel"), absent on others. */
  readonly processor?: string;
}

const LISTS = ['modaliases', 'modules', 'loaded', 'chain'] as const;
const TEXTS = ['kernel', 'resume', 'commandLine'] as const;
const LIST_MOST = 100_000;

function bad(label: string, message: string): KindlingError {
  return new KindlingError('BAD_VALUE', `facts file: ${message}`, { file: label, structure: 'facts' });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function texts(value: unknown, key: string, label: string): string[] {
  if (!Array.isArray(value) || value.length > LIST_MOST) throw bad(label, `"${key}" is not a list of at most ${LIST_MOST} texts`);
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw bad(label, `"${key}" holds ${JSON.stringify(item)}, expected a text`);
    return item;
  });
}

function mounts(value: unknown, label: string): MountFacts[] {
  if (!Array.isArray(value) || value.length > LIST_MOST) throw bad(label, '"mounts" is not a list');
  return value.map((item: unknown) => {
    if (!isRecord(item)) throw bad(label, '"mounts" holds something that is no object');
    const { at, source, type } = item;
    if (typeof at !== 'string' || typeof source !== 'string' || typeof type !== 'string') {
      throw bad(label, 'a mount needs the texts "at", "source" and "type"');
    }
    return { at, source, type };
  });
}

/** Host facts from the text of a facts file (JSON). Throws BAD_VALUE, naming what is missing or of the wrong kind. */
export function parseFacts(text: string, label: string): HostFacts {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KindlingError('BAD_VALUE', 'facts file: not JSON', { file: label, structure: 'facts' }, cause);
  }
  if (!isRecord(value)) throw bad(label, 'found no object');
  if (value.facts !== 1) throw bad(label, `"facts" is ${JSON.stringify(value.facts)}, expected 1`);
  for (const key of TEXTS) {
    if (typeof value[key] !== 'string') throw bad(label, `"${key}" is ${JSON.stringify(value[key])}, expected a text`);
  }
  const [modaliases, modules, loaded, chain] = LISTS.map((key) => texts(value[key], key, label));
  return {
    facts: 1,
    kernel: String(value.kernel),
    modaliases: modaliases!,
    modules: modules!,
    loaded: loaded!,
    chain: chain!,
    mounts: mounts(value.mounts, label),
    resume: String(value.resume),
    commandLine: String(value.commandLine),
    ...(typeof value.processor === 'string' ? { processor: value.processor } : {}),
  };
}

/** The text of a facts file: sorted lists, one item a line, so that two machines can be compared with `diff`. */
export function printFacts(facts: HostFacts): string {
  const sorted = { ...facts };
  const list = (items: readonly string[]): string[] => [...new Set(items)].sort();
  return `${JSON.stringify({ ...sorted, modaliases: list(facts.modaliases), modules: list(facts.modules), loaded: list(facts.loaded), chain: list(facts.chain) }, null, 2)}\n`;
}
