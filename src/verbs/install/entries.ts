// Boot entries by the Boot Loader Specification (type 1) for kindling's archives: what should be below the directory of entries, from what
// is in /boot. `update` and `install` bring the directory in step with it (install-sync.ts). GRUB without blscfg needs none of this: its
// menu asks for the archives at every boot.
import { nameToBytes, type Sha256 } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import { compareVersions, findFile, fstab, kernelImageOf, type Root, resolve } from '../../plan/index.ts';
import { shellValue, textOf } from './text.ts';

/** What entries are made from. */
export interface EntryState {
  readonly root: Root;
  /** Where file systems are mounted, where the root is the running system ("/boot"); its fstab is read as well. */
  readonly mounts?: readonly string[];
  /** The command line of the running kernel, where the root is the running system. */
  readonly commandLine?: string | undefined;
  readonly sha256: Sha256;
}

/** One file of the boot partition: an entry, or a copy of something that a boot loader cannot reach where it is. */
export type BootFile = { readonly path: string; readonly text: string } | { readonly path: string; readonly copyOf: string };

/** What should be there. */
export interface BootEntries {
  /** Where entries are ("boot/loader/entries"). */
  readonly directory: string;
  /** Where copies are; every file in it is kindling's. */
  readonly copies: string;
  /** Copies before the entries that need them. */
  readonly files: readonly BootFile[];
  readonly findings: readonly Finding[];
}

// Archives are in /boot: where entries are there as well, nothing is copied.
const BOOT_ROOTS = ['boot', 'efi', 'boot/efi'];

/** The root of the boot partition as the Boot Loader Specification has it, by where entries are; undefined where there are none. */
function bootRootOf(root: Root): string | undefined {
  return BOOT_ROOTS.find((place) => resolve(root, `${place}/loader/entries`).entry?.kind === 'directory');
}

/** Where entries are, undefined for a root without. */
export function entriesDirectory(root: Root): string | undefined {
  const place = bootRootOf(root);
  return place === undefined ? undefined : `${place}/loader/entries`;
}

/** Versions that have an archive, or only a previous one, in /boot; the newest first. */
export function archivedVersions(root: Root): string[] {
  const names = root.names(resolve(root, 'boot').path);
  const versions = names.flatMap((name) => /^kindling-(.+?)\.img(?:\.previous)?$/.exec(name)?.[1] ?? []);
  return [...new Set(versions)].filter((version) => version !== 'failsafe').sort((a, b) => compareVersions(b, a));
}

const NOT_OURS = /^(BOOT_IMAGE=|initrd=|kindling\.failsafe=|kindling\.report=|systemd\.unit=|single$|emergency$|rescue$|[1sS]$)/;

/** The kernel's command line for entries: what the root says, else what runs, else what its fstab knows. */
export function commandLineOf({ root, commandLine }: Pick<EntryState, 'root' | 'commandLine'>): string | undefined {
  const said = textOf(root, 'etc/kernel/cmdline') ?? commandLine;
  if (said !== undefined) {
    const words = said.split(/\s+/).filter((word) => word !== '' && !NOT_OURS.test(word));
    return words.join(' ');
  }
  const line = fstab(root).find(({ at }) => at === '/');
  return line === undefined || line.source === 'none' ? undefined : `root=${line.source} ro`;
}

/** The kernel image of a version. Arch names the one in /boot after the package, which the module tree tells. */
function kernelOf(root: Root, version: string): string | undefined {
  const name = textOf(root, `usr/lib/modules/${version}/pkgbase`)?.trim();
  const named = name === undefined || name === '' || name.includes('/') ? undefined : `boot/vmlinuz-${name}`;
  if (named !== undefined && findFile(root, named) !== undefined) return named;
  return kernelImageOf(root, version);
}

interface Placed {
  /** As an entry names it. */
  readonly name: string;
  readonly copy: BootFile | undefined;
}

/** How an entry reaches a file of the root: in place, where it is on the boot partition, otherwise by a copy. */
function placing(state: EntryState, place: string): (path: string, copyName: string) => Placed {
  const mounts = new Set([...fstab(state.root).map(({ at }) => at), ...(state.mounts ?? [])]);
  // What is mounted below an ESP's usual places is an ESP, whoever mounts it.
  const separate = place !== 'boot' || mounts.has('/boot');
  return (path, copyName) => {
    if (path.startsWith(`${place}/`)) return { name: separate ? path.slice(place.length) : `/${path}`, copy: undefined };
    if (!separate && !mounts.has('/usr')) return { name: `/${path}`, copy: undefined };
    const copy = `${place}/kindling/${copyName}`;
    return { name: separate ? `/kindling/${copyName}` : `/${copy}`, copy: { path: copy, copyOf: path } };
  };
}

function warning(code: string, message: string, path?: string): Finding {
  return { code, severity: 'warning', where: path === undefined ? {} : { path }, message };
}

/** The entries for all archives of a root; undefined where it has no directory for them. */
export function bootEntries(state: EntryState): BootEntries | undefined {
  const { root, sha256 } = state;
  const place = bootRootOf(root);
  if (place === undefined) return undefined;
  const at = placing(state, place);
  const findings: Finding[] = [];
  const copies = new Map<string, BootFile>();
  const entries: BootFile[] = [];
  const os = textOf(root, 'etc/os-release') ?? textOf(root, 'usr/lib/os-release') ?? '';
  const title = shellValue(os, 'PRETTY_NAME') ?? 'Linux';
  const machine = /^[0-9a-f]{32}$/.exec(textOf(root, 'etc/machine-id')?.trim() ?? '')?.[0];
  const commandLine = commandLineOf(state);

  const reach = (path: string, copyName: string): string => {
    const { name, copy } = at(path, copyName);
    if (copy !== undefined) copies.set(copy.path, copy);
    return name;
  };
  const entry = (name: string, lines: readonly (readonly [string, string | undefined])[]): void => {
    const body = lines.flatMap(([key, value]) => (value === undefined || value === '' ? [] : [`${key.padEnd(10)} ${value}\n`])).join('');
    // "+" would begin a counter of tries, and other characters are not allowed.
    const file = `${place}/loader/entries/kindling-${name.replace(/[^A-Za-z0-9._-]/g, '_')}.conf`;
    entries.push({ path: file, text: stamped(body, sha256) });
  };

  for (const version of archivedVersions(root)) {
    const kernel = kernelOf(root, version);
    if (kernel === undefined) {
      findings.push(warning('no-kernel-image', `there is an archive of ${version} and no kernel image; it gets no boot entry`));
      continue;
    }
    if (commandLine === undefined) continue;
    for (const kind of ['', '.previous'] as const) {
      const archive = `boot/kindling-${version}.img${kind}`;
      if (findFile(root, archive) === undefined) continue;
      const previous = kind === '' ? '' : ', previous archive';
      entry(`${version}${kind}`, [
        ['title', `${title} (kindling${previous})`],
        ['version', version],
        ['machine-id', machine],
        // systemd-boot offers the least one first, and the newest version of equal ones
        ['sort-key', kind === '' ? '00-kindling' : 'zz-kindling-previous'],
        ['linux', reach(kernel, `linux-${version}`)],
        ['initrd', reach(archive, `initrd-${version}${kind}`)],
        ['options', commandLine],
      ]);
    }
  }
  failsafeEntry();
  if (commandLine === undefined) {
    findings.push(
      warning(
        'no-command-line',
        'neither etc/kernel/cmdline nor a line for / in etc/fstab says what the root is: there are no boot entries',
      ),
    );
  }
  return { directory: `${place}/loader/entries`, copies: `${place}/kindling`, files: [...copies.values(), ...entries], findings };

  function failsafeEntry(): void {
    const [archive, kernel] = ['boot/kindling-failsafe.img', 'boot/kindling-failsafe.vmlinuz'];
    if (findFile(root, archive) === undefined || findFile(root, kernel) === undefined) return;
    entry('failsafe', [
      ['title', `${title} (kindling, failsafe)`],
      ['sort-key', 'zz-kindling-safe'],
      ['linux', reach(kernel, 'linux-failsafe')],
      ['initrd', reach(archive, 'initrd-failsafe')],
      [
        'options',
        (commandLine ?? '')
          .split(' ')
          .filter((word) => word.startsWith('console='))
          .join(' '),
      ],
    ]);
  }
}

const STAMP = /^# made by kindling and kept in step by it, unless changed \(([0-9a-f]{64})\)\n/;

/** An entry's text with a first line that tells later whether a person changed it. */
function stamped(body: string, sha256: Sha256): string {
  return `# made by kindling and kept in step by it, unless changed (${sha256(nameToBytes(body))})\n${body}`;
}

/** Whether an entry's text is as kindling wrote it. */
export function isUntouched(text: string, sha256: Sha256): boolean {
  const stamp = STAMP.exec(text);
  return stamp !== null && stamp[1] === sha256(nameToBytes(text.slice(stamp[0].length)));
}
