// The reasons file inside an archive, `usr/lib/kindling/reasons`: why each entry is in, readable with `zcat | grep` when nothing else is.
// First line `kindling reasons 1`. Then a line `<TAB>N<TAB>PART<TAB>TEXT` for each different reason text, numbered from 0, and a line
// `PATH<TAB>N[<TAB>BECAUSE]` for each entry and reason, sorted by path. Escapes as in the manifest; the root's path is ".".
import { utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { Reason } from '../plan/index.ts';
import { escapeText, unescapeName } from '../tree/index.ts';

const FIRST_LINE = 'kindling reasons 1';

/** The text of the reasons file. */
export function printReasons(reasons: ReadonlyMap<string, readonly Reason[]>): Uint8Array {
  const texts = new Map<string, number>();
  const heads: string[] = [];
  const rows: string[] = [];
  for (const path of [...reasons.keys()].sort()) {
    for (const reason of reasons.get(path)!) {
      const key = `${escapeText(reason.part)}\t${escapeText(reason.text)}`;
      let index = texts.get(key);
      if (index === undefined) {
        index = texts.size;
        texts.set(key, index);
        heads.push(`\t${index}\t${key}`);
      }
      rows.push(
        `${path === '' ? '.' : escapeText(path)}\t${index}${reason.because === undefined ? '' : `\t${escapeText(reason.because)}`}`,
      );
    }
  }
  return utf8([FIRST_LINE, ...heads, ...rows, ''].join('\n'));
}

function bad(message: string, line: number): KindlingError {
  return new KindlingError('BAD_VALUE', `${message} in line ${line + 1}`, { structure: 'reasons' });
}

/** Reads a reasons file. Throws BAD_VALUE or BAD_MAGIC. */
export function parseReasons(text: string): Map<string, Reason[]> {
  const lines = text.split('\n');
  if (lines[0] !== FIRST_LINE) throw new KindlingError('BAD_MAGIC', `the first line is not "${FIRST_LINE}"`, { structure: 'reasons' });
  const texts: { part: string; text: string }[] = [];
  const reasons = new Map<string, Reason[]>();
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!;
    if (line === '') continue;
    const cells = line.split('\t');
    if (line.startsWith('\t')) {
      const [, number, part, reason] = cells;
      if (number !== String(texts.length) || part === undefined || reason === undefined || cells.length !== 4) {
        throw bad(`a reason text that is not number ${texts.length}`, index);
      }
      texts.push({ part: unescapeName(part), text: unescapeName(reason) });
      continue;
    }
    const reason = /^\d+$/.test(cells[1] ?? '') ? texts[Number(cells[1])] : undefined;
    if (reason === undefined || cells.length > 3) throw bad(`no reason number ${cells[1]}`, index);
    const path = unescapeName(cells[0]!);
    const row = cells[2] === undefined ? reason : { ...reason, because: unescapeName(cells[2]) };
    const rows = reasons.get(path);
    if (rows === undefined) reasons.set(path, [row]);
    else rows.push(row);
  }
  return reasons;
}
