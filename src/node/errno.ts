// The one place where a failed system call becomes a KindlingError.
import { type ErrorCode, KindlingError, type Where } from '../errors.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EFBIG: 'NO_SPACE',
  EACCES: 'NO_PERMISSION',
  EPERM: 'NO_PERMISSION',
  EROFS: 'READ_ONLY',
  ENOENT: 'NO_ENTRY',
  ENOTDIR: 'NO_ENTRY',
  ELOOP: 'LINK_LOOP',
  ENAMETOOLONG: 'BAD_NAME',
};

const SAYS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than the file system allows',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a component of the path is no directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'input/output error',
  EISDIR: 'it is a directory',
  EEXIST: 'it exists already',
  EMFILE: 'too many open files',
  ENOTEMPTY: 'the directory is not empty',
};

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return false;
  return typeof error.code === 'string' && typeof error.syscall === 'string' && /^E[A-Z0-9]+$/.test(error.code);
}

/** A failed system call as a KindlingError; undefined for anything else (a KindlingError too). `where.file` defaults to the path of the call. */
export function errnoError(error: unknown, where: Where = {}): KindlingError | undefined {
  if (!isSystemError(error)) return undefined;
  const code = CODES[error.code] ?? 'IO';
  const file = where.file ?? error.path;
  const says = SAYS[error.code] ?? error.code;
  return new KindlingError(code, `${error.syscall}: ${says}`, file === undefined ? where : { ...where, file }, error);
}

/** Runs a piece of work that makes system calls; failures come out as KindlingErrors. */
export function system<T>(work: () => T, where: Where = {}): T {
  try {
    return work();
  } catch (error) {
    throw errnoError(error, where) ?? error;
  }
}
