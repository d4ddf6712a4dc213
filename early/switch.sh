# switch: hands the machine over. The kernel's file systems move, switch_root deletes the archive and executes the root's init as PID 1,
# so that the kernel's own requests for modules and firmware are answered by the root from then on.

switch_now() {
	phase switch
	[ -z "$r_on" ] || watcher_start
	exec 8>&-
	[ "$TOOLS" != busybox ] || moves
	exec switch_root "$e_new" "$i_init" "$@"
}

# util-linux's switch_root moves them itself; busybox's does not. One process for all where all places exist.
moves() {
	if [ -d "$e_new/dev" ] && [ -d "$e_new/proc" ] && [ -d "$e_new/sys" ] && [ -d "$e_new/run" ] && mount -a -T "$e_home/moves" 2>/dev/null; then
		return 0
	fi
	for h_place in run sys dev proc; do
		[ -d "$e_new/$h_place" ] || mkdir "$e_new/$h_place" 2>/dev/null || :
		mount -o move /$h_place "$e_new/$h_place" 2>/dev/null || {
			echo "kindling: warning: the root has no usable /$h_place"
			umount -l /$h_place
		}
	done
}
