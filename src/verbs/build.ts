// build: a plan as an archive. The bytes are made piece by piece, so that a writer can put them on disk as they come.
import { type ArchiveImage, type EncodeOptions, encode, type MemberProgress } from '../archive/index.ts';
import type { Sha256 } from '../bytes/index.ts';
import type { CodecChoice, Encoder } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';
import type { Plan } from '../plan/index.ts';

/** The codec that a word like "zstd:3" or "none" stands for. Throws USAGE for a name or level there is not. */
export function codecChoice(word: string, encoders: ReadonlyMap<string, Encoder>): CodecChoice {
  const [name, levelText, ...rest] = word.split(':');
  const encoder = encoders.get(name!);
  if (encoder === undefined || rest.length > 0) {
    throw new KindlingError('USAGE', `codec "${word}": expected ${[...encoders.keys()].join(', ')}, each with an optional :LEVEL`);
  }
  const { least, most, default: usual } = encoder.levels;
  if (levelText === undefined) return { encoder, level: usual };
  const level = /^\d{1,2}$/.test(levelText) ? Number(levelText) : Number.NaN;
  if (!(level >= least && level <= most)) throw new KindlingError('USAGE', `codec "${word}": the level is from ${least} to ${most}`);
  return { encoder, level };
}

// What each codec needs of the kernel (init/Kconfig); "none" needs nothing.
const SYMBOL: Readonly<Record<string, string>> = { gzip: 'RD_GZIP', xz: 'RD_XZ', lz4: 'RD_LZ4', zstd: 'RD_ZSTD' };

/** Throws UNSUPPORTED when the kernel's configuration is known and it cannot unpack this codec. */
export function checkCodec(plan: Plan, codec: CodecChoice): void {
  const symbol = SYMBOL[codec.encoder.name];
  if (symbol === undefined || plan.kernel.config === undefined || plan.kernel.config.get(symbol) === 'y') return;
  throw new KindlingError(
    'UNSUPPORTED',
    `kernel ${plan.kernel.version} cannot unpack ${codec.encoder.name}: its configuration has no CONFIG_${symbol}=y`,
  );
}

/** How an archive is written. */
export interface BuildOptions {
  readonly codec: CodecChoice;
  readonly sha256: Sha256;
  /** One cpio in one frame behind the microcode, for programs that stop at the first trailer. */
  readonly singleFrame?: boolean;
  /** The image of a squashed archive; the plan is then what is outside. */
  readonly image?: ArchiveImage | undefined;
  readonly onMember?: (progress: MemberProgress) => void;
  /** An older archive of the same root, whose members are taken where nothing in them has changed. */
  readonly known?: EncodeOptions['known'] | undefined;
  /** Told of each member that is written. */
  readonly onWritten?: EncodeOptions['onWritten'] | undefined;
  /** Told the digest of each file's content. */
  readonly onContent?: EncodeOptions['onContent'] | undefined;
  /** Bytes of the image so far. */
  readonly onImage?: (size: number) => void;
}

/** The bytes of the archive; errors come before the first byte wherever that is possible. Equal plans and codecs give equal bytes. */
export function build(plan: Plan, options: BuildOptions): AsyncGenerator<Uint8Array> {
  const { codec, sha256, singleFrame, image, known, onMember, onImage, onWritten, onContent } = options;
  checkCodec(plan, codec);
  return encode(plan, {
    codec,
    sha256,
    ...(singleFrame === true ? { members: 'archive' as const } : {}),
    ...(image === undefined ? {} : { image }),
    ...(known === undefined ? {} : { known }),
    ...(onWritten === undefined ? {} : { onWritten }),
    ...(onContent === undefined ? {} : { onContent }),
    ...(onMember === undefined ? {} : { onMember }),
    ...(onImage === undefined ? {} : { onImage }),
  });
}
