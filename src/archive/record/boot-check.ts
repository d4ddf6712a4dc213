// The check file: what early userspace compares with the root before that can be written to, in the form that costs a shell least.
// docs/check.md draws it. A first line with counts and sizes, so that one read takes the first part and no more: exactly what one `stat` of
// all paths has to say. Then the paths as xargs takes them, this file's own first, and "."; then for each path what is needed when it differs.
import { concat, nameToBytes, type Sha256 } from '../../bytes/index.ts';
import { type ArchiveRecord, type InputRecord, isRacy, RECORDS_DIRECTORY } from './record.ts';

/** Name of the file, beside the record. */
export const CHECK_NAME = 'check';

const END_SIZE = 'end '.length + 64 + '\n'.length;

const TYPES: Readonly<Record<string, number>> = { file: 0o100000, symlink: 0o120000 };

/** Whether a shell can take the path as one word of a list: lines and tabs divide. */
function isPlain(path: string): boolean {
  for (let at = 0; at < path.length; at++) if (path.charCodeAt(at) < 0x20) return false;
  return path !== '';
}

/** Inputs that are in the archive and whose equality a stat and a digest can tell. */
function checked(record: ArchiveRecord): InputRecord[] {
  return record.inputs.filter(
    ({ path, kind, packed, stat, content, target }) =>
      packed &&
      stat !== undefined &&
      isPlain(path) &&
      ((kind === 'file' && content !== undefined) || (kind === 'symlink' && target !== undefined)),
  );
}

/** What `stat -c '%i %s %Z'` prints: a file that is another one has another inode or another time of change. Whole seconds: not every stat knows more. */
function shortLine({ stat }: InputRecord): string {
  return `${stat!.inode} ${stat!.size} ${Math.floor(stat!.ctime / 1000)}`;
}

/** What `stat -c '%i %s %Y %Z %f'` prints. */
function statLine({ kind, mode, stat }: InputRecord): string {
  const { inode, size, mtime, ctime } = stat!;
  const raw = TYPES[kind]! | (kind === 'symlink' ? 0o777 : mode);
  return `${inode} ${size} ${Math.floor(mtime / 1000)} ${Math.floor(ctime / 1000)} ${raw.toString(16)}`;
}

/** As xargs takes a path: what divides words or quotes them is escaped. */
function word(path: string): string {
  return path.replace(/[ "'\\]/g, '\\$&');
}

/** The bytes of ROOT/var/lib/kindling/ID/check. */
export function bootCheck(record: ArchiveRecord, sha256: Sha256): Uint8Array {
  const rows = checked(record).map((input) => {
    // Upper case: its times say nothing, the content is compared at every boot until the record is renewed.
    const racy = isRacy(input.stat!, record.made);
    const flag = input.safe ? 's' : 'u';
    const digest = input.kind === 'symlink' ? sha256(nameToBytes(input.target!)) : input.content!;
    return { path: input.path, short: shortLine(input), stat: statLine(input), racy, flag: racy ? flag.toUpperCase() : flag, digest };
  });
  const stats = nameToBytes(rows.map(({ short }) => `${short}\n`).join(''));
  const own = `${RECORDS_DIRECTORY}/${record.id}/${CHECK_NAME}`;
  const paths = nameToBytes([own, ...rows.map(({ path }) => word(path)), '.'].map((one) => `${one}\n`).join(''));
  const details = nameToBytes(rows.map(({ flag, digest, stat, path }) => `${flag} ${digest} ${stat} ${path}\n`).join(''));
  const racy = rows.filter((row) => row.racy).length;
  // How much follows the first part, so that a list that lost its end is known by its size.
  const more = paths.length + details.length + END_SIZE;
  const body = concat([nameToBytes(`kindling-check-1 ${rows.length} ${racy} ${stats.length} ${more}\n`), stats, paths, details]);
  return concat([body, nameToBytes(`end ${sha256(body)}\n`)]);
}
