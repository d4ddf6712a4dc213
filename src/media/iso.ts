// A medium as an image that is a disc and a disk at once: ISO 9660 with boot images for BIOS and EFI, and in its first sectors, which a disc
// leaves free, boot code and a GPT for those who start it from a stick (docs/live.md, "The ISO image").
import { type ByteSource, bytesSource, nameToBytes, type Sha256 } from '../bytes/index.ts';
import { encode, type IsoLayout, type IsoPlan } from '../formats/iso9660/index.ts';
import { encode as encodeTable, GPT_BACKUP_SIZE, guidFromDigest, PARTITION_TYPES } from '../formats/partitions/index.ts';
import type { Tree } from '../tree/index.ts';
import { espImage } from './esp.ts';
import { hybridCode } from './grub.ts';
import { type BiosLoader, type Loader, withLoader } from './loader.ts';
import { type MediumFile, type MediumParts, mediumTree, type SourceDigest } from './medium.ts';

/** GRUB's image for a disc that a BIOS starts. */
export const DISC_CORE_PATH = 'boot/grub/eltorito.img';
/** The EFI system partition as a file. */
export const ESP_PATH = 'boot/grub/efi.img';

/** An ISO image that can be written. */
export interface IsoMedium {
  readonly plan: IsoPlan;
  readonly tree: Tree;
}

/** What an ISO image is made with. */
export interface IsoOptions {
  /** The volume's name. */
  readonly label: string;
  readonly sha256: Sha256;
  readonly digest: SourceDigest;
}

/** A number of 32 bits that belongs to a medium and a use. */
export function serialOf(id: string, use: string, sha256: Sha256): number {
  return Number.parseInt(sha256(nameToBytes(`${use} of ${id}`)).slice(0, 8), 16);
}

/** A GUID that belongs to a medium and a use. */
export function guidOf(id: string, use: string, sha256: Sha256): string {
  const digest = sha256(nameToBytes(`${use} of ${id}`));
  return guidFromDigest(Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(digest.slice(index * 2, index * 2 + 2), 16)));
}

/** Plans the image. Throws NOT_EXPRESSIBLE and BAD_VALUE as the formats do. */
export function isoMedium(parts: MediumParts, loader: Loader, { label, sha256, digest }: IsoOptions): IsoMedium {
  const { id, time } = parts;
  const { bios } = loader;
  const esp: MediumFile = {
    path: ESP_PATH,
    content: bytesSource(espImage(loader.esp, { label: 'KINDLING-EF', serial: serialOf(id, 'esp', sha256), time, wide: false })),
  };
  const held = withLoader(parts, loader, digest);
  // once: an image is planned more than once
  const files = [...held.files, esp].map((one): MediumFile => ({ ...one, sha256: one.sha256 ?? digest(one.content) }));
  const table = (layout: IsoLayout) => {
    const { at, size } = layout.extentOf(ESP_PATH);
    return encodeTable({
      scheme: 'gpt',
      size: layout.size,
      diskGuid: guidOf(id, 'disk', sha256),
      partitions: [{ firstByte: at, size, type: PARTITION_TYPES.efiSystem, guid: guidOf(id, 'esp', sha256), name: 'EFI system' }],
      ...(bios === undefined ? {} : diskStart(bios, layout)),
    });
  };
  const planOf = (core?: ByteSource): IsoMedium => {
    const own: MediumFile[] =
      bios === undefined || core === undefined ? [] : [{ path: DISC_CORE_PATH, content: bytesSource(bios.core), sha256: digest(core) }];
    const tree = mediumTree({ ...held, files: [...files, ...own] }, digest);
    const plan = encode(tree, {
      volumeId: label,
      time,
      joliet: true,
      bootEntries: [
        ...(bios === undefined ? [] : [{ platform: 'bios', path: DISC_CORE_PATH, bootInfoTable: true, grub2BootInfo: true } as const]),
        { platform: 'efi', path: ESP_PATH },
      ],
      alignments: new Map([[ESP_PATH, 4096]]),
      systemArea: (layout) => table(layout).primary,
      trailer: { size: GPT_BACKUP_SIZE, bytes: (layout) => table(layout).backup },
    });
    return { plan, tree };
  };
  if (bios === undefined) return planOf();
  // The boot image is changed when its place is known: its digest on the medium is that of the changed one. Nothing moves by that.
  return planOf(planOf(bytesSource(bios.core)).plan.contentOf(DISC_CORE_PATH));
}

/** What the first sectors hold for a BIOS that starts the disc as a disk. */
function diskStart({ sector }: BiosLoader, layout: IsoLayout) {
  return {
    bootCode: hybridCode(sector, layout.extentOf(DISC_CORE_PATH).at),
    // some BIOSes start no disk without an active entry
    hybrid: [{ firstByte: 0, size: 512, type: 0, bootable: true }],
  };
}
