// node: the outside world. Files, processes, native digests and codecs; imported by cli/ alone.
export { consoleTail, isQcow2 } from './boot-files.ts';
export { bootOutside } from './boot-outside.ts';
export { onInterrupt, runCleanups } from './cleanup.ts';
export { type RunningSha256, runningSha256, sha256 } from './digest.ts';
export { type DirectoryTreeOptions, directoryRoot, directoryTree } from './directory.ts';
export { earlyTree } from './early-tree.ts';
export { errnoError, system } from './errno.ts';
export { hostFacts } from './host-facts.ts';
export { openRoot } from './open-root.ts';
export { type FileSource, fileSource } from './source.ts';
export { findTool, type RunOptions, runTool, type ToolResult } from './tools.ts';
export { type PlacedBytes, type WriteOptions, writeAtomically, writePlaced } from './write.ts';
