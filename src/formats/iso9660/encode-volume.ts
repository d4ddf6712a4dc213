// Volume descriptors: the primary one, Joliet's, and the one that ends their list (ECMA-119 8.4, 8.5, 8.3).
import { utf8 } from '../../bytes/index.ts';
import { longDate } from './dates.ts';
import { type Directory, pathTableSize, rootRecord } from './encode-directory.ts';
import { wideBytes } from './names.ts';
import { DESCRIPTOR_TYPES, descriptorHead, JOLIET_ESCAPE, SECTOR_SIZE, STANDARD_ID, volumeDescriptor } from './structs.ts';

const SYSTEM_ID = 'LINUX';
const APPLICATION_ID = 'KINDLING';

/** A hierarchy and where its path tables are. */
export interface VolumePart {
  readonly directories: readonly Directory[];
  readonly pathTableL: number;
  readonly pathTableM: number;
}

/** The descriptor of a hierarchy, a whole sector. */
export function descriptor(
  kind: 'primary' | 'joliet',
  { directories, pathTableL, pathTableM }: VolumePart,
  { volumeId, time, blockCount }: { readonly volumeId: string; readonly time: number; readonly blockCount: number },
): Uint8Array {
  const isPrimary = kind === 'primary';
  const text = (value: string, size: number): Uint8Array => {
    const letters = isPrimary ? size : Math.floor(size / 2);
    const filled = value.slice(0, letters).padEnd(letters);
    const bytes = new Uint8Array(size);
    bytes.set(isPrimary ? utf8(filled) : wideBytes(filled));
    return bytes;
  };
  const sector = new Uint8Array(SECTOR_SIZE);
  volumeDescriptor.encodeInto(new DataView(sector.buffer), 0, {
    type: isPrimary ? DESCRIPTOR_TYPES.primary : DESCRIPTOR_TYPES.supplementary,
    id: STANDARD_ID,
    version: 1,
    flags: 0,
    systemId: text(SYSTEM_ID, 32),
    volumeId: text(volumeId, 32),
    unused: new Uint8Array(0),
    blockCount,
    escapes: isPrimary ? new Uint8Array(0) : JOLIET_ESCAPE,
    setSize: 1,
    sequenceNumber: 1,
    blockSize: SECTOR_SIZE,
    pathTableSize: pathTableSize(directories),
    pathTableL,
    optionalPathTableL: 0,
    pathTableM,
    optionalPathTableM: 0,
    root: rootRecord(directories[0]!),
    volumeSetId: text('', 128),
    publisherId: text('', 128),
    preparerId: text('', 128),
    applicationId: text(APPLICATION_ID, 128),
    copyrightFile: text('', 37),
    abstractFile: text('', 37),
    bibliographicFile: text('', 37),
    createdAt: longDate(time),
    modifiedAt: longDate(time),
    expiresAt: longDate(undefined),
    effectiveAt: longDate(undefined),
    structureVersion: 1,
    reserved: 0,
    application: new Uint8Array(0),
  });
  return sector;
}

/** What ends the list of descriptors. */
export function terminator(): Uint8Array {
  return descriptorHead.encode({ type: DESCRIPTOR_TYPES.terminator, id: STANDARD_ID, version: 1 });
}
