# superblock: what is on a block device, read with od alone: type, UUID and label of ext2-4, xfs, btrfs, f2fs, vfat, iso9660, squashfs,
# erofs and swap, and the names of what this archive cannot open (LUKS, LVM, MD, ZFS, ...). Where the archive has util-linux's blkid,
# that answers instead. Offsets are those of the on-disk formats; od gives lines of 16 bytes, so offset N is in line N/16 + 1.

q_line='
'

# bytes DEVICE OFFSET COUNT: q_text, the bytes in hexadecimal, a line for each 16.
bytes() {
	q_text=$(od -An -v -tx1 -j "$2" -N "$3" "$1" 2>/dev/null) || :
}

# probe DEVICE: P_TYPE, P_UUID, P_LABEL; empty where there is none.
probe() {
	P_TYPE='' P_UUID='' P_LABEL=''
	if [ -n "$BLKID" ]; then
		probe_blkid "$1"
		return 0
	fi
	bytes "$1" 0 2048
	q_ifs=$IFS
	IFS=$q_line
	set -f
	# shellcheck disable=SC2086 # split into lines
	set -- "$1" $q_text
	set +f
	IFS=$q_ifs
	q_device=$1
	shift
	[ $# -gt 0 ] || return 0
	probe_start "$@"
	[ -z "$P_TYPE" ] || return 0
	# A disk that only holds a partition table needs no further reading, unless it is a hybrid CD image.
	q_name=${q_device##*/}
	q_parts=
	for q_part in /sys/class/block/"$q_name"/"$q_name"*; do
		[ ! -e "$q_part" ] || q_parts=1
	done
	[ -n "$q_parts" ] || probe_page
	[ -n "$P_TYPE" ] || [ -n "$q_parts" ] || probe_btrfs
	[ -n "$P_TYPE" ] || probe_iso
	[ -n "$P_TYPE" ] || [ -n "$q_parts" ] || probe_zfs
}

# The first 2 KiB, as lines.
probe_start() {
	case $1 in
		' 58 46 53 42'*) P_TYPE=xfs && uuid_take 0 "$3" && label_take 12 12 "$7$8" && return ;;
		' 68 73 71 73'*) P_TYPE=squashfs && return ;;
		' 4c 55 4b 53 ba be'*) P_TYPE=crypto_LUKS && return ;;
		' fc 4e 2b a9'*) P_TYPE=linux_raid_member && return ;;
		' '??' '??' '??' 2d 46 56 45 2d 46 53 2d'*) P_TYPE=BitLocker && return ;;
		' '??' '??' '??' 4e 54 46 53 20'*) P_TYPE=ntfs && return ;;
		' '??' '??' '??' 45 58 46 41 54 20'*) P_TYPE=exfat && return ;;
		' 4c 41 42 45 4c 4f 4e 45'*) P_TYPE=LVM2_member && return ;;
	esac
	[ $# -ge 73 ] || return 0
	case ${33} in
		' 4c 41 42 45 4c 4f 4e 45'*) P_TYPE=LVM2_member && return ;;
	esac
	case ${68} in
		*' 53 ef '??' '??' '??' '??' '??' '??) P_TYPE=ext2 && ext_kind "${70}" "${71}" && uuid_take 8 "${71}${72}" && label_take 8 16 "${72}${73}" && return ;;
	esac
	case ${65} in
		' 10 20 f5 f2'*) P_TYPE=f2fs && uuid_take 12 "${71}${72}" && label16_take 12 32 "${72}${73}${74}${75}${76}" && return ;;
		' e2 e1 f5 e0'*) P_TYPE=erofs && uuid_take 0 "${68}" && label_take 0 16 "${69}" && return ;;
	esac
	case $6 in
		' '??' '??' 46 41 54 33 32'*) P_TYPE=vfat && fat_take 3 "$5$6" && return ;;
	esac
	case $4 in
		' '??' '??' '??' '??' '??' '??' 46 41 54'*) P_TYPE=vfat && fat_take 7 "$3$4" && return ;;
	esac
	# Only swap has these where the page's end says so; probe_page looks.
	q_swap_a=${65} q_swap_b=${66} q_swap_c=${67}
}

# Which of the family: ext4 when a feature is set that ext3 does not know, ext3 with a journal.
ext_kind() {
	# shellcheck disable=SC2086
	set -- $1 $2
	[ $((0x${13} & 4)) = 0 ] || P_TYPE=ext3
	if [ $((0x${17} & ~0x16)) != 0 ] || [ "${18}${19}${20}" != 000000 ] || [ $((0x${21} & ~7)) != 0 ] || [ "${22}${23}${24}" != 000000 ]; then
		P_TYPE=ext4
	fi
}

# fat_take SKIP LINES: serial number, then the label.
fat_take() {
	q_skip=$1 q_lines=$2
	# shellcheck disable=SC2086
	set -- $q_lines
	shift "$q_skip"
	P_UUID=$4$3-$2$1
	upper "$P_UUID"
	P_UUID=$u_text
	label_take $((q_skip + 4)) 11 "$q_lines"
	[ "$P_LABEL" != 'NO NAME' ] || P_LABEL=
}

# The end of the first page: swap, and superblocks one page in.
probe_page() {
	bytes "$q_device" 4080 48
	case $q_text in
		*' 53 57 41 50 53 50 41 43 45 32'"$q_line"* | *' 53 57 41 50 2d 53 50 41 43 45'"$q_line"*) P_TYPE=swap ;;
		' '??' '??' '??' '??' '??' '??' 53 31 53 55 53 50 45 4e 44'* | ' '??' '??' '??' '??' '??' '??' 53 32 53 55 53 50 45 4e 44'*) P_TYPE=swsuspend ;;
		*"$q_line"' fc 4e 2b a9'*) P_TYPE=linux_raid_member ;;
		*' c6 85 73 f6 4e 1a 45 ca'*) P_TYPE=bcache ;;
	esac
	case $P_TYPE in
		swap | swsuspend) uuid_take 12 "$q_swap_a$q_swap_b" && label_take 12 16 "$q_swap_b$q_swap_c" ;;
	esac
}

probe_btrfs() {
	bytes "$q_device" 65536 560
	case $q_text in
		*' 5f 42 48 52 66 53 5f 4d'*) ;;
		*) return 0 ;;
	esac
	P_TYPE=btrfs
	uuid_take 32 "$q_text"
	label_take 299 256 "$q_text"
}

probe_iso() {
	bytes "$q_device" 32768 848
	case $q_text in
		' 01 43 44 30 30 31'*) ;;
		*) return 0 ;;
	esac
	P_TYPE=iso9660
	label_take 830 16 "$q_text"
	case $P_LABEL in
		'' | 0000000000000000) label_take 813 16 "$q_text" ;;
	esac
	q_date=$P_LABEL
	P_UUID=
	for q_cut in 4 2 2 2 2 2 2; do
		case $q_cut in
			4) q_tail=${q_date#????} ;;
			*) q_tail=${q_date#??} ;;
		esac
		P_UUID=$P_UUID${P_UUID:+-}${q_date%"$q_tail"}
		q_date=$q_tail
	done
	label_take 40 32 "$q_text"
}

# md_end DEVICE SECTORS: whether a superblock of MD is near the end (versions 1.0 and 0.90), which makes what the device seems to hold
# one piece of a mirror. Who mounted it alone would make the pieces differ.
md_end() {
	[ -z "$BLKID" ] && [ "$2" -gt 256 ] || return 1
	# dd seeks; busybox's od would read all that is before
	q_text=$({
		dd if="$1" bs=512 count=1 skip=$((($2 - 16) & ~7))
		dd if="$1" bs=512 count=1 skip=$((($2 & ~127) - 128))
	} 2>/dev/null | od -An -v -tx1) || :
	# shellcheck disable=SC2086 # bytes
	set -- $q_text
	[ $# = 1024 ] || return 1
	[ "$1$2$3$4" = fc4e2ba9 ] || [ "${513}${514}${515}${516}" = fc4e2ba9 ]
}

# A vdev label starts with a list whose first name is "version".
probe_zfs() {
	bytes "$q_device" 16384 64
	case $q_text in
		*' 76 65 72 73 69 6f 6e'*) P_TYPE=zfs_member ;;
	esac
}

# uuid_take SKIP LINES: P_UUID from 16 bytes.
uuid_take() {
	q_skip=$1
	# shellcheck disable=SC2086
	set -- $2
	shift "$q_skip"
	P_UUID=$1$2$3$4-$5$6-$7$8-$9${10}-${11}${12}${13}${14}${15}${16}
	[ "$P_UUID" != 00000000-0000-0000-0000-000000000000 ] || P_UUID=
}

# label_take SKIP COUNT LINES: P_LABEL, at most COUNT bytes up to a NUL, blanks at the end dropped.
label_take() {
	q_skip=$1 q_count=$2 q_octal=
	# shellcheck disable=SC2086
	set -- $3
	shift "$q_skip"
	while [ "$q_count" -gt 0 ] && [ "${1:-00}" != 00 ]; do
		octal "0x$1"
		shift
		q_count=$((q_count - 1))
	done
	octal_text
	P_LABEL=$y_text
}

# label16_take SKIP COUNT LINES: the same from COUNT little-endian UTF-16 units, as UTF-8.
label16_take() {
	q_skip=$1 q_count=$2 q_octal=
	# shellcheck disable=SC2086
	set -- $3
	shift "$q_skip"
	while [ "$q_count" -gt 0 ] && [ "${2:-00}${1:-00}" != 0000 ]; do
		q_unit=$((0x$2$1))
		if [ $q_unit -lt 128 ]; then
			octal $q_unit
		elif [ $q_unit -lt 2048 ]; then
			octal $((q_unit >> 6 | 192))
			octal $((q_unit & 63 | 128))
		else
			octal $((q_unit >> 12 | 224))
			octal $((q_unit >> 6 & 63 | 128))
			octal $((q_unit & 63 | 128))
		fi
		shift 2
		q_count=$((q_count - 1))
	done
	octal_text
	P_LABEL=$y_text
}

# octal NUMBER: one byte more in q_octal, as printf takes it.
octal() {
	q_octal="$q_octal\\$(($1 >> 6))$(($1 >> 3 & 7))$(($1 & 7))"
}

# octal_text: y_text, the bytes q_octal stands for, without blanks at the end.
octal_text() {
	y_text=
	[ -n "$q_octal" ] || return 0
	# shellcheck disable=SC2059 # the format is made here, of \NNN only
	y_text=$(printf "$q_octal")
	while :; do
		case $y_text in
			*' ') y_text=${y_text%' '} ;;
			*) break ;;
		esac
	done
}

# byte_text HEX: y_text, one byte.
byte_text() {
	# shellcheck disable=SC2059
	y_text=$(printf "\\$((0x$1 >> 6))$((0x$1 >> 3 & 7))$((0x$1 & 7))")
}

# upper TEXT: u_text with hexadecimal digits in upper case.
upper() {
	u_text=
	u_rest=$1
	while [ -n "$u_rest" ]; do
		u_tail=${u_rest#?}
		case ${u_rest%"$u_tail"} in
			a) u_text=${u_text}A ;;
			b) u_text=${u_text}B ;;
			c) u_text=${u_text}C ;;
			d) u_text=${u_text}D ;;
			e) u_text=${u_text}E ;;
			f) u_text=${u_text}F ;;
			*) u_text=$u_text${u_rest%"$u_tail"} ;;
		esac
		u_rest=$u_tail
	done
}

probe_blkid() {
	q_text=$(blkid -p -o udev "$1" 2>/dev/null)
	q_ifs=$IFS
	IFS=$q_line
	set -f
	for q_word in $q_text; do
		case $q_word in
			ID_FS_TYPE=*) P_TYPE=${q_word#*=} ;;
			ID_FS_UUID=*) P_UUID=${q_word#*=} ;;
			ID_FS_LABEL_ENC=*) unescape "${q_word#*=}" && P_LABEL=$u_text ;;
		esac
	done
	set +f
	IFS=$q_ifs
}
