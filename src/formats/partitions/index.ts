// partitions: MBR and GPT, read and written. Specification and findings: docs/formats/partitions.md.
export { check, decode, detect } from './decode.ts';
export { encode } from './encode.ts';
export { type EncodedTable, GPT_BACKUP_SIZE, GPT_PRIMARY_SIZE, type GptOptions, type GptPartition } from './encode-gpt.ts';
export type { MbrOptions, MbrPartition } from './encode-mbr.ts';
export { guidFromDigest } from './guid.ts';
export { PARTITION_TYPES } from './structs.ts';
export type { Partition, PartitionTable } from './table.ts';
