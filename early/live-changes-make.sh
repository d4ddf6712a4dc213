# live-changes-make: encrypted changes where there are none yet (persistence=luks, perch=luks): an empty partition or file becomes a LUKS volume with
# ext4 in it, under a passphrase that is asked for twice. What holds a file, or anything that is not known, is never formatted.
#
# A power cut leaves one of three things, and the next boot begins again: a mark in the first sector, zeros there (luksFormat begins with them) and the
# same mark in the last sector, or a LUKS header with the label "kindling-making". The volume gets its real label when all is written, and is never
# mounted before.

mk_mark='KINDLING-MAKING' mk_label=kindling-making
# The mark as the first line that od shows.
mk_hex=' 4b 49 4e 44 4c 49 4e 47 2d 4d 41 4b 49 4e 47 0a'
mk_zeros=' 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00'

# changes_marked SOURCE: whether the making of it was cut short.
changes_marked() {
	bytes "$1" 0 80
	case $q_text in
		"$mk_hex"*) return 0 ;;
		' 4c 55 4b 53 ba be 00 02'*) label_take 24 48 "$q_text" && [ "$P_LABEL" = $mk_label ] ;;
		"$mk_zeros"*)
			make_last "$1"
			case $(dd if="$1" bs=512 skip=$mk_last count=1 2>/dev/null | od -An -v -tx1) in
				"$mk_hex"*) return 0 ;;
			esac
			return 1
			;;
		*) return 1 ;;
	esac
}

# make_last SOURCE: mk_last, the number of its last sector.
make_last() {
	if [ -f "$1" ]; then
		mk_last=$(($(stat -L -c %s "$1") / 512 - 1))
	else
		read -r mk_last <"/sys/class/block/${1##*/}/size" || mk_last=1
		mk_last=$((mk_last - 1))
	fi
}

# changes_make: ch_source becomes a LUKS volume, unless it is one; fails with ch_error.
changes_make() {
	[ "$ch_kind" = directory ] && ch_error="$ch_text holds changes that are not encrypted; they stay as they are" && return 1
	[ -z "$ch_new" ] || make_file || return 1
	if ! changes_marked "$ch_source"; then
		probe "$ch_source"
		[ "$P_TYPE" != crypto_LUKS ] || return 0
		make_empty || return 1
	fi
	for mk_tool in cryptsetup mkfs.ext4 dd; do
		command -v $mk_tool >/dev/null 2>&1 || { ch_error="$ch_text could not be encrypted: this archive has no $mk_tool (setting encrypted)" && return 1; }
	done
	keyboards
	say "$ch_text is empty, and becomes an encrypted volume for what is changed here. Without its passphrase nobody can read it, you neither"
	make_passphrase || return 1
	if make_volume; then
		fact changes-made "$ch_text"
		return 0
	fi
	return 1
}

# make_empty: whether nothing is in it: zeros, or a file system without a file.
make_empty() {
	if [ -z "$P_TYPE" ]; then
		# a line that repeats itself is shown once
		case $(od -An -tx1 -N 1048576 "$ch_source" 2>/dev/null) in
			"$mk_zeros$q_line*") return 0 ;;
		esac
		ch_error="$ch_text holds something that is not known here; it is not formatted"
		return 1
	fi
	changes_mount "$ch_source" "$ch_place" || return 1
	mk_found=
	for mk_file in "$ch_place"/* "$ch_place"/.[!.]*; do
		case ${mk_file##*/} in
			lost+found | '*' | '.[!.]*') ;;
			*) mk_found=$mk_file ;;
		esac
	done
	umount "$ch_place"
	[ -n "$mk_found" ] || return 0
	ch_error="$ch_text holds files (${mk_found##*/}) that are not encrypted; it is not formatted"
	return 1
}

# make_file: changes.img on the medium, of perchsize= MiB or what is there, else 512, at most half of what is free.
make_file() {
	# shellcheck disable=SC2046 # two numbers
	set -- $(stat -f -c '%a %S' "$ch_base" 2>/dev/null)
	mk_free=$((${1:-0} * (${2:-0} / 512) / 2))
	mk_free=$((mk_free / 1024))
	mk_most=$((mk_free - 8))
	mk_size=$ch_size
	if [ -z "$mk_size" ]; then
		mk_size=512
		mk_most=$((mk_free / 2))
	fi
	[ "$l_type" != vfat ] || [ "$mk_size" -lt 4096 ] || mk_size=4095
	[ "$mk_size" -le $mk_most ] || mk_size=$mk_most
	if [ "$mk_size" -lt 24 ]; then
		ch_error="$ch_text: there is no room for an encrypted volume, $mk_free MiB are free"
		return 1
	fi
	say "making $ch_text, $mk_size MiB"
	if mkdir -p "${ch_source%/*}" && dd if=/dev/zero of="$ch_source.new" bs=1048576 count="$mk_size" 2>/dev/null && sync && mv "$ch_source.new" "$ch_source"; then
		ch_new=
		return 0
	fi
	rm -f "$ch_source.new"
	ch_error="$ch_text could not be made"
	return 1
}

# make_passphrase: mk_secret, the same twice; an empty line declines.
make_passphrase() {
	while :; do
		make_ask "new passphrase for it (an empty one: nothing is made): "
		mk_secret=$mk_answer
		if [ -z "$mk_secret" ]; then
			ch_error="$ch_text was not made: no passphrase was given"
			return 1
		fi
		make_ask 'the same once more: '
		[ "$mk_answer" != "$mk_secret" ] || break
		say 'these two are not the same'
	done
	mk_answer=
}

# make_ask TEXT: mk_answer, what is typed unseen.
make_ask() {
	mk_answer=
	stty -echo </dev/console 2>/dev/null || :
	printf 'kindling: %s' "$1"
	IFS= read -r mk_answer </dev/console || sleep 1
	stty echo </dev/console 2>/dev/null || :
	echo
}

# make_volume: the marks, zeros, the header, the file system, the label. A key is made with a quarter of the free memory, at most 256 MiB:
# smaller machines are to open it too.
make_volume() {
	modules_load loop dm_crypt
	mkdir -p /run/cryptsetup
	memory_read /proc
	mk_memory=$((m_available / 4))
	[ $mk_memory -le 262144 ] || mk_memory=262144
	say "formatting $ch_text"
	ch_error="$ch_text could not be made an encrypted volume"
	make_last "$ch_source"
	make_mark $mk_last && make_mark 0 && sync || return 1
	dd if=/dev/zero of="$ch_source" bs=512 seek=1 count=2047 conv=notrunc 2>/dev/null && sync || return 1
	printf %s "$mk_secret" |
		cryptsetup luksFormat -q --type luks2 --pbkdf-memory $mk_memory --label $mk_label --key-file - "$ch_source" >/dev/console 2>&1 8>&- || return 1
	say 'writing the file system in it'
	printf %s "$mk_secret" | cryptsetup open --type luks --key-file - "$ch_source" "$ch_name" >/dev/console 2>&1 8>&- || return 1
	mk_secret=
	mkfs.ext4 -q -F -m 0 -L kindling-changes -E nodiscard "/dev/mapper/$ch_name" >/dev/console 2>&1 && sync &&
		cryptsetup config "$ch_source" --label kindling-changes >/dev/console 2>&1 8>&- && sync || return 1
	ch_error=
}

# make_mark SECTOR
make_mark() {
	echo $mk_mark | dd of="$ch_source" bs=512 seek="$1" conv=notrunc 2>/dev/null
}
