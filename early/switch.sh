# switch: hands the machine over. The kernel's file systems move, switch_root deletes the archive and executes the root's init as PID 1,
# so that the kernel's own requests for modules and firmware are answered by the root from then on.

switch_now() {
	phase switch
	if [ -r "$h_leave" ]; then
		exec 8>&-
		exec sh "$h_leave" "$e_new" "$i_init" "$@"
	fi
	[ -z "$r_on" ] || watcher_start
	exec 8>&-
	if [ "$TOOLS" = busybox ]; then
		trees_remove
		moves ''
	fi
	exec switch_root "$e_new" "$i_init" "$@"
}

# In a squashed archive: how the loader's files are reached from the image, and the memory of the image given back before the switch.
h_leave=/squash/loader/usr/lib/kindling/squash/leave

# moves FROM: the kernel's file systems below FROM go to the new root. util-linux's switch_root moves those of / itself; busybox's does not.
# One process for all where all places exist.
moves() {
	if [ -z "$1" ] && [ -d "$e_new/dev" ] && [ -d "$e_new/proc" ] && [ -d "$e_new/sys" ] && [ -d "$e_new/run" ] && mount -a -T "$e_home/moves" 2>/dev/null; then
		return 0
	fi
	for h_place in run sys dev proc; do
		mounted "$1/$h_place" || continue
		[ -d "$e_new/$h_place" ] || mkdir "$e_new/$h_place" 2>/dev/null || :
		mount -o move "$1/$h_place" "$e_new/$h_place" 2>/dev/null || {
			echo "kindling: warning: the root has no usable /$h_place"
			umount -l "$1/$h_place"
		}
	done
}

# Some builds of busybox (Debian 12's) delete the files and leave each directory, which costs about 1 KiB; nearly all are those of modules
# and firmware. They go before the switch, where mounts_known says that nothing of the root can be below.
trees_remove() {
	h_trees=
	for h_tree in /usr/lib/modules /lib/modules /usr/lib/firmware /lib/firmware /usr/share; do
		tree_own "$h_tree" && h_trees="$h_trees $h_tree"
	done
	[ -n "$h_trees" ] && mounts_known /proc/mounts || return 0
	# shellcheck disable=SC2086 # names without blanks
	rm -rf $h_trees
}

# tree_own PATH: whether it is a directory, and no step towards it is a link: a link may lead into the root.
tree_own() {
	[ -d "$1" ] || return 1
	h_step=$1
	while [ -n "$h_step" ]; do
		[ ! -L "$h_step" ] || return 1
		h_step=${h_step%/*}
	done
}

# mounts_known FILE: whether / is the kernel's first file system, mounted over by nothing, and every other mount is at or below one of the
# five places that are never deleted. Any other mount, a bind of the root's modules above all, means that nothing is deleted here.
mounts_known() {
	h_first=
	while read -r h_device h_place h_type h_rest; do
		case $h_place:$h_type in
			/:rootfs)
				[ -z "$h_first" ] || return 1
				h_first=1
				;;
			*/../* | */..:*) return 1 ;;
			/proc:* | /proc/* | /sys:* | /sys/* | /dev:* | /dev/* | /run:* | /run/* | "$e_new":* | "$e_new"/*) ;;
			*) return 1 ;;
		esac
	done 2>/dev/null <"$1" || return 1
	[ -n "$h_first" ]
}
