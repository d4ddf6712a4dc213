// Trees that FAT holds, volumes of them, and trees as FAT gives them back.
import fc from 'fast-check';
import { bytesSource, concat } from '../../bytes/index.ts';
import { directory, type Entry, file, joinPath, makeTree, type Tree, withParents } from '../../tree/index.ts';
import { type EncodeOptions, encode, type FatType, leastSize } from './index.ts';
import { foldCase, nameFault } from './names.ts';

/** The time of volumes in tests: an even second. */
export const TIME = 1_700_000_000;
export const SERIAL = 0x1234_abcd;
export const TYPES: readonly FatType[] = [12, 16, 32];

/** Bytes that repeat nowhere soon. */
export function noise(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Names of every kind: short, long, lower case, mixed, with spaces and dots, beyond Latin, beyond the BMP, aliases that collide. */
export function sampleTree(): Tree {
  const names = [
    'EFI/BOOT/BOOTX64.EFI',
    'boot/grub/grub.cfg',
    'kindling/01-core.sb',
    'README',
    'readme.txt',
    'a very long name of a file indeed.text',
    'a very long name of another file.text',
    'AVERYL~1.TEX',
    'two.dots.tar.gz',
    '.hidden',
    'ümläut ☃ 𝄞',
    'exactly13unit',
    'exactly26units-and-so-long',
    '+,;=[]',
  ];
  const files = names.map((name, index) => ({ ...file(name, bytesSource(noise(index * 777, index + 1))), mtime: TIME + index * 1000 }));
  const plain = withParents([...files, directory('empty'), { ...file('locked', bytesSource(noise(5)), 0o444), mtime: TIME }]);
  return makeTree([directory(''), ...plain]);
}

/** A volume of a tree, by default as small as it can be. */
export function volumeOf(tree: Tree, type: FatType, options: Partial<EncodeOptions> = {}): Uint8Array {
  const size = options.size ?? leastSize(tree, { type });
  const pieces = [...encode(tree, { size, type, label: 'KINDLING', serial: SERIAL, time: TIME, ...options }).chunks()];
  return concat(pieces);
}

/** What comes back: two-second times from 1980 on, two modes, no owners; hard links as files, nothing that FAT has no form for. */
export function asFat(tree: Tree, time = TIME): Tree {
  const entries = tree.entries.flatMap((entry): Entry[] => {
    const named = entry.kind === 'hardlink' ? tree.get(entry.to)! : entry;
    const mtime = entry.path === '' ? 0 : Math.floor((entry.mtime >= 315532800 && entry.mtime <= 4354819198 ? entry.mtime : time) / 2) * 2;
    const common = { path: entry.path, uid: 0, gid: 0, mtime };
    if (named.kind === 'directory') return [{ kind: 'directory', mode: 0o755, ...common }];
    if (named.kind !== 'file') return [];
    return [{ kind: 'file', mode: (entry.mode & 0o222) === 0 ? 0o444 : 0o644, ...common, content: named.content }];
  });
  return makeTree(entries.some(({ path }) => path === '') ? entries : [directory(''), ...entries]);
}

const names = fc.oneof(
  fc.constantFrom('a', 'A', 'Foo.Txt', 'FOO~1', 'foo bar', '...x', 'é', 'É', '☃', '𝄞𝄞', 'x'.repeat(255), 'README.TXT', 'a.b.c', '~1', 'ß'),
  fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
);

/** Trees of up to about 30 entries with names that FAT holds, no two the same but for case. */
export const fatTrees: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(names, fc.nat(1000), fc.nat(3), fc.nat(3000), fc.boolean()), { maxLength: 30 })
  .map((seeds) => {
    const entries: Entry[] = [directory('')];
    const directories = [''];
    const taken = new Set<string>();
    for (const [name, at, kind, size, isLocked] of seeds) {
      const parent = directories[at % directories.length]!;
      const path = joinPath(parent, name);
      const key = foldCase(path);
      if (name.includes('/') || name === '.' || name === '..' || nameFault(name) !== undefined || taken.has(key)) continue;
      if (new TextEncoder().encode(name).length > 255) continue;
      taken.add(key);
      const mtime = TIME + at * 86400;
      if (kind === 0) {
        directories.push(path);
        entries.push({ ...directory(path), mtime });
      } else entries.push({ ...file(path, bytesSource(noise(size, at + 1)), isLocked ? 0o444 : 0o644), mtime });
    }
    return makeTree(entries);
  });
