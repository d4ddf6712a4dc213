// Makes the package file: the installed tree, its control files, and our own writer of Debian packages.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytesSource, concat, readAll, utf8 } from '../../src/bytes/index.ts';
import type { CodecChoice } from '../../src/codecs/index.ts';
import { encode } from '../../src/formats/deb/index.ts';
import { nodeEncoders } from '../../src/node/codecs-encode.ts';
import { HOME } from '../../src/node/home.ts';
import { file, makeTree, type Tree } from '../../src/tree/index.ts';
import { ARCHITECTURES, controlFile, type Machine } from './control.ts';
import { type PackageChoice, packageTree } from './tree.ts';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** What a build can be told; everything has a default. */
export interface MakeOptions extends Partial<PackageChoice> {
  /** "xz:6" unless told; "gzip:1" is ten times sooner done and half as large again. dpkg of Debian 11 reads no zstd. */
  readonly codec?: string;
}

/** A package that was made. */
export interface MadePackage {
  readonly path: string;
  readonly size: number;
}

/** The choice for this machine and this state of the sources. */
export function packageChoice(options: MakeOptions = {}): PackageChoice {
  const { machine = machineHere(), version = ownVersion(), mtime = sourceTime() } = options;
  return { machine, version, mtime };
}

function machineHere(): Machine {
  const here = process.arch;
  if (process.platform === 'linux' && Object.hasOwn(ARCHITECTURES, here)) return here as Machine;
  throw new Error(`there is no package for ${process.platform} on ${here}, only for Linux on ${Object.keys(ARCHITECTURES).join(' and ')}`);
}

function ownVersion(): string {
  return JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')).version;
}

/** SOURCE_DATE_EPOCH, or when the sources were last committed; 0 where there is no repository. */
function sourceTime(): number {
  const told = process.env.SOURCE_DATE_EPOCH;
  if (told !== undefined && /^[0-9]{1,11}$/.test(told)) return Number(told);
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: HOME, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return 0; // an unpacked copy of the sources
  }
}

function codecChoice(word: string): CodecChoice {
  const [name = '', level] = word.split(':');
  const encoder = nodeEncoders().get(name);
  if (encoder === undefined) throw new Error(`there is no codec "${name}"`);
  return { encoder, level: level === undefined ? encoder.levels.default : Number(level) };
}

/** md5sums as dpkg and debsums check them. */
function md5sums(tree: Tree): Uint8Array {
  const lines = tree.entries.flatMap((entry) =>
    entry.kind === 'file' ? [`${createHash('md5').update(readAll(entry.content)).digest('hex')}  ${entry.path}\n`] : [],
  );
  return utf8(lines.join(''));
}

/** The control member's files. */
export function controlTree(data: Tree, { version, machine, mtime }: PackageChoice): Tree {
  const own = (name: string, mode: number) => file(name, bytesSource(readFileSync(join(HOME, 'packaging/debian', name))), mode);
  const files = [
    file('control', bytesSource(controlFile(data, version, machine))),
    file('md5sums', bytesSource(md5sums(data))),
    own('triggers', 0o644),
    ...SCRIPTS.map((name) => own(name, 0o755)),
  ];
  return makeTree(files.map((entry) => ({ ...entry, mtime })));
}

/** Makes the package at a path, `build/kindling_VERSION_ARCH.deb` unless told. Equal sources give equal bytes. */
export async function makePackage(out?: string, options: MakeOptions = {}): Promise<MadePackage> {
  const choice = packageChoice(options);
  const data = await packageTree(choice);
  const chunks = await encode(
    { control: controlTree(data, choice), data },
    { codec: codecChoice(options.codec ?? 'xz:6'), mtime: choice.mtime },
  );
  const path = out ?? join(HOME, 'build', `kindling_${choice.version}_${ARCHITECTURES[choice.machine]}.deb`);
  const bytes = concat(chunks);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, bytes);
  renameSync(`${path}.tmp`, path);
  return { path, size: bytes.length };
}
