# find: the root device. What early.conf loaded may have brought it; else coldplug by stages, looking after each; then waiting for
# announcements, looking at everything again once a second.

# look: whether a block device is the wanted one; f_path and f_name then. Each is read once while its name and size stay the same.
look() {
	if [ "$w_kind" = node ] && [ -b "$w_value" ]; then
		f_path=$w_value f_name=${w_value##*/}
		return 0
	fi
	devices_each look_at || return 1
	[ "$w_offset" = 0 ] || neighbour || return 1
	f_path=$d_path f_name=$d_name
}

# neighbour: the partition w_offset further on the same disk (PARTUUID=.../PARTNROFF=N).
neighbour() {
	read -r f_number <"/sys/class/block/$d_name/partition" || return 1
	f_number=$((f_number + w_offset))
	for f_part in "/sys/class/block/$d_name/.."/*/partition; do
		read -r f_other 2>/dev/null <"$f_part" || continue
		[ "$f_other" = $f_number ] || continue
		f_part=${f_part%/partition}
		d_name=${f_part##*/}
		device_path "$d_name"
		P_TYPE=
		return 0
	done
	return 1
}

look_at() {
	case $w_kind in
		node | number) ;;
		*)
			case $f_seen in
				*"|$d_name:$d_size|"*) return 1 ;;
			esac
			f_seen="$f_seen$d_name:$d_size|"
			;;
	esac
	wanted
}

# find_device SPECIFICATION SECONDS|forever: f_path; fails when the time is over.
find_device() {
	want "$1"
	f_seen='|' f_path='' P_TYPE=''
	[ "$w_kind" != foreign ] || return 1
	uptime_read
	f_start=$n_uptime f_stage_start=$n_uptime
	[ -z "$LOAD" ] || { look && return 0; }
	coldplug "$f_stage"
	look && return 0
	# The first stage keeps nobody waiting: its disks are there when their drivers are.
	if [ -z "$c_loaded" ] || [ "$f_stage" = 0 ]; then stage_next; fi
	while :; do
		look && return 0
		if [ "$f_stage" = 1 ]; then f_wait=0.5; else f_wait=1; fi
		uptime_read
		if ! events_wait $f_wait || [ $((n_uptime - f_stage_start)) -gt 300 ]; then
			stage_next
		fi
		coldplug "$f_stage"
		look && return 0
		uptime_read
		[ "$2" = forever ] || [ $((n_uptime - f_start)) -lt $(($2 * 100)) ] || return 1
	done
}
f_stage=0

stage_next() {
	[ "$f_stage" -lt 3 ] || return 0
	f_stage=$((f_stage + 1))
	f_stage_start=$n_uptime
	coldplug "$f_stage"
}

# uptime_read: n_uptime in hundredths of a second.
uptime_read() {
	read -r n_uptime n_idle </proc/uptime
	n_uptime=${n_uptime%.*}${n_uptime#*.}
	n_uptime=${n_uptime#0}
	n_uptime=${n_uptime#0}
}

find_root() {
	while ! find_device "$k_root" "$k_limit"; do
		root_missing
		! mounted "$e_new" || return 0
	done
	say "root $k_root is $f_path"
	fact root "$f_path"
}

# Says what was looked for and what is there, then fails.
root_missing() {
	f_member=
	# Where the search never began, there is still something to show.
	[ "$w_kind" != foreign ] || coldplug 2
	[ "$w_kind" = foreign ] || say "looking for the root took until the limit of $k_limit s"
	say "the command line said root=$k_root"
	say 'block devices that are here:'
	f_count=0
	devices_each describe || :
	[ "$f_count" != 0 ] || say '  none at all: no driver for the disk in this archive, or no disk'
	if [ -z "$k_root" ]; then
		failed NO_ROOT_WORD 'there is no root= on the kernel command line'
	elif [ "$w_kind" = foreign ]; then
		failed ROOT_UNSUPPORTED "root=$k_root is of a kind that this archive cannot open"
	elif [ -n "$f_member" ]; then
		failed ROOT_NOT_FOUND "root=$k_root was not found; found $f_member; this archive cannot open it"
	else
		failed ROOT_NOT_FOUND "root=$k_root was not found among $f_count block devices"
	fi
}

# One line about the device; never says yes, so that all are listed.
describe() {
	f_count=$((f_count + 1))
	probe "$d_path"
	! md_end "$d_path" "$d_size" || P_TYPE=linux_raid_member
	partition "$d_name"
	f_text="$d_path $((d_size / 2048)) MiB ${P_TYPE:-unknown content}${P_LABEL:+ LABEL=$P_LABEL}${P_UUID:+ UUID=$P_UUID}"
	f_text="$f_text${P_PARTUUID:+ PARTUUID=$P_PARTUUID}${P_PARTLABEL:+ PARTLABEL=$P_PARTLABEL}"
	say "  $f_text"
	fact seen "$f_text"
	! member "$P_TYPE" || f_member="${f_member:+$f_member, }$P_TYPE on $d_path"
	return 1
}
