# live-union: all bundles and the changes as one file system, and the handover to its init.

# The kernel takes so many lower layers, and mount(2) cuts its options at a page without a word.
u_layers_most=500 u_options_most=4000

union_mount() {
	if [ "$l_count" -gt $u_layers_most ]; then
		failed TOO_MANY_BUNDLES "there are $l_count bundles, and the kernel unites at most $u_layers_most: leave some out with noload="
	fi
	u_lower=
	for u_name in $l_names; do
		u_lower=$l_home/bundles/$u_name${u_lower:+:$u_lower}
	done
	u_options="upperdir=$l_upper,workdir=$l_work"
	case $l_names in
		*[:,\\]*) union_short ;;
	esac
	[ $((${#u_lower} + ${#u_options} + 10)) -lt $u_options_most ] || union_short
	# One string however long: newer versions of mount hand over pieces, which are cut at 256 bytes.
	until LIBMOUNT_FORCE_MOUNT2=always mount -t overlay -o "lowerdir=$u_lower,$u_options" union "$l_union"; do
		failed UNION "the union of $l_count bundles could not be mounted"
		! mounted "$l_union" || break
	done
	cd /
	fact union "$l_count"
	# Now the union answers, which may have a newer tree than the bundle.
	late_rebind
}

# union_short: the same layers by links with short names, seen from the directory that holds them.
union_short() {
	mkdir "$l_home/l" && cd "$l_home/l" || return 0
	u_lower='' u_nth=0
	for u_name in $l_names; do
		u_nth=$((u_nth + 1))
		ln -s "$l_home/bundles/$u_name" $u_nth
		u_lower=$u_nth${u_lower:+:$u_lower}
	done
}

late_rebind() {
	late_release
	late_bind
	late_bind
}

# late_release: the binds over the archive's own trees are undone.
late_release() {
	[ -z "$l_firmware" ] || umount /lib/firmware || :
	l_firmware=
	[ -z "$l_bound" ] || umount /lib/modules || warn 'the module tree could not be released'
	l_bound='' l_asked=''
}

# automount: a line in the union's fstab for every other disk, as Slax does.
automount() {
	[ -n "$l_automount" ] || return 0
	u_lines=
	devices_each automount_at || :
	[ -n "$u_lines" ] || return 0
	echo "# media found by kindling (word automount)$u_lines" >>"$l_union/etc/fstab" || warn 'automount: the fstab could not be written'
}

# Never says yes, so that all are looked at.
automount_at() {
	[ "$d_path" != "$l_medium" ] || return 1
	probe "$d_path"
	driver_of "$P_TYPE"
	[ -n "$m_driver" ] || return 1
	mkdir -p "$l_union/media/$d_name"
	u_lines="$u_lines$q_line$d_path /media/$d_name $m_driver noatime,nofail,x-systemd.device-timeout=10 0 0"
	fact automount "$d_name $m_driver"
	return 1
}

# state_write: what programs of the booted system want to know.
state_write() {
	[ -d /run/kindling ] || mkdir /run/kindling
	u_id=
	[ ! -r "$l_data/medium" ] || read -r u_id <"$l_data/medium" || :
	u_place=/memory${l_data#"$l_home"}
	echo "MEDIUM=$u_id
DEVICE=$l_medium
FSTYPE=$l_type
ISO=$l_isofile
DATA=$u_place
HANDOVER=$HANDOVER
UNION=$l_count
TORAM=$l_toram
CHANGES=$l_changes
BUNDLES=$l_names" >/run/kindling/live
}

# hand_over ARGUMENTS
hand_over() {
	late_unbind_live
	events_close
	cd /
	if [ "$HANDOVER" = switch ]; then
		memory_link run/kindling
		switch_now "$@"
	fi
	memory_link run/initramfs/memory
	tools_spent
	# shellcheck disable=SC2086 # names without blanks
	rm -rf /usr/lib/modules /usr/lib/firmware $sb_spent
	phase switch
	r_kept=1
	[ -z "$r_on" ] || watcher_start
	exec 8>&-
	[ -d /run/initramfs ] || mkdir /run/initramfs
	kernel_moves "$l_union"
	cd "$l_union" || exit 1
	tools_link
	tools_own '' pivot_root . run/initramfs || {
		echo 'kindling: pivot_root was refused; the union is at the current directory'
		sh </dev/console >/dev/console 2>&1
	}
	tools_done
	# The kernel has changed this shell's root too, and with it its own: requests for modules and firmware go to the union from here on.
	exec "$i_init" "$@"
}

late_unbind_live() {
	if [ -n "$l_bound" ]; then
		fact late-modules "${l_tree#"$l_union"}/$l_version"
	fi
	late_release
}

# memory_link TARGET: /memory in the union leads to where everything is mounted.
memory_link() {
	[ ! -L "$l_union/memory" ] || rm -f "$l_union/memory"
	if [ -e "$l_union/memory" ]; then
		warn "the root has a /memory of its own: bundles and medium are at /$1"
	else
		ln -s "$1" "$l_union/memory" || :
	fi
}
