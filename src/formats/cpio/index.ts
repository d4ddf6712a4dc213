// cpio: what the header forms (newc, odc) share: records, numbering of hard links, and the replay of records into a tree.
export { type CpioEncoder, type CpioWriter, cpioEncoder } from './encode.ts';
export { asciiNumber, magicField } from './fields.ts';
export type { LinkData, Numbered } from './number.ts';
export {
  type CpioArchive,
  type CpioForm,
  type CpioRecord,
  DEFAULT_LIMITS,
  type ReadOptions,
  type RecordHeader,
  readArchive,
} from './read.ts';
export { type Replay, replay } from './replay.ts';
export { kindOf, modeOf, S_IFMT } from './types.ts';
