// Debian's own kernel: its image and its module tree, straight from the package (so without modules.dep, which depmod would have made).
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Architecture, fetchPackages } from './apt.ts';
import { once } from './cache.ts';
import { unpackPackages } from './unpack.ts';

/** A kernel as its package holds it. */
export interface Kernel {
  /** Release, as `uname -r` prints it. */
  readonly version: string;
  /** Path of the kernel image (amd64: bzImage; arm64: Image). */
  readonly vmlinuz: string;
  /** A merged-/usr folder that holds the package and nothing else: `boot/` and `usr/lib/modules/VERSION`. */
  readonly root: string;
}

// What Debian calls the generic kernel of each.
const FLAVOURS: Readonly<Record<Architecture, string>> = { amd64: 'amd64', arm64: 'arm64', ppc64el: 'powerpc64le' };

/** Debian's generic kernel for an architecture; fetched and unpacked once. */
export async function debianKernel(architecture: Architecture): Promise<Kernel> {
  const [file] = await fetchPackages(architecture, 'kernel', [`linux-image-${FLAVOURS[architecture]}`], /^linux-image-\d/);
  if (file === undefined) throw new Error(`no kernel package for ${architecture}`);
  const root = await once(file.name, (scratch) => {
    unpackPackages([file.path], scratch);
  });
  const image = readdirSync(join(root, 'boot')).find((name) => /^vmlinu[xz]-/.test(name));
  if (image === undefined) throw new Error(`${file.path} holds no boot/vmlinu[xz]-*`);
  return { version: image.slice('vmlinu?-'.length), vmlinuz: join(root, 'boot', image), root };
}
