# mounts: the kernel's own file systems.

mounts_first() {
	# One mount -a instead of four processes; a build of busybox without -T, or a foreign mount, gets them one by one.
	if [ "$TOOLS" != busybox ] || ! mount -a -T "$e_home/mounts" 2>&- || [ ! -r /proc/cmdline ] || [ ! -c /dev/null ]; then
		[ -r /proc/cmdline ] || mount -t proc -o nosuid,nodev,noexec proc /proc
		[ -d /sys/class ] || mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
		[ -c /dev/null ] || mount -t devtmpfs -o mode=0755,nosuid devtmpfs /dev
		mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
	fi
	# The kernel opened the archive's own console node for us; hold the one that stays instead, or its inode never goes away.
	exec </dev/console >/dev/console 2>&1
}
