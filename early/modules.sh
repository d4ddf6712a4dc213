# modules: loading drivers, and making the root's own module tree reachable before the switch.

# modules_load NAME-OR-ALIAS...: in one process, quietly: an alias nothing answers to is no error.
modules_load() {
	modprobe -abq "$@" 2>/dev/null || :
}

# busybox reads no modprobe.blacklist= from the command line, so it goes where both kinds of modprobe look.
modules_blacklist() {
	[ -n "$k_blacklist" ] || return 0
	[ -d /etc/modprobe.d ] || mkdir -p /etc/modprobe.d
	b_rest=$k_blacklist,
	while [ -n "$b_rest" ]; do
		b_name=${b_rest%%,*}
		b_rest=${b_rest#*,}
		[ -z "$b_name" ] || echo "blacklist $b_name"
	done >/etc/modprobe.d/kernel-command-line.conf
}

# The new root's module tree over the archive's: a deferred module loads from here on, by modprobe and by the kernel's own request.
late_bind() {
	[ -z "$l_bound" ] || return 0
	read -r l_version </proc/sys/kernel/osrelease
	for l_tree in "$e_new/usr/lib/modules" "$e_new/lib/modules"; do
		if [ -r "$l_tree/$l_version/modules.dep" ]; then
			[ -d /lib/modules ] || mkdir -p /lib/modules
			if mount -o bind "$l_tree" /lib/modules; then
				l_bound=1
				return 0
			fi
		fi
	done
	[ "$l_asked" = 1 ] || { l_asked=1 && return 0; }
	fact late-modules none
	[ "$DEFERRED" = 0 ] || warn "the root has no modules for $l_version: the $DEFERRED drivers left out of this archive cannot be loaded"
}
l_bound='' l_asked=''

late_unbind() {
	[ -n "$l_bound" ] || return 0
	fact late-modules "$l_tree/$l_version"
	umount /lib/modules || warn 'the root'\''s module tree could not be released'
	l_bound=
}
