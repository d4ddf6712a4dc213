# failsafe: in place of booting a root, finds the installed ones, mounts one on /a, says what is out of step there and repairs its archive.
# Read only where early.conf says FAILSAFE. Words: kindling.failsafe=menu (asks), repair (does it without asking where there is one root).

failsafe() {
	e_new=/a
	export HOME=/root TERM="${TERM:-linux}" XDG_CACHE_HOME=/tmp/cache
	mkdir -p /a /root /tmp
	say 'failsafe: this system runs from memory; nothing of the machine is touched until you say so'
	failsafe_drivers
	phase failsafe
	failsafe_search
	while :; do
		if [ "$k_failsafe" = repair ]; then
			k_failsafe=menu
			if [ "$z_count" = 1 ]; then
				failsafe_enter 1 && failsafe_repair yes && failsafe_leave && restart
				failsafe_leave || :
			fi
			[ "$z_count" = 1 ] || warn "failsafe: nothing was repaired by itself: $z_count installed systems were found"
		fi
		failsafe_menu
	done
}

# All drivers this archive has, and time for what is behind slow buses: it is quiet when nothing was announced for a second.
failsafe_drivers() {
	coldplug 0
	while [ "$f_stage" -lt 3 ]; do
		stage_next
	done
	z_rounds=0
	while [ $z_rounds -lt 12 ]; do
		z_rounds=$((z_rounds + 1))
		[ -n "$v_pid$v_called" ] || sleep 0.8
		events_wait 1 || break
		coldplug 3
	done
	keyboards
}

# Fills z_device_N, z_type_N, z_text_N for N up to z_count.
failsafe_search() {
	z_count=0
	say 'looking for installed systems:'
	devices_each failsafe_device || :
	[ "$z_count" != 0 ] || say '  none was found; what block devices there are:'
	[ "$z_count" != 0 ] || { f_count=0 && devices_each describe; } || :
	fact failsafe.roots "$z_count"
}

# Looks at d_path; never says yes, so that all are looked at.
failsafe_device() {
	probe "$d_path"
	[ -n "$P_TYPE" ] || return 1
	if member "$P_TYPE" || md_end "$d_path" "$d_size"; then
		say "  $d_path holds $P_TYPE, which this archive cannot open"
		return 1
	fi
	z_type=$P_TYPE z_label=$P_LABEL z_uuid=$P_UUID z_flags=
	# Nothing is replayed or written: another look may come first.
	case $z_type in
		ext[34]) z_options=ro,noload ;;
		xfs) z_options=ro,norecovery ;;
		swap | vfat | ntfs | iso9660 | '') return 1 ;;
		*) z_options=ro ;;
	esac
	mount -t "$z_type" -o "$z_options" "$d_path" /a 2>/dev/null || return 1
	z_subs=
	if failsafe_system; then
		failsafe_found
	elif [ "$z_type" = btrfs ]; then
		failsafe_subvolumes
	fi
	umount /a
	for z_sub in $z_subs; do
		z_flags=subvol=$z_sub
		mount -t btrfs -o "ro,$z_flags" "$d_path" /a 2>/dev/null || continue
		! failsafe_system || failsafe_found
		umount /a
	done
	return 1
}

# What was found on d_path gets the next number.
failsafe_found() {
	z_count=$((z_count + 1))
	eval "z_device_$z_count=\$d_path z_type_$z_count=\$z_type z_flags_$z_count=\$z_flags z_text_$z_count=\$z_text"
	say "  $z_count  $d_path  $z_type${z_flags:+  $z_flags}${z_label:+  LABEL=$z_label}${z_uuid:+  UUID=$z_uuid}  $z_text"
	fact failsafe.root "$z_count $d_path $z_text"
}

# failsafe_subvolumes: z_subs, those at the top that look like the root of a system (@, @rootfs, root). A default subvolume is what was mounted.
failsafe_subvolumes() {
	for z_sub in /a/*; do
		case $z_sub in
			*[!A-Za-z0-9@_./-]*) continue ;;
		esac
		[ -L "$z_sub" ] || [ ! -d "$z_sub/etc" ] || z_subs=$z_subs${z_subs:+ }${z_sub#/a/}
	done
}

# failsafe_system: whether /a holds a system; z_text says which, and with what kernels.
failsafe_system() {
	z_name=
	for z_file in /a/usr/lib/os-release /a/etc/os-release; do
		if [ -n "$z_name" ] || [ ! -f "$z_file" ]; then continue; fi
		while IFS= read -r z_line; do
			case $z_line in
				PRETTY_NAME=*)
					unquote "${z_line#*=}"
					z_name=${u_text#"'"}
					z_name=${z_name%"'"}
					;;
			esac
		done <"$z_file"
	done
	z_kernels=
	for z_file in /a/usr/lib/modules/* /a/lib/modules/*; do
		# A link of a root may lead out of it, into this archive.
		if [ ! -d "$z_file" ] || [ -L "${z_file%/modules/*}" ]; then continue; fi
		z_kernels=$z_kernels${z_kernels:+ }${z_file##*/}
	done
	for z_file in /a/boot/vmlinuz-*; do
		[ -f "$z_file" ] || continue
		case " $z_kernels " in
			*" ${z_file#*vmlinuz-} "*) ;;
			*) z_kernels=$z_kernels${z_kernels:+ }${z_file#*vmlinuz-} ;;
		esac
	done
	# With a /usr of its own neither name nor kernels are here, but a table that says where they are.
	[ -d /a/etc ] || return 1
	[ -n "$z_name$z_kernels" ] || [ -f /a/etc/fstab ] || return 1
	z_text="${z_name:-a system without a name here}, kernels: ${z_kernels:-none here}"
}

# ask TEXT: z_answer, a line from the console.
ask() {
	echo "$1"
	printf 'kindling: your choice: '
	z_answer=
	read -r z_answer </dev/console || sleep 1
}

failsafe_menu() {
	z_nth=0
	echo
	while [ $z_nth -lt "$z_count" ]; do
		z_nth=$((z_nth + 1))
		eval "echo \"  $z_nth  mount \$z_device_$z_nth on /a: \$z_text_$z_nth\""
	done
	ask '  r  look again   s  shell   b  restart   p  power off'
	case $z_answer in
		r) failsafe_drivers && failsafe_search ;;
		s) failsafe_shell 'the rescue shell; kindling, fsck and editors are here' ;;
		b) failsafe_leave && restart ;;
		p) failsafe_leave && power_off ;;
		*[!0-9]* | '') ;;
		*)
			if [ "$z_answer" -ge 1 ] && [ "$z_answer" -le "$z_count" ]; then
				failsafe_enter "$z_answer" && failsafe_repair ask
				ask '  s  shell (the system is on /a)   m  back to the menu   b  restart   p  power off'
				case $z_answer in
					s) failsafe_shell 'the system is on /a; it is unmounted when you leave' ;;
					b) failsafe_leave && restart ;;
					p) failsafe_leave && power_off ;;
				esac
				failsafe_leave || :
			fi
			;;
	esac
}

failsafe_shell() {
	if [ "$k_shell" = 0 ]; then say 'no shell, because of rd.shell=0'; else shell "$1"; fi
}

# failsafe_enter N: checks it, mounts it on /a, and what its fstab puts below. z_lacking is what could not be mounted and is part of the system.
failsafe_enter() {
	eval "z_path=\$z_device_$1 z_type=\$z_type_$1 z_flags=\$z_flags_$1"
	f_path=$z_path P_TYPE=$z_type z_lacking=
	# Each try checks anew: in between a person may have repaired by hand.
	z_fsck=${z_fsck:-$k_fsck}
	k_fsck=$z_fsck
	if ! mount_device "$z_path" /a "$z_type" rw "$z_flags"; then
		warn "failsafe: $m_error"
		return 1
	fi
	say "$z_path is on /a"
	fact failsafe.mounted "$z_path"
	z_below=
	[ -r /a/etc/fstab ] || return 0
	while read -r t_device t_place t_type t_options t_rest; do
		case $t_place in
			/usr | /boot | /boot/efi | /efi | /var | /var/lib) ;;
			*) continue ;;
		esac
		case $t_device:$t_type in
			'#'* | *:none | *:nfs* | *:tmpfs) continue ;;
		esac
		options_keep "$t_options"
		m_error=
		if [ -d "/a$t_place" ] && [ ! -L "/a$t_place" ] && find_device "$t_device" 5 && mount_device "$f_path" "/a$t_place" "$t_type" rw "$m_kept"; then
			z_below="/a$t_place $z_below"
			say "$f_path is on /a$t_place"
		else
			warn "failsafe: $t_place of that system ($t_device) could not be mounted: ${m_error:-not found}"
			case $t_place in
				/boot/efi | /efi) ;;
				*) z_lacking="$z_lacking${z_lacking:+, }$t_place" ;;
			esac
		fi
	done </a/etc/fstab
}

# failsafe_repair ask|yes: whether its archives are in step now.
failsafe_repair() {
	if [ -n "$z_lacking" ]; then
		# What is written would be hidden below the mount of the running system.
		warn "failsafe: nothing can be repaired without $z_lacking of that system"
		return 1
	fi
	say 'comparing the archives of that system with its files'
	kindling update -n -R /a
	z_code=$?
	fact failsafe.needs "$z_code"
	case $z_code in
		0)
			say 'its archives are in step'
			return 0
			;;
		1) ;;
		*)
			warn "failsafe: the comparison failed (exit code $z_code)"
			return 1
			;;
	esac
	if [ "$1" = ask ]; then
		ask '  y  make its archives anew   n  leave them as they are'
		case $z_answer in
			y* | Y*) ;;
			*) return 1 ;;
		esac
	fi
	kindling update -R /a
	z_code=$?
	sync
	fact failsafe.update "$z_code"
	if [ $z_code != 0 ]; then
		warn "failsafe: the update failed (exit code $z_code)"
		return 1
	fi
	say 'its archives are in step now'
}

# failsafe_leave: everything written and unmounted.
failsafe_leave() {
	cd /
	sync
	# shellcheck disable=SC2086 # places without blanks
	for z_place in $z_below /a; do
		! mounted "$z_place" || umount "$z_place" || {
			warn "failsafe: $z_place is still in use"
			return 1
		}
	done
	z_below=
}

power_off() {
	say 'powering off'
	for z_key in s u o; do
		echo $z_key 2>/dev/null >/proc/sysrq-trigger || :
	done
	sleep 5
}
