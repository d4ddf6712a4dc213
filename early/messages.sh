# messages: what a person reads on the console, shells, and the end when nothing helps.

say() {
	echo "kindling: $*"
}

# Into the kernel log too, so that the journal of the booted system holds it.
warn() {
	echo "kindling: warning: $*"
	echo "<4>kindling: $*" 2>/dev/null >/dev/kmsg || :
}

# A shell on the console; leaving it continues. Keyboards behind USB need their drivers first.
shell() {
	keyboards
	say "$1"
	say "leave the shell with 'exit' to go on; 'cat /proc/cmdline', 'ls /dev' and 'dmesg' are good first looks"
	sh_start=
	if command -v setsid >/dev/null 2>&1; then
		if command -v cttyhack >/dev/null 2>&1; then
			sh_start='setsid cttyhack'
		elif [ "$TOOLS" = busybox ]; then
			sh_start='setsid -c'
		else
			sh_start='setsid -c -w'
		fi
	fi
	# shellcheck disable=SC2086 # words of a command
	PS1='(kindling) # ' $sh_start sh -i </dev/console >/dev/console 2>&1 8>&- || :
}

# breakpoint NAME: a shell there when rd.break asked for it.
breakpoint() {
	case ",$k_break," in
		*",$1,"*) shell "rd.break=$1" ;;
	esac
}

# failed CODE TEXT: says it everywhere; the caller has told what was seen. Returns when a person fixed it in the shell.
failed() {
	echo "kindling: failed: $2"
	echo "<2>kindling: failed $1: $2" 2>/dev/null >/dev/kmsg || :
	report "failed $1 $2"
	if [ "$k_shell" = 0 ] || { [ -n "$k_panic" ] && [ "$k_panic" != 0 ] && [ "$k_shell" != 1 ]; }; then
		give_up
	fi
	shell "a shell, because $2"
}

# The end as panic= says: wait and restart, restart at once (negative), or stand still (0 or not given).
give_up() {
	case $k_panic in
		'' | 0)
			say 'halted (no panic= given: nothing restarts this machine)'
			while :; do sleep 3600; done
			;;
		-*) ;;
		*)
			say "restarting in $k_panic s (panic=$k_panic)"
			sleep "$k_panic"
			;;
	esac
	restart
}

# sysrq needs no program; a kernel without it panics when its init ends, and honours panic= itself.
restart() {
	say restarting
	for sh_key in s u b; do
		echo $sh_key 2>/dev/null >/proc/sysrq-trigger || :
	done
	sleep 2
	exit 1
}
