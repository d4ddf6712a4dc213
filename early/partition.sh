# partition: PARTUUID and PARTLABEL of a partition, from the kernel where it tells them, else from the MBR or GPT of its disk.

g_disk=

# partition NAME: P_PARTUUID and P_PARTLABEL, empty for what is no partition.
partition() {
	P_PARTUUID='' P_PARTLABEL=''
	p_sys=/sys/class/block/$1
	read -r p_number 2>/dev/null <"$p_sys/partition" || return 0
	while IFS='=' read -r p_key p_value; do
		case $p_key in
			PARTUUID) P_PARTUUID=$p_value ;;
			PARTNAME) P_PARTLABEL=$p_value ;;
		esac
	done <"$p_sys/uevent"
	[ -z "$P_PARTUUID" ] || return 0
	while IFS='=' read -r p_key p_value; do
		[ "$p_key" != DEVNAME ] || p_disk=/dev/$p_value
	done <"$p_sys/../uevent"
	p_block=512
	read -r p_block 2>/dev/null <"$p_sys/../queue/logical_block_size" || :
	[ "$g_disk" = "$p_disk" ] || table_read "$p_disk" "$p_block"
	case $g_kind in
		dos) P_PARTUUID=$g_id-$(printf %02x "$p_number") ;;
		gpt) table_entry "$p_disk" "$p_number" ;;
	esac
}

# table_read DISK BLOCKSIZE: g_kind, and g_id (MBR) or g_at and g_size of the entries (GPT).
table_read() {
	g_disk=$1 g_kind='' g_block=$2
	bytes "$1" 432 80
	# shellcheck disable=SC2086
	set -- $q_text
	[ "${79}${80}" = 55aa ] || return 0
	if [ "${19}" != ee ]; then
		g_kind=dos g_id=${12}${11}${10}$9
		return 0
	fi
	bytes "$g_disk" "$g_block" 96
	# shellcheck disable=SC2086
	set -- $q_text
	[ "$1$2$3$4$5$6$7$8" = 4546492050415254 ] || return 0
	g_kind=gpt
	g_at=$((0x${78}${77}${76}${75}${74}${73} * g_block))
	g_size=$((0x${88}${87}${86}${85}))
}

# table_entry DISK NUMBER: identity and name from a GPT entry.
table_entry() {
	bytes "$1" $((g_at + ($2 - 1) * g_size)) 128
	p_label=$P_LABEL
	label16_take 56 36 "$q_text"
	P_PARTLABEL=$P_LABEL P_LABEL=$p_label
	# shellcheck disable=SC2086
	set -- $q_text
	shift 16
	P_PARTUUID=$4$3$2$1-$6$5-$8$7-$9${10}-${11}${12}${13}${14}${15}${16}
}
