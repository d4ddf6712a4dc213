# live-find: the medium. Devices are looked at as they appear, read-only, and mounted only when they carry a superblock of a file system that
# this kernel knows; the first that holds bundles, of the right medium, is it.

# find_medium: mounts it below $l_home/data; l_data is its data directory, l_medium the device, l_type the file system.
find_medium() {
	g_seen='|' g_notes='' g_told='' l_medium=''
	[ -z "$l_ask" ] || medium_ask
	l_what="a directory $DATA with bundles (*.sb)"
	[ -z "$l_iso" ] || l_what="the file $l_iso"
	[ -z "$l_device" ] || l_what="$l_what on $l_device"
	[ -z "$MEDIUM" ] || [ -n "$l_named" ] || l_what="$l_what of medium $MEDIUM"
	[ -z "$l_device" ] || want "$l_device"
	until medium_search "$k_limit"; do
		medium_missing
		if mounted "$l_home/data" && medium_here "$l_home/data"; then
			l_medium=shell l_type=unknown
			break
		fi
		g_seen='|' g_notes=
	done
	say "the medium is $l_medium ($l_type)${l_isofile:+, file $l_isofile}"
	fact medium "$l_medium $l_type${l_isofile:+ $l_isofile}"
}
l_isofile=

# medium_search SECONDS|forever
medium_search() {
	uptime_read
	f_start=$n_uptime f_stage_start=$n_uptime
	coldplug "$f_stage"
	medium_look && return 0
	if [ -z "$c_loaded" ] || [ "$f_stage" = 0 ]; then stage_next; fi
	while :; do
		medium_look && return 0
		if [ "$f_stage" = 1 ]; then f_wait=0.5; else f_wait=1; fi
		uptime_read
		if ! events_wait $f_wait || [ $((n_uptime - f_stage_start)) -gt 300 ]; then
			stage_next
		fi
		coldplug "$f_stage"
		uptime_read
		if [ -z "$g_told" ] && [ $((n_uptime - f_start)) -gt 300 ]; then
			g_told=1
			say "still looking for the medium: $l_what"
		fi
		[ "$1" = forever ] || [ $((n_uptime - f_start)) -lt $(($1 * 100)) ] || return 1
	done
}

# medium_forget: what was seen and is gone: another one may come in its place.
medium_forget() {
	g_rest=${g_seen#|} g_seen='|'
	while [ -n "$g_rest" ]; do
		g_one=${g_rest%%|*}
		g_rest=${g_rest#*|}
		[ ! -e "/sys/class/block/${g_one%%:*}" ] || g_seen="$g_seen$g_one|"
	done
}

# A whole disk with partitions is looked at after them: what is mounted of it keeps its partitions from being mounted, among them the one for changes.
medium_look() {
	medium_forget
	g_whole=no
	devices_each medium_at && return 0
	g_whole=yes
	devices_each medium_at
}

# medium_at: whether the device d_name at d_path is it, and is mounted then. Each is read once while its name and size stay the same.
medium_at() {
	g_has=
	for g_part in "/sys/class/block/$d_name/$d_name"*/partition; do
		[ ! -e "$g_part" ] || g_has=1
	done
	case $g_whole$g_has in
		no1 | yes) return 1 ;;
	esac
	case $g_seen in
		*"|$d_name:$d_size|"*) return 1 ;;
	esac
	P_TYPE='' P_LABEL=''
	if [ -n "$l_device" ] && ! wanted && ! mapped; then return 1; fi
	[ -n "$P_TYPE" ] || probe "$d_path"
	# What could not be read may be read later: a disc that is still spinning up.
	[ -n "$P_TYPE" ] || return 1
	g_seen="$g_seen$d_name:$d_size|"
	driver_of "$P_TYPE"
	if [ -z "$m_driver" ]; then
		note "$d_path holds $P_TYPE, which this archive cannot open"
		return 1
	fi
	if [ -n "$l_iso" ]; then
		iso_at
	else
		mount -t "$m_driver" -o "ro$m_look" "$d_path" "$l_home/data" 2>/dev/null || {
			note "$d_path ($P_TYPE) could not be mounted"
			return 1
		}
		medium_here "$l_home/data" || {
			umount "$l_home/data"
			return 1
		}
		if [ -n "$l_ask" ]; then
			ask_note
			umount "$l_home/data"
			return 1
		fi
		# The one that was looked for is mounted as its file system wants to be, a journal is gone through first; but never one half of a mirror.
		if [ -n "$m_look" ] && ! md_end "$d_path" "$d_size"; then
			umount "$l_home/data"
			mount -t "$m_driver" -o ro "$d_path" "$l_home/data" 2>/dev/null || mount -t "$m_driver" -o "ro$m_look" "$d_path" "$l_home/data" || return 1
		fi
		l_medium=$d_path l_type=$m_driver
	fi
}

# mapped: whether d_name is the device-mapper device of the name in l_device; nobody makes links for those here.
mapped() {
	case $l_device in
		/dev/mapper/*) read -r g_name 2>/dev/null <"/sys/class/block/$d_name/dm/name" && [ "/dev/mapper/$g_name" = "$l_device" ] ;;
		*) false ;;
	esac
}

# iso_at: the same for an ISO file on the device.
iso_at() {
	[ -d "$l_home/host" ] || mkdir "$l_home/host"
	mount -t "$m_driver" -o "ro$m_look" "$d_path" "$l_home/host" 2>/dev/null || {
		note "$d_path ($P_TYPE) could not be mounted"
		return 1
	}
	if [ -f "$l_home/host/$l_iso" ]; then
		if mount -t iso9660 -o loop,ro "$l_home/host/$l_iso" "$l_home/data" 2>/dev/null; then
			if medium_here "$l_home/data"; then
				l_medium=$d_path l_type=$m_driver l_isofile=$l_iso
				return 0
			fi
			umount "$l_home/data"
		else
			note "$l_iso on $d_path is no ISO image that can be mounted"
		fi
	else
		note "$d_path ($P_TYPE) has no $l_iso"
	fi
	umount "$l_home/host"
	return 1
}

# driver_of TYPE: m_driver, the file system driver, empty where there is none; m_look, options for a look that writes nothing at all.
driver_of() {
	m_driver='' m_look=''
	case $1 in
		ext[234]) m_driver=ext4 m_look=,noload ;;
		xfs) m_driver=xfs m_look=,norecovery ;;
		btrfs) m_driver=btrfs m_look=,rescue=nologreplay ;;
		ntfs) m_driver=ntfs3 ;;
		vfat | exfat | iso9660 | f2fs | squashfs | erofs | udf) m_driver=$1 ;;
		*) return 0 ;;
	esac
	known "$m_driver" || { modules_load "fs-$m_driver" && known "$m_driver"; } || m_driver=
}

# known TYPE: whether the kernel has that file system.
known() {
	while read -r g_one g_two; do
		[ "${g_two:-$g_one}" != "$1" ] || return 0
	done </proc/filesystems
	return 1
}

# medium_here PLACE: whether bundles are in the data directory there, and are of the medium this archive belongs to; l_data then.
medium_here() {
	l_data=$1/$DATA
	[ -d "$l_data" ] || return 1
	g_any=
	for g_file in "$l_data"/*.sb "$l_data"/modules/*.sb; do
		[ ! -f "$g_file" ] || g_any=1
	done
	[ -n "$g_any" ] || return 1
	[ -n "$MEDIUM" ] && [ -z "$l_named" ] || return 0
	g_id=
	[ ! -r "$l_data/medium" ] || read -r g_id <"$l_data/medium" || :
	[ "$g_id" = "$MEDIUM" ] && return 0
	note "${d_path:-$1} holds the medium ${g_id:-without an id}; this archive belongs to $MEDIUM"
	return 1
}

note() {
	g_notes="$g_notes$q_line  $*"
	fact passed-over "$*"
}

# Says what was looked for and what is here, then fails.
medium_missing() {
	say "looking for $l_what took until the limit of $k_limit s"
	say 'block devices that are here:'
	f_count=0 f_member=
	devices_each describe || :
	[ "$f_count" != 0 ] || say '  none at all: no driver for the medium in this archive, or no medium'
	[ -z "$g_notes" ] || say "passed over:$g_notes"
	failed MEDIUM_NOT_FOUND "$l_what was not found among $f_count block devices${f_member:+; $f_member cannot be opened here}"
}
