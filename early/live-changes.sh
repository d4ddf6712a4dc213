# live-changes: where what is written in a live system goes. In memory, unless the command line asks for kept changes: then a directory on
# the medium, a file system in a file there, or a partition, each of the latter two also behind LUKS (docs/live-changes.md). Whatever is
# found damaged or full stays as it is: a person, or kindling.changes=, says whether the boot goes on without it.

ch_name=kindling-changes

# changes_open: sets l_upper and l_work (on one file system), l_changes (what the facts say) and l_pins (the medium is in use for it).
changes_open() {
	changes_words
	ch_done='' ch_top=''
	while [ -n "$ch_wanted" ] && [ -z "$ch_done" ]; do
		ch_error=
		if changes_find; then
			if changes_use; then
				ch_done=1
				break
			fi
		elif [ -z "$ch_error" ] && [ "$ch_policy" != stop ]; then
			ch_error='no place for changes was found: what is written is lost when the machine goes off'
			if [ -n "$ch_wait" ]; then warn "$ch_error"; else say "$ch_error"; fi
			break
		fi
		changes_leave
		changes_failed "${ch_error:-no place for changes was found}" && break
	done
	[ -n "$ch_done" ] || changes_memory
}

# changes_words: ch_wanted, ch_fresh, ch_at and ch_policy, from the command line. The last word of a kind counts. "perch" stands in menus of media
# that may have no place for changes; who writes one of the other words knows of one, which may show up late (ch_wait). ch_base is where the medium
# is mounted (with an ISO file: where that file is), ch_data the data directory on it.
changes_words() {
	ch_wanted='' ch_fresh='' ch_at='' ch_policy='' ch_error='' ch_wait='' ch_encrypt='' ch_size=''
	ch_base=$l_home/data
	[ -z "$l_isofile" ] || ch_base=$l_home/host
	ch_data=$ch_base/$DATA
	words_split "$w_line" changes_word
}

changes_word() {
	case $1 in
		perch | perch=yes | perch=resume) ch_wanted=1 ch_fresh='' ;;
		persistence) ch_wanted=1 ch_fresh='' ch_wait=1 ;;
		perch=fresh) ch_wanted=1 ch_fresh=1 ;;
		perch=luks | persistence=luks) ch_wanted=1 ch_fresh='' ch_encrypt=1 ;;
		perch=none | perch=no | nopersistence) ch_wanted='' ch_fresh='' ;;
		perch=*) warn "$1 is none of perch, perch=fresh, perch=luks, perch=none: taken as perch" && ch_wanted=1 ch_fresh='' ;;
		perchdir=resume) ch_wanted=1 ch_at='' ;;
		perchdir=new) ch_wanted=1 ch_at='' ch_fresh=1 ;;
		perchdir=*) ch_wanted=1 ch_at=${1#*=} ;;
		perchsize=*[!0-9]* | perchsize= | perchsize=0* | perchsize=????????*) warn "$1 is no number of MiB" ;;
		perchsize=*) ch_size=${1#*=} ;;
		kindling.changes=fresh | kindling.changes=stop) ch_policy=${1#*=} ch_wait=1 ;;
		kindling.changes=*) warn "$1 is none of fresh, stop: a person is asked" && ch_policy='' ;;
	esac
}

changes_memory() {
	until mounted "$l_home/changes" || mount -t tmpfs -o mode=0755 changes "$l_home/changes"; do
		failed CHANGES 'no memory file system for changes could be mounted'
	done
	mkdir -p "$l_home/changes/rw" "$l_home/changes/work"
	l_upper=$l_home/changes/rw l_work=$l_home/changes/work l_changes=memory
}

# changes_use: makes what was found ready, on $l_home/changes.
changes_use() {
	case $ch_source in
		"$ch_base"/*) changes_writable || return 1 ;;
	esac
	ch_place=$l_home/changes ch_lock=''
	ch_text=${ch_source#"$ch_base/"}
	[ -z "$ch_encrypt" ] || changes_make || return 1
	if [ "$ch_kind" = directory ]; then
		[ -z "$ch_new" ] || mkdir -p "$ch_source" || { ch_error="$ch_text could not be made" && return 1; }
		mount -o bind "$ch_source" "$ch_place" || { ch_error="$ch_text could not be bound" && return 1; }
	else
		probe "$ch_source"
		ch_from=$ch_source
		if [ "$P_TYPE" = crypto_LUKS ]; then
			changes_unlock || return 1
			ch_from=/dev/mapper/$ch_name ch_lock=' luks'
			probe "$ch_from"
		fi
		changes_mount "$ch_from" "$ch_place" || return 1
	fi
	changes_union || return 1
	ch_top=$ch_place${ch_union:+/$ch_union}
	changes_room || return 1
	case $ch_source in
		"$ch_base"/*)
			l_pins=1
			ch_text="$l_medium $ch_text"
			;;
	esac
	l_changes="$ch_kind $ch_text$ch_lock"
	l_upper=$ch_top/rw l_work=$ch_top/work
	say "changes are kept in $ch_text"
}

# changes_ready: before anything is open on the medium. What is kept there needs it writable: it is checked and mounted anew, so that what an
# earlier power cut left behind is repaired while nobody uses it.
changes_ready() {
	changes_words
	ch_medium_open=
	[ -n "$ch_wanted" ] && [ -z "$l_isofile" ] || return 0
	case $ch_at in
		'') changes_medium || return 0 ;;
		/dev/* | *=*) return 0 ;;
		*) [ -e "$ch_base/${ch_at#/}" ] || return 0 ;;
	esac
	umount "$l_home/data" || return 0
	if changes_check "$l_medium" "$l_type"; then
		mount -t "$l_type" -o rw,noatime "$l_medium" "$l_home/data" 2>/dev/null && ch_medium_open=1 && return 0
	fi
	until mount -t "$l_type" -o ro "$l_medium" "$l_home/data"; do
		failed MOUNT "the medium $l_medium could not be mounted again"
	done
	warn "${ch_error:-the medium $l_medium cannot be written to}"
}

# changes_writable: the medium is in use by now, so it is changed as it stands; start has gone through its journal.
changes_writable() {
	[ -z "$ch_medium_open" ] || return 0
	if [ -z "$ch_error" ] && mount -o remount,rw,noatime "$ch_base" 2>/dev/null; then
		ch_medium_open=1
		return 0
	fi
	ch_error=${ch_error:-the medium $l_medium cannot be written to}
	return 1
}

# changes_unlock: asks for the passphrase of ch_source and opens it as /dev/mapper/kindling-changes.
changes_unlock() {
	[ ! -e "/dev/mapper/$ch_name" ] || return 0
	if ! command -v cryptsetup >/dev/null 2>&1; then
		ch_error="$ch_text is encrypted, and this archive was made without what opens it (setting encrypted)"
		return 1
	fi
	keyboards
	modules_load loop dm_crypt
	mkdir -p /run/cryptsetup
	say "$ch_text is encrypted"
	cryptsetup open --type luks --tries 3 "$ch_source" "$ch_name" </dev/console >/dev/console 2>&1 8>&- && return 0
	ch_error="$ch_text could not be opened: no passphrase fitted, or too little memory for its key derivation"
	return 1
}

# changes_mount SOURCE PLACE: a device or a file, whose type the probe has just told.
changes_mount() {
	case $P_TYPE in
		ext[234] | xfs | btrfs | f2fs) ;;
		'')
			ch_error="$1 holds no file system that can be recognised"
			return 1
			;;
		*)
			if [ "$2" = "$l_home/changes" ]; then
				ch_error="$1 holds $P_TYPE, which cannot keep changes"
				return 1
			fi
			;;
	esac
	ch_type=$P_TYPE
	modules_load "$ch_type"
	changes_check "$1" "$ch_type" || return 1
	ch_how=rw,noatime
	[ ! -f "$1" ] || ch_how=$ch_how,loop
	mount -t "$ch_type" -o "$ch_how" "$1" "$2" 2>/dev/null && return 0
	ch_error="$1 could not be mounted as $ch_type"
	return 1
}

# changes_check SOURCE TYPE: repairs what can be repaired without asking (a journal is replayed), where the archive has the tool. Without it
# the mount replays the journal, and what is known to be damaged is not used.
changes_check() {
	case $2 in
		ext[234]) ;;
		*) return 0 ;;
	esac
	[ "$k_fsck" != skip ] || return 0
	if [ "$k_fsck" != force ] && ext_clean "$1" "$2"; then
		fact changes.check clean
		return 0
	fi
	if command -v "fsck.$2" >/dev/null 2>&1; then
		ch_flags=-p
		[ "$k_fsck" != force ] || ch_flags='-p -f'
		# shellcheck disable=SC2086 # words
		"fsck.$2" $ch_flags "$1"
		ch_code=$?
		fact changes.check "$ch_code"
		[ $((ch_code & ~3)) != 0 ] || return 0
		ch_error="$1 is damaged (fsck.$2 ended with $ch_code)"
		return 1
	fi
	bytes "$1" 1082 2
	case $q_text in
		' '?[2367abef]' 00')
			ch_error="$1 is damaged: its superblock says so, and this archive has no fsck.$2"
			return 1
			;;
	esac
	fact changes.check journal
}

# changes_union: ch_union, the directory inside, where Debian's persistence.conf names one for "/".
changes_union() {
	ch_union=
	[ -r "$ch_place/persistence.conf" ] || return 0
	ch_found=
	while read -r ch_target ch_options ch_rest || [ -n "$ch_target" ]; do
		case $ch_target:,$ch_options, in
			'#'* | :*) ;;
			/:*,union,*)
				ch_found=1
				case ,$ch_options, in
					*,source=*)
						ch_union=${ch_options#*source=}
						ch_union=${ch_union%%,*}
						[ "$ch_union" != . ] || ch_union=
						ch_union=${ch_union#./}
						ch_union=${ch_union#/}
						;;
				esac
				;;
			*) warn "persistence.conf: \"$ch_target $ch_options\" is not done here, only \"/ union\" is" ;;
		esac
	done <"$ch_place/persistence.conf"
	case /$ch_union/ in
		*/../*)
			ch_error="persistence.conf names $ch_union, which is outside"
			return 1
			;;
	esac
	[ -n "$ch_found" ] && return 0
	ch_error="persistence.conf of $ch_text has no line \"/ union\""
	return 1
}

# changes_room: the two directories, and room to write: a full place would fail in the middle of the boot.
changes_room() {
	if [ -n "$ch_fresh" ] && [ -d "$ch_top/rw" ]; then
		ch_number=1
		while [ -e "$ch_top/rw.$ch_number" ]; do ch_number=$((ch_number + 1)); done
		mv "$ch_top/rw" "$ch_top/rw.$ch_number" || { ch_error="$ch_text: the earlier changes could not be set aside" && return 1; }
		say "the earlier changes are set aside as rw.$ch_number"
		ch_fresh=
	fi
	if mkdir -p "$ch_top/rw" "$ch_top/work" 2>/dev/null && { printf '%65536s' '' >"$ch_top/room"; } 2>/dev/null; then
		rm -f "$ch_top/room"
		return 0
	fi
	rm -f "$ch_top/room" 2>/dev/null || :
	ch_error="$ch_text is full or cannot be written to"
	return 1
}

# changes_leave: undoes what was half done, so that it can be tried again.
changes_leave() {
	! mounted "$l_home/changes" || umount "$l_home/changes"
	! mounted "$l_home/kept" || umount "$l_home/kept"
	[ ! -e "/dev/mapper/$ch_name" ] || cryptsetup close "$ch_name"
}

# changes_failed TEXT: 0 to go on without kept changes, 1 to try again.
changes_failed() {
	fact changes-failed "$1"
	case $ch_policy in
		fresh)
			warn "$1"
			warn 'going on with empty changes in memory, as kindling.changes=fresh says; nothing was deleted'
			return 0
			;;
		stop)
			failed CHANGES "$1"
			return 1
			;;
	esac
	if ! person_there; then
		failed CHANGES "$1"
		return 1
	fi
	warn "$1"
	keyboards
	while :; do
		person_ask '  g  go on with empty changes in memory (nothing is deleted)   t  try again   s  shell   b  restart'
		case $ch_answer in
			g*) return 0 ;;
			t*) return 1 ;;
			s*) shell 'look at the changes, repair them by hand' ;;
			b*) restart ;;
		esac
	done
}

# person_there: whether somebody is to be asked, by the same words that decide about a shell after a failure.
person_there() {
	[ "$k_shell" != 0 ] || return 1
	[ -z "$k_panic" ] || [ "$k_panic" = 0 ] || [ "$k_shell" = 1 ]
}

# person_ask TEXT: ch_answer, a line from the console.
person_ask() {
	echo "$1"
	printf 'kindling: your choice: '
	ch_answer=
	read -r ch_answer </dev/console || sleep 1
}
