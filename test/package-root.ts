// A Debian root with dpkg in it that knows its packages, to install a package into: without network, without a Node of its own.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bytesSource } from '../src/bytes/index.ts';
import { decode } from '../src/formats/deb/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { cacheFolder, debianRoot, fetchPackages, mustRun, type Ran, run } from './world/index.ts';

const MORE = ['dpkg', 'man-db', 'groff-base'];

/** A root to install into. */
export interface PackageRoot {
  readonly folder: string;
  readonly kernelVersion: string;
  /** Runs a program in the root, as its root, on no network, with PATH as dpkg wants it and nothing else of this process's environment. */
  run(program: string, ...words: string[]): Promise<Ran>;
}

// dpkg's own record of what is installed, made from the packages: unpacking them by ourselves left none.
function writeStatus(folder: string, packages: readonly string[]): void {
  const info = join(folder, 'var/lib/dpkg/info');
  for (const path of [info, join(folder, 'var/lib/dpkg/updates'), join(folder, 'var/lib/dpkg/triggers')])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(folder, 'var/lib/dpkg/info/format'), '1\n');
  let status = '';
  for (const path of packages) {
    const { fields, data } = decode(bytesSource(readFileSync(path)), { decoders: nodeDecoders() });
    const lines = [...fields].flatMap(([name, value]) => (name === 'Conffiles' ? [] : [`${name}: ${value.replaceAll('\n', '\n ')}`]));
    status += `${[lines[0], 'Status: install ok installed', ...lines.slice(1)].join('\n')}\n\n`;
    const isSame = fields.get('Multi-Arch') === 'same';
    const name = `${fields.get('Package')}${isSame ? `:${fields.get('Architecture')}` : ''}`;
    writeFileSync(join(info, `${name}.list`), data.entries.map((entry) => `/${entry.path === '' ? '.' : entry.path}\n`).join(''));
  }
  writeFileSync(join(folder, 'var/lib/dpkg/status'), status);
}

/** Makes a root of its own for a test, removed at its end. Needs root privilege, or a user namespace that the kernel grants. */
export async function packageRoot(t: TestContext): Promise<PackageRoot> {
  const world = await debianRoot('amd64', MORE);
  const scratch = mkdtempSync(join(cacheFolder(), 'package-'));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const folder = join(scratch, 'root');
  // dpkg replaces files and changes none in place; what scripts write is below etc and var
  await mustRun('cp', ['-al', world.folder, folder]);
  for (const name of ['etc', 'var']) {
    rmSync(join(folder, name), { recursive: true });
    cpSync(join(world.folder, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  const label = ['root', ...MORE].join('-');
  const packages = await fetchPackages('amd64', label, []);
  writeStatus(
    folder,
    packages.map((file) => file.path),
  );
  const isRoot = process.geteuid?.() === 0;
  const apart = ['--mount', '--net', '--pid', '--fork', ...(isRoot ? [] : ['--map-root-user'])];
  const enter = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"';
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', DEBIAN_FRONTEND: 'noninteractive' };
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return {
    folder,
    kernelVersion: world.kernel.version,
    run: (program, ...rest) =>
      run('env', ['-i', 'LC_ALL=C.UTF-8', ...words, 'unshare', ...apart, 'sh', '-c', enter, folder, program, ...rest], {
        timeout: 300_000,
      }),
  };
}
