// The files that the package installs, as a tree: the program in usr/lib/kindling, and where a system looks for manual pages and completions.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bytesSource, compareNames, utf8 } from '../../src/bytes/index.ts';
import { completionScript } from '../../src/cli/completion.ts';
import { VERBS } from '../../src/cli/verbs.ts';
import { stripped } from '../../src/formats/elf/index.ts';
import { HOME } from '../../src/node/home.ts';
import { type Entry, file, makeTree, symlink, type Tree, withParents } from '../../src/tree/index.ts';
import { programBundle, xzEncoder } from './bundle.ts';
import { ARCHITECTURES, type Machine } from './control.ts';
import { changelog, copyright } from './notices.ts';

const PLACE = 'usr/lib/kindling';
const DOCUMENTS = 'usr/share/doc/kindling';

/** What the package is made for, and what it says of itself. */
export interface PackageChoice {
  /** Node's name of the machine. */
  readonly machine: Machine;
  readonly version: string;
  /** Seconds since 1970: the time of every file. */
  readonly mtime: number;
}

function text(path: string, content: string): Entry {
  return file(path, bytesSource(utf8(content)));
}

/** As `gzip -9n` makes it: no time, no name, and no word of the system it was made on. */
function gzipped(content: Uint8Array): Uint8Array {
  const bytes = gzipSync(content, { level: 9 });
  bytes[9] = 3;
  return bytes;
}

/** Files below a folder of the clone, at any depth. What starts as a script can be run, whatever the checkout made of it. */
function folder(from: string, to: string): Entry[] {
  const names = readdirSync(join(HOME, from), { recursive: true, encoding: 'utf8' }).sort(compareNames);
  return names.flatMap((name) => {
    const path = join(HOME, from, name);
    if (!statSync(path).isFile()) return [];
    const bytes = readFileSync(path);
    return [file(`${to}/${name}`, bytesSource(bytes), bytes.subarray(0, 2).toString() === '#!' ? 0o755 : 0o644)];
  });
}

/** The Node for a machine as npm brought it: `npm ci` brings only the one for this machine. */
function nodeFolder(machine: Machine): string {
  const path = join(HOME, `node_modules/node-linux-${machine}`);
  try {
    statSync(join(path, 'bin/node'));
  } catch (error) {
    const wanted = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')).optionalDependencies;
    const name = `node-linux-${machine}`;
    throw new Error(
      `there is no Node for ${ARCHITECTURES[machine]} here; "npm install --no-save --force ${name}@${wanted[name]}" brings it`,
      {
        cause: error,
      },
    );
  }
  return path;
}

async function programEntries({ machine, version }: PackageChoice): Promise<Entry[]> {
  const node = nodeFolder(machine);
  const bundle = await programBundle();
  const xz = await xzEncoder(`linux-${machine}`);
  const object = (path: string): Uint8Array => stripped(bytesSource(readFileSync(path)));
  return [
    file(`${PLACE}/kindling`, bytesSource(readFileSync(join(HOME, 'packaging/launcher'))), 0o755),
    file(`${PLACE}/node`, bytesSource(object(join(node, 'bin/node'))), 0o755),
    file(`${PLACE}/kindling.mjs`, bytesSource(bundle)),
    text(`${PLACE}/package.json`, `${JSON.stringify({ name: 'kindling', version, type: 'module' })}\n`),
    ...[...xz].map(([name, bytes]) => {
      const content = name.endsWith('.node') ? stripped(bytesSource(bytes)) : bytes;
      return file(`${PLACE}/node_modules/lzma-native/${name}`, bytesSource(content));
    }),
    ...folder('early', `${PLACE}/early`),
    ...folder('packaging/hooks', `${PLACE}/packaging/hooks`),
    symlink('usr/bin/kindling', '../lib/kindling/kindling'),
  ];
}

async function documentEntries({ machine, version, mtime }: PackageChoice): Promise<Entry[]> {
  const verbs = await Promise.all(VERBS.map((entry) => entry.load()));
  const packed = (path: string, content: Uint8Array): Entry => file(`${path}.gz`, bytesSource(gzipped(content)));
  const manuals = readdirSync(join(HOME, 'man')).sort(compareNames);
  const pages = readdirSync(join(HOME, 'docs')).filter((name) => name.endsWith('.md'));
  return [
    ...manuals.map((name) => packed(`usr/share/man/man1/${name}`, readFileSync(join(HOME, 'man', name)))),
    text('usr/share/bash-completion/completions/kindling', completionScript('bash', verbs)),
    text('usr/share/zsh/vendor-completions/_kindling', completionScript('zsh', verbs)),
    text('usr/share/fish/vendor_completions.d/kindling.fish', completionScript('fish', verbs)),
    file('usr/share/lintian/overrides/kindling', bytesSource(readFileSync(join(HOME, 'packaging/debian/lintian-overrides')))),
    text(`${DOCUMENTS}/copyright`, copyright()),
    packed(`${DOCUMENTS}/changelog`, utf8(changelog(version, mtime))),
    packed(`${DOCUMENTS}/CHANGELOG.md`, readFileSync(join(HOME, 'CHANGELOG.md'))),
    packed(`${DOCUMENTS}/node/LICENSE`, readFileSync(join(nodeFolder(machine), 'LICENSE'))),
    ...pages.sort(compareNames).map((name) => packed(`${DOCUMENTS}/${name}`, readFileSync(join(HOME, 'docs', name)))),
  ];
}

/** Everything that the package installs: owned by root, of one time. Equal sources and an equal choice give an equal tree. */
export async function packageTree(choice: PackageChoice): Promise<Tree> {
  const entries = withParents([...(await programEntries(choice)), ...(await documentEntries(choice))]);
  return makeTree(entries.map((entry) => ({ ...entry, mtime: choice.mtime })));
}
