// The table of parts, in the order they are shown. Order has no other effect: parts that disagree are an error.
import type { Part } from '../part.ts';
import { check } from './check.ts';
import { consolePart } from './console.ts';
import { failsafe } from './failsafe.ts';
import { files } from './files.ts';
import { filesystems } from './filesystems.ts';
import { fsck } from './fsck.ts';
import { init } from './init.ts';
import { kdump } from './kdump.ts';
import { live } from './live.ts';
import { microcode } from './microcode.ts';
import { modprobeConfig } from './modprobe-config.ts';
import { modulesLoad } from './modules-load.ts';
import { network } from './network.ts';
import { platform } from './platform.ts';
import { resume } from './resume.ts';
import { storage } from './storage.ts';
import { tools } from './tools.ts';
import { usr } from './usr.ts';

export { type DirectoryTarget, type KdumpTarget, kdumpTarget, type RawTarget } from './kdump-target.ts';

/** Every part there is. */
export const PARTS: readonly Part[] = [
  init,
  tools,
  storage,
  filesystems,
  consolePart,
  platform,
  fsck,
  usr,
  resume,
  modulesLoad,
  modprobeConfig,
  microcode,
  network,
  kdump,
  check,
  failsafe,
  live,
  files,
];
