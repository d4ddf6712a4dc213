// node: the outside world. Files, processes, native digests and codecs; imported by cli/ alone.
export { onInterrupt, runCleanups } from './cleanup.ts';
export { errnoError, system } from './errno.ts';
