// What was found out about files of a root, kept between runs so that planning again does not open thousands of files to learn the same. One
// line a fact, with the stat of the file it is about: a fact of a file that has another stat now is as good as none. The file may be lost,
// damaged or of another version; then everything is read as ever. It holds at most FACTS_MOST bytes.
import { type ByteSource, nameFromBytes, type Sha256, utf8 } from '../../bytes/index.ts';
import type { FileFacts, FileStat, Root } from '../../plan/index.ts';
import { escapeName, unescapeName } from '../../tree/index.ts';
import { isRacy } from './record.ts';

/** Name of the file, in the directory of records. */
export const FACTS_CACHE_NAME = 'known';
/** No file of facts is larger. */
export const FACTS_MOST = 16 << 20;
/** So few new ones are found out again more cheaply than they are written. */
const NEW_LEAST = 40;

const UNPACKED_DIGEST = 'unpacked-sha256';

/** Facts of one root during one run. */
export interface HeldFacts {
  readonly facts: FileFacts;
  /** SHA-256 of a content that came out of a packed file. */
  digestOf(content: ByteSource): string | undefined;
  /** Notes the SHA-256 of such a content. */
  digested(content: ByteSource, sha256: string): void;
  /** The file for the next time; undefined where writing it is not worth it. */
  print(): Uint8Array | undefined;
}

/** Where facts come from. */
export interface FactsRequest {
  /** The file; undefined when there is none. */
  readonly bytes: Uint8Array | undefined;
  /** Version of the program: another one may find out other things. */
  readonly version: string;
  readonly root: Pick<Root, 'stat'>;
  /** Milliseconds since 1970 when planning began: nothing is noted of files that changed since, or shortly before. */
  readonly began: number;
  readonly sha256: Sha256;
}

function statText({ size, mtime, ctime, inode }: FileStat): string {
  return `${size} ${mtime} ${ctime} ${inode}`;
}

function keyOf(kind: string, path: string): string {
  return `${kind}\t${path}`;
}

/** `KIND<TAB>PATH` of a line with its path as it is. */
function rawKey(text: string): string {
  return /\\x[0-9a-f]{2}/.test(text) ? text.slice(0, text.indexOf('\t') + 1) + unescapeName(text.slice(text.indexOf('\t') + 1)) : text;
}

function printedKey(key: string): string {
  const at = key.indexOf('\t') + 1;
  return key.slice(0, at) + escapeName(key.slice(at));
}

/** Lines by kind and path, with what stands behind: `STAT<TAB>TEXT`. Empty for anything that is not whole. */
function linesOf(bytes: Uint8Array | undefined, first: string, sha256: Sha256): Map<string, string> {
  const lines = new Map<string, string>();
  if (bytes === undefined || bytes.length > FACTS_MOST || bytes.length < first.length + 70) return lines;
  const body = bytes.subarray(0, bytes.length - 69);
  if (nameFromBytes(bytes.subarray(bytes.length - 69)) !== `end\t${sha256(body)}\n`) return lines;
  const text = nameFromBytes(body);
  if (!text.startsWith(`${first}\n`)) return lines;
  for (let at = first.length + 1; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const cell = text.indexOf('\t', text.indexOf('\t', at) + 1);
    if (end < 0 || cell < 0 || cell > end) return new Map();
    lines.set(rawKey(text.slice(at, cell)), text.slice(cell + 1, end));
    at = end + 1;
  }
  return lines;
}

/** Opens the facts of a root. */
export function heldFacts({ bytes, version, root, began, sha256 }: FactsRequest): HeldFacts {
  const first = `kindling facts 1 ${JSON.stringify(version)}`;
  const held = linesOf(bytes, first, sha256);
  const noted = new Map<string, string>();
  const packedPaths = new Map<ByteSource, string>();

  const recall = (kind: string, path: string): string | undefined => {
    const line = held.get(keyOf(kind, path));
    const stat = line === undefined ? undefined : root.stat?.(path);
    if (line === undefined || stat === undefined) return undefined;
    const now = statText(stat);
    return line.startsWith(now) && line[now.length] === '\t' ? line.slice(now.length + 1) : undefined;
  };
  const note = (kind: string, path: string, text: string): void => {
    const stat = root.stat?.(path);
    if (stat === undefined || isRacy(stat, began) || text.includes('\n')) return;
    noted.set(keyOf(kind, path), `${statText(stat)}\t${text}`);
  };
  const pathOf = (content: ByteSource): string | undefined => packedPaths.get(content);
  return {
    facts: { recall, note, unpacked: (content, path) => void packedPaths.set(content, path) },
    digestOf(content) {
      const path = pathOf(content);
      const text = path === undefined ? undefined : recall(UNPACKED_DIGEST, path);
      return text !== undefined && /^[0-9a-f]{64}$/.test(text) ? text : undefined;
    },
    digested(content, digest) {
      const path = pathOf(content);
      if (path !== undefined && recall(UNPACKED_DIGEST, path) !== digest) note(UNPACKED_DIGEST, path, digest);
    },
    print() {
      if (noted.size < NEW_LEAST) return undefined;
      const all = new Map([...held, ...noted]);
      const lines: string[] = [first];
      let size = 0;
      // New ones first: what does not fit any more is what nobody asked for longest.
      for (const key of [...noted.keys(), ...[...held.keys()].filter((one) => !noted.has(one))]) {
        const line = `${printedKey(key)}\t${all.get(key)!}`;
        // At most four bytes for a character that is one.
        size += line.length * 3 + 1;
        if (size > FACTS_MOST - 1024) break;
        lines.push(line);
      }
      const body = `${lines.join('\n')}\n`;
      return utf8(`${body}end\t${sha256(utf8(body))}\n`);
    },
  };
}
