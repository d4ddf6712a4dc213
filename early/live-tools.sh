# live-tools: what the end of a live system needs of the archive, at next to no cost while the system runs. Where a bundle has the very same
# programs and libraries, links to those take their place before the handover; the end begins by fetching them back, because it must not stand on
# what it releases. Scripts that are done go too.

# tools_borrow: sb_list, the archive's files that will be links into a bundle. Only where the archive stays (handover pivot), and with it the
# bundles' mounts. The handover itself still runs on the files as they are, which keep names in /own until it is over: reading them from the
# bundle would only take time.
tools_borrow() {
	sb_list='' sb_loader=''
	[ "$HANDOVER" = pivot ] && [ "$TOOLS" = busybox ] && [ -z "$k_break" ] || return 0
	for sb_name in $l_names; do
		sb_bundle=$l_home/bundles/$sb_name
		for sb_file in /usr/bin/busybox /bin/busybox; do
			[ -f "$sb_bundle$sb_file" ] || continue
			tools_same
			case "$sb_list " in
				*"$sb_file "*) ;;
				*) sb_list= ;;
			esac
			[ -z "$sb_list" ] || tools_ready || sb_list=
			return 0
		done
	done
}

# tools_ready: second names for what will be links, and the way the links lead: at the end the archive is the root once more, but without what was
# mounted in it, which is seen where the old root is then. Until then the archive itself stands at that place.
tools_ready() {
	for sb_file in bin sbin usr/bin usr/sbin; do
		for sb_name in ln rm pivot_root; do
			# a program of its own, not busybox
			[ ! -f "/$sb_file/$sb_name" ] || [ -L "/$sb_file/$sb_name" ] || return 1
		done
	done
	mkdir -p /own /oldroot/run && ln -sfn ../.. /oldroot/run/initramfs || return 1
	# shellcheck disable=SC2086 # names without blanks
	ln $sb_list /own/ || return 1
	for sb_file in /own/ld-*; do
		[ ! -e "$sb_file" ] || sb_loader=$sb_file
	done
}

# tools_same: sb_list, what has the same place and size in sb_bundle. (Archive and medium belong together by the medium's id.)
tools_same() {
	set --
	sb_there=
	for sb_tree in bin sbin lib lib64 usr/bin usr/sbin usr/lib usr/lib64; do
		[ ! -L "/$sb_tree" ] || continue
		for sb_file in "/$sb_tree"/* "/$sb_tree"/*-linux-*/*; do
			if [ -L "$sb_file" ] || [ ! -f "$sb_file" ] || [ -L "$sb_bundle$sb_file" ] || [ ! -f "$sb_bundle$sb_file" ]; then continue; fi
			case $sb_bundle$sb_file in
				*[[:space:]]*) continue ;;
			esac
			set -- "$@" "$sb_file"
			sb_there="$sb_there $sb_bundle$sb_file"
		done
	done
	[ $# != 0 ] || return 0
	sb_own=$(stat -c ' %n=%s ' "$@")
	sb_device=
	# A link on the way may have led out of the bundle, to the archive's own file: that is on another device.
	# shellcheck disable=SC2086 # names without blanks
	sb_there=$(stat -c '%d %s %n' "$sb_bundle" $sb_there)
	while read -r sb_at sb_size sb_file; do
		sb_device=${sb_device:-$sb_at} sb_file=${sb_file#"$sb_bundle"}
		if [ "$sb_at" != "$sb_device" ] || [ "$sb_size" -lt 8192 ]; then continue; fi
		case $sb_own in
			*" $sb_file=$sb_size "*) sb_list="$sb_list $sb_file" ;;
		esac
	done <<END
$sb_there
END
}

# tools_own PLACE COMMAND...: a command of the archive's busybox, by its second name below PLACE.
tools_own() {
	sb_top=$1
	shift
	if [ -z "$sb_list" ]; then
		"$@"
	elif [ -n "$sb_loader" ]; then
		"$sb_top$sb_loader" --library-path "$sb_top/own" "$sb_top/own/busybox" "$@"
	else
		"$sb_top/own/busybox" "$@"
	fi
}

# tools_link: the last thing before the roots change places. One process for each directory.
tools_link() {
	set --
	sb_into=
	for sb_file in $sb_list ''; do
		if [ "${sb_file%/*}" != "$sb_into" ]; then
			[ $# = 0 ] || tools_own '' ln -sf "$@" "$sb_into/"
			set --
			sb_into=${sb_file%/*}
		fi
		set -- "$@" "/oldroot/run/initramfs$sb_bundle$sb_file"
	done
}

# tools_done: the roots have changed places; the second names go.
tools_done() {
	[ -z "$sb_list" ] || tools_own /run/initramfs rm -rf /run/initramfs/own || :
}

# tools_spent: sb_spent, scripts and all else of early userspace that the end has no use for.
tools_spent() {
	sb_spent=
	[ -z "$k_break" ] || return 0
	for sb_file in "$e_home"/*; do
		case ${sb_file##*/} in
			live-shutdown.sh | live-tools.sh | shutdown.conf | messages.sh | mounts.sh | words.sh | report.sh) ;;
			*) sb_spent="$sb_spent $sb_file" ;;
		esac
	done
}

# tools_fetch ARGUMENTS: at the end: what is only a link becomes a file of its own, and the program starts anew on that. What cannot be read
# any more stays a link; then its bundle is in use to the last.
tools_fetch() {
	[ -n "${sd_borrowed-}" ] && [ -z "${KINDLING_FETCHED-}" ] || return 0
	for sb_file in $sd_borrowed; do
		cp "$sb_file" "$sb_file.own" && mv -f "$sb_file.own" "$sb_file"
	done
	export KINDLING_FETCHED=1
	exec /bin/sh /shutdown "$@"
}
