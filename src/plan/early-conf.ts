// usr/lib/kindling/early.conf: what the plan tells early userspace, as NAME='value' lines that a POSIX shell reads with ".".
import { utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';

/** Path of the file in the archive. */
export const EARLY_CONF = 'usr/lib/kindling/early.conf';

// Lists of words: several parts may each add theirs. All other names have one value.
const LISTS = new Set(['LOAD', 'FILESYSTEMS']);

/** Values from several parts as one; two parts that want different values throw CONFLICT. */
export function mergedEarly(
  all: Iterable<{ readonly part: string; readonly early: Readonly<Record<string, string>> }>,
): Map<string, string> {
  const values = new Map<string, { value: string; part: string }>();
  for (const { part, early } of all) {
    for (const [name, value] of Object.entries(early)) {
      const held = values.get(name);
      if (held === undefined) values.set(name, { value, part });
      else if (LISTS.has(name)) values.set(name, { part, value: [...new Set(`${held.value} ${value}`.split(' '))].join(' ') });
      else if (held.value !== value) {
        throw new KindlingError('CONFLICT', `${held.part} wants ${name}='${held.value}' and ${part} wants '${value}'`, {
          path: EARLY_CONF,
        });
      }
    }
  }
  return new Map([...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { value }]) => [name, value]));
}

/** The bytes of the file. Throws BAD_NAME for a name that no shell variable can have, BAD_VALUE for a value with a NUL or a newline. */
export function encodeEarly(values: ReadonlyMap<string, string>): Uint8Array {
  const lines = [...values].map(([name, value]) => {
    if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new KindlingError('BAD_NAME', `"${name}" is no name for early.conf`, { path: EARLY_CONF });
    if (/[\0\n]/.test(value)) throw new KindlingError('BAD_VALUE', `the value of ${name} has a NUL or a newline`, { path: EARLY_CONF });
    return `${name}='${value.replaceAll("'", "'\\''")}'\n`;
  });
  return utf8(lines.join(''));
}
