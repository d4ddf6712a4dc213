// A Unified Kernel Image: a stub, and kernel, archive and command line as its sections (UAPI.5, "UKI Specification"; systemd-stub(7)).
import { type ByteSource, nameFromBytes, nameToBytes, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { decode, section } from './decode.ts';
import { type NewSection, withSections } from './encode.ts';

/** What a UKI is made of. */
export interface UkiParts {
  /** systemd's linuxx64.efi.stub. */
  readonly stub: ByteSource;
  readonly kernel: ByteSource;
  readonly archive: ByteSource;
  readonly commandLine: string;
  /** The kernel's version. */
  readonly version: string;
  /** What `os-release` of the system says. */
  readonly osRelease: string;
  /** An archive with microcode, which stubs since systemd 256 hand over before the other. */
  readonly microcode?: ByteSource | undefined;
}

const STUB_MOST = 16 << 20;

function text(what: string, value: string): Uint8Array {
  if (value.includes('\0')) throw new KindlingError('BAD_VALUE', `${what} holds a NUL`, { structure: 'UKI' });
  return nameToBytes(value);
}

/**
 * The image's bytes. Throws what `withSections` throws, BAD_MAGIC where the kernel is no PE image (the stub starts it as one), LIMIT for a stub
 * of more than 16 MiB.
 */
export function encodeUki(parts: UkiParts): Uint8Array {
  const { stub, kernel, archive, commandLine, version, osRelease, microcode } = parts;
  if (stub.size > STUB_MOST)
    throw new KindlingError('LIMIT', `the stub has ${stub.size} bytes, at most ${STUB_MOST} are taken`, { structure: 'UKI' });
  const wanted = decode(stub).machine;
  const { machine } = decode(kernel);
  if (machine !== wanted)
    throw new KindlingError('BAD_VALUE', `the stub is for ${wanted}, the kernel for ${machine}`, { structure: 'UKI' });
  const sections: NewSection[] = [
    { name: '.osrel', content: text('os-release', osRelease) },
    { name: '.cmdline', content: text('the command line', commandLine) },
    { name: '.uname', content: text('the version', version) },
    ...(microcode === undefined ? [] : [{ name: '.ucode', content: readAll(microcode) }]),
    { name: '.initrd', content: readAll(archive) },
    // last: old stubs start it where it lies, and it may grow behind its end
    { name: '.linux', content: readAll(kernel) },
  ];
  return withSections(
    readAll(stub),
    sections.filter(({ content }) => content.length > 0),
  );
}

/** What a UKI says of itself. */
export interface Uki {
  readonly kernel: ByteSource;
  readonly archive: ByteSource | undefined;
  readonly commandLine: string | undefined;
  readonly version: string | undefined;
  readonly osRelease: string | undefined;
}

const TEXT_MOST = 1 << 16;

/** Reads a UKI; undefined when the image has no kernel in it. Throws what `decode` throws, and LIMIT for texts of more than 64 KiB. */
export function decodeUki(source: ByteSource): Uki | undefined {
  const pe = decode(source);
  const kernel = section(source, pe, '.linux');
  if (kernel === undefined) return undefined;
  const textOf = (name: string): string | undefined => {
    const content = section(source, pe, name);
    if (content === undefined) return undefined;
    if (content.size > TEXT_MOST)
      throw new KindlingError('LIMIT', `${name} has ${content.size} bytes, at most ${TEXT_MOST} are read`, { structure: name });
    return nameFromBytes(readAll(content)).replace(/\0+$/, '');
  };
  return {
    kernel,
    archive: section(source, pe, '.initrd'),
    commandLine: textOf('.cmdline'),
    version: textOf('.uname'),
    osRelease: textOf('.osrel'),
  };
}
