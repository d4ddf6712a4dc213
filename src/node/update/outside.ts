// The outside world of `update` and `status`: a root's directory, its two places that are written, its lock, and facts of the machine.
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { idOf } from '../../archive/index.ts';
import { nameFromBytes, utf8 } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { fstab, type HostFacts, parseFacts, printFacts } from '../../plan/index.ts';
import type { Entry } from '../../tree/index.ts';
import { FACTS_NAME } from '../../verbs/update/store.ts';
import type { UpdateOutside } from '../../verbs/update.ts';
import { nodeDecoders, nodeEncoders } from '../codecs.ts';
import { sha256 } from '../digest.ts';
import { directoryRoot } from '../directory.ts';
import { DISK, type Disk, isErrno } from '../disk.ts';
import { earlyTree, squashScripts } from '../early-tree.ts';
import { errnoError, system } from '../errno.ts';
import { hostFacts } from '../host-facts.ts';
import { type LockOptions, takeLock } from '../lock.ts';
import { type OpenStore, openStore } from './store.ts';

/** Made by early userspace when the boot that it began should bring the archives up to date. */
export const UPDATE_FLAG = '/run/kindling/update';

/** The machine that this program runs on. */
export interface Machine {
  /** Whether a directory is the root of the running system. */
  isRoot(base: string): boolean;
  facts(): HostFacts;
  readonly flag: string;
}

const MACHINE: Machine = {
  isRoot: (base) => system(() => realpathSync(base), { file: base }) === '/',
  facts: () => hostFacts(),
  flag: UPDATE_FLAG,
};

/** How a root is opened. */
export interface UpdateRootOptions {
  /** Version of this program: another one may plan otherwise. */
  readonly version: string;
  /** Compresses the image of a squashed archive. */
  readonly withImage: UpdateOutside['withImage'];
  readonly disk?: Disk;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly lock?: LockOptions;
  /** Early userspace and the loader, when not those of this program. */
  readonly early?: Pick<UpdateOutside, 'earlyTree' | 'squashScripts'>;
  readonly decoders?: readonly Decoder[];
  /** Another machine than this one: a test's. */
  readonly machine?: Machine;
}

/** A root whose archives can be judged, and updated with the lock held. */
export interface UpdateRoot {
  readonly outside: UpdateOutside;
  /** Whether it is the root of the running system. */
  readonly isRunning: boolean;
  /** Does work that changes archives or records; waits until nobody else does. */
  locked<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}

/** Opens the root in a directory. Nothing is changed by that. */
export function openUpdateRoot(base: string, options: UpdateRootOptions): UpdateRoot {
  const disk = options.disk ?? DISK;
  const machine = options.machine ?? MACHINE;
  const isRunning = machine.isRoot(base);
  // Looks whether it is a directory.
  directoryRoot(base);
  const store = openStore(disk, base);
  const decoders = options.decoders ?? nodeDecoders();
  const early = options.early ?? { earlyTree: () => earlyTree(), squashScripts: () => squashScripts() };
  let facts: HostFacts | undefined;
  let digest: string | undefined;
  const earlyOnce = (): string => {
    digest ??= earlyDigest(early);
    return digest;
  };
  const factsOf = (): HostFacts => {
    facts ??= isRunning ? machine.facts() : keptFacts(store);
    return facts;
  };
  return {
    isRunning,
    outside: {
      store,
      sha256,
      decoders,
      encoders: nodeEncoders(),
      now: options.now ?? Date.now,
      root: () => directoryRoot(base),
      beyond: (scope) => [
        { name: 'kindling', digest: sha256(utf8(options.version)) },
        { name: 'early userspace', digest: earlyOnce() },
        ...(scope === 'host' ? [{ name: 'facts of the machine', digest: factsDigest(factsOf) }] : []),
      ],
      facts: factsOf,
      mounts: () => (isRunning ? machine.facts().mounts : []),
      bootFault: () => bootFault(base, isRunning),
      ...early,
      withImage: options.withImage,
      keepsFacts: isRunning,
      onAllInStep() {
        if (!isRunning) return;
        try {
          disk.unlink(machine.flag);
        } catch (error) {
          if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw errnoError(error, { file: machine.flag }) ?? error;
        }
      },
    },
    async locked(work) {
      const lock = await lockOf(disk, store, options.lock);
      let result: Awaited<ReturnType<typeof work>>;
      try {
        result = await work();
      } catch (error) {
        try {
          lock.release();
        } catch {
          // A lock without a process is taken away by the next run; what went wrong before is what is reported.
        }
        throw error;
      }
      system(() => lock.release(), { file: `${store.records}/lock` });
      return result;
    },
    close: () => store.close(),
  };
}

/**
 * An archive that is written below a mount point is not the one that is booted. Whether boot/ should be mounted the root's fstab says; a mere
 * directory that an image will be made of has nothing mounted.
 */
function bootFault(base: string, isRunning: boolean): Finding | undefined {
  const top = statSync(base);
  const boot = lstatSync(`${base}/boot`, { throwIfNoEntry: false });
  if (boot?.isDirectory() !== true || boot.dev !== top.dev) return undefined;
  const above = statSync(`${base}/..`);
  if (!isRunning && above.dev === top.dev) return undefined;
  const line = fstab(directoryRoot(base)).find(({ at }) => at === '/boot');
  if (line === undefined) return undefined;
  const message = `etc/fstab mounts ${line.source} on /boot, and it is not mounted: no boot loader would find the archive`;
  return { code: 'boot-not-mounted', severity: 'error', where: { path: 'boot' }, message };
}

async function lockOf(disk: Disk, store: OpenStore, options: LockOptions | undefined) {
  try {
    return await takeLock(disk, store.makeRecords(), options);
  } catch (error) {
    throw errnoError(error, { file: `${store.records}/lock` }) ?? error;
  }
}

function keptFacts(store: OpenStore): HostFacts {
  const file = `${store.records}/${FACTS_NAME}`;
  const bytes = store.recordFile('', FACTS_NAME);
  if (bytes !== undefined) return parseFacts(nameFromBytes(bytes), file);
  const message =
    'the configuration says scope host, and there are no facts of the machine: update the root once while it runs, or say scope generic';
  throw new KindlingError('NO_ENTRY', message, { file });
}

function factsDigest(facts: () => HostFacts): string {
  try {
    // What a plan does not use may change as it likes.
    return sha256(utf8(printFacts({ ...facts(), kernel: '', commandLine: '' })));
  } catch (error) {
    if (error instanceof KindlingError && (error.code === 'NO_ENTRY' || error.code === 'BAD_VALUE')) return sha256(utf8(error.code));
    throw error;
  }
}

function earlyDigest({ earlyTree: early, squashScripts: squash }: Pick<UpdateOutside, 'earlyTree' | 'squashScripts'>): string {
  const moved = (entry: Entry): Entry => ({ ...entry, path: `squash/${entry.path}` });
  return idOf(
    [
      ...early().entries,
      ...squash()
        .entries.filter(({ path }) => path !== '')
        .map(moved),
    ],
    sha256,
  );
}
