# check: is the root still what this archive was made from? Asked once the root and its /usr are mounted, before either can be written to.
# The list of what is packed lies in the root (docs/check.md draws it). In step, all of it is three programs: dd reads the first part of the
# list, xargs the second, and one stat looks at every file. Only what differs is looked at closer: a file that was merely touched is no difference.

j_break='
'
j_format='%i %s %Y %Z %f'

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
	elif check_closer; then
		if [ "$j_unsafe$j_safe" = 00 ]; then
			fact check "in-step $j_count files, $j_touched of them by content"
		else
			check_tell
		fi
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
			j_is=$(xargs -E . stat -c "$j_format" -- 2>/dev/null) || :
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

# check_closer: what really differs: j_unsafe and j_safe count, j_changes has a line for each; j_touched only seemed to.
check_closer() {
	j_unsafe=0 j_safe=0 j_changes='' j_touched=0
	if ! command -v stat >/dev/null 2>&1 || ! command -v dd >/dev/null 2>&1; then
		check_missing 'it has no stat or no dd to do that with'
		return 1
	fi
	j_text=$(dd bs=65536 2>/dev/null <"$j_file")
	j_body=${j_text%"${j_break}end "*}
	j_sums=
	! command -v sha256sum >/dev/null 2>&1 || j_sums=1
	j_ifs=$IFS
	set -f
	IFS=$j_break
	# shellcheck disable=SC2086 # lines
	if check_whole $j_text; then
		# shellcheck disable=SC2086
		check_lines $j_body
	else
		j_touched=damaged
	fi
	IFS=$j_ifs
	set +f
	cd /
	[ "$j_touched" = damaged ] || return 0
	check_missing 'its record is damaged' 'the record of the archive that was booted is damaged'
	return 1
}

# check_whole LINE...: whether the list is all there and as it was written; the last line is the SHA-256 of all before it.
check_whole() {
	[ "${1-}" = "${j_head-}" ] && [ "$j_count" != 0 ] && [ $# = $((j_count * 3 + 4)) ] || return 1
	shift $(($# - 1))
	[ -n "$j_sums" ] || return 0
	j_is=$(printf '%s\n' "$j_body" | sha256sum)
	[ "$1" = "end ${j_is%% *}" ]
}

# check_lines LINE...: all but the last. First the part that check_fast has read, then a line for each file: whether it is safe (capitals:
# its times say nothing), digest, what stat said, path.
check_lines() {
	shift $((j_count * 2 + 3))
	j_rest=$*
	j_paths=
	for j_one in "$@"; do
		j_paths=$j_paths${j_one#* * * * * * * }$j_break
	done
	cd "$e_new" || return 0
	# shellcheck disable=SC2046,SC2086 # lines
	set -- $(stat -c "$j_format %n" -- $j_paths 2>/dev/null)
	j_ask='' j_asked=
	for j_one in $j_rest; do
		j_flag=${j_one%% *} j_was=${j_one#* * }
		j_path=${j_was#* * * * * }
		j_digest=${j_one#* } j_digest=${j_digest%% *}
		j_now=${1-}
		if [ "${j_now#* * * * * }" != "$j_path" ]; then
			check_change "$j_flag" "gone $j_path"
			continue
		fi
		shift
		if [ "$j_now" != "$j_was" ]; then
			check_line "${j_now%" $j_path"}"
		elif [ "$j_flag" != u ] && [ "$j_flag" != s ]; then
			if [ -L "$j_path" ]; then check_link; else check_ask; fi
		fi
	done
	[ -z "$j_ask" ] || check_contents
}

# check_line STAT: the stat of j_path is not what it was. Where kind, mode and size are the same, the content decides.
check_line() {
	j_was=${j_was%" $j_path"}
	if [ "${1##* }" != "${j_was##* }" ]; then
		check_change "$j_flag" "changed $j_path"
	elif [ -L "$j_path" ]; then
		check_link
	else
		j_is=${1#* } j_was=${j_was#* }
		if [ "${j_is%% *}" = "${j_was%% *}" ] && [ -n "$j_sums" ]; then
			check_ask
		else
			check_change "$j_flag" "changed $j_path"
		fi
	fi
}

check_link() {
	if [ -n "$j_sums" ] && command -v readlink >/dev/null 2>&1; then
		j_is=$(readlink "$j_path")
		j_is=$(printf %s "$j_is" | sha256sum)
		if [ "${j_is%% *}" = "$j_digest" ]; then
			j_touched=$((j_touched + 1))
			return 0
		fi
	fi
	check_change "$j_flag" "changed $j_path"
}

# check_ask: its content is compared with all the others'.
check_ask() {
	[ -n "$j_sums" ] || return 0
	j_ask=$j_ask$j_digest'  '$j_path$j_break
	j_asked=$j_asked$j_flag' '$j_path$j_break
}

# check_contents: one answer for each line, in their order.
check_contents() {
	# shellcheck disable=SC2046 # lines
	set -- $(printf %s "$j_ask" | sha256sum -c 2>/dev/null)
	for j_one in $j_asked; do
		case ${1-} in
			*': OK') j_touched=$((j_touched + 1)) ;;
			*) check_change "${j_one%% *}" "changed ${j_one#* }" ;;
		esac
		[ $# = 0 ] || shift
	done
}

# check_change FLAG TEXT
check_change() {
	case $1 in
		[sS]) j_safe=$((j_safe + 1)) && j_changes=$j_changes"safe $2"$j_break ;;
		*) j_unsafe=$((j_unsafe + 1)) && j_changes="unsafe $2"$j_break$j_changes ;;
	esac
}

# check_tell: names the files, and stops where that is wanted and one of them is not safe.
check_tell() {
	j_changes=${j_changes%"$j_break"}
	warn "the root is not what this archive was made from: $j_unsafe unsafe and $j_safe safe files differ"
	[ -n "$j_sums" ] || warn 'this archive has no sha256sum: files that were only touched are among them'
	j_left=20
	j_list=
	j_ifs=$IFS
	set -f
	IFS=$j_break
	for j_one in $j_changes; do
		j_left=$((j_left - 1))
		if [ $j_left = 0 ]; then
			warn '  and more; all of them are in /run/kindling/update'
			break
		fi
		warn "  $j_one"
		j_list="$j_list${j_list:+, }$j_one"
	done
	IFS=$j_ifs
	set +f
	fact check "differs unsafe=$j_unsafe safe=$j_safe: $j_list"
	check_flag "$j_changes"
	if [ "$j_check" = stop ] && [ "$j_unsafe" != 0 ]; then
		say 'the root cannot be written to yet. There are two ways on:'
		say '  1. restart and choose the failsafe entry: it finds this root and updates its archive'
		say "  2. leave this shell with 'exit', knowing that these files do not matter: the boot goes on and the archive is updated later in it"
		failed CHECK "$j_unsafe unsafe files of the root are not those this archive was made from"
		fact check-continued "$j_unsafe"
		say 'going on with an archive that is out of step'
	else
		say 'the boot goes on; the archive is updated later in it'
	fi
}
