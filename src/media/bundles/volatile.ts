// What a running system writes and nobody wants in a bundle: left out of savechanges, each with its reason (docs/bundle.md, "Volatile paths").
import type { LeftOut } from './patterns.ts';

/** Patterns that are left out of differences unless they are asked for. */
export const VOLATILE: readonly LeftOut[] = [
  { path: 'proc/*', reason: 'the kernel shows it' },
  { path: 'sys/*', reason: 'the kernel shows it' },
  { path: 'dev/*', reason: 'the kernel shows it' },
  { path: 'run/*', reason: 'made anew at each boot' },
  { path: 'tmp/*', reason: 'temporary' },
  { path: 'var/tmp/*', reason: 'temporary' },
  { path: 'memory', reason: 'where the live system keeps its medium' },
  { path: 'mnt/*', reason: 'other file systems are mounted there' },
  { path: 'media/*', reason: 'other file systems are mounted there' },
  { path: 'lost+found', reason: 'belongs to the file system it is on' },
  { path: 'var/log/*', reason: 'logs of one run' },
  { path: 'var/cache/apt/*', reason: 'a cache of packages' },
  { path: 'var/lib/apt/lists/*', reason: '"apt update" fetches it' },
  { path: 'var/cache/ldconfig/*', reason: 'a cache of ldconfig' },
  { path: 'var/cache/man/*', reason: 'a cache of manual pages' },
  { path: 'var/lib/systemd/random-seed', reason: 'a secret of one machine: two machines must not share it' },
  { path: 'var/lib/systemd/timesync/clock', reason: 'the time of one run' },
  { path: 'var/lib/systemd/coredump/*', reason: 'crashes of one run' },
  { path: 'var/lib/dhcp/*.leases', reason: 'leases of one network' },
  { path: 'var/lib/NetworkManager/*.lease', reason: 'leases of one network' },
  { path: 'var/lib/urandom/random-seed', reason: 'a secret of one machine: two machines must not share it' },
  { path: 'etc/mtab', reason: 'the mounts of one run' },
  { path: 'etc/machine-id', reason: 'the name of one machine: two machines must not share it' },
  { path: 'var/lib/dbus/machine-id', reason: 'the name of one machine: two machines must not share it' },
  { path: '**/.bash_history', reason: 'what a person typed' },
  { path: 'root/.cache/*', reason: 'a cache of programs' },
  { path: 'home/*/.cache/*', reason: 'a cache of programs' },
];
