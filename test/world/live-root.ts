// A small Debian with systemd for the live tests: real packages, set up by dpkg (mmdebstrap), as a folder and as a tar archive with owners.
// The recipe is test/world/live-root/; its service live-facts reports on the second serial port (kindling: fact live.KEY VALUE).
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRecipeRoot, type Recipe, readRecipes } from '../../src/node/recipe.ts';
import { aptFiles } from './apt.ts';
import { CLONE, cacheFolder, once } from './cache.ts';
import type { Owners } from './disk-image.ts';
import { unpackTar } from './unpack.ts';

/** A live system's root before it is cut into bundles. */
export interface LiveRoot {
  /** The root as a tar archive, owners and all: `kindling live --root` takes it as it is. */
  readonly tar: string;
  /** The root as a folder; everything belongs to whoever runs this. Never write into it. */
  readonly folder: string;
  /** Who owns what is not root's in the folder. */
  readonly owners: Owners;
  /** The kernel's release, and its file in the folder. */
  readonly version: string;
  readonly vmlinuz: string;
}

function contentOf(path: string): unknown[] {
  if (!statSync(path).isDirectory()) return [path, statSync(path).mode & 0o777, readFileSync(path, 'utf8')];
  return readdirSync(path)
    .sort()
    .flatMap((name) => contentOf(join(path, name)));
}

/** The name of a recipe's result in the cache: its content decides. */
export function recipeKey(recipe: Recipe, base?: Recipe): string {
  const files = [...recipe.overlays, ...recipe.setups].map((path) => contentOf(path));
  const below = base === undefined ? [] : [recipeKey(base)];
  const text = JSON.stringify([1, recipe.packages, recipe.excludes, files, ...below]).replaceAll(CLONE, '');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** A root that another one is made on top of. */
export interface Below {
  readonly label: string;
  readonly folders: readonly string[];
}

/**
 * A recipe's root as a tar archive, made once; needs mmdebstrap and, the first time, the network. Packages are shared with all else that is
 * fetched. With `below` it is made on top of the root of that recipe.
 */
export async function recipeTar(label: string, folders: readonly string[], below?: Below): Promise<string> {
  const recipe = readRecipes(folders);
  const base = below && { tar: await recipeTar(below.label, below.folders), recipe: readRecipes(below.folders) };
  return await once(`${label}-${recipeKey(recipe, base?.recipe)}.tar`, async (scratch) => {
    const { sources, options } = await aptFiles('amd64');
    const packageCache = join(cacheFolder(), 'apt-amd64/cache/archives');
    await makeRecipeRoot(recipe, scratch, { sources, aptOptions: options, packageCache, ...(base && { base }) });
  });
}

/** The small Debian; made once. Needs mmdebstrap and, the first time, the network. */
export async function liveRoot(): Promise<LiveRoot> {
  const tar = await recipeTar('live-root', [join(CLONE, 'test/world/live-root')]);
  const made = await once(tar.slice(cacheFolder().length + 1, -'.tar'.length), (scratch) => {
    const owners = unpackTar(tar, join(scratch, 'root'));
    writeFileSync(join(scratch, 'owners.json'), JSON.stringify([...owners]));
  });
  const folder = join(made, 'root');
  const owners: Owners = new Map(JSON.parse(readFileSync(join(made, 'owners.json'), 'utf8')));
  const image = readdirSync(join(folder, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`${tar} holds no boot/vmlinuz-*`);
  return { tar, folder, owners, version: image.slice('vmlinuz-'.length), vmlinuz: join(folder, 'boot', image) };
}
