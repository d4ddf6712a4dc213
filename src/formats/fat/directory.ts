// Reads the records of a directory: aliases, long names put together from their pieces, labels.
import { compareBytes } from '../../bytes/index.ts';
import { pathFault } from '../../tree/index.ts';
import { fault, type Place, type Report } from './faults.ts';
import { aliasChecksum } from './names.ts';
import { ATTRIBUTE, CASE, DELETED, KANJI, LONG_LAST, LONG_NAME, longRecord, record, UNITS_PER_RECORD } from './structs.ts';
import { fromFatTime } from './times.ts';

/** A name in a directory. */
export interface Item {
  readonly name: string;
  readonly attributes: number;
  readonly cluster: number;
  readonly size: number;
  readonly mtime: number;
}

/** What a directory holds. "." and ".." are apart, since only `check` looks at them. */
export interface Listing {
  readonly items: readonly Item[];
  readonly dots: readonly Item[];
  readonly label: string | undefined;
}

// Code page 437, which Linux assumes too unless told otherwise.
const UPPER_HALF =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

function oemText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : UPPER_HALF[byte - 0x80]!;
  return text.trimEnd();
}

/** The alias of a record as a name, lower case where the flags say so. */
function shortName(name: Uint8Array, caseFlags: number): string {
  const bytes = name[0] === KANJI ? Uint8Array.of(DELETED, ...name.subarray(1)) : name;
  const part = (text: string, lower: boolean) => (lower ? text.toLowerCase() : text);
  const base = part(oemText(bytes.subarray(0, 8)), (caseFlags & CASE.baseLower) !== 0);
  const extension = part(oemText(bytes.subarray(8)), (caseFlags & CASE.extensionLower) !== 0);
  return extension === '' ? base : `${base}.${extension}`;
}

/** Pieces of a long name on their way: how many are still to come, and the checksum all of them have. */
interface Gathered {
  readonly checksum: number;
  readonly pieces: Uint8Array[];
  missing: number;
}

function longText({ pieces }: Gathered): string {
  let text = '';
  for (const bytes of pieces.reverse()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < UNITS_PER_RECORD; at++) {
      const unit = view.getUint16(at * 2, true);
      if (unit === 0) return text;
      text += String.fromCharCode(unit);
    }
  }
  return text;
}

function isName(name: string): boolean {
  return name !== '' && !name.includes('/') && pathFault(name) === undefined && !/\p{Cs}/u.test(name);
}

/**
 * Reads records up to the first that was never used. A long name whose pieces do not fit together, whose checksum is not its alias's or that
 * is no name gives way to the alias, which is reported with the code `note`; an alias that is no name is reported and left out.
 */
export function readRecords(bytes: Uint8Array, place: Place, report: Report, note: Report): Listing {
  const items: Item[] = [];
  const dots: Item[] = [];
  let label: string | undefined;
  let long: Gathered | undefined;
  for (let at = 0; at + record.size <= bytes.length; at += record.size) {
    const first = bytes[at]!;
    if (first === 0) break;
    if (first === DELETED) {
      long = undefined;
      continue;
    }
    if ((bytes[at + record.offsetOf('attributes')]! & 0x3f) === LONG_NAME) {
      long = gathered(bytes, at, long);
      continue;
    }
    const values = record.decode(bytes, at);
    const here = { ...place, offset: at };
    const short = shortName(values.name, values.caseFlags);
    const item = {
      attributes: values.attributes,
      cluster: values.clusterHigh * 65536 + values.clusterLow,
      size: values.fileSize,
      mtime: fromFatTime({ date: values.writtenDate, time: values.writtenTime }),
    };
    const before = long;
    long = undefined;
    if ((values.attributes & ATTRIBUTE.volume) !== 0) {
      label ??= oemText(values.name);
    } else if (compareBytes(values.name.subarray(1), DOTS) === 0 && first === DOT) dots.push({ ...item, name: '.' });
    else if (compareBytes(values.name.subarray(2), DOTS.subarray(1)) === 0 && first === DOT && values.name[1] === DOT) {
      dots.push({ ...item, name: '..' });
    } else {
      const text = before === undefined ? undefined : complete(before, values.name);
      if (before !== undefined && text === undefined)
        note(fault('BAD_CHECKSUM', here, `the long name of "${short}" does not belong to it`));
      const name = text ?? short;
      if (isName(name)) items.push({ ...item, name });
      else report(fault('BAD_NAME', here, `the name ${JSON.stringify(name)}`));
    }
  }
  return { items, dots, label };
}

const DOT = 0x2e;
const DOTS = new Uint8Array(10).fill(0x20);

function complete(long: Gathered, short: Uint8Array): string | undefined {
  if (long.missing !== 0 || long.checksum !== aliasChecksum(short)) return undefined;
  const text = longText(long);
  return isName(text) ? text : undefined;
}

function gathered(bytes: Uint8Array, at: number, before: Gathered | undefined): Gathered {
  const { order, checksum, units1, units2, units3 } = longRecord.decode(bytes, at);
  const units = new Uint8Array(UNITS_PER_RECORD * 2);
  units.set(units1);
  units.set(units2, units1.length);
  units.set(units3, units1.length + units2.length);
  const index = order & 0x3f;
  if ((order & LONG_LAST) !== 0) return { checksum, pieces: [units], missing: index === 0 || index > 20 ? -1 : index - 1 };
  if (before === undefined || before.missing !== index || index === 0 || before.checksum !== checksum) {
    return { checksum, pieces: [], missing: -1 };
  }
  before.pieces.push(units);
  before.missing--;
  return before;
}
