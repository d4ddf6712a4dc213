// archive: plans into boot archives and back. Layout: docs/archive.md.

export { checkArchive, checkDecoded, faultFinding } from './check.ts';
export { checkAll, type Known, versionsInside } from './checks/index.ts';
export { type Archive, type ArchiveMember, type DecodeOptions, decode, inspect, LIMITS, type Limits } from './decode.ts';
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
export { cut, MEMBER_SIZES, type MemberSizes } from './members.ts';
export { parseReasons, printReasons } from './reasons.ts';
