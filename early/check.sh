# check: is the root still what this archive was made from? Asked once the root and its /usr are mounted, before either can be written to.
# The list of what is packed lies in the root (docs/check.md draws it). In step, all of it is three programs: dd reads the first part of the
# list, xargs the second, and one stat looks at every file. Only what differs is looked at closer: a file that was merely touched is no difference.

j_break='
'

# check_begin: until all has been compared nothing is mounted so that it can be written to.
check_begin() {
	j_then=$k_mode k_mode=ro
	j_rest=$k_flags, k_flags=
	while [ -n "$j_rest" ]; do
		case ${j_rest%%,*} in
			'') ;;
			ro | rw) j_then=${j_rest%%,*} ;;
			*) k_flags=$k_flags${k_flags:+,}${j_rest%%,*} ;;
		esac
		j_rest=${j_rest#*,}
	done
}

# check_end: from here on as the command line says.
check_end() {
	[ "$j_then" = rw ] || return 0
	k_mode=rw
	for j_place in "$e_new" "$e_new/usr"; do
		mounted "$j_place" || continue
		case $t_rest in
			'squashfs '* | 'erofs '* | 'iso9660 '*) continue ;;
		esac
		until mount -o remount,rw "$t_device" "$j_place"; do
			failed MOUNT "$t_device on $j_place could not be made writable"
		done
	done
}

# check_root: compares, says what differs, and stops where that was asked for.
check_root() {
	check_find || return 0
	if check_fast; then
		fact check "in-step $j_count files"
	else
		. "$e_home/check-closer.sh"
		check_closer
	fi
}

# check_find: j_file, the list that belongs to this archive.
check_find() {
	j_id=
	for j_place in '' /squash/loader; do
		[ -n "$j_id" ] || read -r j_id 2>/dev/null <"$j_place/usr/lib/kindling/id" || :
	done
	j_file=$e_new/var/lib/kindling/$j_id/check
	[ -z "$j_id" ] || [ ! -r "$j_file" ] || return 0
	while read -r t_device t_place t_rest; do
		case $t_device:$t_place in
			'#'*) ;;
			*:/var | *:/var/lib | *:/var/lib/kindling)
				check_missing "its record is on $t_place, which is mounted later"
				return 1
				;;
		esac
	done 2>/dev/null <"$e_new/etc/fstab"
	check_missing 'the root has no record of it' 'no record of the archive that was booted'
	return 1
}

# check_missing TEXT [LINE]: what cannot be compared stops nobody. LINE is for the update in the same boot.
check_missing() {
	warn "this archive was not compared with the root: $1"
	fact check "missing: $1"
	[ -z "${2-}" ] || check_flag "$2"
}

# check_flag LINES: the same boot updates the archive, where that is set up.
check_flag() {
	[ -d /run/kindling ] || mkdir /run/kindling
	printf '%s\n' "$1" >/run/kindling/update
}

# check_number TEXT: a damaged number would end the shell, and that is the first process.
check_number() {
	case $1 in
		0) true ;;
		'' | 0* | *[!0-9]* | ?????????*) false ;;
	esac
}

# check_fast: whether one stat of everything says what it said when the archive was made. A damaged list does not pass for that: its own
# text is what the answer is compared with, and its own size is the first thing asked for.
check_fast() {
	j_count=0 j_head='' j_was='' j_is=
	cd "$e_new" || return 1
	{
		read -r j_kind j_count j_racy j_size j_more
		if check_number "$j_count" && check_number "$j_racy" && check_number "$j_size" && check_number "$j_more"; then
			j_head="kindling-check-1 $j_count $j_racy $j_size $j_more"
			j_was=$(dd bs="$j_size" count=1 2>/dev/null)
			j_is=$(xargs -E . stat -c '%i %s %Z' -- 2>/dev/null) || :
		else
			j_count=0
		fi
	} <"$j_file"
	cd /
	[ "$j_kind $j_count $j_racy $j_size $j_more" = "$j_head" ] || return 1
	j_own=${j_is%%"$j_break"*}
	j_own=${j_own#* }
	[ "${j_own%% *}" = $((${#j_head} + 1 + j_size + j_more)) ] && [ "${j_is#*"$j_break"}" = "$j_was" ] && [ "$j_racy" = 0 ]
}
