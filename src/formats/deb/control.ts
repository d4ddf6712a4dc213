// Control files: deb-control(5), RFC 822 style fields in one paragraph.
import { KindlingError } from '../../errors.ts';

/** The fields of the first paragraph by name as written; continuation lines are joined with newlines. Throws BAD_VALUE for any other line. */
export function controlFields(bytes: Uint8Array): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const [index, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
    if (line.trim() === '') {
      if (fields.size > 0) break;
      continue;
    }
    if (line.startsWith('#')) continue;
    if (/^[ \t]/.test(line) && name !== undefined) {
      fields.set(name, `${fields.get(name)}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || /^[ \t]/.test(line)) {
      throw new KindlingError('BAD_VALUE', `line ${index + 1} is ${JSON.stringify(line.slice(0, 80))}, expected "Field: value"`, {
        structure: 'control file',
      });
    }
    name = line.slice(0, colon);
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}
