// Searching a kernel's bytes for what it says of itself: the banner and the embedded configuration (kernel/configs.c).
import { asciiFrom, type ByteSource } from '../../bytes/index.ts';

const PIECE_SIZE = 1 << 22;

/** Offset of the first place at or after `from` where `needle` stands, or undefined. */
export function findBytes(source: ByteSource, needle: string, from = 0): number | undefined {
  const wanted = Uint8Array.from(needle, (char) => char.charCodeAt(0));
  for (let base = from; base + wanted.length <= source.size; base += PIECE_SIZE - wanted.length + 1) {
    const piece = source.read(base, Math.min(PIECE_SIZE, source.size - base));
    for (let at = piece.indexOf(wanted[0]!); at >= 0; at = piece.indexOf(wanted[0]!, at + 1)) {
      let same = 1;
      while (same < wanted.length && piece[at + same] === wanted[same]) same++;
      if (same === wanted.length) return base + at;
    }
  }
  return undefined;
}

const BANNER = 'Linux version ';
const BANNER_SIZE_MOST = 512;

/** What /proc/version will say, from "Linux version" on; undefined when no such text is in the bytes. */
export function findBanner(source: ByteSource): string | undefined {
  for (let at = findBytes(source, BANNER); at !== undefined; at = findBytes(source, BANNER, at + 1)) {
    const text = asciiFrom(source.read(at, Math.min(BANNER_SIZE_MOST, source.size - at)));
    const line = text.split(/[\0\n]/, 1)[0]!;
    // format strings such as "Linux version %s" stand in kernels too
    if (/^Linux version \d+\.\d+\S* /.test(line)) return line;
  }
  return undefined;
}
