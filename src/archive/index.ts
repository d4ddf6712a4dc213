// archive: plans into boot archives and back. Layout: docs/archive.md. What `verify` asks of an archive is in checks/, which needs the
// planner's room and has a front door of its own: listing an archive must not load it.

export { checkArchive, checkDecoded, faultFinding } from './check.ts';
export { type Archive, type ArchiveMember, type DecodeOptions, decode, inspect, LIMITS, type Limits } from './decode.ts';
export { earlySize } from './early-segment.ts';
export {
  type EncodeOptions,
  encode,
  ID_PATH,
  METADATA_DIRECTORY,
  type MemberProgress,
  paddingBefore,
  REASONS_PATH,
  SEGMENT_ORDER,
} from './encode.ts';
export { type Chain, explain, type Link, reasonsOf } from './explain.ts';
export { type IdDigest, idDigest, idOf } from './id.ts';
export { type ArchiveImage, covered, type ImagePiece } from './image.ts';
export {
  IMAGE_PATHS,
  type ImageFacts,
  type ImageFormat,
  type ImageFormatName,
  type InnerImage,
  imageEntry,
  inImage,
  USR_IMAGE_PATH,
} from './inner.ts';
export { cut, MEMBER_SIZES, type MemberSizes } from './members.ts';
export { parseReasons, printReasons } from './reasons.ts';
export type { KnownArchive, KnownMember, WrittenMember } from './reuse.ts';
