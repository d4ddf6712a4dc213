// A root with what crash dumps need: Debian's, with kexec-tools and makedumpfile and their libraries laid over it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { debianRoot, fetchPackages, linkTree, once } from '../world/index.ts';
import { unpackPackages } from '../world/unpack.ts';

// makedumpfile depends on a whole Perl for a script that nothing here runs
const LIBRARIES = /^(kexec-tools|makedumpfile|lib(dw1|elf1|lzo2-2|xen\S*|zstd1|bz2-1\.0|lzma5)|zlib1g)$/;

/** A Debian root with kexec and makedumpfile. Made once. */
export async function crashRoot(): Promise<string> {
  const { folder } = await debianRoot('amd64');
  const packages = await fetchPackages('amd64', 'kdump', ['kexec-tools', 'makedumpfile'], LIBRARIES);
  return once(`kdump-${folder.split('/').at(-2)}`, (scratch) => {
    const extra = `${scratch}.packages`;
    rmSync(extra, { recursive: true, force: true });
    unpackPackages(
      packages.map(({ path }) => path),
      extra,
    );
    linkTree(folder, scratch);
    linkTree(join(extra, 'usr'), join(scratch, 'usr'));
    rmSync(extra, { recursive: true, force: true });
  });
}
