// The one escape rule for names and text in line-oriented output: a backslash, a control or format character, a separator and a byte that is
// no UTF-8 are written `\xHH`, byte by byte. Everything else stands for itself. Reversible; described in docs/manifest.md.
import { nameFromBytes, nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';

const UNSAFE = /[\p{C}\p{Z}\\]/u;

function escaped(char: string): string {
  return Array.from(nameToBytes(char), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

function escapeWhere(text: string, keep: string): string {
  if (!UNSAFE.test(text)) return text;
  let out = '';
  for (const char of text) out += char !== keep && UNSAFE.test(char) ? escaped(char) : char;
  return out;
}

/** A name without spaces, tabs or line ends: safe as one word of a line. */
export function escapeName(name: string): string {
  return escapeWhere(name, '');
}

/** Text without tabs or line ends; plain spaces stay. */
export function escapeText(text: string): string {
  return escapeWhere(text, ' ');
}

/** Undoes both. Throws BAD_VALUE for a backslash that starts no `\xHH`. */
export function unescapeName(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes: number[] = [];
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf('\\', at);
    const plain = next < 0 ? text.slice(at) : text.slice(at, next);
    for (const byte of nameToBytes(plain)) bytes.push(byte);
    if (next < 0) break;
    const match = /^\\x([0-9a-f]{2})/.exec(text.slice(next, next + 4));
    if (match === null)
      throw new KindlingError('BAD_VALUE', `${JSON.stringify(text.slice(next, next + 4))} is no escape; expected \\xHH`, {
        structure: 'manifest',
      });
    bytes.push(Number.parseInt(match[1]!, 16));
    at = next + 4;
  }
  return nameFromBytes(Uint8Array.from(bytes));
}
