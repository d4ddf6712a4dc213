// The dynamic section and the interpreter (gABI chapter 5): what a program needs at run time.
import { nameFromBytes, toSize } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type Elf, ranged, stringAt } from './decode.ts';
import { SEGMENT, TAG } from './structs.ts';

/** Run-time needs, as written in the file: `$ORIGIN` and friends are not expanded; paths are split at ":". */
export interface Dynamic {
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  /** DF_1_NODEFLIB: the default directories are not searched. */
  readonly noDefaultLibraries: boolean;
}

const DYNAMIC_SIZE_MOST = 1 << 20;
const STRINGS_SIZE_MOST = 1 << 26;
const INTERPRETER_SIZE_MOST = 4096;
const NODEFLIB = 0x800n;

/** The dynamic section, or undefined for a static object. Throws BAD_VALUE, LIMIT or TRUNCATED. */
export function dynamic(elf: Elf): Dynamic | undefined {
  const segment = elf.segments.find((one) => one.type === SEGMENT.dynamic);
  if (segment === undefined) return undefined;
  const structure = 'ELF dynamic section';
  if (segment.size > DYNAMIC_SIZE_MOST)
    throw new KindlingError('LIMIT', `${segment.size} bytes, at most ${DYNAMIC_SIZE_MOST} are read`, { structure });
  const table = ranged(elf.source, segment.at, segment.size, structure);
  const wanted: { tag: number; at: bigint }[] = [];
  let stringsAddress: bigint | undefined;
  let stringsSize = 0n;
  let flags1 = 0n;
  for (let at = 0; at + elf.layout.dynamic.size <= table.length; at += elf.layout.dynamic.size) {
    const { tag, value } = elf.layout.dynamic.decode(table, at);
    if (tag === BigInt(TAG.null)) break;
    if (tag === BigInt(TAG.strtab)) stringsAddress = value;
    else if (tag === BigInt(TAG.strsz)) stringsSize = value;
    else if (tag === BigInt(TAG.flags1)) flags1 = value;
    else if (tag < 64n) wanted.push({ tag: Number(tag), at: value });
  }
  const strings = wanted.some(({ tag }) => STRING_TAGS.has(tag)) ? readStrings(elf, stringsAddress, stringsSize) : new Uint8Array(0);
  const texts = (tag: number) =>
    wanted
      .filter((one) => one.tag === tag)
      .map((one) => stringAt(strings, one.at < BigInt(strings.length) ? Number(one.at) : strings.length));
  const paths = (tag: number) => texts(tag).flatMap((text) => text.split(':').filter((path) => path !== ''));
  return {
    needed: texts(TAG.needed).filter((name) => name !== ''),
    soname: texts(TAG.soname)[0],
    rpath: paths(TAG.rpath),
    runpath: paths(TAG.runpath),
    noDefaultLibraries: (flags1 & NODEFLIB) !== 0n,
  };
}

const STRING_TAGS = new Set<number>([TAG.needed, TAG.soname, TAG.rpath, TAG.runpath]);

function readStrings(elf: Elf, address: bigint | undefined, size: bigint): Uint8Array {
  const structure = 'ELF dynamic strings';
  const at = address === undefined ? undefined : elf.fileOffsetOf(address);
  if (at === undefined) throw new KindlingError('BAD_VALUE', 'DT_STRTAB points at no loaded part of the file', { structure });
  const stringsSize = toSize(size, 'DT_STRSZ');
  if (stringsSize > STRINGS_SIZE_MOST)
    throw new KindlingError('LIMIT', `${stringsSize} bytes, at most ${STRINGS_SIZE_MOST} are read`, { structure });
  return ranged(elf.source, at, stringsSize, structure);
}

/** The path of the program interpreter (PT_INTERP), or undefined. */
export function interpreter(elf: Elf): string | undefined {
  const segment = elf.segments.find((one) => one.type === SEGMENT.interp);
  if (segment === undefined) return undefined;
  const structure = 'ELF interpreter';
  if (segment.size > INTERPRETER_SIZE_MOST)
    throw new KindlingError('LIMIT', `${segment.size} bytes, at most ${INTERPRETER_SIZE_MOST} are read`, { structure });
  const bytes = ranged(elf.source, segment.at, segment.size, structure);
  const end = bytes.indexOf(0);
  return nameFromBytes(end < 0 ? bytes : bytes.subarray(0, end));
}
