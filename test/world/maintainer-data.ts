// What Debian's maintainer scripts would have left in a root, as plain data: nothing of the root is ever run to make it.

/** Files by path. `{VERSION}` and the like are not replaced: everything is literal. */
export const FILES: Readonly<Record<string, string>> = {
  'etc/hostname': 'kindling\n',
  'etc/hosts': '127.0.0.1 localhost kindling\n::1 localhost\n',
  'etc/fstab': '# the root is mounted by early userspace\n',
  // empty: systemd makes one for this boot, and treats the boot as a first one only when the file is missing
  'etc/machine-id': '',
  'etc/timezone': 'Etc/UTC\n',
  'etc/default/locale': 'LANG=C.UTF-8\n',
  'etc/shells': '/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n/usr/bin/dash\n',
  'etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
  'etc/nsswitch.conf': 'passwd: files systemd\ngroup: files systemd\nshadow: files systemd\nhosts: files dns\n',
  'etc/pam.d/common-auth': 'auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n',
  'etc/pam.d/common-account':
    'account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so\n',
  'etc/pam.d/common-session': 'session required pam_permit.so\nsession required pam_unix.so\n',
  'etc/pam.d/common-session-noninteractive': 'session required pam_permit.so\nsession required pam_unix.so\n',
  'etc/pam.d/common-password': 'password [success=1 default=ignore] pam_unix.so obscure yescrypt\npassword requisite pam_deny.so\n',
};

/** Accounts that packages add to base-passwd's own, in passwd and group form. */
export const PASSWD =
  'messagebus:x:100:106::/nonexistent:/usr/sbin/nologin\nsystemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin\n';
export const GROUP =
  'messagebus:x:106:\nsystemd-network:x:998:\nsystemd-journal:x:999:\ninput:x:101:\nsgx:x:102:\nkvm:x:103:\nrender:x:104:\ncrontab:x:105:\n_ssh:x:107:\n';

/** Symbolic links by path. Links that alternatives and postinst scripts make, as far as a boot needs them. */
export const LINKS: Readonly<Record<string, string>> = {
  'etc/mtab': '../proc/self/mounts',
  'etc/localtime': '/usr/share/zoneinfo/Etc/UTC',
  'usr/bin/awk': 'mawk',
  'usr/bin/sh': 'dash',
  'var/lock': '/run/lock',
  'var/run': '/run',
  'etc/systemd/system/getty.target.wants/getty@tty1.service': '/lib/systemd/system/getty@.service',
  'etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service': '/lib/systemd/system/serial-getty@.service',
  'etc/systemd/system/default.target': '/lib/systemd/system/multi-user.target',
  // no clock, network or watchdog to wait for in a proof
  'etc/systemd/system/systemd-timesyncd.service': '/dev/null',
  'etc/systemd/system/systemd-networkd-wait-online.service': '/dev/null',
};

/** Empty directories that are mount points or that packages expect, by mode. */
export const DIRECTORIES: Readonly<Record<string, number>> = {
  dev: 0o755,
  proc: 0o555,
  sys: 0o555,
  run: 0o755,
  tmp: 0o1777,
  root: 0o700,
  mnt: 0o755,
  'var/tmp': 0o1777,
  'var/log/journal': 0o2755,
};
