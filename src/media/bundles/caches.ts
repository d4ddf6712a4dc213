// Caches that programs make of many files at one place: when a bundle above brings such files, the cache below does not know them.
// Which cache belongs to a file, who makes it anew, and whether it names the files (then its text tells what it lacks).
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import { baseName } from '../../tree/index.ts';
import type { Layer, Union } from './union.ts';

interface CacheRule {
  /** Fits a source; `cache` is the replacement text that gives the cache's path. */
  readonly source: RegExp;
  readonly cache: string;
  readonly tool: string;
  /** The cache holds the names of its sources. */
  readonly named?: true;
}

const RULES: readonly CacheRule[] = [
  { source: /^usr\/share\/mime\/packages\/[^/]+\.xml$/s, cache: 'usr/share/mime/mime.cache', tool: 'update-mime-database /usr/share/mime' },
  {
    source: /^usr\/share\/applications\/(?:.*\/)?[^/]+\.desktop$/s,
    cache: 'usr/share/applications/mimeinfo.cache',
    tool: 'update-desktop-database',
  },
  {
    source: /^usr\/share\/glib-2\.0\/schemas\/[^/]+\.(?:gschema\.xml|gschema\.override)$/s,
    cache: 'usr/share/glib-2.0/schemas/gschemas.compiled',
    tool: 'glib-compile-schemas /usr/share/glib-2.0/schemas',
  },
  {
    source: /^(usr\/lib\/[^/]+\/gdk-pixbuf-2\.0\/[^/]+)\/loaders\/[^/]+\.so$/s,
    cache: '$1/loaders.cache',
    tool: 'gdk-pixbuf-query-loaders --update-cache',
    named: true,
  },
  {
    source: /^(usr\/lib\/[^/]+\/gtk-[23]\.0\/[^/]+)\/immodules\/[^/]+\.so$/s,
    cache: '$1/immodules.cache',
    tool: 'gtk-query-immodules-3.0 --update-cache',
    named: true,
  },
  {
    source: /^(usr\/lib\/[^/]+\/gio\/modules)\/[^/]+\.so$/s,
    cache: '$1/giomodule.cache',
    tool: 'gio-querymodules',
    named: true,
  },
  { source: /^(usr\/share\/icons\/[^/]+)\/.+\.(?:png|svg|xpm)$/s, cache: '$1/icon-theme.cache', tool: 'gtk-update-icon-cache' },
  { source: /^(?:usr\/)?lib\/udev\/hwdb\.d\/[^/]+\.hwdb$/s, cache: 'usr/lib/udev/hwdb.bin', tool: 'systemd-hwdb update' },
  { source: /^(?:usr\/lib|etc)\/udev\/hwdb\.d\/[^/]+\.hwdb$/s, cache: 'etc/udev/hwdb.bin', tool: 'systemd-hwdb update' },
  {
    source: /^usr\/lib\/systemd\/catalog\/[^/]+\.catalog$/s,
    cache: 'var/lib/systemd/catalog/database',
    tool: 'journalctl --update-catalog',
  },
  {
    source: /^usr\/(?:local\/)?share\/ca-certificates\/.+\.crt$/s,
    cache: 'etc/ssl/certs/ca-certificates.crt',
    tool: 'update-ca-certificates',
  },
  { source: /^usr\/share\/fonts\/.+\.(?:ttf|otf|ttc|pfb|pcf\.gz)$/s, cache: 'var/cache/fontconfig', tool: 'fc-cache' },
];

const TEXT_MOST = 1 << 24;
const NEVER = -1;

/** A cache that does not know all it should. */
export interface StaleCache {
  readonly path: string;
  /** Index of the layer whose cache is seen. */
  readonly layer: number;
  /** What the cache does not know, and the layer that brings it. */
  readonly sources: readonly { readonly path: string; readonly layer: number }[];
  /** The program that makes it anew. */
  readonly tool: string;
}

/** The caches that are older than what is above them, or do not name what is there. */
export function staleCaches(layers: readonly Layer[], union: Union): StaleCache[] {
  const found = new Map<string, { layer: number; tool: string; sources: { path: string; layer: number }[] }>();
  const texts = new Map<string, string>();
  for (const { path } of union.tree.entries) {
    for (const { source, cache, tool, named } of RULES) {
      if (!source.test(path)) continue;
      const at = path.replace(source, cache);
      const layer = cacheLayer(layers, union, at);
      const origin = union.originOf(path)!;
      if (layer === NEVER) continue;
      const isKnown = named === true ? textOf(at).includes(baseName(path)) : origin <= layer;
      if (isKnown) continue;
      const held = found.get(at) ?? { layer, tool, sources: [] };
      held.sources.push({ path, layer: origin });
      found.set(at, held);
    }
  }
  return [...found].map(([path, held]) => ({ path, ...held }));

  function textOf(path: string): string {
    let text = texts.get(path);
    if (text === undefined) {
      const entry = union.tree.get(path);
      text = entry?.kind === 'file' && entry.content.size <= TEXT_MOST ? nameFromBytes(readAll(entry.content)) : '';
      texts.set(path, text);
    }
    return text;
  }
}

/** The layer whose cache is seen; of a directory of caches the highest that has one in it. */
function cacheLayer(layers: readonly Layer[], union: Union, path: string): number {
  const entry = union.tree.get(path);
  if (entry === undefined) return NEVER;
  if (entry.kind !== 'directory') return union.originOf(path) ?? NEVER;
  if (union.tree.children(path).every(({ kind }) => kind === 'directory')) return NEVER;
  return layers.findLastIndex(({ tree }) => tree.children(path).some(({ kind }) => kind === 'file'));
}
