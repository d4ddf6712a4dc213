# live-verify: the check of the medium, when the command line asks for it (kindling.verify): every file that kindling/sha256sums lists is read
# and compared, with progress on the console. What differs is named, and a person says how it goes on.

# medium_verify: nothing is open on the medium yet, so what the changes need of it is done here too.
medium_verify() {
	cv_wanted='' cv_policy=''
	words_split "$w_line" verify_word
	[ -z "$cv_wanted" ] || verify_medium
	changes_ready
}

# verify_medium: cv_top, where the medium's own paths begin.
verify_medium() {
	cv_top=${l_data%/*} cv_data=${l_data##*/}
	[ "$DATA" != . ] || cv_top=$l_home/data
	cv_list=$l_data/sha256sums
	if [ ! -r "$cv_list" ]; then
		warn "the medium cannot be checked: it has no $DATA/sha256sums"
		fact verify none
		return 0
	fi
	verify_sizes
	verify_files
	phase verify
	if [ "$cv_bad" = 0 ]; then
		say "the medium is whole: $cv_count files, $((cv_total / 1048576)) MiB"
		fact verify "whole $cv_count files"
		return 0
	fi
	fact verify "damaged $cv_bad of $cv_count files"
	until verify_answer; do :; done
}

verify_word() {
	case $1 in
		kindling.verify | kindling.verify=ask) cv_wanted=1 cv_policy='' ;;
		kindling.verify=stop | kindling.verify=without | kindling.verify=go-on) cv_wanted=1 cv_policy=${1#*=} ;;
		kindling.verify=no | kindling.verify=off) cv_wanted='' ;;
		kindling.verify=*) warn "$1 is none of ask, stop, without, go-on, no: taken as ask" && cv_wanted=1 cv_policy='' ;;
		verify-checksums) cv_wanted=1 ;;
	esac
}

# verify_sizes: cv_sizes, of the files that are there, in the order of the list; cv_total, all bytes.
verify_sizes() {
	cd "$cv_top" || return 0
	set --
	while read -r cv_hash cv_path || [ -n "$cv_hash" ]; do
		cv_path=${cv_path#\*}
		[ ! -f "$cv_path" ] || set -- "$@" "$cv_path"
	done <"$cv_list"
	cv_sizes='' cv_total=0
	[ $# = 0 ] || cv_sizes=$(stat -c %s -- "$@")
	for cv_size in $cv_sizes; do
		cv_total=$((cv_total + cv_size))
	done
	cd /
}

# verify_files: cv_count, cv_bad and cv_damaged; each file that is not as it was is named at once.
verify_files() {
	cv_count=0 cv_bad=0 cv_damaged='' cv_done=0 cv_shown=-1
	# shellcheck disable=SC2086 # numbers
	set -- $cv_sizes
	say "checking the medium: $((cv_total / 1048576)) MiB"
	while read -r cv_hash cv_path || [ -n "$cv_hash" ]; do
		cv_path=${cv_path#\*}
		cv_count=$((cv_count + 1))
		if [ ! -f "$cv_top/$cv_path" ]; then
			verify_bad 'is missing'
			continue
		fi
		cv_size=$1
		shift
		cv_sum=$(verify_feed <"$cv_top/$cv_path" | sha256sum)
		cv_done=$((cv_done + cv_size))
		[ "${cv_sum%% *}" = "$cv_hash" ] || verify_bad 'is damaged'
	done <"$cv_list"
	printf '\r\n'
}

# verify_feed: standard input to standard output in pieces, with the progress beside it.
verify_feed() {
	cv_left=$cv_size
	while [ "$cv_left" -gt 0 ]; do
		verify_progress $((cv_done + cv_size - cv_left))
		dd bs=1048576 count=8 2>/dev/null
		cv_left=$((cv_left - 8388608))
	done
	verify_progress $((cv_done + cv_size))
}

# verify_progress BYTES
verify_progress() {
	[ "$cv_total" -gt 0 ] || return 0
	cv_percent=$(($1 * 100 / cv_total))
	printf '\rkindling: checking the medium: %3d %%' $cv_percent >&2
}

verify_bad() {
	cv_bad=$((cv_bad + 1))
	cv_name=${cv_path#./}
	printf '\r'
	warn "$cv_name $1"
	fact verify.damaged "$cv_name"
	case $cv_name in
		"$cv_data"/*.sb) cv_damaged="$cv_damaged ${cv_name##*/}" ;;
	esac
}

# verify_answer: what is done about it; 0 when the boot goes on.
verify_answer() {
	cv_choice=$cv_policy
	if [ -z "$cv_choice" ] && ! person_there; then cv_choice=stop; fi
	if [ -z "$cv_choice" ]; then
		keyboards
		cv_text='  g  go on as it is   s  shell   b  restart'
		[ -z "$cv_damaged" ] || cv_text="  w  go on without$cv_damaged $cv_text"
		person_ask "$cv_text"
		case $ch_answer in
			w*) cv_choice=without ;;
			g*) cv_choice=go-on ;;
			s*) shell 'the medium was found damaged; look at it by hand' ;;
			b*) restart ;;
		esac
	fi
	case $cv_choice in
		without)
			for cv_name in $cv_damaged; do
				l_noload=$l_noload,$cv_name
			done
			warn "going on without${cv_damaged:- anything less}"
			fact verify.end "without$cv_damaged"
			;;
		go-on)
			warn 'going on as it is'
			fact verify.end go-on
			;;
		stop)
			failed MEDIUM_DAMAGED "$cv_bad of $cv_count files of the medium are not what they were"
			cv_policy=
			;;
		*) return 1 ;;
	esac
}
