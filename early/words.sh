# words: the kernel command line, word by word, as the kernel's own parser splits it: spaces inside double quotes belong to the
# word, one pair of quotes around a word or a value is dropped, words after "--" are for init and not for us.

words_read() {
	k_root=$ROOT k_fstype=$ROOTFSTYPE k_flags=$ROOTFLAGS k_resume=$RESUME k_limit=$TIMEOUT
	k_mode=ro k_init='' k_panic='' k_break='' k_shell='' k_debug='' k_report='' k_fsck=auto k_repair='' k_blacklist='' k_noresume='' k_check='' k_failsafe=menu
	IFS= read -r w_line </proc/cmdline || :
	words_split "$w_line" word_take
}

# words_split LINE COMMAND: calls COMMAND with each word of LINE.
words_split() {
	w_rest="$1 "
	w_word=
	w_open=
	while [ -n "$w_rest" ]; do
		w_word=$w_word${w_rest%% *}
		w_rest=${w_rest#* }
		w_left=$w_word
		w_open=
		while :; do
			case $w_left in
				*'"'*) w_left=${w_left#*'"'} ;;
				*) break ;;
			esac
			if [ -n "$w_open" ]; then w_open=; else w_open=1; fi
		done
		if [ -n "$w_open" ] && [ -n "$w_rest" ]; then
			w_word="$w_word "
			continue
		fi
		case $w_word in
			'') continue ;;
			--) return 0 ;;
			'"'*) unquote "$w_word" && w_word=$u_text ;;
			*='"'*) unquote "${w_word#*=}" && w_word=${w_word%%=*}=$u_text ;;
		esac
		"$2" "$w_word"
		w_word=
	done
}

# unquote TEXT: u_text without a leading and a trailing double quote.
unquote() {
	u_text=${1#'"'}
	u_text=${u_text%'"'}
}

word_take() {
	case $1 in
		root=*) k_root=${1#*=} ;;
		rootfstype=*) k_fstype=${1#*=} ;;
		rootflags=*) k_flags=${1#*=} ;;
		ro | rw) k_mode=$1 ;;
		rootwait) k_limit=forever ;;
		rootwait=* | rootdelay=* | kindling.timeout=*) seconds "${1#*=}" && k_limit=${1#*=} ;;
		init=*) k_init=${1#*=} ;;
		panic=*) k_panic=${1#*=} ;;
		resume=*) k_resume=${1#*=} ;;
		noresume) k_noresume=1 ;;
		rd.break) k_break="$k_break,pre-switch" ;;
		rd.break=*) breaks_take "${1#*=}" ;;
		rd.shell) k_shell=1 ;;
		rd.shell=*) k_shell=${1#*=} ;;
		rd.debug | debug) k_debug=1 ;;
		fastboot) k_fsck=skip ;;
		fsck.mode=*) k_fsck=${1#*=} ;;
		fsck.repair=*) k_repair=${1#*=} ;;
		modprobe.blacklist=* | rd.driver.blacklist=*) k_blacklist="$k_blacklist,${1#*=}" ;;
		kindling.check=*) k_check=${1#*=} ;;
		kindling.failsafe=*) k_failsafe=${1#*=} ;;
		kindling.report=*) k_report=${1#*=} ;;
	esac
	[ -z "${LIVE-}" ] || live_word "$1"
}

# Names other archives use for the same places are understood too.
breaks_take() {
	case $1 in
		pre-mount | mount | pre-switch) k_break="$k_break,$1" ;;
		'' | pre-pivot | cleanup) k_break="$k_break,pre-switch" ;;
		cmdline | pre-udev | pre-trigger | initqueue) k_break="$k_break,pre-mount" ;;
		*) warn "rd.break=$1 is none of pre-mount, mount, pre-switch: taken as pre-switch" && k_break="$k_break,pre-switch" ;;
	esac
}

# seconds TEXT: whether it is a whole number.
seconds() {
	case $1 in
		'' | *[!0-9]*)
			warn "\"$1\" is no number of seconds"
			return 1
			;;
	esac
}
