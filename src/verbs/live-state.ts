// What early userspace wrote down for programs of a booted live system: /run/kindling/live, lines of KEY=VALUE (docs/live-boot.md).
import { KindlingError } from '../errors.ts';

/** Where the parts of a live system are, in the running system. */
export const MemoryPlaces = { bundles: '/memory/bundles', medium: '/memory/data', changes: '/memory/changes' } as const;

const STATE = '/run/kindling/live';

/** A booted live system. */
export interface LiveState {
  readonly device: string;
  readonly fileSystem: string;
  /** The data directory on the medium. */
  readonly mediumData: string;
  readonly inMemory: boolean;
  readonly changes: string;
  /** Layers of the root, lowest first. */
  readonly bundles: readonly string[];
}

/** Reads files of the running system. */
export interface StateOutside {
  /** Text of a file, undefined where there is none. */
  read(path: string): string | undefined;
}

/** The live system that is running. Throws NO_ENTRY where none is. */
export function liveState(outside: StateOutside): LiveState {
  const text = outside.read(STATE);
  if (text === undefined) {
    throw new KindlingError('NO_ENTRY', 'the running system is no live system that kindling started', { path: STATE });
  }
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const of = (key: string): string => values.get(key) ?? '';
  const inMemory = of('TORAM') !== '';
  const data = of('DATA');
  return {
    device: of('DEVICE'),
    fileSystem: of('ISO') === '' ? of('FSTYPE') : 'iso9660',
    mediumData: inMemory || data === '' ? `${MemoryPlaces.medium}/kindling` : data,
    inMemory,
    changes: of('CHANGES'),
    bundles: of('BUNDLES')
      .split(' ')
      .filter((name) => name !== ''),
  };
}
