// archive: plans into boot archives and back. Layout: docs/archive.md.
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
export { type IdDigest, idDigest, idOf } from './id.ts';
export { cut, MEMBER_SIZES, type MemberSizes } from './members.ts';
export { parseReasons, printReasons } from './reasons.ts';
