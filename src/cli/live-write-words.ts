// The options of `kindling live write`, apart from what it loads.
import type { OptionTable } from './verb.ts';

/** Options of `live write`, besides --dry-run. */
export const LIVE_WRITE_OPTIONS: OptionTable = {
  yes: { value: 'DEVICE', summary: 'write: do not ask, everything on this DEVICE (named again) may be destroyed', completes: 'file' },
  force: { value: 'DEVICE', summary: 'write: this DEVICE (named again) may be neither removable nor on USB', completes: 'file' },
};
