// Control files: deb-control(5), RFC 822 style fields in one paragraph.
import { utf8 } from '../../bytes/index.ts';
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

/** A control file of these fields, in this order. Further lines of a value become continuation lines, an empty one " .". Throws BAD_VALUE for a name or value that would read back differently. */
export function printControl(fields: Iterable<readonly [name: string, value: string]>): Uint8Array {
  let text = '';
  for (const [name, value] of fields) {
    if (!/^[!-9;-~]+$/.test(name) || /^[#-]/.test(name)) throw unfit(name, name);
    const [first = '', ...more] = value.split('\n');
    if (first !== first.trim() || value.includes('\r')) throw unfit(name, value);
    text += [`${name}:${first === '' ? '' : ' '}${first}`, ...more.map((line) => (line === '' ? ' .' : ` ${line}`))].join('\n');
    text += '\n';
  }
  return utf8(text);
}

function unfit(name: string, found: string): KindlingError {
  return new KindlingError(
    'BAD_VALUE',
    `${JSON.stringify(found.slice(0, 80))} is nothing that the field ${JSON.stringify(name)} can hold`,
    {
      structure: 'control file',
    },
  );
}
