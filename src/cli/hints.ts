// Advice for the person, by error code. Only the command line gives advice; `docs/errors.md` is made from this and ERROR_CODES.
import type { ErrorCode } from '../errors.ts';

/** One sentence or two for every code: what a person can do about it. */
export const HINTS: Readonly<Record<ErrorCode, string>> = {
  TRUNCATED: 'The file is shorter than it says. Was a download or a copy cut off? Compare its size with the original.',
  BAD_MAGIC: 'The file is not what its place says it is, or it is damaged there.',
  BAD_VALUE: 'The file is damaged or was made by a faulty program. Make it again, or copy it again from where it came.',
  BAD_CHECKSUM: 'The bytes changed after they were written. Copy the file again; if that does not help, check the disk.',
  LIMIT: 'The input would need more memory than any honest one. If it is yours and you trust it, say what made it in a report.',
  UNSUPPORTED: 'kindling does not read this feature yet. Make the file without it.',
  UNRECOGNISED: 'See `kindling list --help` for what can be read. Is it the right file?',
  BAD_NAME: 'No file can have this name. An input that holds it was made by hand or with hostile intent.',
  UNSAFE_PATH: 'The input tries to write outside the target directory. Do not trust it.',
  LINK_LOOP: 'Look at the links with `ls -l`; one of them leads back to itself.',
  CONFLICT: 'Remove or rename one of the two, or leave out the part that adds it with --omit.',
  NOT_EXPRESSIBLE: 'Choose another --format, or leave the entry out.',
  NO_KERNEL: 'Give the version with -k; `ls ROOT/usr/lib/modules` shows which are installed. A kernel image file can be named too.',
  NO_MODULE: 'Check the spelling (`-` and `_` are the same), and that the package with this module is installed in the root.',
  NO_LIBRARY: 'Install the package that holds the library in the root, or leave out the program that needs it with --omit.',
  NO_PROGRAM: 'Install the package that holds the program in the root (busybox provides most of them).',
  NO_ENTRY: 'See what is there with `kindling list`.',
  BAD_CONFIG: 'Correct the line. `kindling plan --print-config` shows the merged configuration.',
  USAGE: 'See `kindling --help`, or `kindling VERB --help`.',
  NO_SPACE: 'Free some space, or write to another file system. What was there before is untouched.',
  NO_PERMISSION: 'Run it as a user who may, or choose another path.',
  READ_ONLY: 'Remount it writable, or write somewhere else.',
  IO: 'If the message names a device, look at `dmesg`.',
  NO_TOOL: 'Install the program it names, and make sure that it is on PATH.',
  TIMEOUT: 'Try again with a longer --timeout, or when the machine is less busy.',
  INTERRUPTED: 'Nothing was left behind; what was there before is untouched.',
  INTERNAL: 'This is a defect in kindling. Run it again with -v and report what it prints.',
};
