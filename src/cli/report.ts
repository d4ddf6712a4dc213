// How a failed run ends: the message on standard error, the hint, the JSON document, the exit code.
import { ERROR_CODES, type ErrorCode, KindlingError, type Where } from '../errors.ts';
import { HINTS } from './hints.ts';

/** An error as the JSON document of `--json` shows it. */
export interface ErrorDocument {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly where: Where; readonly hint: string };
}

/** Any thrown value as a KindlingError; what is none and `translate` does not know is INTERNAL. */
export function asKindlingError(error: unknown, translate: (error: unknown) => KindlingError | undefined): KindlingError {
  if (error instanceof KindlingError) return error;
  const translated = translate(error);
  if (translated !== undefined) return translated;
  // Deep input that overruns the stack, and out of memory in one allocation, arrive as RangeError: still a defect, the room should have bounded it.
  return new KindlingError('INTERNAL', error instanceof Error ? `${error.name}: ${error.message}` : String(error), {}, error);
}

/** `(FILE, structure, offset N, path P)` with what is known, or nothing. Control characters are escaped. */
export function whereText(where: Where): string {
  const parts = [
    where.file,
    where.structure,
    where.offset === undefined ? undefined : `offset ${where.offset}`,
    where.path === undefined || where.path === '' ? undefined : `path ${where.path}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${printable(parts.join(', '))})`;
}

/** Text that cannot move the cursor, change colours or pretend to be another line: control characters and lone surrogates as \xNN. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\udc80-\udcff]/gu, (char) => {
    const code = char.charCodeAt(0);
    return `\\x${(code >= 0xdc00 ? code - 0xdc00 : code).toString(16).padStart(2, '0')}`;
  });
}

/** The lines for standard error: message, hint (at normal verbosity), and with `verbose` the causes and the stack. */
export function errorLines(error: KindlingError, verbosity: -1 | 0 | 1): string[] {
  const lines = [`kindling: ${error.code}: ${printable(error.message)}${whereText(error.where)}`];
  if (verbosity >= 0) lines.push(`hint: ${HINTS[error.code]}`);
  if (verbosity > 0) {
    if (error.code === 'INTERNAL') lines.push(stackOf(error.cause ?? error));
    else for (const cause of causes(error)) lines.push(`cause: ${printable(cause)}`);
  }
  return lines;
}

function stackOf(value: unknown): string {
  return value instanceof Error ? (value.stack ?? String(value)) : String(value);
}

function causes(error: Error): string[] {
  const found: string[] = [];
  for (let cause = error.cause; cause instanceof Error && found.length < 8; cause = cause.cause) found.push(cause.message);
  return found;
}

/** The document for `--json`. */
export function errorDocument(error: KindlingError): ErrorDocument {
  return { error: { code: error.code, message: error.message, where: error.where, hint: HINTS[error.code] } };
}

/** Exit code of an error. */
export function exitCodeOf(error: KindlingError): number {
  return ERROR_CODES[error.code].exit;
}
