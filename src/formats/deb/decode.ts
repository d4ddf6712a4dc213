// Reads a Debian package: its control fields and the tree it installs.
import { asciiFrom, type ByteSource, bytesSource, concat, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Tree } from '../../tree/index.ts';
import { decode as decodeAr, type Member } from '../ar/index.ts';
import { decode as decodeTar } from '../tar/index.ts';
import { controlFields } from './control.ts';
import { COMPRESSIONS, VERSION_MAJOR, VERSION_MEMBER } from './structs.ts';

/** What a package file holds, unpacked in memory. */
export interface Package {
  /** Fields of the control file by name as written ("Package", "Version", "Depends"). */
  readonly fields: ReadonlyMap<string, string>;
  /** What DEBIAN/ holds: control, md5sums, maintainer scripts. */
  readonly control: Tree;
  /** What it installs. Contents are views into the unpacked data member. */
  readonly data: Tree;
}

/** How to read a package. */
export interface ReadOptions {
  readonly decoders: readonly Decoder[];
  /** Most bytes of the unpacked data member; 2 GiB less one unless told. The control member has a bound of 64 MiB. */
  readonly dataSizeMost?: number;
}

const CONTROL_SIZE_MOST = 64 * 1024 * 1024;
const DATA_SIZE_MOST = 2 ** 31 - 1;

/**
 * Reads a package whole; the data member is decompressed into memory. Throws BAD_MAGIC, TRUNCATED, BAD_VALUE, LIMIT, UNSUPPORTED (another
 * format version, a compression without a decoder), and whatever the tar in it gives, with the member's name in `structure`.
 */
export function decode(source: ByteSource, options: ReadOptions): Package {
  const members = decodeAr(source, { memberCountMost: 1000 });
  checkVersion(members[0]);
  const [controlMember, dataMember] = members.slice(1).filter((member) => !member.name.startsWith('_'));
  const control = tarIn('control.tar', controlMember, CONTROL_SIZE_MOST, options.decoders);
  const data = tarIn('data.tar', dataMember, options.dataSizeMost ?? DATA_SIZE_MOST, options.decoders);
  const entry = control.get('control');
  if (entry?.kind !== 'file')
    throw new KindlingError('BAD_VALUE', 'the control member holds no file "control"', { structure: 'control.tar' });
  return { fields: controlFields(readAll(entry.content)), control, data };
}

function checkVersion(member: Member | undefined): void {
  if (member?.name !== VERSION_MEMBER) {
    throw new KindlingError('BAD_MAGIC', `the first member is ${JSON.stringify(member?.name ?? 'missing')}, expected "${VERSION_MEMBER}"`, {
      structure: 'deb',
    });
  }
  const text = asciiFrom(member.content.read(0, Math.min(16, member.content.size)));
  const major = /^([0-9]+)\.[0-9]+\n/.exec(text)?.[1];
  if (major === VERSION_MAJOR) return;
  throw new KindlingError(
    major === undefined ? 'BAD_VALUE' : 'UNSUPPORTED',
    `the format version is ${JSON.stringify(text)}, expected "2.0\\n"`,
    {
      structure: VERSION_MEMBER,
      offset: member.headerAt,
    },
  );
}

function tarIn(name: string, member: Member | undefined, limit: number, decoders: readonly Decoder[]): Tree {
  if (member === undefined) throw new KindlingError('TRUNCATED', `there is no member ${name}`, { structure: 'deb' });
  const ending = member.name.startsWith(name) ? member.name.slice(name.length) : undefined;
  if (ending === undefined || !Object.hasOwn(COMPRESSIONS, ending)) {
    throw new KindlingError('BAD_VALUE', `found the member ${JSON.stringify(member.name)}, expected ${name} with its compression`, {
      structure: 'deb',
      offset: member.headerAt,
    });
  }
  try {
    const codec = COMPRESSIONS[ending as keyof typeof COMPRESSIONS];
    return decodeTar(codec === undefined ? member.content : unpacked(member.content, codec, limit, decoders));
  } catch (error) {
    throw nested(error, member.name);
  }
}

/** An offset inside the unpacked member means nothing in the package file: the structure says in which member it counts. */
function nested(error: unknown, name: string): unknown {
  if (!(error instanceof KindlingError)) return error;
  const { structure } = error.where;
  const inside = structure === undefined ? name : `${name}: ${structure}`;
  return new KindlingError(error.code, error.message, { ...error.where, structure: inside }, error.cause);
}

function unpacked(content: ByteSource, codec: Decoder['name'], limit: number, decoders: readonly Decoder[]): ByteSource {
  const decoder = decoders.find((candidate) => candidate.name === codec);
  if (decoder === undefined) throw new KindlingError('UNSUPPORTED', `there is no decoder for ${codec}`);
  const input = readAll(content);
  const first = decoder.decode(input, limit);
  if (first.consumed >= input.length) return bytesSource(first.bytes);
  // Several frames, one after the other (xz -T made such, so does pigz): rare, so only then is it joined.
  const pieces = [first.bytes];
  let size = first.bytes.length;
  for (let at = first.consumed; at < input.length && !isPadding(input, at); ) {
    const frame = decoder.decode(input.subarray(at), limit - size);
    if (frame.consumed === 0) throw new KindlingError('BAD_VALUE', `bytes after the ${codec} stream are no frame`, { offset: at });
    pieces.push(frame.bytes);
    size += frame.bytes.length;
    at += frame.consumed;
  }
  return bytesSource(concat(pieces));
}

function isPadding(input: Uint8Array, at: number): boolean {
  return input.length - at < 512 && input.subarray(at).every((byte) => byte === 0);
}
