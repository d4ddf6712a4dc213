# live-ram: memory: is there enough to begin with, and the medium's data copied into it (word toram), so that the medium can be taken out.

# memory_least: the plan says how many MiB such a system needs; less ends here, before anything is lost, not in the middle of something.
memory_least() {
	memory_read /proc
	[ $((m_available / 1024)) -lt "$MEMORY" ] || return 0
	failed MEMORY_TOO_SMALL "this live system needs $MEMORY MiB of free memory, and there are $((m_available / 1024)) MiB"
}

# What stays free after copying, in KiB, beside what the plan says.
t_margin=32768

# toram_copy: the bundles of l_list and what lies beside them, but no changes.
toram_copy() {
	[ -n "$l_toram" ] || return 0
	t_need=0
	toram_files toram_size
	memory_read /proc
	t_run=$((t_margin + MEMORY * 1024 / 2))
	if [ $((t_need + t_run)) -gt "$m_available" ]; then
		failed TORAM_TOO_LARGE "toram needs $((t_need / 1024)) MiB of memory for the data and $((t_run / 1024)) MiB to run, and there are $((m_available / 1024)) MiB; without toram, or with fewer bundles, this machine boots from the medium"
		say 'going on from the medium'
		l_toram=
		return 0
	fi
	say "copying $((t_need / 1024)) MiB into memory"
	mkdir "$l_home/toram"
	t_text='no memory file system could be mounted'
	mount -t tmpfs -o "mode=0755,size=$((t_need + t_need / 16 + 4096))k" toram "$l_home/toram"
	if ! mounted "$l_home/toram" || ! mkdir "$l_home/toram/modules" || ! t_text=$(toram_files toram_put 2>&1); then
		umount "$l_home/toram" 2>/dev/null
		failed TORAM_COPY "the data could not be copied into memory: $t_text"
		say 'going on from the medium'
		l_toram=
		return 0
	fi
	l_data=$l_home/toram
	bundles_list
	fact toram "$t_need"
}

# toram_files COMMAND: calls it with a place in memory and the files that belong there.
toram_files() {
	t_do=$1
	set --
	for t_file in "$l_data"/*; do
		case ${t_file##*/} in
			*.sb | modules | changes | changes.* | '*') ;;
			*) set -- "$@" "$t_file" ;;
		esac
	done
	while read -r t_number t_name t_file; do
		case $t_file in
			"$l_data"/modules/*) ;;
			?*) set -- "$@" "$t_file" ;;
		esac
	done <<END
$l_list
END
	[ $# = 0 ] || "$t_do" "$l_home/toram" "$@" || return 1
	set --
	while read -r t_number t_name t_file; do
		case $t_file in
			"$l_data"/modules/*) set -- "$@" "$t_file" ;;
		esac
	done <<END
$l_list
END
	[ $# = 0 ] || "$t_do" "$l_home/toram/modules" "$@"
}

# toram_size PLACE FILE...: adds up t_need, in KiB.
toram_size() {
	shift
	while read -r t_size t_rest; do
		t_need=$((t_need + t_size))
	done <<END
$(du -sk "$@")
END
}

toram_put() {
	t_to=$1
	shift
	cp -a "$@" "$t_to/"
}

# medium_release: after toram nothing needs the medium, unless changes are kept there.
medium_release() {
	[ -n "$l_toram" ] || return 0
	if [ -n "$l_pins" ]; then
		say "$l_medium must stay: changes are kept on it"
		return 0
	fi
	umount "$l_home/data" || {
		warn "$l_medium is still in use, leave it where it is"
		return 0
	}
	! mounted "$l_home/host" || umount "$l_home/host" || return 0
	say "everything is in memory now: $l_medium is free to be removed"
	fact medium-free "$l_medium"
}
