# live-shutdown: the end of a live system, on the tools of the archive, which outlive the union. shutdown_prepare puts a program in place before
# the handover; systemd enters it as PID 1 with the system on /oldroot, any other init (or a person) calls it as /run/initramfs/shutdown VERB.
# It undoes the union, the bundles and the loop devices in order, unmounts the medium and says that it may be removed.

# shutdown_prepare: before the handover. With pivot the archive's own files stay where they are and are found at /run/initramfs; with switch
# they are deleted, so the few that are needed are copied there, without drivers.
shutdown_prepare() {
	sd_home=
	shutdown_lighten
	if [ "$HANDOVER" = switch ]; then
		sd_home=/run/initramfs
		for sd_tree in bin sbin lib lib64 usr/bin usr/sbin usr/lib usr/lib64; do
			shutdown_copy "$sd_tree"
		done
	fi
	mkdir -p "$sd_home/proc" "$sd_home/sys" "$sd_home/dev" "$sd_home/run" "$sd_home/oldroot" "$sd_home/kept"
	tools_borrow
	echo "TOOLS='$TOOLS' sd_device='$l_medium' sd_borrowed='$sb_list'" >"$sd_home/usr/lib/kindling/early/shutdown.conf"
	# shellcheck disable=SC2016 # for the program, not for now
	echo '#!/bin/sh
sd_top=${0%/shutdown}
. "$sd_top/usr/lib/kindling/early/live-shutdown.sh"
shutdown_run "$@"' >"$sd_home/shutdown"
	chmod 755 "$sd_home/shutdown"
}

# shutdown_copy PATH: a directory or a link of the archive to the place that stays; of libraries all but drivers and firmware.
shutdown_copy() {
	[ -e "/$1" ] || return 0
	case $1 in
		*/*) mkdir -p "$sd_home/${1%/*}" ;;
		*) mkdir -p "$sd_home" ;;
	esac
	if [ -L "/$1" ]; then
		cp -d "/$1" "$sd_home/$1"
		return 0
	fi
	mkdir -p "$sd_home/$1"
	for sd_entry in "/$1"/*; do
		case $sd_entry in
			*/lib/modules | */lib/firmware | *'*') ;;
			*) cp -a "$sd_entry" "$sd_home/$1/" ;;
		esac
	done
}

# shutdown_lighten: what opens and checks changes came with its libraries. Where a busybox without any does all else, and no mapping has to be
# closed at the end and no kernel is started by them, they are memory for nothing. (Drivers and firmware go at the handover.)
shutdown_lighten() {
	[ "$TOOLS" = busybox ] && [ -z "$k_break" ] || return 0
	for sd_entry in /dev/mapper/kindling-* /usr/sbin/kexec /sbin/kexec; do
		[ ! -e "$sd_entry" ] || return 0
	done
	for sd_entry in /bin/busybox /usr/bin/busybox; do
		[ -f "$sd_entry" ] || continue
		# not -F, with which busybox's grep sees nothing of a line behind its first NUL
		! grep -q -e /ld-linux -e /ld-musl -e /ld64 "$sd_entry" || return 0
	done
	for sd_entry in /lib/* /lib64/* /usr/lib/* /usr/lib64/* /usr/sbin/cryptsetup /usr/sbin/veritysetup /usr/bin/openssl /usr/sbin/e2fsck /usr/sbin/mke2fs /usr/sbin/mkfs.* /usr/sbin/fsck.* /sbin/fsck.*; do
		case $sd_entry in
			*/kindling | */modules | */firmware | */modprobe.d | *'*') ;;
			*) rm -rf "$sd_entry" ;;
		esac
	done
}

# shutdown_run VERB: the program itself.
shutdown_run() {
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	sd_verb=${1:-poweroff}
	[ -z "$sd_top" ] || shutdown_enter "$@"
	e_home=/usr/lib/kindling/early
	. "$e_home/shutdown.conf"
	. "$e_home/messages.sh"
	. "$e_home/mounts.sh"
	. "$e_home/words.sh"
	. "$e_home/report.sh"
	. "$e_home/live-tools.sh"
	tools_fetch "$@"
	ROOT='' ROOTFSTYPE='' ROOTFLAGS='' RESUME='' TIMEOUT=30 k_report=''
	cd /
	shutdown_kernel_places
	exec </dev/console >/dev/console 2>&1
	words_read
	sd_wait='' sd_eject=1
	words_split "$w_line" shutdown_word
	[ -z "$k_debug" ] || set -x
	report_open
	say 'writing what was changed'
	sync
	# a disc goes out by itself when its last user is gone; no program is needed for that
	[ -z "$sd_eject" ] || [ "$sd_verb" = kexec ] || echo 1 2>/dev/null >/proc/sys/dev/cdrom/autoeject || :
	shutdown_release
	shutdown_told
	shutdown_end
}

shutdown_word() {
	case $1 in
		noeject) sd_eject= ;;
		kindling.shutdown=wait) sd_wait=1 ;;
		kindling.shutdown=*) sd_wait= ;;
	esac
}

# shutdown_enter: called from within the running system: the archive's files become the root, the system goes to /oldroot, as systemd does it.
shutdown_enter() {
	PATH=$PATH:$sd_top/usr/sbin:$sd_top/usr/bin:$sd_top/sbin:$sd_top/bin
	if [ $$ != 1 ]; then
		# all but the first process and this one
		kill -TERM -1 && sleep 1
		kill -KILL -1 2>/dev/null || :
	fi
	mount --make-rprivate /
	mount -o bind "$sd_top" "$sd_top" && cd "$sd_top" || exit 1
	for sd_place in proc sys dev run; do
		mount -o bind "/$sd_place" "$sd_place"
	done
	pivot_root . oldroot || exit 1
	exec chroot . /shutdown "$@" </dev/console >/dev/console 2>&1
}

# shutdown_kernel_places: systemd brings them along; another may not have.
shutdown_kernel_places() {
	[ -e /proc/mounts ] || mount -t proc proc /proc
	[ -e /sys/block ] || mount -t sysfs sysfs /sys
	[ -c /dev/console ] || mount -t devtmpfs devtmpfs /dev
	mount --make-rprivate / 2>/dev/null || :
}

# shutdown_release: unmounts from the newest to the oldest until nothing is left, or nothing goes any more. A mount is held by what is below
# its mount point and by what uses it: what is in use moves out of the way (the medium, under a root that its own bundles are part of).
shutdown_release() {
	sd_round=0 sd_moved=0
	while [ $sd_round -lt 12 ]; do
		sd_round=$((sd_round + 1))
		shutdown_list
		[ -n "$sd_list" ] || break
		sd_freed=
		# shellcheck disable=SC2086 # places with blanks are written \040
		for sd_place in $sd_list; do
			shutdown_plain "$sd_place"
			umount "$sd_plain" 2>/dev/null && sd_freed=1
		done
		shutdown_devices
		[ -z "$sd_freed" ] || continue
		shutdown_list
		# shellcheck disable=SC2086
		for sd_place in $sd_list; do
			case $sd_place in
				/oldroot | /kept/*) continue ;;
			esac
			shutdown_plain "$sd_place"
			sd_moved=$((sd_moved + 1))
			mkdir -p "/kept/$sd_moved"
			mount -o move "$sd_plain" "/kept/$sd_moved" 2>/dev/null && sd_freed=1
		done
		# who still runs from there may be about to end
		[ -n "$sd_freed" ] || sleep 0.3
	done
	shutdown_list
	sd_kept=
	# shellcheck disable=SC2086
	for sd_place in $sd_list; do
		shutdown_plain "$sd_place"
		mount -o remount,ro "$sd_plain" 2>/dev/null && continue
		sd_kept="$sd_kept $sd_place"
	done
}

# shutdown_list: sd_list, mount points other than the kernel's and the root's own, newest first.
shutdown_list() {
	sd_list=
	while read -r t_device t_place t_type t_rest; do
		case $t_place in
			/ | /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /run) ;;
			*) sd_list="$t_place $sd_list" ;;
		esac
	done </proc/mounts
}

# shutdown_plain PLACE: sd_plain, with the blanks that /proc/mounts writes as \040.
shutdown_plain() {
	sd_plain=$1
	while :; do
		case $sd_plain in
			*\\040*) sd_plain=${sd_plain%%\\040*}' '${sd_plain#*\\040} ;;
			*) break ;;
		esac
	done
}

# shutdown_devices: loop devices and mappings that nobody uses any more.
shutdown_devices() {
	if [ -e /dev/mapper/kindling-changes ]; then
		cryptsetup close kindling-changes 2>/dev/null && sd_freed=1
	fi
	for sd_loop in /dev/mapper/kindling-bundle-*; do
		[ ! -e "$sd_loop" ] || { veritysetup close "${sd_loop##*/}" 2>/dev/null && sd_freed=1; }
	done
	for sd_loop in /sys/block/loop*/loop/backing_file; do
		[ -e "$sd_loop" ] || continue
		sd_loop=${sd_loop#/sys/block/}
		losetup -d "/dev/${sd_loop%%/*}" 2>/dev/null || :
		[ -e "/sys/block/${sd_loop%%/*}/loop/backing_file" ] || sd_freed=1
	done
	return 0
}

# shutdown_told: what became of it.
shutdown_told() {
	sd_list=
	shutdown_list
	for sd_loop in /sys/block/loop*/loop/backing_file; do
		[ ! -e "$sd_loop" ] || sd_list="$sd_list $sd_loop"
	done
	if [ -z "$sd_list" ]; then
		fact shutdown "released in $sd_round rounds"
		say "everything is written, the medium $sd_device is unmounted: you may remove the medium"
	elif [ -z "$sd_kept" ]; then
		fact shutdown "read-only $sd_list"
		say "everything is written and nothing can be written any more (still in use:$sd_list): you may remove the medium once the machine is off"
	else
		fact shutdown "kept $sd_kept"
		say "still in use and writable:$sd_kept: wait until the machine is off before you remove the medium"
	fi
	[ -n "$sd_wait" ] || return 0
	printf 'kindling: press Enter to go on (%s)\n' "$sd_verb"
	read -r sd_answer </dev/console || sleep 5
}

# shutdown_end: sysrq needs no program, and works where the archive has single programs of the root.
shutdown_end() {
	sync
	case $sd_verb in
		reboot) sd_key=b ;;
		kexec)
			sd_key=b
			! command -v kexec >/dev/null 2>&1 || kexec -e
			warn 'the loaded kernel could not be started from here: restarting'
			;;
		halt)
			say 'halted'
			sd_key=
			;;
		*) sd_key=o ;;
	esac
	if [ "$TOOLS" = busybox ]; then
		case $sd_verb in
			reboot | poweroff | halt) "$sd_verb" -f ;;
		esac
	fi
	[ -z "$sd_key" ] || echo $sd_key >/proc/sysrq-trigger
	while :; do sleep 3600; done
}
