# live-words: words of the kernel command line that only a live system knows, those of Slax and Debian live where they mean the same.

# live_word WORD
live_word() {
	case $1 in
		from=ask) l_ask=1 l_named=1 ;;
		from=*) from_take "${1#*=}" ;;
		findiso=* | iso-scan/filename=* | fromiso=*) iso_take "${1#*=}" ;;
		live-media=*) media_take "${1#*=}" ;;
		live-media-path=*) path_take "${1#*=}" ;;
		live-media-timeout=*) seconds "${1#*=}" && k_limit=${1#*=} ;;
		toram) l_toram=1 ;;
		toram=*) toram_take "${1#*=}" ;;
		load=*) l_load=$l_load,${1#*=} ;;
		noload=*) l_noload=$l_noload,${1#*=} ;;
		automount) l_automount=1 ;;
		debug) k_break="$k_break,pre-mount,mount,pre-switch" ;;
		kindling.damaged=*) damaged_take "${1#*=}" ;;
		*) live_word_more "$1" ;;
	esac
}

# from_take PLACE: DIR, /dev/X[/DIR], LABEL=X[:DIR] (also UUID=, PARTUUID=, PARTLABEL=); DIR may be an ISO file. Sets l_device, l_iso and DATA.
from_take() {
	l_named=1 l_device='' l_iso='' l_path=$1
	case $1 in
		LABEL=* | UUID=* | PARTUUID=* | PARTLABEL=*) l_device=${1%%:*} l_path=${1#"$l_device"} && l_path=${l_path#:} ;;
		/dev/disk/by-*/*)
			l_path=${1#/dev/disk/*/}
			l_device=${1%"$l_path"}${l_path%%/*}
			l_path=${1#"$l_device"}
			;;
		/dev/mapper/* | /dev/cciss/* | /dev/ida/*)
			l_path=${1#/dev/*/}
			l_device=${1%"$l_path"}${l_path%%/*}
			l_path=${1#"$l_device"}
			;;
		/dev/*)
			l_path=${1#/dev/}
			l_device=/dev/${l_path%%/*}
			l_path=${1#"$l_device"}
			;;
	esac
	case $l_path in
		*.iso | *.ISO | *.Iso) l_iso=$l_path ;;
		*) path_take "$l_path" ;;
	esac
}

# path_take DIR: the data directory, without slashes around it; nothing where that is nothing, the top of the medium for "/".
path_take() {
	[ -n "$1" ] || return 0
	DATA=$1
	while :; do
		case $DATA in
			/*) DATA=${DATA#/} ;;
			*/) DATA=${DATA%/} ;;
			*) break ;;
		esac
	done
	l_named=1 DATA=${DATA:-.}
	case /$DATA/ in
		*/../*) warn "\"$1\" leads out of the medium" && DATA=. ;;
	esac
}

# iso_take FILE: an ISO file on whatever file system has it; Debian's fromiso= has the device in front.
iso_take() {
	case $1 in
		/dev/*) from_take "$1" ;;
		*) l_named=1 l_iso=$1 ;;
	esac
}

media_take() {
	case $1 in
		removable | removable-usb) warn "live-media=$1: all media are looked at" ;;
		/*.iso) iso_take "$1" ;;
		/dev/*) l_named=1 l_device=$1 ;;
		*) warn "live-media=$1 is no device" ;;
	esac
}

toram_take() {
	case $1 in
		0 | no | off) l_toram= ;;
		*) l_toram=1 ;;
	esac
}

damaged_take() {
	case $1 in
		ask | skip | stop) l_damaged=$1 ;;
		*) warn "kindling.damaged=$1 is none of ask, skip, stop: taken as ask" ;;
	esac
}
