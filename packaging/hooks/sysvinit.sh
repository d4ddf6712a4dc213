#!/bin/sh
### BEGIN INIT INFO
# Provides:          kindling
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Default-Start:     S
# Default-Stop:      0 6
# Short-Description: keep boot archives true
# Description:       Updates boot archives that early userspace found out of date, and
#                    at shutdown those whose files were changed by hand.
### END INIT INFO
# Made by "kindling install" (kindling-install(1)).
set -u

kindling=/usr/lib/kindling/kindling
note=/run/kindling/update
limit=120

[ -x "$kindling" ] || exit 0

update() {
	if command -v timeout >/dev/null; then
		timeout "$limit" "$kindling" update -k all
	else
		"$kindling" update -k all
	fi
}

case ${1-} in
start)
	[ -e "$note" ] || exit 0
	echo "Updating boot archives."
	update
	;;
stop)
	# The same script stops before an upgrade of its package and by hand: only a shutdown is meant.
	case ${RUNLEVEL-} in
	'' | 0 | 6) update ;;
	esac
	;;
restart | reload | force-reload) ;;
status) "$kindling" status ;;
*)
	echo "usage: ${0##*/} start|stop|status" >&2
	exit 2
	;;
esac
