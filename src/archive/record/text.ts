// The text of a record: a first line, one line a fact with cells between tabs, and a last line with the SHA-256 of all before it, so that a
// record that a crash or a person damaged is known as such. Names are escaped as in the manifest (docs/manifest.md). Form: docs/record.md.
import { nameFromBytes, type Sha256, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { FileStat } from '../../plan/index.ts';
import { escapeName, escapeText, unescapeName } from '../../tree/index.ts';
import type { ArchiveRecord, InputRecord, MemberRecord } from './record.ts';

const FIRST_LINE = 'kindling record 1';
/** No record is larger: a plan that looks at a hundred thousand paths stays below it. */
export const RECORD_MOST = 64 << 20;
const KINDS = ['file', 'directory', 'symlink', 'char', 'block', 'fifo', 'socket'] as const;

function cellsOf(input: InputRecord): (string | number)[] {
  const flags = `${input.packed ? 'p' : '-'}${input.safe ? 's' : '-'}`;
  const path = input.path === '' ? '.' : escapeName(input.path);
  if (input.kind === 'absent' || input.stat === undefined) return [input.kind, path, flags, input.mode.toString(8)];
  const { size, mtime, ctime, inode } = input.stat;
  const cells = [input.kind, path, flags, input.mode.toString(8), size, mtime, ctime, inode];
  if (input.content !== undefined) return [...cells, input.content];
  if (input.target !== undefined) return [...cells, escapeName(input.target)];
  if (input.names !== undefined) return [...cells, input.names.map(escapeName).join('/')];
  return cells;
}

/** The bytes of a record. */
export function printRecord(record: ArchiveRecord, sha256: Sha256): Uint8Array {
  const { size, mtime, inode, sha256: digest } = record.archive;
  const rows: (string | number)[][] = [
    ['kernel', escapeName(record.kernel)],
    ['id', record.id],
    ['archive', size, mtime, inode, digest],
    ['made', record.made],
    ['memory', record.memory],
    ...Object.keys(record.words)
      .sort()
      .map((name) => ['word', escapeName(name), escapeText(record.words[name]!)]),
    ...record.outside.map(({ name, digest: value }) => ['outside', escapeName(name), value]),
    ...record.members.map((one) => ['member', one.key, one.at, one.size, one.unpackedSize, one.sha256]),
    ...record.inputs.map(cellsOf),
  ];
  const text = `${FIRST_LINE}\n${rows.map((cells) => `${cells.join('\t')}\n`).join('')}`;
  return utf8(`${text}end\t${sha256(utf8(text))}\n`);
}

function bad(message: string, line: number): KindlingError {
  return new KindlingError('BAD_VALUE', `${message} in line ${line}`, { structure: 'record' });
}

/** Reads a record. Throws BAD_MAGIC for something else, BAD_CHECKSUM or TRUNCATED for a damaged one, BAD_VALUE for a line it does not know. */
export function parseRecord(bytes: Uint8Array, sha256: Sha256): ArchiveRecord {
  const text = nameFromBytes(bytes);
  if (!text.startsWith(`${FIRST_LINE}\n`))
    throw new KindlingError('BAD_MAGIC', `the first line is not "${FIRST_LINE}"`, { structure: 'record' });
  const endAt = text.lastIndexOf('\nend\t') + 1;
  const end = /^end\t([0-9a-f]{64})\n$/.exec(text.slice(Math.max(0, endAt)));
  if (endAt === 0 || end === null) throw new KindlingError('TRUNCATED', 'the record has no last line', { structure: 'record' });
  // The last line is ASCII: so many bytes as characters.
  const found = sha256(bytes.subarray(0, bytes.length - (text.length - endAt)));
  if (found !== end[1])
    throw new KindlingError('BAD_CHECKSUM', `its SHA-256 is ${found}, the last line says ${end[1]}`, { structure: 'record' });
  return readLines(text.slice(FIRST_LINE.length + 1, endAt - 1).split('\n'));
}

function readLines(lines: readonly string[]): ArchiveRecord {
  const facts = new Map<string, readonly string[]>();
  const words: Record<string, string> = {};
  const outside: { name: string; digest: string }[] = [];
  const members: MemberRecord[] = [];
  const inputs: InputRecord[] = [];
  lines.forEach((line, index) => {
    const cells = line.split('\t');
    const kind = cells[0]!;
    const at = index + 2;
    if (kind === 'word') words[unescapeName(cell(cells, 1, at))] = unescapeName(cell(cells, 2, at));
    else if (kind === 'outside') outside.push({ name: unescapeName(cell(cells, 1, at)), digest: cell(cells, 2, at) });
    else if (kind === 'member') members.push(memberOf(cells, at));
    else if (kind === 'absent' || isKind(kind)) inputs.push(inputOf(kind, cells, at));
    else if (['kernel', 'id', 'archive', 'made', 'memory'].includes(kind)) facts.set(kind, cells);
    else throw bad(`"${kind}", which is no fact of a record,`, at);
  });
  const fact = (name: string, nth: number): string => cell(facts.get(name) ?? [], nth, 1);
  const number = (name: string, nth: number): number => numberOf(fact(name, nth), 1);
  return {
    kernel: unescapeName(fact('kernel', 1)),
    id: fact('id', 1),
    archive: { size: number('archive', 1), mtime: number('archive', 2), inode: number('archive', 3), sha256: fact('archive', 4) },
    made: number('made', 1),
    memory: number('memory', 1),
    words,
    outside,
    members,
    inputs,
  };
}

function isKind(word: string): word is (typeof KINDS)[number] {
  return (KINDS as readonly string[]).includes(word);
}

function cell(cells: readonly string[], nth: number, line: number): string {
  const text = cells[nth];
  if (text === undefined) throw bad(`cell ${nth} is missing`, line);
  return text;
}

function numberOf(text: string, line: number): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) throw bad(`"${text}" is no number`, line);
  return value;
}

function memberOf(cells: readonly string[], line: number): MemberRecord {
  const number = (nth: number): number => numberOf(cell(cells, nth, line), line);
  return { key: cell(cells, 1, line), at: number(2), size: number(3), unpackedSize: number(4), sha256: cell(cells, 5, line) };
}

function inputOf(kind: InputRecord['kind'], cells: readonly string[], line: number): InputRecord {
  const path = cell(cells, 1, line);
  const flags = cell(cells, 2, line);
  const mode = Number.parseInt(cell(cells, 3, line), 8);
  const common = { path: path === '.' ? '' : unescapeName(path), kind, mode, packed: flags[0] === 'p', safe: flags[1] === 's' };
  if (cells.length < 8) return { ...common, stat: undefined };
  const [size, mtime, ctime, inode] = [4, 5, 6, 7].map((nth) => numberOf(cells[nth]!, line)) as [number, number, number, number];
  const stat: FileStat = { size, mtime, ctime, inode };
  const last = cells[8];
  if (last === undefined) return { ...common, stat };
  if (kind === 'file') return { ...common, stat, content: last };
  if (kind === 'symlink') return { ...common, stat, target: unescapeName(last) };
  return { ...common, stat, names: last === '' ? [] : last.split('/').map(unescapeName) };
}
