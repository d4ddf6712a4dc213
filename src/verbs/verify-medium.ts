// verify of a live medium's image: an ISO image, a disk image or a volume: its structure, its loader files, its digests, and whether the live
// archive looks for this medium (docs/live.md, "Checking").
import { decode as decodeArchive } from '../archive/index.ts';
import { type ByteSource, nameFromBytes, readAll, type Sha256, sliceSource } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import * as fat from '../formats/fat/index.ts';
import * as iso9660 from '../formats/iso9660/index.ts';
import * as partitions from '../formats/partitions/index.ts';
import * as squashfs from '../formats/squashfs/index.ts';
import {
  dataDirectories,
  ESP_PATH,
  espSumsPath,
  mediumId,
  mediumPath,
  parseMedium,
  parseSums,
  type SourceDigest,
  sumsPath,
  textOf,
} from '../media/index.ts';
import { EARLY_CONF } from '../plan/index.ts';
import type { Entry, Tree } from '../tree/index.ts';
import { type FoundLoader, type FoundStart, findStart } from './verify-medium-loader.ts';

/** What checking a medium needs of the outside. */
export interface VerifyMediumOutside {
  readonly source: ByteSource;
  readonly decoders: readonly Decoder[];
  readonly sha256: Sha256;
  readonly digest: SourceDigest;
  /** Told each file before it is digested, with the bytes done so far. */
  onFile?(path: string, done: number): void;
}

/** What an image is, and what is wrong with it. */
export interface MediumVerification {
  readonly form: 'iso' | 'disk' | 'volume';
  /** The medium's id; undefined where it has none that can be read. */
  readonly id: string | undefined;
  /** What UEFI would start; undefined where it finds nothing. */
  readonly loader: FoundLoader | undefined;
  readonly fileCount: number;
  readonly bundles: readonly string[];
  readonly findings: readonly Finding[];
}

interface Opened {
  readonly form: MediumVerification['form'];
  /** Undefined where the file system is one that kindling does not read (ext4). */
  readonly tree: Tree | undefined;
  /** The volume that UEFI starts from. */
  readonly esp: Tree | undefined;
  /** Whether a BIOS finds something, where that is known. */
  readonly hasBios: boolean | undefined;
  readonly findings: readonly Finding[];
}

const finding = (code: string, severity: Finding['severity'], message: string, path?: string): Finding => ({
  code,
  severity,
  where: path === undefined ? {} : { path },
  message,
});

/** Whether a source is an image that this checks: an ISO image, a partitioned disk or a FAT volume. */
export function isMediumImage(source: ByteSource): boolean {
  return iso9660.detect(source) || partitions.detect(source) || fat.detect(source);
}

function attempt(findings: Finding[], code: string, read: () => Tree): Tree | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    const { where, message } = error;
    // what stops reading is mostly what `check` has told
    if (!findings.some((one) => one.severity === 'error' && one.message === message))
      findings.push({ code, severity: 'error', where, message });
    return undefined;
  }
}

function openIso(source: ByteSource): Opened {
  const findings: Finding[] = [...iso9660.check(source)];
  if (partitions.detect(source)) findings.push(...partitions.check(source));
  let entries: readonly iso9660.FoundBootEntry[] = [];
  const tree = attempt(findings, 'iso-unreadable', () => {
    const image = iso9660.decode(source);
    entries = image.bootEntries;
    return image.tree;
  });
  const starts = (platform: 'bios' | 'efi'): boolean => entries.some((entry) => entry.platform === platform && entry.isBootable);
  if (!starts('efi')) findings.push(finding('medium-not-bootable', 'warning', 'nothing in the boot catalog is for EFI'));
  findings.push(...espAgreement(source, entries));
  const image = tree?.get(ESP_PATH);
  const esp = image?.kind === 'file' ? volumeOf(image.content, ESP_PATH, findings) : undefined;
  return { form: 'iso', tree, esp, hasBios: starts('bios'), findings };
}

/** A FAT volume, checked. */
function volumeOf(volume: ByteSource, structure: string, findings: Finding[]): Tree | undefined {
  findings.push(...fat.check(volume).map((one) => ({ ...one, where: { ...one.where, structure } })));
  return attempt(findings, 'fat-unreadable', () => fat.decode(volume).tree);
}

/** The EFI system partition of the GPT, for sticks, and the EFI image of the boot catalog, for discs, are to be one. */
function espAgreement(source: ByteSource, entries: readonly iso9660.FoundBootEntry[]): Finding[] {
  const efi = entries.find(({ platform }) => platform === 'efi');
  if (efi === undefined || !partitions.detect(source)) return [];
  let table: partitions.PartitionTable;
  try {
    table = partitions.decode(source);
  } catch (error) {
    if (error instanceof KindlingError) return []; // `check` has told it
    throw error;
  }
  const esp = table.partitions.find(({ type }) => [partitions.PARTITION_TYPES.efiSystem, '0xef'].includes(type));
  if (esp === undefined || esp.firstByte === efi.at) return [];
  const message = `a disc starts the EFI image at byte ${efi.at}, a stick the partition at byte ${esp.firstByte}`;
  return [finding('medium-esp-differs', 'error', message)];
}

function openDisk(source: ByteSource): Opened {
  const findings: Finding[] = [...partitions.check(source)];
  const trees: Tree[] = [];
  let esp: Tree | undefined;
  let isUnread = false;
  let table: partitions.PartitionTable | undefined;
  try {
    table = partitions.decode(source);
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
  }
  for (const { firstByte, size, index, type } of table?.partitions ?? []) {
    if (firstByte + size > source.size) {
      findings.push(finding('medium-cut', 'error', `partition ${index} ends at byte ${firstByte + size}, the image at ${source.size}`));
      continue;
    }
    const volume = sliceSource(source, firstByte, size);
    if (!fat.detect(volume)) {
      isUnread ||= type === partitions.PARTITION_TYPES.linux;
      continue;
    }
    const tree = volumeOf(volume, `partition ${index}`, findings);
    if (tree === undefined) continue;
    if (type === partitions.PARTITION_TYPES.efiSystem) esp ??= tree;
    trees.push(tree);
  }
  const tree = trees.find((one) => dataDirectories(one).length > 0);
  if (tree === undefined && isUnread) {
    findings.push(
      finding(
        'medium-unread',
        'note',
        'the medium is on ext4, which kindling does not read: boot it with kindling.verify to check its files',
      ),
    );
  }
  // a stick with one partition of any type is started by what is in it
  return { form: 'disk', tree: tree ?? (isUnread ? undefined : trees[0]), esp: esp ?? tree, hasBios: undefined, findings };
}

function open(source: ByteSource): Opened {
  if (iso9660.detect(source)) return openIso(source);
  if (fat.detect(source)) {
    const findings: Finding[] = [];
    const tree = volumeOf(source, 'volume', findings);
    return { form: 'volume', tree, esp: tree, hasBios: undefined, findings };
  }
  return openDisk(source);
}

/** Checks an image. Never throws for what its bytes hold. */
export function verifyMedium(outside: VerifyMediumOutside): MediumVerification {
  const { form, tree, esp, hasBios, findings: found } = open(outside.source);
  const findings = [...found];
  if (tree === undefined) {
    const { loader } = findStart(undefined, esp, (...words) => findings.push(finding(...words)));
    return { form, id: undefined, loader, fileCount: 0, bundles: [], findings };
  }
  const fileCount = tree.entries.filter(({ kind }) => kind === 'file').length;
  const [data] = dataDirectories(tree);
  if (data === undefined) {
    findings.push(finding('medium-none', 'error', 'there is no file "medium" in any directory: this is no live medium of kindling'));
    return { form, id: undefined, loader: undefined, fileCount, bundles: [], findings };
  }
  const start = findStart(tree, esp, (...words) => findings.push(finding(...words)));
  if (hasBios === false) {
    // loaders for UEFI alone are a choice
    const isChosen = start.loader === 'uki' || start.loader === 'systemd-boot';
    findings.push(finding('medium-not-bootable', isChosen ? 'note' : 'warning', 'nothing in the boot catalog is for a BIOS'));
  }
  const sums = digests(tree, data, outside, findings);
  if (esp !== undefined) espDigests(tree.get(espSumsPath(data)), esp, outside, findings);
  const { id, bundles } = stack(tree, data, sums, outside, findings);
  pairing(start, id, outside, findings);
  return { form, id, loader: start.loader, fileCount, bundles, findings };
}

/** Every file against its digest; answers those that were found. */
function digests(tree: Tree, data: string, outside: VerifyMediumOutside, findings: Finding[]): ReadonlyMap<string, string> {
  const path = sumsPath(data);
  const listed = tree.get(path);
  const found = new Map<string, string>();
  if (listed?.kind !== 'file') {
    findings.push(finding('medium-sums-missing', 'error', 'there is no list of digests', path));
    return found;
  }
  let sums: ReadonlyMap<string, string>;
  try {
    sums = parseSums(textOf(listed.content, path));
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    findings.push(finding('medium-sums-damaged', 'error', error.message, path));
    return found;
  }
  let done = 0;
  for (const entry of tree.entries) {
    if (entry.kind !== 'file' || entry.path === path) continue;
    outside.onFile?.(entry.path, done);
    done += entry.content.size;
    const said = sums.get(entry.path);
    try {
      const digest = outside.digest(entry.content);
      found.set(entry.path, digest);
      if (said === undefined) findings.push(finding('medium-unlisted', 'note', 'the list of digests does not name this file', entry.path));
      else if (said !== digest)
        findings.push(finding('medium-digest', 'error', `its SHA-256 is ${digest}, the list says ${said}`, entry.path));
    } catch (error) {
      if (!(error instanceof KindlingError)) throw error;
      findings.push(finding('medium-unreadable', 'error', error.message, entry.path));
    }
  }
  for (const name of sums.keys()) {
    if (tree.get(name) === undefined)
      findings.push(finding('medium-file-missing', 'error', 'the list of digests names it, and it is not there', name));
  }
  return found;
}

/** Files that lie on the EFI system partition alone, against the list of them on the medium. */
function espDigests(listed: Entry | undefined, esp: Tree, { digest }: VerifyMediumOutside, findings: Finding[]): void {
  if (listed?.kind !== 'file') return;
  try {
    for (const [path, said] of parseSums(textOf(listed.content, listed.path))) {
      const entry = esp.get(path);
      if (entry?.kind !== 'file')
        findings.push(finding('medium-file-missing', 'error', `${listed.path} names it, and it is not there`, path));
      else if (digest(entry.content) !== said)
        findings.push(finding('medium-digest', 'error', `${listed.path} has another SHA-256 for it`, path));
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    findings.push(finding('medium-sums-damaged', 'error', error.message, listed.path));
  }
}

interface Stack {
  readonly id: string | undefined;
  readonly bundles: readonly string[];
}

/** The bundles that `medium` names, and its id. */
function stack(tree: Tree, data: string, sums: ReadonlyMap<string, string>, { sha256 }: VerifyMediumOutside, findings: Finding[]): Stack {
  const path = mediumPath(data);
  const entry = tree.get(path);
  const names = tree
    .children(data)
    .flatMap(({ path: at, kind }) => (kind === 'file' && at.endsWith('.sb') ? [at.slice(data.length + 1)] : []));
  let medium: ReturnType<typeof parseMedium>;
  try {
    medium = parseMedium(entry?.kind === 'file' ? textOf(entry.content, path) : '');
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    findings.push(finding('medium-damaged', 'error', error.message, path));
    return { id: undefined, bundles: names };
  }
  for (const { name, size } of medium.bundles) {
    const bundle = tree.get(`${data}/${name}`);
    if (bundle?.kind !== 'file')
      findings.push(finding('medium-file-missing', 'error', 'the medium names this bundle, and it is not there', `${data}/${name}`));
    else if (bundle.content.size !== size) {
      findings.push(finding('medium-size', 'error', `it has ${bundle.content.size} bytes, the medium says ${size}`, bundle.path));
    } else if (!squashfs.detect(bundle.content.read(0, Math.min(4, size)))) {
      findings.push(finding('medium-bundle', 'error', 'it is no squashfs image', bundle.path));
    }
  }
  for (const name of names.filter((one) => !medium.bundles.some((bundle) => bundle.name === one))) {
    findings.push(
      finding('medium-bundle-added', 'note', 'the medium does not name this bundle: it is stacked all the same', `${data}/${name}`),
    );
  }
  const known = medium.bundles.map(({ name, size }) => ({ name, size, sha256: sums.get(`${data}/${name}`) ?? '' }));
  if (known.every(({ sha256: digest }) => digest !== '') && mediumId(known, sha256) !== medium.id) {
    findings.push(finding('medium-id', 'warning', `its bundles make the id ${mediumId(known, sha256)}, it says ${medium.id}`, path));
  }
  return { id: medium.id, bundles: names };
}

/** Whether the live archive takes this medium. */
function pairing(
  { archive, archivePath }: FoundStart,
  id: string | undefined,
  { decoders }: VerifyMediumOutside,
  findings: Finding[],
): void {
  if (archive === undefined) return;
  try {
    const conf = decodeArchive(archive, { decoders }).tree.get(EARLY_CONF);
    const text = conf?.kind === 'file' ? nameFromBytes(readAll(conf.content)) : '';
    const wanted = /^MEDIUM='([0-9a-f]*)'$/m.exec(text)?.[1];
    if (!/^LIVE='1'$/m.test(text))
      findings.push(finding('medium-archive', 'warning', 'the boot archive is none of kindling for live media', archivePath));
    else if (wanted !== '' && wanted !== undefined && id !== undefined && wanted !== id) {
      findings.push(finding('medium-archive-other', 'error', `the boot archive looks for medium ${wanted}, this is ${id}`, archivePath));
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    findings.push(finding('medium-archive', 'error', error.message, archivePath));
  }
}
