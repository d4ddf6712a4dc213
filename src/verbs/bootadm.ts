// bootadm: the grammar and the lines of Solaris' program of that name, over the same engine as `update`. Pure: who runs it prints and exits.
// Forms, messages and exit codes are those people and scripts know from there (docs/bootadm.md).
import type { Change } from '../archive/record/index.ts';
import { type Root, resolve } from '../plan/index.ts';
import type { ArchiveState } from './update.ts';

/** What a command line asks for. */
export interface BootadmWords {
  readonly command: 'update-archive' | 'list-archive';
  /** `-n`: only look. */
  readonly isCheck: boolean;
  /** `-v`, which `-n` implies. */
  readonly isVerbose: boolean;
  readonly force: boolean;
  /** `-R`, as it was said. */
  readonly altRoot: string | undefined;
  readonly platform: string | undefined;
  readonly format: string | undefined;
}

/** A command line that is no command: messages without the prefix, whether the usage text follows, and the exit code. */
export interface BootadmRefusal {
  readonly messages: readonly string[];
  readonly usage: boolean;
  readonly code: 0 | 1;
}

/** The usage text. */
export const BOOTADM_USAGE = [
  'USAGE:',
  '\tbootadm update-archive [-vnf] [-R altroot [-p platform]] [-F format]',
  '\tbootadm list-archive [-vn] [-R altroot [-p platform]]',
].join('\n');

const PLATFORMS = ['sun4u', 'sun4v', 'i86pc'];
const FORMATS = ['hsfs', 'ufs', 'ufs-nocompress', 'cpio'];
/** Commands of the original that other verbs do here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'install-bootloader': 'kindling install',
  'set-menu': 'the boot loader of a Linux root',
  'list-menu': 'the boot loader of a Linux root',
};
const LONG: Readonly<Record<string, string>> = {
  'dry-run': 'n',
  verbose: 'v',
  force: 'f',
  root: 'R',
  platform: 'p',
  format: 'F',
};
const WITH_VALUE = 'RpFami';
/** Words of every verb, which are none of the grammar's. */
const COMMON = new Set(['--json', '--quiet', '--no-color', '--help', '-h']);

function refused(message: string, usage = false): BootadmRefusal {
  return { messages: [message], usage, code: 1 };
}

interface Given {
  readonly letters: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
  /** Messages in the order they came up: all are told. */
  readonly faults: readonly string[];
}

/** Clusters of letters, each once, as getopt reads them; a long name of another verb stands for its letter. */
function givenBy(argv: readonly string[]): Given {
  const letters = new Map<string, string>();
  const faults: string[] = [];
  let at = 0;
  const take = (letter: string, value: string | undefined): void => {
    if (letter === 'a' || letter === 'm' || letter === 'i') {
      if (letters.has('command')) faults.push(`multiple commands specified: -${letter}`);
      letters.set('command', `-${letter} ${value ?? ''}`);
    } else if (!letters.has(letter)) letters.set(letter, value ?? '');
    else faults.push(letter === 'F' ? 'multiple formats specified: -F' : `duplicate options specified: -${letter}`);
  };
  for (; at < argv.length; at += 1) {
    const word = argv[at]!;
    if (word === '--') {
      at += 1;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    const [name, inline] = word.startsWith('--') ? splitLong(word) : ['', undefined];
    const cluster = word.startsWith('--') ? (LONG[name] ?? '?') : word.slice(1);
    for (let index = 0; index < cluster.length; index += 1) {
      const letter = cluster[index]!;
      if (!'vnf'.includes(letter) && !WITH_VALUE.includes(letter)) {
        faults.push(`invalid option or missing option argument: ${letter === '?' ? `--${name}` : `-${letter}`}`);
        continue;
      }
      if (!WITH_VALUE.includes(letter)) {
        take(letter, undefined);
        continue;
      }
      const attached = inline ?? (index + 1 < cluster.length ? cluster.slice(index + 1) : undefined);
      const value = attached ?? argv[at + 1];
      if (attached === undefined) at += 1;
      if (value === undefined) faults.push(`invalid option or missing option argument: -${letter}`);
      else take(letter, value);
      break;
    }
  }
  return { letters, rest: argv.slice(at), faults };
}

function splitLong(word: string): [string, string | undefined] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word.slice(2), undefined] : [word.slice(2, equals), word.slice(equals + 1)];
}

/** Reads a command line, words of every verb (`--json`) taken out before. */
export function bootadmWords(argv: readonly string[]): BootadmWords | BootadmRefusal {
  const words = argv.filter((word) => !COMMON.has(word));
  const first = words[0];
  const named = first === undefined || first.startsWith('-') ? undefined : first;
  const { letters, rest, faults } = givenBy(named === undefined ? words : words.slice(1));
  const asked = letters.get('command');
  if (faults.length > 0) return { messages: faults, usage: faults.some((one) => one.startsWith('invalid option')), code: 1 };
  if (named !== undefined && asked !== undefined) return refused(`multiple commands specified: ${asked.slice(0, 2)}`);
  if (named === undefined && asked === undefined) return refused('a command option must be specified', true);
  const command = named ?? { '-a update': 'update-archive', '-a list': 'list-archive' }[asked!];
  const elsewhere = ELSEWHERE[command ?? ''];
  if (elsewhere !== undefined) return refused(`${command} is not done here but by ${elsewhere}`);
  if (command !== 'update-archive' && command !== 'list-archive') {
    if (named !== undefined) return { messages: [], usage: true, code: 1 };
    return refused(`${asked} is not supported`, true);
  }
  if (rest.length > 0) return refused('invalid trailing arguments');
  return checked(command, letters);
}

function checked(command: BootadmWords['command'], letters: ReadonlyMap<string, string>): BootadmWords | BootadmRefusal {
  const [altRoot, platform, format] = [letters.get('R'), letters.get('p'), letters.get('F')];
  if (platform !== undefined && !PLATFORMS.includes(platform)) {
    return refused(`invalid platform ${platform} - must be one of sun4u, sun4v or i86pc`);
  }
  // A form of the original's own making: the usage text, and success.
  if (platform !== undefined && altRoot === undefined) return { messages: [], usage: true, code: 0 };
  if (format !== undefined && !FORMATS.includes(format)) return refused(`unknown format specified: -F ${format}`);
  if (command === 'list-archive' && (letters.has('f') || format !== undefined)) {
    return refused(`this sub-command (${command}) does not take options`, true);
  }
  const isCheck = letters.has('n');
  return { command, isCheck, isVerbose: isCheck || letters.has('v'), force: letters.has('f'), altRoot, platform, format };
}

/** Why the archives of a root are not made here; undefined for a Linux root and words that fit it. */
export function unfit(root: Root, label: string, { platform, format }: BootadmWords): string | undefined {
  const has = (path: string): boolean => resolve(root, path).entry !== undefined;
  if (has('boot/solaris') || (has('etc/name_to_major') && has('kernel/drv'))) {
    return `${label}: archives of Solaris and illumos roots are not supported yet, only those of Linux roots`;
  }
  if (platform === 'sun4u' || platform === 'sun4v') return `${label}: a Linux root has no archive for the platform ${platform}`;
  if (format !== undefined && format !== 'cpio') return `${label}: a Linux kernel reads no archive of format ${format}, only cpio`;
  return undefined;
}

const WORDS = { new: 'new    ', changed: 'changed', gone: 'stale' } as const;

/** A difference as a line: `    new     <path>`. */
export function changeLine({ what, path, outside }: Pick<Change, 'what' | 'path' | 'outside'>): string {
  return `    ${WORDS[what]} ${outside === true ? path : `/${path}`}`;
}

/** What is said about an archive that is not just out of date. */
export function stateLine(state: ArchiveState, path: string): string | undefined {
  if (state === 'missing') return `archive not found: ${path}`;
  return state === 'stale' || state === 'in step' ? undefined : 'archive cache is out of sync. Rebuilding.';
}
