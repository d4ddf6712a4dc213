// A recipe: what a root is made of, as plain files in a folder (docs/live-desktop.md, "Recipes"), and the making of it by mmdebstrap,
// as root or, where user namespaces allow it, as anybody.
//   packages   names of packages, one or more a line; "#" begins a comment
//   exclude    what is left out of every package: one dpkg path pattern a line ("/usr/share/man/*"); "!PATTERN" keeps what another left out
//   overlay/   files that are copied over the finished root, with their modes
//   setup      a script for /bin/sh, run last, in the root
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { KindlingError } from '../errors.ts';
import { onInterrupt } from './cleanup.ts';
import { system } from './errno.ts';
import { runTool } from './tools.ts';

/** One recipe or several put together: packages and patterns of all, overlays and scripts in order. */
export interface Recipe {
  readonly packages: readonly string[];
  /** dpkg path patterns; one that begins with "!" keeps. */
  readonly excludes: readonly string[];
  /** Folders. */
  readonly overlays: readonly string[];
  /** Shell scripts. */
  readonly setups: readonly string[];
}

/** How a root is made. */
export interface RecipeRootOptions {
  /** Debian's release; bookworm unless told. */
  readonly suite?: string;
  /** A file of package sources (deb822); Debian's own mirror unless told. */
  readonly sources?: string;
  /** A file of settings for apt. */
  readonly aptOptions?: string;
  /** A folder that keeps the fetched packages for the next time. */
  readonly packageCache?: string;
  /** A root made before, as a tar archive, that this one begins with: only what the recipe adds is installed and run. */
  readonly base?: { readonly tar: string; readonly recipe: Recipe };
}

const TIMEOUT = 60 * 60_000;
const OUTPUT_MOST = 64 << 20;
const PACKAGE = /^[a-z0-9][a-z0-9+.:-]*$/;
const PATTERN = /^!?\/\S*$/;

function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  const lines = system(() => readFileSync(file, 'utf8'), { file }).split('\n');
  return lines.map((line) => line.replace(/(^|\s)#.*/, '').trim()).filter((line) => line !== '');
}

function checked(values: readonly string[], allowed: RegExp, what: string, file: string): readonly string[] {
  const wrong = values.find((value) => !allowed.test(value));
  if (wrong !== undefined) throw new KindlingError('BAD_CONFIG', `"${wrong}" is no ${what}`, { file });
  return values;
}

/** The recipes of these folders as one. Throws NO_ENTRY for a folder that has none of a recipe's files, BAD_CONFIG for a line that is none. */
export function readRecipes(folders: readonly string[]): Recipe {
  const recipes = folders.map((folder): Recipe => {
    const at = (name: string): string => resolve(folder, name);
    const there = (name: string): string[] => (existsSync(at(name)) ? [at(name)] : []);
    if (['packages', 'overlay', 'setup'].every((name) => there(name).length === 0)) {
      throw new KindlingError('NO_ENTRY', 'no recipe: none of packages, overlay and setup is there', { file: folder });
    }
    const packages = linesOf(at('packages')).flatMap((line) => line.split(/\s+/));
    return {
      packages: checked(packages, PACKAGE, 'package name', at('packages')),
      excludes: checked(linesOf(at('exclude')), PATTERN, 'absolute path pattern', at('exclude')),
      overlays: there('overlay'),
      setups: there('setup'),
    };
  });
  return {
    packages: [...new Set(recipes.flatMap(({ packages }) => packages))],
    excludes: recipes.flatMap(({ excludes }) => excludes),
    overlays: recipes.flatMap(({ overlays }) => overlays),
    setups: recipes.flatMap(({ setups }) => setups),
  };
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

// An archive is made for the medium, not inside the root, and by another tool: while packages are set up, this one does nothing.
const NO_ARCHIVE = 'usr/sbin/update-initramfs';

function hooks(recipe: Recipe, cache: string | undefined, base: string | undefined): readonly string[] {
  const archives = '"$1"/var/cache/apt/archives';
  const kept =
    cache === undefined
      ? []
      : [
          '--skip=essential/unlink',
          `--setup-hook=mkdir -p ${archives} && cd ${quoted(cache)} && for f in *.deb; do [ ! -e "$f" ] || ln "$f" ${archives}/ 2>/dev/null || cp "$f" ${archives}/; done`,
          `--customize-hook=for f in ${archives}/*.deb; do [ -e ${quoted(cache)}/"\${f##*/}" ] || cp "$f" ${quoted(cache)}/; done`,
        ];
  // /usr is merged from the start: moving it later takes Perl, and minutes. Device nodes are made already, where they can be.
  const begun =
    base === undefined
      ? '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr'
      : `--setup-hook=tar -C "$1" --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev' -xpf ${quoted(base)}`;
  return [
    begun,
    ...kept,
    `--extract-hook=mkdir -p "$1"/usr/sbin && printf '#!/bin/sh\\nexit 0\\n' >"$1"/${NO_ARCHIVE} && chmod 755 "$1"/${NO_ARCHIVE}`,
    `--customize-hook=rm "$1"/${NO_ARCHIVE}`,
    // the settings of this making, and what it took from the machine that made it
    '--customize-hook=rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/sources.list.d/0* "$1"/etc/resolv.conf',
    '--customize-hook=: >"$1"/etc/machine-id',
    ...recipe.overlays.map((folder) => `--customize-hook=cp -rT --preserve=mode ${quoted(folder)} "$1"`),
    ...recipe.setups.map((script) => `--customize-hook=chroot "$1" /bin/sh -eu <${quoted(script)}`),
  ];
}

/**
 * Makes the root as a tar archive, in place only when it is whole. Throws NO_TOOL without mmdebstrap, IO with its last words when it fails.
 */
export async function makeRecipeRoot(recipe: Recipe, tar: string, options: RecipeRootOptions = {}): Promise<void> {
  const making = `${resolve(tar)}.making.tar`;
  const clean = (): void => rmSync(making, { force: true });
  const withdraw = onInterrupt(clean);
  try {
    system(() => mkdirSync(dirname(making), { recursive: true }), { file: tar });
    if (options.packageCache !== undefined) mkdirSync(options.packageCache, { recursive: true });
    const { base } = options;
    const patterns = [...(base?.recipe.excludes ?? []), ...recipe.excludes, `/${NO_ARCHIVE}`];
    // not as a file: an ordinary user's are closed to the user namespace in which mmdebstrap works
    const lines = patterns.map((pattern) => (pattern.startsWith('!') ? `path-include=${pattern.slice(1)}` : `path-exclude=${pattern}`));
    const words = [
      ...['--variant=essential', '--dpkgopt=force-unsafe-io', `--include=${recipe.packages.join(',')}`],
      ...lines.map((line) => `--dpkgopt=${line}`),
      ...['--aptopt=APT::Install-Recommends "false"', ...(options.aptOptions === undefined ? [] : [`--aptopt=${options.aptOptions}`])],
      ...hooks(recipe, options.packageCache && resolve(options.packageCache), base && resolve(base.tar)),
      ...[options.suite ?? 'bookworm', making, ...(options.sources === undefined ? [] : [options.sources])],
    ];
    const ran = await runTool('mmdebstrap', words, { timeout: TIMEOUT, limit: OUTPUT_MOST, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
    if (ran.code !== 0) {
      const said = ran.stderr.trim().split('\n');
      const faults = said.filter((line) => /^E:|error/i.test(line)).map((line) => line.slice(0, 300));
      throw new KindlingError('IO', `mmdebstrap ended with ${ran.code}: ${(faults.length > 0 ? faults : said).slice(-6).join('; ')}`, {
        file: tar,
      });
    }
    system(() => renameSync(making, tar), { file: tar });
  } finally {
    withdraw();
    clean();
  }
}
