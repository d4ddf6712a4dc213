// An opened image: its superblock, its devices, and the two inodes whose content is metadata or data of other inodes.
import { type ByteSource, type Recent, type RecentBounds, readInto, recent } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { contentOf } from './content.ts';
import { fault, type Place } from './faults.ts';
import { readInode } from './inode.ts';
import { type Layout, readSuperblock } from './superblock.ts';

/** What a caller hands in besides the image. */
export interface VolumeOptions {
  /** Decoders for compressed files; of these only zstd is taken, the others have forms that occur nowhere else. */
  readonly decoders: readonly Decoder[];
  /** The further devices, in the order of the superblock's table. */
  readonly devices?: readonly ByteSource[];
}

/** pclusters are 1 MiB at most. */
const KEPT: RecentBounds = { sizeMost: 4 << 20, countMost: 64 };

/** An opened image. */
export interface Volume {
  readonly source: ByteSource;
  readonly layout: Layout;
  readonly decoders: readonly Decoder[];
  /** Unpacked pclusters, shared by all files. */
  readonly cache: Recent<string>;
  /** What of a device number counts. */
  readonly deviceMask: number;
  /** Content of the metabox inode: metadata of other inodes. Throws BAD_VALUE where the image has none. */
  metabox(): ByteSource;
  /** Content of the packed inode: the fragments. Throws BAD_VALUE where the image has none. */
  packed(): ByteSource;
  /** Fills `target` from a byte address of a device; 0 is the image itself and the one numbering of all. */
  read(device: number, at: number, target: Uint8Array, place: Place): void;
}

/** Opens an image. Throws what `readSuperblock` throws. */
export function openVolume(source: ByteSource, options: VolumeOptions): Volume {
  const layout = readSuperblock(source);
  const { blockSize, devices } = layout.facts;
  const held = options.devices ?? [];

  function readDevice(device: number, at: number, target: Uint8Array, place: Place): void {
    if (device > devices.length) throw fault('BAD_VALUE', place, `data on device ${device}, the image has ${devices.length}`);
    const from = device === 0 ? source : held[device - 1];
    if (from === undefined) {
      throw fault('UNSUPPORTED', place, `data on device ${device} ("${devices[device - 1]!.tag}"), which was not given`);
    }
    if (at + target.length > from.size) {
      throw fault(
        'TRUNCATED',
        place,
        `data at ${at} to ${at + target.length}${device === 0 ? '' : ` of device ${device}`}, there are ${from.size} bytes`,
      );
    }
    readInto(from, at, target);
  }

  function special(name: string, nid: bigint): () => ByteSource {
    let content: ByteSource | undefined;
    return () => {
      if (content === undefined) {
        if (nid === 0n) throw fault('BAD_VALUE', { structure: 'erofs superblock' }, `a reference into the ${name} inode, there is none`);
        const inode = readInode(volume, nid);
        if (inode.kind !== 'file') throw fault('BAD_VALUE', inode.place, `the ${name} inode is a ${inode.kind}`);
        content = contentOf(volume, inode);
      }
      return content;
    };
  }

  const volume: Volume = {
    source,
    layout,
    decoders: options.decoders,
    cache: recent(KEPT),
    deviceMask: 2 ** Math.ceil(Math.log2(devices.length + 1)) - 1,
    metabox: special('metabox', layout.metaboxNid),
    packed: special('packed', layout.packedNid),
    read(device, at, target, place) {
      if (device === 0) {
        const index = layout.deviceStarts.findIndex(
          (start, each) => start !== 0 && at >= start * blockSize && at < (start + devices[each]!.blockCount) * blockSize,
        );
        if (index >= 0) return readDevice(index + 1, at - layout.deviceStarts[index]! * blockSize, target, place);
      }
      readDevice(device, at, target, place);
    },
  };
  return volume;
}
