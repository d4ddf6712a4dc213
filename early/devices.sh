# devices: the block devices there are, and which of them is the wanted one. No udev: links under /dev/disk are understood, not made.

# device_next: sets d_name (as in /sys/class/block) and d_path for each whole disk and partition worth a look, calling COMMAND for it
# until that says yes (returns 0). Devices without a medium, loops and RAM disks hold no root.
devices_each() {
	for d_dir in /sys/class/block/*; do
		d_name=${d_dir##*/}
		case $d_name in
			loop* | ram* | zram* | fd[0-9]* | '*') continue ;;
		esac
		read -r d_size 2>/dev/null <"$d_dir/size" || continue
		[ "$d_size" != 0 ] || continue
		device_path "$d_name"
		[ -b "$d_path" ] || continue
		"$@" && return 0
	done
	return 1
}

# device_path NAME: d_path; "!" in a sysfs name stands for "/".
device_path() {
	d_path=$1
	while :; do
		case $d_path in
			*!*) d_path=${d_path%%!*}/${d_path#*!} ;;
			*) break ;;
		esac
	done
	d_path=/dev/$d_path
}

# want SPECIFICATION: w_kind and w_value, what to look for.
want() {
	w_text=$1
	w_kind='' w_value='' w_offset=0
	case $w_text in
		UUID=*) w_kind=uuid w_value=${w_text#*=} ;;
		LABEL=*) w_kind=label w_value=${w_text#*=} ;;
		PARTUUID=*) w_kind=partuuid w_value=${w_text#*=} ;;
		PARTLABEL=*) w_kind=partlabel w_value=${w_text#*=} ;;
		/dev/disk/by-uuid/*) w_kind=uuid w_value=${w_text##*/} ;;
		/dev/disk/by-partuuid/*) w_kind=partuuid w_value=${w_text##*/} ;;
		/dev/disk/by-label/*) w_kind=label && unescape "${w_text#/dev/disk/by-label/}" && w_value=$u_text ;;
		/dev/disk/by-partlabel/*) w_kind=partlabel && unescape "${w_text#/dev/disk/by-partlabel/}" && w_value=$u_text ;;
		/dev/disk/by-id/*) w_kind=id && unescape "${w_text##*/}" && w_value=$u_text ;;
		/dev/disk/by-path/*) w_kind=path w_value=${w_text##*/} ;;
		/dev/nfs | nfs:* | nfs4:* | nbd:* | iscsi:* | live:* | http:* | https:* | zfs:* | ZFS=* | zfs=* | mtd:* | ubi:* | tmpfs | gpt-auto*) w_kind=foreign w_value=$w_text ;;
		/dev/*) w_kind=node w_value=$w_text ;;
		*:*[!0-9]* | *[!0-9]*:*) w_kind=foreign w_value=$w_text ;;
		[0-9]*:[0-9]*) w_kind=number w_value=$w_text ;;
		*[!0-9A-Fa-f]* | '') w_kind=foreign w_value=$w_text ;;
		*) # the kernel's own hexadecimal form
			w_number=$((0x$w_text))
			w_kind=number w_value=$((w_number >> 8 & 0xfff)):$((w_number & 0xff | w_number >> 12 & 0xfff00))
			;;
	esac
	case $w_value in
		'"'*) unquote "$w_value" && w_value=$u_text ;;
	esac
	case $w_kind:$w_value in
		partuuid:*/PARTNROFF=*) w_offset=${w_value##*=} w_value=${w_value%%/*} ;;
	esac
	case $w_kind in
		uuid | partuuid) lower "$w_value" && w_value=$u_text ;;
	esac
}

# unescape TEXT: u_text with udev's \xNN turned into the bytes they stand for.
unescape() {
	u_text=
	u_rest=$1
	while :; do
		case $u_rest in
			*\\x[0-9a-fA-F][0-9a-fA-F]*)
				u_text=$u_text${u_rest%%\\x*}
				u_rest=${u_rest#*\\x}
				u_tail=${u_rest#??}
				byte_text "${u_rest%"$u_tail"}"
				u_text=$u_text$y_text
				u_rest=$u_tail
				;;
			*) break ;;
		esac
	done
	u_text=$u_text$u_rest
}

# lower TEXT: u_text in lower case; only hexadecimal digits matter.
lower() {
	u_text=
	u_rest=$1
	while [ -n "$u_rest" ]; do
		u_tail=${u_rest#?}
		case ${u_rest%"$u_tail"} in
			A) u_text=${u_text}a ;;
			B) u_text=${u_text}b ;;
			C) u_text=${u_text}c ;;
			D) u_text=${u_text}d ;;
			E) u_text=${u_text}e ;;
			F) u_text=${u_text}f ;;
			*) u_text=$u_text${u_rest%"$u_tail"} ;;
		esac
		u_rest=$u_tail
	done
}

# wanted: whether the device d_name at d_path is it. Each medium is read once: what it is called stays in memory by name and size.
wanted() {
	case $w_kind in
		node) [ "$d_path" = "$w_value" ] ;;
		number) read -r d_number <"/sys/class/block/$d_name/dev" && [ "$d_number" = "$w_value" ] ;;
		uuid)
			probe "$d_path" && lower "$P_UUID" && [ "$u_text" = "$w_value" ] && whole
			;;
		label)
			probe "$d_path" && [ "$P_LABEL" = "$w_value" ] && whole
			;;
		partuuid)
			partition "$d_name"
			lower "$P_PARTUUID"
			[ "$u_text" = "$w_value" ]
			;;
		partlabel)
			partition "$d_name"
			[ "$P_PARTLABEL" = "$w_value" ]
			;;
		id | path) . "$e_home/identity.sh" && identity_is "$w_kind" "$w_value" ;;
		*) false ;;
	esac
}

# whole: whether what was found at d_path is all of it, no piece of something larger.
whole() {
	! member "$P_TYPE" || return 1
	! md_end "$d_path" "$d_size" || return 1
}

# member TYPE: whether that is a piece of something larger, which carries no root itself.
member() {
	case $1 in
		crypto_LUKS | LVM2_member | linux_raid_member | zfs_member | bcache | BitLocker | DM_*) true ;;
		*) false ;;
	esac
}
