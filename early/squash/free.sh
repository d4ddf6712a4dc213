# free: takes the image's mounts apart, with plain umounts first: they fail while something is in use, which a lazy one would hide.

free_image() {
	x_held=
	if [ "$MODE" = usr ]; then
		for x_tree in $TREES; do
			free_mount "/squash/layers/$x_tree"
		done
		free_mount /squash/loader
		x_inner=/squash
	else
		mkdir -p /inner
		x_inner=/squash
		mount -o move /squash/squash /inner && x_inner=/inner
		free_below /squash
		free_mount /squash
	fi
	free_mount "$x_inner/root"
	free_mount "$x_inner"
	if free_loop && [ -z "$x_held" ]; then
		free_modules
		fact squash released
		return 0
	fi
	fact squash "held ${x_held:-by the loop device $x_loop}"
	warn "the memory of the image is not free: held ${x_held:-by the loop device $x_loop}"
}

# free_mount PLACE: what was told to end may take a moment, and a driver that is being loaded some more on a busy machine; 3 s at most.
free_mount() {
	x_turns=30
	until umount "$1" 2>/dev/null; do
		x_turns=$((x_turns - 1))
		[ "$x_turns" -gt 0 ] || break
		mounted "$1" || return 0
		sleep 0.1
	done
	[ "$x_turns" -gt 0 ] && return 0
	mounted "$1" || return 0
	[ -n "$x_held" ] || free_holders
	umount -l "$1"
}

# free_below PLACE: what the image's own scripts mounted and forgot there.
free_below() {
	x_places=
	while read -r x_device x_place x_rest; do
		case $x_place in
			"$1"/*) x_places="$x_place $x_places" ;;
		esac
	done </proc/mounts
	for x_place in $x_places; do
		free_mount "$x_place"
	done
}

# free_holders: x_held, the processes that use a file, a directory or a mapping there.
free_holders() {
	for x_process in /proc/[0-9]*; do
		x_use=
		while read -r x_range x_mode x_offset x_device x_inode x_path; do
			case $x_path in
				/squash/* | /inner/*) x_use=$x_path && break ;;
			esac
		done 2>/dev/null <"$x_process/maps"
		if [ -z "$x_use" ] && command -v readlink >/dev/null 2>&1; then
			for x_link in "$x_process"/cwd "$x_process"/root "$x_process"/fd/*; do
				x_path=$(readlink "$x_link" 2>/dev/null) || continue
				case $x_path in
					/squash | /squash/* | /inner/*) x_use=$x_path && break ;;
				esac
			done
		fi
		[ -n "$x_use" ] || continue
		read -r x_name 2>/dev/null <"$x_process/comm" || x_name=unknown
		x_held="$x_held${x_held:+, }by ${x_process##*/} ($x_name) with ${x_use#/squash}"
	done
	[ -n "$x_held" ] || x_held='by something that is no process'
}

# free_loop: whether no loop device is on the image any more; x_loop otherwise. The last close may come a moment after the umount.
free_loop() {
	for x_turn in 1 2 3 4 5; do
		x_loop=
		for x_file in /sys/block/loop*/loop/backing_file; do
			read -r x_path 2>/dev/null <"$x_file" || continue
			case $x_path in
				*"${IMAGE##*/}"*)
					x_loop=${x_file#/sys/block/}
					x_loop=${x_loop%%/*}
					;;
			esac
		done
		[ -n "$x_loop" ] || return 0
		[ "$x_turn" = 5 ] || sleep 0.1
	done
	return 1
}

# free_modules: what was loaded for the image alone goes too, where the root can load it again.
free_modules() {
	read -r x_version </proc/sys/kernel/osrelease
	[ -r "$e_new/lib/modules/$x_version/modules.dep" ] || [ -r "$e_new/usr/lib/modules/$x_version/modules.dep" ] || return 0
	command -v rmmod >/dev/null 2>&1 || return 0
	x_modules=
	for x_module in $MODULES; do
		x_modules="$x_module $x_modules"
	done
	# a module that something else uses by now (the root's own file system) stays
	for x_module in $x_modules; do
		rmmod "$x_module" 2>/dev/null || :
	done
}
