// What is wrong with a PE image that firmware is to start. Codes: docs/formats/pe.md.
import type { ByteSource } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { decode } from './decode.ts';
import { EFI_APPLICATION } from './structs.ts';

/** All that is wrong. Never throws for what the bytes are. */
export function check(source: ByteSource): Finding[] {
  const findings: Finding[] = [];
  const add = (code: string, severity: Finding['severity'], message: string, structure = 'PE') =>
    findings.push({ code, severity, where: { structure }, message });
  try {
    const { sections, subsystem, signatures } = decode(source);
    if (subsystem !== EFI_APPLICATION)
      add('pe-not-efi', 'error', `its subsystem is ${subsystem ?? 'missing'}, firmware starts ${EFI_APPLICATION}`);
    let end = 0;
    for (const { name, at, size, address, memorySize } of sections) {
      if (at + size > source.size) add('pe-cut', 'error', `it ends at byte ${at + size}, the file at ${source.size}`, name);
      if (address < end) add('pe-overlap', 'error', `it is at address ${address}, which is used up to ${end}`, name);
      end = Math.max(end, address + memorySize);
    }
    if (signatures !== undefined && signatures.at + signatures.size > source.size) {
      add('pe-cut', 'error', `the signatures end at byte ${signatures.at + signatures.size}, the file at ${source.size}`, 'signatures');
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    findings.push({
      code: `pe-${error.code.toLowerCase().replaceAll('_', '-')}`,
      severity: 'error',
      where: error.where,
      message: error.message,
    });
  }
  return findings;
}
