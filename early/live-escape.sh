# live-escape: out of the kernel's first file system, in which pivot_root is refused: everything moves to a tmpfs, and this init starts anew from
# there as PID 1. The first file system is left empty.

# escape ARGUMENTS: does not return, unless that has happened before or is not wanted.
escape() {
	[ "$HANDOVER" = pivot ] || {
		place_make /run/kindling
		return 0
	}
	if [ -e /escaped ]; then
		place_make /memory
		return 0
	fi
	[ -z "$r_on" ] || { memory_read /proc && fact escape "$m_free"; }
	[ -d /m ] || mkdir /m
	mount -t tmpfs -o mode=0755,size=95% root /m || {
		failed ESCAPE 'no memory file system could be mounted'
		return 0
	}
	for x_entry in /* /.[!.]*; do
		case $x_entry in
			/m | /dev | /proc | /sys | /run | '/.[!.]*') continue ;;
		esac
		cp -a "$x_entry" /m/ || x_failed=1
	done
	if [ -n "${x_failed-}" ]; then
		memory_read /proc
		umount /m
		failed MEMORY_TOO_SMALL "the archive could not be copied: $((m_available / 1024)) MiB of memory are left"
		HANDOVER=switch
		place_make /run/kindling
		return 0
	fi
	: >/m/escaped
	[ -z "$r_on" ] || watcher_leave 100 escape_tell
	[ "$TOOLS" != busybox ] || { e_new=/m && trees_remove; }
	exec 8>&-
	kernel_moves /m
	exec switch_root /m /init "$@"
}

# place_make DIRECTORY: l_home, and /memory that leads to it.
place_make() {
	l_home=$1
	mkdir -p "$l_home/data" "$l_home/bundles" "$l_home/changes"
	if [ "$l_home" = /memory ]; then
		l_union=/memory/union
		mkdir "$l_union"
	else
		l_union=$e_new
		ln -s "$l_home" /memory
	fi
	e_new=$l_union
}

# kernel_moves ROOT: the kernel's own file systems go there, /proc last because it tells what is mounted. util-linux's switch_root would do it too.
kernel_moves() {
	for h_place in run sys dev proc; do
		mounted "/$h_place" || continue
		[ -d "$1/$h_place" ] || mkdir "$1/$h_place"
		mount -o move "/$h_place" "$1/$h_place" || warn "/$h_place could not be moved"
	done
}

# What a process that stays behind, whose root is still the first file system, says after PID 1 has left: how much was left there.
escape_tell() {
	tick
	tick
	w_files=0 w_directories=0
	set +f
	watcher_count ''
	fact rootfs "$w_files files $w_directories directories"
}
