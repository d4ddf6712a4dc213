// Some entries of a tree as a tree of their own: with the directories above them, and with links that lost their file made whole.
import { type Entry, makeTree, parentOf, type Tree } from '../../tree/index.ts';

/** The entries chosen, the directories above them, and links made whole: a link whose file is elsewhere becomes the file. */
export function pick(from: Tree, entries: readonly Entry[], chosen: (entry: Entry) => boolean): Tree {
  const byPath = new Map<string, Entry>();
  const places = new Map<string, string>();
  const picked = entries.filter(chosen);
  for (const entry of picked) if (entry.kind !== 'hardlink') byPath.set(entry.path, entry);
  for (const entry of picked) {
    if (entry.kind !== 'hardlink') continue;
    const place = byPath.has(entry.to) ? entry.to : places.get(entry.to);
    if (place !== undefined) byPath.set(entry.path, place === entry.to ? entry : { ...entry, to: place });
    else {
      places.set(entry.to, entry.path);
      byPath.set(entry.path, { ...from.get(entry.to)!, path: entry.path });
    }
  }
  for (const path of [...byPath.keys()]) {
    for (let parent = parentOf(path); !byPath.has(parent); parent = parentOf(parent)) {
      const entry = from.get(parent);
      if (entry !== undefined) byPath.set(parent, entry);
      if (parent === '') break;
    }
  }
  return makeTree(byPath.values());
}
