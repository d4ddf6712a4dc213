// archive/record: what an archive was made from, and whether that is still so. A front door of its own: who only reads archives loads none of it.
export { bootCheck, CHECK_NAME } from './boot-check.ts';
export { type Change, type Comparison, compareInputs, compareOutside } from './compare.ts';
export { FACTS_CACHE_NAME, FACTS_MOST, type FactsRequest, type HeldFacts, heldFacts } from './facts.ts';
export { type InputFacts, inputsOf } from './inputs.ts';
export {
  type ArchiveFile,
  type ArchiveRecord,
  type InputRecord,
  isRacy,
  type MemberRecord,
  RECORDS_DIRECTORY,
  sameStat,
} from './record.ts';
export { parseRecord, printRecord, RECORD_MOST } from './text.ts';
