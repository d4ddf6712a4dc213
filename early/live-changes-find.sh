# live-changes-find: which place keeps the changes of a live system: what perchdir= names, else a directory or a file on the medium, else a
# labelled partition, else a new directory on a medium that can hold one. Nothing is written here.

# changes_find: ch_kind (directory, file or device) and ch_source; fails where there is none, with ch_error when something is in the way.
changes_find() {
	ch_kind='' ch_source='' ch_new=''
	if [ -n "$ch_at" ]; then
		changes_named
		return
	fi
	changes_medium && return 0
	changes_partition && return 0
	# A medium that can hold them gets its directory, or its encrypted file, when nothing else is there.
	if [ -n "$ch_encrypt" ] && [ -n "$ch_can$ch_file" ]; then
		ch_kind='file' ch_source=$ch_data/changes.img ch_new=1
		return 0
	fi
	[ -n "$ch_can" ] || return 1
	ch_kind=directory ch_source=$ch_data/changes ch_new=1
}

# changes_medium: what is on the medium. ch_can: its file system can hold an upper directory and be written to.
changes_medium() {
	ch_can='' ch_file=''
	case $l_type in
		ext[234] | xfs | btrfs | f2fs) ch_can=1 ;;
		vfat | exfat | ntfs | ntfs3) ch_file=1 ;;
		*) return 1 ;;
	esac
	if read -r ch_ro 2>/dev/null <"/sys/class/block/${l_medium##*/}/ro" && [ "$ch_ro" = 1 ]; then
		ch_can='' ch_file=''
		return 1
	fi
	if [ -n "$ch_can" ] && [ -d "$ch_data/changes" ] && ! changes_passed; then
		ch_kind=directory ch_source=$ch_data/changes
	elif [ -f "$ch_data/changes.img" ]; then
		ch_kind=file ch_source=$ch_data/changes.img
	else
		return 1
	fi
}

# changes_passed: encrypted changes are no directory; one with nothing in it is passed over.
changes_passed() {
	[ -n "$ch_encrypt" ] && { [ -f "$ch_data/changes.img" ] || [ ! -e "$ch_data/changes/rw" ]; }
}

# changes_partition: by label, of the file system, of LUKS, or of the partition. A second disk may need a moment to show up.
changes_partition() {
	ch_tries=0
	while :; do
		if devices_each changes_labelled; then
			ch_kind=device ch_source=$d_path
			return 0
		fi
		[ -n "$ch_wait" ] && [ -z "$ch_can" ] && [ $ch_tries -lt 6 ] || return 1
		ch_tries=$((ch_tries + 1))
		coldplug 2
		events_wait 1 || :
	done
}

changes_labelled() {
	[ "$d_path" != "$l_medium" ] || return 1
	probe "$d_path"
	changes_luks_label "$d_path"
	partition "$d_name"
	case "$P_LABEL:$P_PARTLABEL" in
		persistence:* | kindling-changes:* | *:persistence | *:kindling-changes) ;;
		kindling-chang:* | KINDLING-CHA:*) ;;
		*) [ -n "$ch_encrypt" ] && changes_marked "$d_path" || return 1 ;;
	esac
	! md_end "$d_path" "$d_size"
}

# changes_luks_label DEVICE: the label of a second version LUKS header, which the probe leaves to those who can open it.
changes_luks_label() {
	[ "$P_TYPE" = crypto_LUKS ] && [ -z "$P_LABEL" ] || return 0
	bytes "$1" 0 80
	case $q_text in
		' 4c 55 4b 53 ba be 00 02'*) label_take 24 48 "$q_text" ;;
	esac
}

# changes_named: what perchdir= says: a path within the medium, or DEVICE and a path on it.
changes_named() {
	case $ch_at in
		/dev/* | LABEL=* | UUID=* | PARTUUID=* | PARTLABEL=*) ;;
		*)
			ch_source=$ch_base/${ch_at#/}
			changes_path
			return
			;;
	esac
	ch_spec=$ch_at ch_path=
	case $ch_at in
		/dev/*/*) ch_path=${ch_at#/dev/*/} && ch_spec=${ch_at%/"$ch_path"} ;;
		/dev/*) ;;
		*/*) ch_path=${ch_at#*/} && ch_spec=${ch_at%%/*} ;;
	esac
	if ! find_device "$ch_spec" 10; then
		ch_error="perchdir=$ch_at: there is no $ch_spec"
		return 1
	fi
	if [ "$f_path" = "$l_medium" ]; then
		ch_source=$ch_base/${ch_path:-$DATA/changes}
		changes_path
		return
	fi
	ch_kind=device ch_source=$f_path
	[ -n "$ch_path" ] || return 0
	# a place on a disk that holds other things too: that is mounted first
	probe "$f_path"
	mkdir -p "$l_home/kept"
	if ! changes_mount "$f_path" "$l_home/kept"; then
		return 1
	fi
	ch_source=$l_home/kept/$ch_path
	changes_path
}

# changes_path: what ch_source is.
changes_path() {
	if [ -f "$ch_source" ]; then
		ch_kind='file'
	elif [ -d "$ch_source" ]; then
		ch_kind='directory'
	else
		ch_error="perchdir=$ch_at: there is no ${ch_source#"$ch_base/"}"
		return 1
	fi
}
