// Structural findings for `verify`: would the kernel unpack this archive, all of it, and does it hold what it says of itself?
import { type ByteSource, nameFromBytes, readAll, type Sha256 } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { type Archive, type DecodeOptions, inspect } from './decode.ts';
import { ID_PATH } from './encode.ts';
import { idOf } from './id.ts';
import { covered } from './image.ts';

/** A fault as a finding: its error code in kebab case. */
export function faultFinding(fault: KindlingError): Finding {
  return {
    code: `archive-${fault.code.toLowerCase().replaceAll('_', '-')}`,
    severity: 'error',
    where: fault.where,
    message: fault.message,
  };
}

/** All structural findings of an archive already read. With `sha256` its id is compared with its content, which reads everything. */
export function checkDecoded(archive: Archive, sha256?: Sha256): Finding[] {
  const findings = [...archive.findings];
  if (archive.fault !== undefined) findings.push(faultFinding(archive.fault));
  if (archive.tree.entries.length === 0) {
    findings.push({ code: 'archive-empty', severity: 'error', where: {}, message: 'the archive holds no entry' });
  }
  if (sha256 === undefined) return findings;
  try {
    findings.push(...checkId(archive, sha256));
  } catch (error) {
    // it reads all content, and some may not be readable
    if (!(error instanceof KindlingError)) throw error;
    findings.push(faultFinding(error));
  }
  return findings;
}

/** Reads an archive and returns its structural findings; never throws for what the bytes hold. */
export function checkArchive(source: ByteSource, options: DecodeOptions, sha256?: Sha256): Finding[] {
  return checkDecoded(inspect(source, options), sha256);
}

function checkId(archive: Archive, sha256: Sha256): Finding[] {
  const { outer, inner } = archive;
  const entry = outer.get(ID_PATH);
  if (entry?.kind !== 'file' || archive.fault !== undefined) return [];
  const stored = nameFromBytes(readAll(entry.content)).trim();
  const covers = outer.entries.filter(({ path }) => path !== ID_PATH && path !== '' && path !== inner?.path);
  const found = idOf(inner === undefined ? covers : [...covers, ...covered(inner.path, inner.tree)], sha256);
  if (found === stored) return [];
  const message = `the content's digest is ${found}, the archive says ${stored}`;
  return [{ code: 'id-mismatch', severity: 'error', where: { path: ID_PATH }, message }];
}
