// Busybox without running it: is it static, and which applets does it hold? The names are one sorted NUL-separated table in the binary.
import { asciiFrom, readAll } from '../../bytes/index.ts';
import type { FileEntry } from '../../tree/index.ts';
import type { FileFacts } from '../root.ts';

const SIZE_MOST = 64 * 1024 * 1024;
const NAME = /^[a-z0-9_.[-]{1,32}$/;

const KIND = 'applets';

/** Applets of a busybox binary, unless they are known; empty when the file holds no table of applets. */
export function applets(entry: FileEntry, facts?: FileFacts): Set<string> {
  const known = facts?.recall(KIND, entry.path);
  if (known !== undefined) return new Set(known.split(' ').filter((name) => NAME.test(name)));
  const names = tableIn(entry);
  facts?.note(KIND, entry.path, [...names].join(' '));
  return names;
}

function tableIn(entry: FileEntry): Set<string> {
  if (entry.content.size > SIZE_MOST) return new Set();
  const bytes = readAll(entry.content);
  let best = new Set<string>();
  // Every build with a shell test has "[" right before "[["; without them some neighbours are always there.
  for (const start of ['[\0[[\0', 'cat\0', 'ash\0']) {
    for (let at = indexOf(bytes, `\0${start}`, 0); at >= 0; at = indexOf(bytes, `\0${start}`, at + 1)) {
      const names = tableAround(bytes, at + 1);
      if (names.size > best.size) best = names;
    }
    if (best.size > 20) return best;
  }
  return best;
}

/** Where a short text stands at or after `from`, or -1. */
function indexOf(bytes: Uint8Array, text: string, from: number): number {
  // The last letter is rare beside the NUL that the text starts and ends with.
  const rareAt = text.length - 2;
  const rare = text.charCodeAt(rareAt);
  for (let at = bytes.indexOf(rare, from + rareAt); at >= 0; at = bytes.indexOf(rare, at + 1)) {
    const start = at - rareAt;
    let same = 0;
    while (same < text.length && bytes[start + same] === text.charCodeAt(same)) same += 1;
    if (same === text.length) return start;
  }
  return -1;
}

function nameAt(bytes: Uint8Array, at: number): string | undefined {
  const end = bytes.indexOf(0, at);
  if (end < 0 || end - at > 32) return undefined;
  const name = asciiFrom(bytes.subarray(at, end));
  return NAME.test(name) ? name : undefined;
}

function tableAround(bytes: Uint8Array, inside: number): Set<string> {
  let start = inside;
  for (;;) {
    const before = bytes.lastIndexOf(0, start - 2);
    const name = before < 0 || start - 2 < 0 ? undefined : nameAt(bytes, before + 1);
    const here = nameAt(bytes, start);
    if (name === undefined || here === undefined || name >= here) break;
    start = before + 1;
  }
  const names = new Set<string>();
  let last = '';
  for (let name = nameAt(bytes, start); name !== undefined && name > last; name = nameAt(bytes, start)) {
    names.add(name);
    last = name;
    start += name.length + 1;
  }
  return names;
}
