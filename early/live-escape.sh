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
	[ -z "$r_on" ] || escape_watch
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

# A process left behind, whose root stays the first file system: it sees PID 1 leave, and says how much was left there.
escape_watch() {
	[ -n "$r_clock" ] || return 0
	(
		exec </dev/null >/dev/null 2>&1
		cd /proc/1 || exit 0
		watcher_look
		w_old=$w_device
		: >/watching
		w_left=100
		while [ $w_left -gt 0 ]; do
			watcher_look
			case $w_device in
				"$w_old" | '' | 00:00) ;;
				*) break ;;
			esac
			w_left=$((w_left - 1))
			tick
		done
		[ $w_left -gt 0 ] || exit 0
		tick
		tick
		w_files=0 w_directories=0
		set +f
		watcher_count ''
		fact rootfs "$w_files files $w_directories directories"
	) &
	w_turns=0
	until [ -e /watching ] || [ $w_turns = 50000 ]; do
		w_turns=$((w_turns + 1))
	done
}
