// What a partition table says, whichever kind it is.

/** A partition. Sizes and places in bytes. */
export interface Partition {
  /** Its number, as Linux counts: from 1; logical partitions of an MBR from 5. */
  readonly index: number;
  readonly firstByte: number;
  readonly size: number;
  /** A GUID with GPT; with an MBR two hex digits, "0x0c". */
  readonly type: string;
  /** Its own GUID (GPT), or DISKID-NN as Linux makes PARTUUIDs of an MBR. */
  readonly guid: string;
  /** Its label; "" with an MBR. */
  readonly name: string;
  readonly bootable: boolean;
}

/** A table that was read. */
export interface PartitionTable {
  readonly scheme: 'gpt' | 'mbr';
  readonly sectorSize: number;
  /** The disk's GUID, or the eight hex digits of an MBR. */
  readonly diskId: string;
  readonly partitions: readonly Partition[];
  /** Where partitions may be. */
  readonly usable: { readonly firstByte: number; readonly endByte: number };
}
