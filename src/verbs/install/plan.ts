// What `install` puts into a root: which of the ways to be called fit it, and the files and links of each (docs/install.md).
import { type Sha256, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { findFile, type Root, resolve } from '../../plan/index.ts';
import { entriesDirectory } from './entries.ts';
import { HOOK_KINDS, type HookKind, type Made } from './manifest.ts';
import { textOf } from './text.ts';

/** The files of packaging/hooks by name. */
export type HookFiles = ReadonlyMap<string, Uint8Array>;

/** One file or link to be made. */
export type InstallItem =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly bytes: Uint8Array; readonly what: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly what: string };

/** What a person said. */
export interface InstallWords {
  /** Undefined: what fits the root. */
  readonly with?: readonly HookKind[] | undefined;
  readonly scope: 'generic' | 'host';
  readonly codec: string;
}

/** What goes into a root. */
export interface InstallPlan {
  readonly with: readonly HookKind[];
  readonly items: readonly InstallItem[];
}

/** Where the configuration is that `install` writes. */
export const INSTALL_CONF = 'etc/kindling.conf.d/10-install.conf';

function isDirectory(root: Root, path: string): boolean {
  return resolve(root, path).entry?.kind === 'directory';
}

function hasFile(root: Root, ...paths: readonly string[]): boolean {
  return paths.some((path) => findFile(root, path) !== undefined);
}

function usesBlscfg(root: Root): boolean {
  return /^\s*GRUB_ENABLE_BLSCFG=["']?true/m.test(textOf(root, 'etc/default/grub') ?? '');
}

const FITS: Readonly<Record<HookKind, (root: Root) => boolean>> = {
  'kernel-install': (root) => hasFile(root, 'usr/bin/kernel-install', 'bin/kernel-install'),
  debian: (root) => hasFile(root, 'var/lib/dpkg/status'),
  pacman: (root) => hasFile(root, 'etc/pacman.conf') && isDirectory(root, 'var/lib/pacman'),
  systemd: (root) => hasFile(root, 'usr/lib/systemd/systemd', 'lib/systemd/systemd'),
  sysvinit: (root) =>
    !FITS.systemd(root) && hasFile(root, 'sbin/init') && isDirectory(root, 'etc/init.d') && isDirectory(root, 'etc/rcS.d'),
  bls: (root) => entriesDirectory(root) !== undefined,
  grub: (root) => hasFile(root, 'etc/grub.d/00_header') && !usesBlscfg(root),
};

/** The ways that fit a root, by what is there. */
export function fitting(root: Root): HookKind[] {
  return HOOK_KINDS.filter((kind) => FITS[kind](root));
}

interface Hook {
  readonly path: string;
  readonly mode: number;
  /** Name in packaging/hooks. */
  readonly of: string;
  readonly what: string;
}

interface HookLink {
  readonly path: string;
  readonly target: string;
  readonly what: string;
}

const UNITS = 'etc/systemd/system';

const HOOKS: Readonly<Record<HookKind, readonly (Hook | HookLink)[]>> = {
  'kernel-install': [
    {
      path: 'etc/kernel/install.d/50-kindling.install',
      mode: 0o755,
      of: 'kernel-install.sh',
      what: 'hands the archive to kernel-install where it is the initrd generator',
    },
    { path: 'etc/kernel/install.d/95-kindling.install', target: '50-kindling.install', what: 'keeps archives in step with kernel-install' },
  ],
  debian: [
    { path: 'etc/kernel/postinst.d/zz-kindling', mode: 0o755, of: 'kernel-postinst.sh', what: 'makes the archive of a new kernel' },
    { path: 'etc/kernel/postrm.d/zz-kindling', mode: 0o755, of: 'kernel-postrm.sh', what: 'removes the archives of a removed kernel' },
  ],
  pacman: [
    { path: 'etc/pacman.d/hooks/kindling-targets', mode: 0o755, of: 'pacman-targets.sh', what: "reads what pacman's hooks are told" },
    {
      path: 'etc/pacman.d/hooks/60-kindling-remove.hook',
      mode: 0o644,
      of: 'pacman-remove.hook',
      what: 'removes archives with their kernel',
    },
    { path: 'etc/pacman.d/hooks/95-kindling-install.hook', mode: 0o644, of: 'pacman-install.hook', what: 'updates archives after pacman' },
  ],
  systemd: ['update', 'shutdown'].flatMap((name): (Hook | HookLink)[] => {
    const unit = `kindling-${name}.service`;
    const when = name === 'update' ? 'in the boot that found them out of date' : 'at shutdown';
    return [
      { path: `${UNITS}/${unit}`, mode: 0o644, of: unit, what: `updates archives ${when}` },
      { path: `${UNITS}/sysinit.target.wants/${unit}`, target: `../${unit}`, what: `enables ${unit}` },
    ];
  }),
  sysvinit: [
    { path: 'etc/init.d/kindling', mode: 0o755, of: 'sysvinit.sh', what: 'updates archives at boot where needed, and at shutdown' },
    { path: 'etc/rcS.d/S20kindling', target: '../init.d/kindling', what: 'starts it' },
    { path: 'etc/rc0.d/K01kindling', target: '../init.d/kindling', what: 'stops it before power-off' },
    { path: 'etc/rc6.d/K01kindling', target: '../init.d/kindling', what: 'stops it before a reboot' },
  ],
  bls: [],
  grub: [
    { path: 'etc/grub.d/09_kindling', mode: 0o755, of: 'grub.sh', what: "GRUB's entry for the archive" },
    { path: 'etc/grub.d/42_kindling', target: '09_kindling', what: "GRUB's entries for previous archives and the failsafe" },
  ],
};

function configuration({ scope, codec }: InstallWords): InstallItem {
  const lines = [
    '# Made by "kindling install"; change it as you like, "kindling uninstall" leaves a changed file.',
    '# The check at boot: off, warn (says so and updates in the same boot) or stop (before the root is writable).',
    'check = warn',
    '# For any machine (generic), or for this one alone (host).',
    `scope = ${scope}`,
    `codec = ${codec}`,
  ];
  return { kind: 'file', path: INSTALL_CONF, mode: 0o644, bytes: utf8(`${lines.join('\n')}\n`), what: 'configuration of the archives' };
}

/** The files and links that go into a root, parents' directories aside. */
export function installPlan(root: Root, hooks: HookFiles, words: InstallWords): InstallPlan {
  const kinds = words.with ?? fitting(root);
  const items = kinds.flatMap((kind) =>
    HOOKS[kind].map((hook): InstallItem => {
      if ('target' in hook) return { kind: 'link', ...hook };
      const bytes = hooks.get(hook.of);
      if (bytes === undefined) throw new KindlingError('NO_ENTRY', 'the installation of kindling is incomplete', { path: hook.of });
      return { kind: 'file', path: hook.path, mode: hook.mode, bytes, what: hook.what };
    }),
  );
  return { with: kinds, items: [configuration(words), ...items] };
}

/** An item as the list has it. */
export function madeOf(item: InstallItem, sha256: Sha256): Made {
  if (item.kind === 'link') return { kind: 'link', path: item.path, target: item.target };
  return { kind: 'file', path: item.path, digest: sha256(item.bytes) };
}
