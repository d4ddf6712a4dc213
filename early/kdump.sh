# kdump: saves the memory of a kernel that crashed, in place of looking for a root. Read only where early.conf names a KDUMP_DEVICE.
# The file has another name until it is whole and on the disk: DIRECTORY/vmcore-incomplete, then DIRECTORY/vmcore.

# Does not return, but for a person who left the shell: then all is tried again.
kdump() {
	until kdump_save; do
		kdump_failed "$d_code" "$d_error"
	done
	phase saved
	breakpoint pre-switch
	say "the dump is saved: $KDUMP_FINAL"
	kdump_end "$KDUMP_FINAL"
}

# kdump_save: d_code and d_error say why not.
kdump_save() {
	d_code=NO_VMCORE
	if [ ! -r /proc/vmcore ]; then
		d_error='there is no /proc/vmcore: no kernel crashed before this one (this archive only saves crash dumps; it is loaded with kexec -p)'
		return 1
	fi
	kdump_size /proc/vmcore
	d_total=$d_size
	kdump_memory
	d_code=TARGET
	if ! find_device "$KDUMP_DEVICE" "$k_limit"; then
		kdump_missing
		return 1
	fi
	d_start=0
	read -r d_start 2>/dev/null <"/sys/class/block/$f_name/start" || d_start=0
	read -r d_sectors <"/sys/class/block/$f_name/size"
	fact target "$f_path $d_start $d_sectors"
	phase device
	say "the dump of $((d_total >> 20)) MiB goes to $f_path${KDUMP_PATH:+, directory $KDUMP_PATH}"
	if [ -n "$KDUMP_RAW" ]; then
		kdump_raw
	else
		kdump_mounted
	fi
}

# kdump_size FILE: d_size in bytes; no program but ls tells it both with busybox and without.
kdump_size() {
	# shellcheck disable=SC2012,SC2046 # one name without blanks, split into its columns
	set -- $(ls -ln "$1" 2>/dev/null)
	d_size=${5:-0}
}

# What the capture kernel has in all, in KiB.
kdump_memory() {
	read -r d_key d_kib d_unit </proc/meminfo
	fact capture-memory "$d_kib"
}

kdump_missing() {
	say "the target $KDUMP_DEVICE was not found within $k_limit s; block devices that are here:"
	f_count=0
	devices_each describe || :
	[ "$f_count" != 0 ] || say '  none at all: no driver for the disk in this archive, or no disk'
	d_error="the target $KDUMP_DEVICE was not found among $f_count block devices"
}

kdump_mounted() {
	options_keep "$KDUMP_FLAGS"
	if ! mounted "$e_new" && ! mount_device "$f_path" "$e_new" "$KDUMP_FSTYPE" rw "$m_kept"; then
		d_error=$m_error
		return 1
	fi
	phase kdump
	kdump_place && kdump_log && kdump_file && kdump_release && return 0
	sync
	umount "$e_new" 2>/dev/null || :
	return 1
}

# kdump_place: makes d_place, the directory of this dump: the time of day, or where there is no clock the next number.
kdump_place() {
	d_at=$e_new d_rest=$KDUMP_PATH
	while [ -n "$d_rest" ]; do
		d_at=$d_at/${d_rest%%/*}
		case $d_rest in
			*/*) d_rest=${d_rest#*/} ;;
			*) d_rest= ;;
		esac
		# a link may lead out of the target into this archive
		if [ -L "$d_at" ]; then
			d_error="/${d_at#"$e_new/"} on $f_path is a symbolic link: name the directory it leads to"
			return 1
		fi
	done
	d_stamp=$(tool date +%Y%m%d%H%M 2>/dev/null) || d_stamp=
	case $d_stamp in
		20[2-9]?????????) d_name=$d_stamp ;;
		*) d_stamp=0 d_name=0001 ;;
	esac
	d_number=1
	while [ -e "$d_at/$d_name" ]; do
		d_number=$((d_number + 1))
		if [ "$d_stamp" = 0 ]; then
			d_name=000$d_number
			d_name=${d_name#"${d_name%????}"}
		else
			d_name=$d_stamp-$d_number
		fi
	done
	d_place=$d_at/$d_name
	mkdir -p "$d_place" && return 0
	d_code=NO_SPACE d_error="no directory /${d_place#"$e_new/"} could be made on $f_path"
	return 1
}

# tool NAME ARGUMENT...: an applet that has no link of its own, or a program.
tool() {
	if [ "$TOOLS" = busybox ]; then
		busybox "$@"
	else
		"$@"
	fi
}

# kdump_log: the crashed kernel's own messages, first and by themselves: they are small, and often all that is needed.
kdump_log() {
	d_log=$d_place/vmcore-dmesg
	if [ -n "$KDUMP_CORE" ]; then
		makedumpfile --message-level 4 --dump-dmesg /proc/vmcore "$d_log-incomplete.txt" || d_log=
	elif command -v vmcore-dmesg >/dev/null 2>&1; then
		vmcore-dmesg /proc/vmcore >"$d_log-incomplete.txt" || d_log=
	else
		return 0
	fi
	if [ -z "$d_log" ]; then
		warn "the crashed kernel's messages could not be read from its memory"
		return 0
	fi
	sync
	mv "$d_log-incomplete.txt" "$d_log.txt"
	kdump_size "$d_log.txt"
	fact vmcore-dmesg "$d_size /${d_log#"$e_new/"}.txt"
	while read -r d_line; do
		case $d_line in
			*'Kernel panic - not syncing: '*) fact panic "${d_line##*not syncing: }" ;;
		esac
	done <"$d_log.txt"
	return 0
}

# kdump_free: d_free, KiB that the target has left.
kdump_free() {
	d_table=$(df -Pk "$e_new")
	# shellcheck disable=SC2086 # the columns of the last line
	set -- ${d_table##*"$q_line"}
	d_free=${4:-0}
}

kdump_file() {
	d_file=$d_place/vmcore
	d_done=
	if [ -n "$KDUMP_CORE" ]; then
		# shellcheck disable=SC2086 # options
		if makedumpfile $KDUMP_CORE --message-level 4 /proc/vmcore "$d_file-incomplete"; then
			d_done=1
		else
			kdump_free
			warn "makedumpfile failed, with $((d_free >> 10)) MiB left on $f_path"
			[ $((d_total >> 10)) -ge $d_free ] || rm -f "$d_file-incomplete"
		fi
	fi
	if [ -z "$d_done" ]; then
		kdump_free
		if [ $((d_total >> 10)) -ge "$d_free" ]; then
			d_code=NO_SPACE
			d_error="no space on $f_path: $((d_free >> 10)) MiB are free, the whole dump has $((d_total >> 20)) MiB"
			[ -e "$d_file-incomplete" ] || rmdir "$d_place" 2>/dev/null || :
			return 1
		fi
		kdump_copy "$d_file-incomplete" || return 1
	fi
	sync
	if ! mv "$d_file-incomplete" "$d_file"; then
		d_code=IO d_error="$d_file-incomplete could not be renamed"
		return 1
	fi
	sync
	kdump_size "$d_file"
	fact vmcore "$d_size /${d_file#"$e_new/"}"
	say "saved $((d_size >> 20)) MiB as /${d_file#"$e_new/"} on $f_path"
}

# kdump_copy TO: all of it, as it is.
kdump_copy() {
	d_how=fsync
	[ "$TOOLS" = busybox ] || d_how=fsync,sparse
	dd if=/proc/vmcore of="$1" bs=1048576 conv=$d_how 2>/dev/null && return 0
	d_code=IO d_error="/proc/vmcore could not be copied to $1"
	return 1
}

kdump_release() {
	umount "$e_new" && return 0
	sync
	mount -o remount,ro "$e_new" && return 0
	d_code=IO d_error="$f_path could not be released"
	return 1
}

# A partition without a file system: the dump starts at its first byte.
kdump_raw() {
	probe "$f_path"
	if [ -n "$P_TYPE" ]; then
		d_error="$f_path holds $P_TYPE: a raw target must be a partition of its own without a file system"
		return 1
	fi
	phase kdump
	if [ -z "$KDUMP_CORE" ] && [ $((d_total >> 9)) -gt "$d_sectors" ]; then
		d_code=NO_SPACE d_error="no space on $f_path: it has $((d_sectors >> 11)) MiB, the whole dump has $((d_total >> 20)) MiB"
		return 1
	fi
	if [ -n "$KDUMP_CORE" ]; then
		# shellcheck disable=SC2086 # options
		if ! makedumpfile -f $KDUMP_CORE --message-level 4 /proc/vmcore "$f_path"; then
			d_code=IO d_error="makedumpfile could not save to $f_path, which has $((d_sectors >> 11)) MiB; the console has its own words"
			return 1
		fi
		d_size=-
	else
		kdump_copy "$f_path" || return 1
		d_size=$d_total
	fi
	sync
	fact vmcore "$d_size $f_path"
	say "saved on $f_path"
}

# kdump_failed CODE TEXT: says it everywhere, then the action for failures; comes back from a shell only.
kdump_failed() {
	echo "kindling: failed: the crash dump was not saved: $2"
	echo "<2>kindling: failed $1: $2" 2>/dev/null >/dev/kmsg || :
	report "failed $1 $2"
	d_action=$KDUMP_FAILURE
	[ "$k_shell" != 1 ] || d_action=shell
	case $k_panic in
		'' | 0 | -*) ;;
		*) [ "$d_action" = shell ] || { say "$d_action in $k_panic s (panic=$k_panic)" && sleep "$k_panic"; } ;;
	esac
	if [ "$d_action" = shell ]; then
		shell "a shell, because $2; leaving it tries again"
	else
		kdump_end "$d_action"
	fi
}

# kdump_end ACTION
kdump_end() {
	case $1 in
		poweroff)
			echo o 2>/dev/null >/proc/sysrq-trigger || :
			sleep 5
			;;
		halt) while :; do sleep 3600; done ;;
		shell) shell 'the dump is saved; leaving the shell restarts the machine' ;;
	esac
	restart
}
