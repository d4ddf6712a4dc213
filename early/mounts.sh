# mounts: the kernel's own file systems.

mounts_first() {
	# One mount -a instead of four processes; a build of busybox without -T, and other mounts, get them one by one. In a live system /run has a
	# tenth of the memory, as Debian has it: systemd's journal takes its share of whatever /run may hold at once.
	[ "$TOOLS" != busybox ] || [ -e /proc/mounts ] || mount -a -T "$e_home/${LIVE:+live-}mounts" 2>&- || :
	mounted /proc || mount -t proc -o nosuid,nodev,noexec proc /proc
	mounted /sys || mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
	mounted /dev || mount -t devtmpfs -o mode=0755,nosuid devtmpfs /dev
	mounted /run || mount -t tmpfs -o "mode=0755,nosuid,nodev${LIVE:+,size=10%}" tmpfs /run
	# The kernel opened the archive's own console node for us; hold the one that stays instead, or its inode never goes away.
	exec </dev/console >/dev/console 2>&1
}

# mounted PLACE: whether something is mounted there.
mounted() {
	[ -r /proc/mounts ] || return 1
	while read -r t_device t_place t_rest; do
		[ "$t_place" != "$1" ] || return 0
	done </proc/mounts
	return 1
}
