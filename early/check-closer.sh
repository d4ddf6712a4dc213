# check-closer: what really differs, once check.sh has seen that something may: only the files whose stat is another are read. Then it is
# told, and the boot stops where that was asked for.

j_format='%i %s %Y %Z %f'

check_closer() {
	check_compare || return 0
	if [ "$j_unsafe$j_safe" = 00 ]; then
		fact check "in-step $j_count files, $j_touched of them by content"
	else
		check_tell
	fi
}

# check_compare: j_unsafe and j_safe count, j_changes has a line for each; j_touched only seemed to differ.
check_compare() {
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
		say "  2. leave the shell below with 'exit' (where there is none: start with kindling.check=warn), knowing that these files do not matter:"
		say '     the boot goes on, and the archive is updated later in it'
		failed CHECK "$j_unsafe unsafe files of the root are not those this archive was made from"
		fact check-continued "$j_unsafe"
		say 'going on with an archive that is out of step'
	else
		say 'the boot goes on; the archive is updated later in it'
	fi
}
