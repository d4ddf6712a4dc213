# report: facts for whoever started the machine, on a device of their own (kindling.report=ttyS1). Without that word on the command
# line nothing here does anything. Lines: "kindling: phase NAME uptime=S.SS available=KiB free=KiB", "kindling: fact KEY VALUE",
# "kindling: failed CODE TEXT". Descriptor 8 is the device; it is closed before the switch.

report_open() {
	r_on=
	[ -n "$k_report" ] || return 0
	case $k_report in
		/dev/*) ;;
		*) k_report=/dev/$k_report ;;
	esac
	if [ ! -c "$k_report" ]; then
		warn "kindling.report=$k_report: no such device"
		return 0
	fi
	exec 8<>"$k_report"
	r_on=1
	# The watcher's clock must need no program after the switch: busybox reads with a time limit, other shells read from a terminal
	# that gives up after a tenth of a second.
	r_clock=
	if [ "$TOOLS" = busybox ]; then
		r_clock=limit
	elif stty raw -echo min 0 time 1 <&8; then
		r_clock=terminal
	fi
}

# A tenth of a second.
tick() {
	if [ "$r_clock" = limit ]; then
		# shellcheck disable=SC3045 # only busybox gets here
		read -r -t 0.1 r_tick <&8 || :
	else
		read -r r_tick <&8 || :
	fi
}

report() {
	[ -z "$r_on" ] || echo "kindling: $*" >&8
}

fact() {
	[ -z "$r_on" ] || echo "kindling: fact $*" >&8
}

# memory_read DIRECTORY: m_free and m_available in KiB, m_uptime in seconds, from the proc file system there.
memory_read() {
	m_free=0 m_available=0
	while read -r m_key m_value m_unit; do
		case $m_key in
			MemFree:) m_free=$m_value ;;
			MemAvailable:) m_available=$m_value && break ;;
		esac
	done <"$1/meminfo"
	read -r m_uptime m_unit <"$1/uptime" || m_uptime=0
}

# phase NAME [PROC]
phase() {
	[ -n "$r_on" ] || return 0
	memory_read "${2:-/proc}"
	echo "kindling: phase $1 uptime=$m_uptime available=$m_available free=$m_free" >&8
}

# What PID 1 runs: w_device, the device number of the file its first mapping comes from, and w_path. Needs the cwd in /proc/1.
watcher_look() {
	w_device='' w_path=''
	read -r w_range w_mode w_offset w_device w_inode w_path <maps || :
}

# watcher_count DIRECTORY: adds up what is below it.
watcher_count() {
	for w_entry in "$1"/* "$1"/.[!.]*; do
		if [ -L "$w_entry" ]; then
			w_files=$((w_files + 1))
		elif [ -d "$w_entry" ]; then
			w_directories=$((w_directories + 1))
			watcher_count "$w_entry"
		elif [ -e "$w_entry" ]; then
			w_files=$((w_files + 1))
		fi
	done
}

# watcher_leave TURNS COMMAND: leaves a process behind that sees PID 1 execute a file of another file system, looking so many tenths of a
# second, and then runs COMMAND. All it needs it holds already: its working directory in /proc/1, the report device, builtins. Nothing is
# unmounted before it says that it does hold them, by a file that goes with all others here. It ends by itself.
watcher_leave() {
	[ -n "$r_clock" ] || return 0
	(
		exec </dev/null >/dev/null 2>&1
		cd /proc/1 || exit 0
		watcher_look
		w_old=$w_device
		: >/watching
		w_left=$1
		while [ "$w_left" -gt 0 ]; do
			watcher_look
			case $w_device in
				"$w_old" | '' | 00:00) ;;
				*) break ;;
			esac
			w_left=$((w_left - 1))
			tick
		done
		[ "$w_left" = 0 ] || "$2"
	) &
	w_turns=0
	until [ -e /watching ] || [ $w_turns = 50000 ]; do
		w_turns=$((w_turns + 1))
	done
}

# What proves the switch. With r_kept set the archive stays and nothing is counted.
watcher_start() {
	watcher_leave 600 watcher_tell
}

watcher_tell() {
	phase init ..
	fact init-runs "$w_path"
	w_names=
	while read -r w_name w_rest; do
		w_names=${w_names:+$w_names }$w_name
	done <../modules
	fact modules "$w_names"
	for w_left in 1 2 3; do
		tick
	done
	echo 7 >../sys/vm/drop_caches
	tick
	# "/" of this process is still the archive's: what it lists is what was not deleted. Some builds of busybox leave empty directories.
	if [ -z "${r_kept-}" ]; then
		w_files=0 w_directories=0
		set +f
		watcher_count ''
		fact left "$w_files files $w_directories directories"
	fi
	phase released ..
}
