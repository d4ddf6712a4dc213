# events: waiting for the kernel to find devices. busybox's uevent writes what the kernel announces into a fifo, and a read with a
# time limit waits for it without a process. Where either is missing (dash, no busybox) waiting is sleeping, and everything is looked at again.

events_open() {
	v_pid=
	[ "$TOOLS" = busybox ] || return 0
	mkfifo "$e_home/events" && exec 7<>"$e_home/events" || return 0
	uevent >&7 &
	v_pid=$!
}

# events_wait SECONDS: returns at the first announcement (0, and after all that follow closely) or when the time is over (1).
events_wait() {
	if [ -z "$v_pid" ]; then
		sleep 0.2
		return 0
	fi
	# shellcheck disable=SC3045 # only busybox gets here
	read -r -t "$1" v_line <&7 || return 1
	# shellcheck disable=SC3045
	while read -r -t 0.02 v_line <&7; do :; done
	return 0
}

events_close() {
	[ -n "$v_pid" ] || return 0
	kill "$v_pid"
	wait "$v_pid" 2>/dev/null || :
	exec 7<&-
	v_pid=
}
