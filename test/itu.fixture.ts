// Roots, drivers, keys and bundles for the tests of install-time updates: small, made of generated modules.
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesSource, concat, utf8 } from '../src/bytes/index.ts';
import * as newc from '../src/formats/newc/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { sha256 } from '../src/node/digest.ts';
import { type UsableBundle, usable } from '../src/node/itu/carry-out.ts';
import { findBundles } from '../src/node/itu/media.ts';
import { SAMPLE_TREE, type SampleModule, sampleModule, sampleRoot } from '../src/plan/modules/sample-tree.ts';
import { FILES, MODULES } from '../src/plan/sample.fixture.ts';
import { type Entry, file, withParents } from '../src/tree/index.ts';
import { encodeItuManifest, type ItuManifest, manifestPath } from '../src/verbs/itu/manifest.ts';
import { writeRoot } from './on-disk.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));

/** How a run of the program ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program in a folder. */
export function kindling(folder: string, ...argv: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

/** The sample root as a directory, with what is given added or replaced. */
export function rootAt(folder: string, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  mkdirSync(folder, { recursive: true });
  return writeRoot(sampleRoot({ modules: MODULES, files: { ...FILES, ...files } }), folder, 0o022);
}

/** A root of few files, for tests that go through it again and again. */
export function smallRootAt(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const modules = { 'kernel/drivers/scsi/scsi_mod.ko': {}, 'kernel/drivers/block/virtio_blk.ko': { alias: 'virtio:d00000002v*' } };
  return writeRoot(sampleRoot({ modules, files: { 'etc/modprobe.d/old.conf': '# old\n' } }), folder, 0o022);
}

/** A module file on disk, named by its path. */
export function moduleAt(path: string, says: SampleModule): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, sampleModule(path, says));
  return path;
}

/** A pair of keys made by openssl: NAME.key and NAME.pem in a folder. */
export function keysAt(folder: string, name: string): { readonly secret: string; readonly open: string } {
  const [secret, open] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', secret]);
  execFileSync('openssl', ['pkey', '-in', secret, '-pubout', '-out', open]);
  return { secret, open };
}

/** The manifest of a bundle with nothing in it. */
export const PLAIN_MANIFEST: ItuManifest = {
  name: 'made',
  number: 5,
  version: '1',
  description: '',
  architecture: 'any',
  kernels: [],
  load: [],
  files: [],
};

/** The bytes of a bundle with these entries; the manifest lists its files unless it says otherwise. Nothing is checked: for hostile ones. */
export function rawBundle(entries: readonly Entry[], says: Partial<ItuManifest> = {}): Uint8Array {
  const files = entries.flatMap((entry): ItuManifest['files'] => {
    const { path, mode } = entry;
    if (entry.kind === 'symlink') return [{ kind: 'link', path, target: entry.target }];
    if (entry.kind !== 'file') return [];
    const bytes = entry.content.read(0, entry.content.size);
    return [{ kind: 'file', path, mode, size: bytes.length, sha256: sha256(bytes) }];
  });
  const manifest = { ...PLAIN_MANIFEST, files, ...says };
  const own = file(manifestPath(manifest.name), bytesSource(encodeItuManifest(manifest)));
  const all = withParents([...entries, own]);
  return concat([...newc.encode(all.sort((a, b) => (a.path < b.path ? -1 : 1)))]);
}

/** A file entry with text in it. */
export function textFile(path: string, text: string, mode = 0o644): Entry {
  return file(path, bytesSource(utf8(text)), mode);
}

/** Bundles of a medium that is trusted without signatures. */
export async function bundlesOf(...media: string[]): Promise<UsableBundle[]> {
  const outside = { keys: [], decoders: nodeDecoders() };
  const found = await Promise.all(media.map((medium) => findBundles(medium, outside)));
  return found.flat().map((one) => usable(one, true));
}

/** Everything below a folder, one line each: kind, mode, path, digest or target. Equal lists mean equal trees. */
export function snapshot(folder: string, except: readonly string[] = []): string[] {
  const lines: string[] = [];
  const walk = (path: string): void => {
    if (except.includes(path)) return;
    const at = join(folder, path);
    const stats = lstatSync(at);
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isSymbolicLink()) lines.push(`link ${path} ${readlinkSync(at)}`);
    else if (stats.isFile()) lines.push(`file ${mode} ${path} ${sha256(readFileSync(at))}`);
    else {
      lines.push(`directory ${mode} ${path}`);
      for (const name of readdirSync(at).sort()) walk(path === '' ? name : `${path}/${name}`);
    }
  };
  walk('');
  return lines;
}

export { SAMPLE_TREE };
