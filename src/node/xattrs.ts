// Extended attributes of files on disk. Node has no call for them; getfattr of the machine (package attr) has, and prints them as text.
import { nameFromBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { findTool, runTool } from './tools.ts';

/** Attributes by path below the directory. */
export type DirectoryXattrs = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

// What a file system image keeps; the rest ("system.") is made up by the kernel.
const NAMES = '^(user|trusted|security)\\.';
const OUTPUT_MOST = 1024 * 1024 * 1024;

/** Whether attributes of files on disk can be read on this machine. */
export function canReadXattrs(): boolean {
  return findTool('getfattr') !== undefined;
}

/** The attributes of everything in a directory, links not followed. Throws NO_TOOL without getfattr, IO when it fails. */
export async function directoryXattrs(base: string): Promise<DirectoryXattrs> {
  const args = ['--recursive', '--physical', '--no-dereference', '--dump', '--encoding=hex', `--match=${NAMES}`, '--', '.'];
  const env = { ...process.env, LC_ALL: 'C' };
  const { code, stdout, stderr } = await runTool('getfattr', args, { cwd: base, env, limit: OUTPUT_MOST });
  // 1 also when single files went away or may not be looked at; what was printed holds.
  if (code > 1) throw new KindlingError('IO', `getfattr ended with ${code}: ${stderr.trim()}`, { file: base });
  return parseDump(stdout);
}

/** The output of `getfattr --dump --encoding=hex`. Throws BAD_VALUE for what it never prints. */
export function parseDump(output: Uint8Array): DirectoryXattrs {
  const found = new Map<string, Map<string, Uint8Array>>();
  let current: Map<string, Uint8Array> | undefined;
  for (const line of Buffer.from(output.buffer, output.byteOffset, output.length).toString('latin1').split('\n')) {
    if (line === '') continue;
    if (line.startsWith('# file: ')) {
      const path = unquote(line.slice('# file: '.length));
      current = new Map();
      found.set(path === '.' ? '' : path.replace(/^\.\//, ''), current);
      continue;
    }
    const at = line.indexOf('=');
    const name = unquote(at < 0 ? line : line.slice(0, at));
    const value = at < 0 ? '' : line.slice(at + 1);
    if (current === undefined || !/^(0x([0-9a-f]{2})*)?$/i.test(value)) {
      throw new KindlingError('BAD_VALUE', `getfattr printed "${line.slice(0, 80)}", expected name=0x...`);
    }
    current.set(name, Uint8Array.from(Buffer.from(value.slice(2), 'hex')));
  }
  return found;
}

/** Text in which getfattr wrote backslashes and unusual bytes as \\ooo. */
function unquote(text: string): string {
  const plain = text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return nameFromBytes(Buffer.from(plain, 'latin1'));
}
