// The smallest archive that boots: a static busybox and a script as /init. For tests of the machine itself.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesSource, utf8 } from '../../src/bytes/index.ts';
import * as newc from '../../src/formats/newc/index.ts';
import { directory, type Entry, file, makeTree, symlink } from '../../src/tree/index.ts';
import { type Architecture, staticBusybox } from '../world/index.ts';

// Shell functions for the scripts: report on the second serial port, as early userspace does.
const PRELUDE = `#!/bin/busybox sh
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t proc proc /proc
port=$(busybox sed -n 's/.*kindling.report=\\([a-zA-Z0-9]*\\).*/\\1/p' /proc/cmdline)
busybox stty -F /dev/$port raw
meminfo() { busybox sed -n "s/^$1: *\\([0-9]*\\) kB/\\1/p" /proc/meminfo; }
say() { echo "kindling: $*" >/dev/$port; }
phase() { read -r uptime rest </proc/uptime; say phase $1 uptime=$uptime available=$(meminfo MemAvailable) free=$(meminfo MemFree); }
`;

/** Entries of an archive whose /init is this POSIX sh script; \`phase NAME\` and \`say fact KEY VALUE\` report. */
export async function tinyEntries(script: string, architecture: Architecture = 'amd64'): Promise<readonly Entry[]> {
  const busybox = readFileSync(await staticBusybox(architecture));
  return [
    ...['bin', 'dev', 'proc', 'sys'].map((path) => directory(path)),
    file('bin/busybox', bytesSource(busybox), 0o755),
    symlink('bin/sh', 'busybox'),
    file('init', bytesSource(utf8(PRELUDE + script)), 0o755),
  ];
}

// one folder for the whole test process, removed with it
let folder: string | undefined;
let made = 0;

function scratchFolder(): string {
  if (folder !== undefined) return folder;
  const created = mkdtempSync(join(tmpdir(), 'kindling-test-'));
  process.once('exit', () => rmSync(created, { recursive: true, force: true }));
  folder = created;
  return created;
}

/** Writes such an archive, uncompressed, with further entries; returns its path, which goes away with the test process. */
export async function tinyArchive(script: string, more: readonly Entry[] = [], architecture: Architecture = 'amd64'): Promise<string> {
  const tree = makeTree([...(await tinyEntries(script, architecture)), ...more]);
  const path = join(scratchFolder(), `tiny-${made++}.cpio`);
  writeFileSync(path, newc.encodeWhole(tree.entries));
  return path;
}
