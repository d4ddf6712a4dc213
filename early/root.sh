# root: resume from hibernation, check and mount the root, mount a separate /usr, choose the init.

# check_wanted: j_check, whether the archive is compared with the root before that can be written to. The command line wins over the plan.
check_wanted() {
	j_check=${k_check:-$CHECK}
	case $j_check in
		off | '')
			j_check=
			return 0
			;;
		warn | stop) ;;
		*)
			warn "kindling.check=$k_check is none of warn, stop, off: taken as ${CHECK:-off}"
			k_check=
			check_wanted
			return 0
			;;
	esac
	if [ -r "$e_home/check.sh" ]; then
		. "$e_home/check.sh"
		check_begin
	else
		warn "kindling.check=$k_check: this archive was made without what that takes (setting check)"
		j_check=
	fi
}

# The kernel looks for an image itself once it knows the device. Nothing may be mounted before.
resume_try() {
	case $k_resume in
		'' | none) return 0 ;;
	esac
	[ -z "$k_noresume" ] && [ -w /sys/power/resume ] || return 0
	s_path=$f_path s_name=$f_name s_type=$P_TYPE
	if find_device "$k_resume" 5 && read -r s_number <"/sys/class/block/$f_name/dev"; then
		fact resume "$s_number"
		echo "$s_number" 2>/dev/null >/sys/power/resume || :
	else
		warn "resume=$k_resume was not found: starting afresh"
	fi
	f_path=$s_path f_name=$s_name P_TYPE=$s_type
}

root_mount() {
	until mounted "$e_new" || { [ -b "$f_path" ] && mount_device "$f_path" "$e_new" "$k_fstype" "$k_mode" "$k_flags"; }; do
		failed MOUNT "$m_error"
	done
}

# mount_device DEVICE PLACE TYPES ro|rw OPTIONS: checks and mounts; m_error says why not. TYPES may be empty or a list with commas.
mount_device() {
	m_type=$3 m_error=
	if [ "${m_type:-auto}" = auto ]; then
		[ -n "$P_TYPE" ] || probe "$1"
		m_type=$P_TYPE
	fi
	if member "$m_type"; then
		m_error="found $m_type on $1; this archive cannot open it"
		return 1
	fi
	check "$1" "$m_type" "${2#"$e_new"}" || return 1
	m_types=$m_type
	[ -n "$m_types" ] || m_types=$FILESYSTEMS
	m_ifs=$IFS
	IFS=' ,'
	set -f
	# shellcheck disable=SC2086
	set -- "$1" "$2" "$4${5:+,$5}" $m_types
	set +f
	IFS=$m_ifs
	m_device=$1 m_place=$2 m_options=$3
	shift 3
	for m_type in "$@"; do
		case $m_type in
			squashfs | erofs | iso9660) m_try=ro${m_options#r[ow]} ;;
			*) m_try=$m_options ;;
		esac
		mount -t "$m_type" -o "$m_try" "$m_device" "$m_place" && return 0
	done
	m_error="$m_device could not be mounted as ${m_types:-anything: its content is unknown} with options $m_options"
	return 1
}

# check DEVICE TYPE PLACE: runs fsck.TYPE where the archive carries it.
check() {
	[ "$k_fsck" != skip ] && [ -n "$2" ] && command -v "fsck.$2" >/dev/null 2>&1 || return 0
	if [ "$k_fsck" = auto ] && ext_clean "$1" "$2"; then
		fact fsck "$1 clean"
		checked "$3"
		return 0
	fi
	case $k_repair in
		yes) m_flags=-y ;;
		no) m_flags=-n ;;
		*) m_flags=-a ;;
	esac
	[ "$k_fsck" != force ] || m_flags="$m_flags -f"
	# shellcheck disable=SC2086
	"fsck.$2" $m_flags "$1"
	m_result=$?
	fact fsck "$1 $m_result"
	# Bits of the result: 1 repaired, 2 restart needed, 4 errors left, 8 and up: the check itself did not work.
	if [ $((m_result & 2)) != 0 ]; then
		say "fsck of $1 asks for a restart"
		restart
	elif [ $((m_result & 4)) != 0 ]; then
		m_error="fsck.$2 left errors on $1 (exit code $m_result); after a repair by hand leave the shell"
		k_fsck=skip
		return 1
	elif [ $((m_result & ~1)) != 0 ]; then
		warn "fsck.$2 did not check $1 (exit code $m_result)"
	else
		checked "$3"
	fi
	return 0
}

# checked PLACE: Debian's units look there and do not check a second time.
checked() {
	[ -d /run/initramfs ] || mkdir /run/initramfs
	m_place=${1#/}
	: >"/run/initramfs/fsck-${m_place:-root}"
}

# ext_clean DEVICE TYPE: whether e2fsck would do nothing but say "clean", by the same fields of the superblock: cleanly unmounted, no
# error recorded, no journal and no orphans to go through, no limit of mounts or of time reached. That program takes longer to start than all else here.
ext_clean() {
	case $2 in
		ext[234]) ;;
		*) return 1 ;;
	esac
	bytes "$1" 1024 408
	# shellcheck disable=SC2086 # bytes
	set -- $q_text
	[ $# = 408 ] && [ "${57}${58}" = 53ef ] || return 1
	[ "${59}${60}" = 0100 ] || return 1                           # state: valid, no errors
	[ "${69}${70}${71}${72}" = 00000000 ] || return 1             # no interval between checks
	[ $((0x${97} & 4)) = 0 ] || return 1                          # the journal has been gone through
	[ $((0x${103} & 1)) = 0 ] || return 1                         # no orphans in their file
	[ "${233}${234}${235}${236}" = 00000000 ] || return 1         # no orphans in their list
	[ "${405}${406}${407}${408}" = 00000000 ] || return 1         # no errors counted
	m_most=$((0x${56}${55}))
	[ $m_most = 0 ] || [ $m_most -ge 32768 ] || [ $((0x${54}${53})) -lt $m_most ]
}

# A /usr of its own, as the root's fstab says, because most inits live there today.
usr_mount() {
	[ -r "$e_new/etc/fstab" ] || return 0
	while read -r t_device t_place t_type t_options t_rest; do
		case $t_device in
			'' | '#'*) continue ;;
		esac
		[ "$t_place" = /usr ] || continue
		case $t_type in
			nfs* | cifs | 9p | none)
				warn "/usr of type $t_type cannot be mounted this early"
				return 0
				;;
		esac
		until find_device "$t_device" 30 && options_keep "$t_options" &&
			mount_device "$f_path" "$e_new/usr" "$t_type" "$k_mode" "$m_kept"; do
			failed USR "${m_error:-/usr on $t_device was not found}"
			[ ! -d "$e_new/usr/bin" ] || break
		done
		fact usr "$f_path"
		return 0
	done <"$e_new/etc/fstab"
}

# options_keep LIST: m_kept, without what is meant for other programs and without ro or rw.
options_keep() {
	m_kept=
	m_rest=$1,
	while [ -n "$m_rest" ]; do
		case ${m_rest%%,*} in
			'' | defaults | ro | rw | auto | noauto | user | users | nouser | owner | group | nofail | _netdev | x-* | X-* | comment=*) ;;
			*) m_kept=$m_kept${m_kept:+,}${m_rest%%,*} ;;
		esac
		m_rest=${m_rest#*,}
	done
}

# init_find: i_init, a program of the root.
init_find() {
	while :; do
		for i_init in ${k_init:-/sbin/init /etc/init /bin/init /bin/sh}; do
			in_root "$i_init" && return 0
		done
		failed NO_INIT "the root on $f_path has no ${k_init:-/sbin/init, /etc/init, /bin/init or /bin/sh} that can be run"
	done
}

# in_root PATH: whether an executable is there for a process whose root it is. Absolute links would lead into the archive, so each step
# is looked at.
in_root() {
	i_rest=${1#/} i_at='' i_links=0
	while [ -n "$i_rest" ]; do
		i_step=${i_rest%%/*}
		case $i_rest in
			*/*) i_rest=${i_rest#*/} ;;
			*) i_rest= ;;
		esac
		case $i_step in
			'' | .) continue ;;
			..)
				i_at=${i_at%/*}
				continue
				;;
		esac
		if [ -L "$e_new$i_at/$i_step" ]; then
			i_links=$((i_links + 1))
			[ $i_links -le 40 ] || return 1
			command -v readlink >/dev/null || return 0
			i_target=$(readlink "$e_new$i_at/$i_step") || return 1
			case $i_target in
				/*) i_at= ;;
			esac
			i_rest=$i_target${i_rest:+/$i_rest}
		else
			i_at=$i_at/$i_step
		fi
	done
	[ -f "$e_new$i_at" ] && [ -x "$e_new$i_at" ]
}
