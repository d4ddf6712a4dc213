// Debian packages of any architecture through apt-get, without root privilege and without touching the machine's own package state:
// a private directory holds apt's lists, status and archives. Sources and keys are those the machine itself trusts.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../tools.ts';
import { cacheFolder, once } from './cache.ts';
import { mustRun } from './run.ts';

/** Debian's name of an architecture. */
export type Architecture = 'amd64' | 'arm64' | 'ppc64el';

/** A package file in the cache. */
export interface PackageFile {
  readonly name: string;
  readonly path: string;
}

const ETC = '/etc/apt';

function isDebianUri(uri: string): boolean {
  return /^(https?|mirror\S*|file|copy):.*\/debian(-security)?\/?$/.test(uri);
}

/** The stanzas of a deb822 source file that are Debian's own, reduced to binary packages of "main". */
export function debianStanzas(text: string): string[] {
  const kept: string[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const lines = stanza.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
    const field = (name: string) =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();
    const uris = (field('uris') ?? '').split(/\s+/).filter(isDebianUri);
    if (field('enabled')?.toLowerCase() === 'no' || uris.length === 0) continue;
    if (!(field('types') ?? '').split(/\s+/).includes('deb') || !(field('components') ?? '').split(/\s+/).includes('main')) continue;
    const signed = field('signed-by');
    const signedLine = signed === undefined || signed === '' ? '' : `Signed-By: ${signed}\n`;
    kept.push(`Types: deb\nURIs: ${uris.join(' ')}\nSuites: ${field('suites')}\nComponents: main\n${signedLine}`);
  }
  return kept;
}

/** The same for a one-line source list. */
export function debianLines(text: string): string[] {
  const kept: string[] = [];
  for (const line of text.split('\n')) {
    const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line.replace(/#.*/, ''));
    if (found === null) continue;
    const [, options = '', uri = '', suite = '', components = ''] = found;
    if (!isDebianUri(uri) || !components.split(/\s+/).includes('main')) continue;
    const signed = /signed-by=(\S+)/.exec(options)?.[1];
    kept.push(`Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\n${signed === undefined ? '' : `Signed-By: ${signed}\n`}`);
  }
  return kept;
}

/**
 * Debian's own package sources of this machine in deb822 form. Without the security suite for what is only measured, never offered to anybody:
 * mirrors that serve few machines of an architecture have its index out of step with its signature for days.
 */
function debianSources(architecture: Architecture): string {
  const stanzas: string[] = [];
  const take = (path: string) => {
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.sources')) stanzas.push(...debianStanzas(text));
    else stanzas.push(...debianLines(text));
  };
  take(join(ETC, 'sources.list'));
  const parts = join(ETC, 'sources.list.d');
  if (existsSync(parts)) {
    for (const name of readdirSync(parts).sort()) if (/\.(sources|list)$/.test(name)) take(join(parts, name));
  }
  const wanted = architecture === 'ppc64el' ? stanzas.filter((stanza) => !/^Suites: .*-security/m.test(stanza)) : stanzas;
  if (wanted.length > 0) return wanted.join('\n');
  throw new Error(`no Debian package source in ${ETC}: Debian packages cannot be fetched on this machine`);
}

// The machine's hooks (Post-Invoke and the like) need root, so of its configuration only what fetching needs is taken: proxies and such.
async function fetchingConfiguration(): Promise<string> {
  const dump = await mustRun('apt-config', ['dump']);
  return dump
    .split('\n')
    .filter((line) => /^Acquire::(?!IndexTargets|Changelogs|cdrom|Languages)\S+ "[^"]+";$/.test(line))
    .join('\n');
}

/** A private apt for one architecture: the environment that makes apt-get use it. Its package lists are fetched at most once. */
async function privateApt(architecture: Architecture): Promise<{ env: Record<string, string>; archives: string; none: string }> {
  for (const name of ['apt-get', 'apt-config']) {
    if (findTool(name) === undefined) throw new Error(`${name} is not installed here: Debian packages cannot be fetched on this machine`);
  }
  const folder = join(cacheFolder(), `apt-${architecture}`);
  const at = (name: string) => join(folder, name);
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'none/partial', 'log', 'etc'])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at('status'), '');
  writeFileSync(at('etc/debian.sources'), debianSources(architecture));
  writeFileSync(
    at('apt.conf'),
    `${await fetchingConfiguration()}
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "${at('etc/debian.sources')}";
Dir::Etc::sourceparts "/dev/null";
Dir::State "${at('state')}";
Dir::State::status "${at('status')}";
Dir::Cache "${at('cache')}";
Dir::Log "${at('log')}";
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::Assume-Yes "true";
APT::Immediate-Configure "false";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Acquire::PDiffs "false";
Acquire::Retries "3";
`,
  );
  const env = { APT_CONFIG: at('apt.conf'), DEBIAN_FRONTEND: 'noninteractive' };
  await once(`apt-${architecture}/lists-fetched`, async (scratch) => {
    await mustRun('apt-get', ['-q', 'update'], { env });
    writeFileSync(scratch, '');
  });
  return { env, archives: at('cache/archives'), none: at('none') };
}

/** The package sources and the configuration with which another tool fetches from where apt fetches here: paths of two files. */
export async function aptFiles(architecture: Architecture): Promise<{ readonly sources: string; readonly options: string }> {
  await privateApt(architecture);
  const folder = join(cacheFolder(), `apt-${architecture}`);
  const options = join(folder, 'etc/fetching.conf');
  writeFileSync(options, `${await fetchingConfiguration()}\n`);
  return { sources: join(folder, 'etc/debian.sources'), options };
}

/** Names of all packages there are that begin so, in no order. As old as the package lists, which are fetched at most once. */
export async function packageNames(architecture: Architecture, prefix: string): Promise<readonly string[]> {
  const { env } = await privateApt(architecture);
  return (await mustRun('apt-cache', ['pkgnames', prefix], { env })).split('\n').filter((name) => name !== '');
}

/**
 * Fetches packages and all they depend on, and answers their files. `only` keeps those whose package name matches. The answer is recorded, so that a later call needs neither the network nor apt. Rejects without network on the first call.
 */
export async function fetchPackages(
  architecture: Architecture,
  label: string,
  packages: readonly string[],
  only: RegExp = /./,
): Promise<PackageFile[]> {
  const record = await once(`packages-${label}-${architecture}.json`, async (scratch) => {
    const { env, archives, none } = await privateApt(architecture);
    // apt names no package whose file it already holds, so it is shown an empty archive folder
    const listed = await mustRun('apt-get', ['-qq', '-o', `Dir::Cache::archives=${none}`, '--print-uris', 'install', ...packages], { env });
    const wanted: { name: string; file: string }[] = [];
    for (const line of listed.split('\n')) {
      const file = /^'[^']+' (\S+\.deb) /.exec(line)?.[1];
      const name = file?.split('_')[0];
      if (file !== undefined && name !== undefined && only.test(name)) wanted.push({ name, file });
    }
    if (wanted.length === 0) throw new Error(`apt-get names no package files for ${packages.join(' ')} (${architecture})`);
    const missing = wanted.filter(({ file }) => !existsSync(join(archives, file)));
    // "download" takes exactly these, and puts them into the current directory; a fixed version keeps both steps in agreement
    const exact = missing.map(({ name, file }) => `${name}=${decodeURIComponent(file.split('_')[1] ?? '')}`);
    if (exact.length > 0) await mustRun('apt-get', ['-q', 'download', ...exact], { env, cwd: archives });
    for (const { file } of wanted) if (!existsSync(join(archives, file))) throw new Error(`apt-get did not leave ${file} in ${archives}`);
    writeFileSync(scratch, `${JSON.stringify(wanted, null, 1)}\n`);
  });
  const archives = join(cacheFolder(), `apt-${architecture}`, 'cache/archives');
  const wanted: { name: string; file: string }[] = JSON.parse(readFileSync(record, 'utf8'));
  return wanted.map(({ name, file }) => ({ name, path: join(archives, file) }));
}
