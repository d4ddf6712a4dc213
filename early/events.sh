# events: waiting for the kernel to find devices. A kernel with CONFIG_UEVENT_HELPER runs the program "hotplug" for each; of others busybox's
# uevent hears what they announce. Both write into a fifo, and a read with a time limit waits for it without a process. Where there is no
# busybox (dash) waiting is sleeping, and everything is looked at again.
v_switch=/proc/sys/kernel/hotplug v_pid='' v_called=''

events_open() {
	v_pid='' v_before='' v_called=''
	[ "$TOOLS" = busybox ] || return 0
	mkfifo "$e_home/events" && exec 7<>"$e_home/events" || return 0
	if [ -w "$v_switch" ]; then
		read -r v_before <"$v_switch" || :
		echo "$e_home/hotplug" >"$v_switch"
		v_called=1
		return 0
	fi
	uevent >&7 &
	v_pid=$!
}

# events_wait SECONDS: returns at the first announcement (0, and after all that follow closely) or when the time is over (1).
events_wait() {
	if [ -z "$v_pid$v_called" ]; then
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
	[ -n "$v_pid$v_called" ] || return 0
	if [ -n "$v_called" ]; then
		echo "$v_before" >"$v_switch"
	else
		kill "$v_pid"
		wait "$v_pid" 2>/dev/null || :
	fi
	exec 7<&-
	v_pid='' v_called=''
}
