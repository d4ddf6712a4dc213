// The options that every verb has, and those that mean the same on every verb that takes them.
import type { OptionSpec, OptionTable } from './verb.ts';

/** On every verb without being declared. */
export const COMMON_OPTIONS: OptionTable = {
  json: { summary: 'print one JSON document on standard output instead of text' },
  quiet: { short: 'q', summary: 'print errors only' },
  verbose: { short: 'v', summary: 'print what is being done, and where a defect came from' },
  'no-color': { summary: 'no colours (NO_COLOR in the environment does the same)' },
  help: { short: 'h', summary: 'print this help' },
};

/** `-R/--root`: a directory or any image. */
export const ROOT_OPTION: OptionSpec = {
  short: 'R',
  value: 'ROOT',
  summary: 'the root to work on: a directory, or an image kindling can read',
  default: '/',
  completes: 'directory',
};

/** `-k/--kernel`: a version installed in the root, or the path of a kernel image. */
export const KERNEL_OPTION: OptionSpec = {
  short: 'k',
  value: 'VERSION|FILE',
  summary: 'the kernel: a version whose modules are in the root, or a kernel image file',
  completes: 'file',
};

/** `-n/--dry-run`, for verbs that write. */
export const DRY_RUN_OPTION: OptionSpec = { short: 'n', summary: 'say what would be done and write nothing' };

/** `-o/--output`, for verbs that write one file. */
export const OUTPUT_OPTION: OptionSpec = { short: 'o', value: 'FILE', summary: 'the file to write', completes: 'file' };
