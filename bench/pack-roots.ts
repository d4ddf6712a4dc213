// What is packed by the pack claim: a Debian root of about 600 MB without a kernel, and the whole module tree of Debian's kernel (about 400 MB).
import { join } from 'node:path';
import { fetchPackages } from '../test/world/apt.ts';
import { once } from '../test/world/cache.ts';
import { ROOT_PACKAGES } from '../test/world/debian-packages.ts';
import { debianKernel } from '../test/world/index.ts';
import { unpackPackages } from '../test/world/unpack.ts';

// A machine that people work on: a compiler, version control, an editor, Python, servers.
const MORE = ['g++', 'git', 'vim', 'openssh-server', 'nginx-core', 'python3'];

/** A folder to pack, and what it is called in the table. */
export interface PackRoot {
  readonly name: string;
  readonly folder: string;
}

/** Both folders, made once. */
export async function packRoots(): Promise<readonly PackRoot[]> {
  const packages = await fetchPackages('amd64', 'pack', [...ROOT_PACKAGES, ...MORE]);
  const root = await once('pack-root-amd64', (scratch) => {
    unpackPackages(
      packages.map(({ path }) => path),
      scratch,
    );
  });
  const kernel = await debianKernel('amd64');
  return [
    { name: 'a Debian root', folder: root },
    { name: 'a module tree', folder: join(kernel.root, 'usr/lib/modules', kernel.version) },
  ];
}
