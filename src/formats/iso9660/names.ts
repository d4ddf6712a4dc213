// Names as directory records hold them: those of ECMA-119 level 3 (7.5), and Joliet's in UCS-2.
import { nameFromBytes, utf8 } from '../../bytes/index.ts';

/** Bytes of a directory's name, and of a file's name and extension together, at most. */
const NAME_SIZE_MOST = 31;
const PARTS_SIZE_MOST = 30;
const EXTENSION_SIZE_MOST = 8;
/** Letters of a Joliet name at most. */
const JOLIET_MOST = 64;
// Joliet 1.0: what may not be in a name, and here also what is no text at all (bytes that are no UTF-8)
const JOLIET_UNFIT = /[\p{Cc}*/:;?\\]|\p{Surrogate}/gu;
// Windows and Linux leave these out
const JOLIET_END = /[. ]+$/;

/** What a name becomes: `attempt` 0, or a number that keeps it apart from others that became the same. */
export type Naming = (name: string, isDirectory: boolean, attempt: number) => string;

function fit(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9_]/gu, '_');
}

/** A name in capital letters, digits and "_", a file's with one dot; without version. */
export const plainName: Naming = (name, isDirectory, attempt) => {
  const mark = attempt === 0 ? '' : `_${attempt.toString(36).toUpperCase()}`;
  if (isDirectory) return fit(name).slice(0, NAME_SIZE_MOST - mark.length) + mark;
  const dot = name.lastIndexOf('.');
  const extension = dot <= 0 ? '' : fit(name.slice(dot + 1)).slice(0, EXTENSION_SIZE_MOST);
  const stem = fit(dot <= 0 ? name : name.slice(0, dot)).slice(0, PARTS_SIZE_MOST - extension.length - mark.length);
  return `${stem}${mark}.${extension}`;
};

/** A name for Joliet. */
export const jolietName: Naming = (name, _isDirectory, attempt) => {
  const mark = attempt === 0 ? '' : `_${attempt}`;
  const text = name.replace(JOLIET_UNFIT, '_').replace(JOLIET_END, (end) => '_'.repeat(end.length));
  const dot = text.lastIndexOf('.');
  const extension = dot <= 0 || text.length - dot > 16 ? '' : text.slice(dot);
  const stem = text.slice(0, text.length - extension.length).slice(0, JOLIET_MOST - extension.length - mark.length);
  return `${stem}${mark}${extension}`.toWellFormed();
};

/** Gives each of the names one that no other has, in their order. */
export function distinctNames(names: readonly { readonly name: string; readonly isDirectory: boolean }[], naming: Naming): string[] {
  const taken = new Set<string>();
  const attempts = new Map<string, number>();
  return names.map(({ name, isDirectory }) => {
    const first = naming(name, isDirectory, 0);
    let attempt = attempts.get(compared(first)) ?? 0;
    let chosen = first;
    for (; taken.has(compared(chosen)); chosen = naming(name, isDirectory, attempt)) attempt++;
    attempts.set(compared(first), attempt);
    taken.add(compared(chosen));
    return chosen;
  });
}

/** What readers compare: not the case, and not the dot of a file without extension, by which it would differ from a directory. */
function compared(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

/** Bytes of a plain name. */
export function plainBytes(name: string): Uint8Array {
  return utf8(name);
}

/** Text in UCS-2, big-endian. */
export function wideBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(index * 2, text.charCodeAt(index));
  return bytes;
}

/** Text of UCS-2 bytes; halves of a pair, which our names use for something else, become U+FFFD. */
export function wideText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(view.getUint16(at));
  return text.toWellFormed();
}

/** A name of a disc without Rock Ridge, as Linux shows it: small letters, without the version 1 and a dot that nothing follows. */
export function readPlainName(bytes: Uint8Array, isDirectory: boolean): string {
  const name = nameFromBytes(bytes).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return isDirectory ? name : name.replace(/\.?;1$/, '').replace(/;/g, '.');
}

/** A Joliet name without version 1 and dots at its end, as Linux shows it. */
export function readWideName(bytes: Uint8Array): string {
  return wideText(bytes)
    .replace(/;1$/, '')
    .replace(/(?<=.)\.+$/s, '');
}
