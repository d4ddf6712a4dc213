// The one error type and the one finding type of the whole house.
// A KindlingError is thrown when an operation cannot go on; a Finding is what a check returns.
// Neither holds advice for a person: that is the command line's, keyed by `code`.

/** Every reason an operation can fail, with the exit code class it belongs to. The set is closed; `docs/errors.md` is made from it. */
export const ERROR_CODES = {
  // the input's content
  TRUNCATED: { exit: 3, when: 'the input ends before the structure it announced' },
  BAD_MAGIC: { exit: 3, when: 'the bytes are not the format they should be' },
  BAD_VALUE: { exit: 3, when: 'a field holds a value its specification does not allow' },
  BAD_CHECKSUM: { exit: 3, when: 'a stored checksum does not match the bytes it covers' },
  LIMIT: { exit: 3, when: 'the input asks for more memory, entries or nesting than the stated bound' },
  UNSUPPORTED: { exit: 3, when: 'the input uses a feature kindling does not read' },
  UNRECOGNISED: { exit: 3, when: 'the input is no format kindling knows' },
  BAD_NAME: { exit: 3, when: 'a path is empty, absolute, holds NUL, "." or "..", or is too long' },
  UNSAFE_PATH: { exit: 3, when: 'an entry would be written outside the target directory' },
  LINK_LOOP: { exit: 3, when: 'symbolic links lead round in a circle' },
  CONFLICT: { exit: 3, when: 'two sources want different things at the same path' },
  NOT_EXPRESSIBLE: { exit: 3, when: 'the output format cannot hold this entry' },
  // what the person asked for is not there
  NO_KERNEL: { exit: 3, when: 'the root holds no such kernel' },
  NO_MODULE: { exit: 3, when: 'a named kernel module is neither a file nor built in' },
  NO_LIBRARY: { exit: 3, when: 'a program needs a library the root does not hold' },
  NO_PROGRAM: { exit: 3, when: 'a program that the plan needs is not in the root' },
  NO_ENTRY: { exit: 3, when: 'there is no such path in the archive or root' },
  BAD_CONFIG: { exit: 3, when: 'a configuration file has a line that cannot be understood' },
  USAGE: { exit: 2, when: 'the command line cannot be understood' },
  // the environment
  NO_SPACE: { exit: 4, when: 'the file system is full' },
  NO_PERMISSION: { exit: 4, when: 'the file system refused access' },
  READ_ONLY: { exit: 4, when: 'the file system is read-only' },
  IO: { exit: 4, when: 'a system call failed for another reason' },
  NO_TOOL: { exit: 4, when: 'an outside program that is needed is not installed' },
  TIMEOUT: { exit: 4, when: 'a deadline passed' },
  INTERRUPTED: { exit: 4, when: 'a signal ended the work (the process exits with 128 + its number)' },
  INTERNAL: { exit: 4, when: 'a defect in kindling itself' },
} as const satisfies Record<string, { exit: 2 | 3 | 4; when: string }>;

/** A reason from the closed set `ERROR_CODES`. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Where in the input something was found. `offset` is in bytes from the start of `file` (or of the named structure's stream). */
export interface Where {
  readonly file?: string;
  readonly structure?: string;
  readonly offset?: number;
  readonly path?: string;
}

/** The error every part of kindling throws. `message` says what was found and what was expected. */
export class KindlingError extends Error {
  readonly code: ErrorCode;
  readonly where: Where;

  constructor(code: ErrorCode, message: string, where: Where = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KindlingError';
    this.code = code;
    this.where = where;
  }

  toJSON(): { code: ErrorCode; message: string; where: Where } {
    return { code: this.code, message: this.message, where: this.where };
  }
}

/** Adds what an outer caller knows (usually the file name or a base offset) to an error on its way up. Other values pass unchanged. */
export function located(error: unknown, where: Where): unknown {
  if (!(error instanceof KindlingError)) return error;
  return new KindlingError(error.code, error.message, { ...where, ...error.where }, error.cause);
}

/** How bad a finding is: an `error` makes `verify` answer no. */
export type Severity = 'error' | 'warning' | 'note';

/** One result of a check. `code` is stable, kebab-case and documented in `docs/verify.md`. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly where: Where;
  readonly message: string;
}
