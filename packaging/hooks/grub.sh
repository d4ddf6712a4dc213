#!/bin/sh
# GRUB's entries for kindling's boot archives (kindling-install(1)), run by grub-mkconfig and update-grub under two names: 09_kindling prints
# the entry above the distribution's own, 42_kindling all others below them. Whether an archive is there is asked again by GRUB at every boot:
# the menu needs not be written anew when an archive or the previous one comes or goes, no entry leads nowhere, and without kindling's
# archive the distribution's own entry is the first one again.
# shellcheck disable=SC2016 # what GRUB expands
set -e

# A script that fails ends grub-mkconfig, and with it the distribution's own entries: what goes wrong here only leaves kindling's out.
if [ "${1-}" != print ]; then
	if text=$("$0" print); then
		[ -z "$text" ] || printf '%s\n' "$text"
	else
		echo "kindling: there are no entries for its archives in this menu (see above)" >&2
	fi
	exit 0
fi

case ${0##*/} in
09_*) place=top ;;
*) place=below ;;
esac

boot=/boot
pkgdatadir=${pkgdatadir:-/usr/share/grub}
# shellcheck source=/dev/null
. "$pkgdatadir/grub-mkconfig_lib"

# Kernels that have an archive, the newest first.
versions=
for archive in "$boot"/kindling-*.img "$boot"/kindling-*.img.previous; do
	[ -f "$archive" ] || continue
	version=${archive##*/kindling-}
	version=${version%.previous}
	version=${version%.img}
	[ "$version" = failsafe ] || versions="$versions$version
"
done
versions=$(printf %s "$versions" | sort -ruV)
[ -n "$versions" ] || [ -f "$boot/kindling-failsafe.img" ] || exit 0

rel=$(make_system_path_relative_to_its_root "$boot")
rel=${rel%/}
prepare=$(prepare_grub_to_access_device "$GRUB_DEVICE_BOOT")

root=$GRUB_DEVICE
if [ -n "$GRUB_DEVICE_UUID" ] && [ "$GRUB_DISABLE_LINUX_UUID" != true ]; then
	root=UUID=$GRUB_DEVICE_UUID
elif [ -n "$GRUB_DEVICE_PARTUUID" ] && [ "$GRUB_DISABLE_LINUX_PARTUUID" = false ]; then
	root=PARTUUID=$GRUB_DEVICE_PARTUUID
fi
arguments=$GRUB_CMDLINE_LINUX
if [ "$GRUB_FS" = btrfs ]; then
	subvolume=$(make_system_path_relative_to_its_root /)
	subvolume=${subvolume#/}
	[ -z "$subvolume" ] || arguments="rootflags=subvol=$subvolume $arguments"
fi

os=${GRUB_DISTRIBUTOR:+$GRUB_DISTRIBUTOR }GNU/Linux
class=$(printf %s "$GRUB_DISTRIBUTOR" | tr '[:upper:]' '[:lower:]' | cut -d' ' -f1 | tr -cd '[:alnum:]_')
classes="${class:+--class $class }--class gnu-linux --class gnu --class os"

# The image of a kernel, as a name in $boot. Arch names it after the package, which the module tree tells.
kernel_of() {
	for name in "vmlinuz-$1" "vmlinux-$1" "Image-$1"; do
		if [ -f "$boot/$name" ]; then
			echo "$name"
			return
		fi
	done
	if package=$(cat "/usr/lib/modules/$1/pkgbase" 2>/dev/null) && [ -f "$boot/vmlinuz-$package" ]; then echo "vmlinuz-$package"; fi
}

# entry TITLE ID KERNEL ARCHIVE MESSAGE ARGUMENTS
entry() {
	cat <<END
if [ -f "$rel/$4" -a -f "$rel/$3" ]; then
menuentry '$(echo "$1" | grub_quote)' $classes \$menuentry_id_option '$(echo "$2" | grub_quote)' {
$(save_default_entry | sed 's/^/	/')
	$([ "$GRUB_GFXPAYLOAD_LINUX" = text ] || echo load_video)
	insmod gzio
$(printf '%s\n' "$prepare" | sed 's/^/	/')
	echo	'$(echo "$5" | grub_quote)'
	linux	$rel/$3 $6
	initrd	$rel/$4
}
fi
END
}

# For somebody who reads what grub-mkconfig does.
found() {
	[ ! -f "$boot/$1" ] || echo "Found kindling archive: $boot/$1" >&2
}

# entries_of VERSION KERNEL
entries_of() {
	words="root=$root ro $arguments $GRUB_CMDLINE_LINUX_DEFAULT"
	archive=kindling-$1.img
	if [ "$place" = top ]; then
		found "$archive"
		entry "$os (kindling)" kindling "$2" "$archive" "Loading Linux $1 with kindling's archive ..." "$words"
		return
	fi
	found "$archive.previous"
	entry "$os, Linux $1 (kindling)" "kindling-$1" "$2" "$archive" "Loading Linux $1 with kindling's archive ..." "$words"
	entry "$os, Linux $1 (kindling, previous archive)" "kindling-$1-previous" "$2" "$archive.previous" \
		"Loading Linux $1 with kindling's previous archive ..." "$words"
}

submenu=no
case $place:${GRUB_DISABLE_SUBMENU-} in
top:* | below:y | below:true) ;;
*) submenu=yes ;;
esac

echo 'set kindling_root="$root"'
if [ "$submenu" = yes ]; then
	printf "submenu '%s' \$menuentry_id_option 'kindling-more' {\n" "kindling: previous archives, other kernels, failsafe"
fi
printf '%s\n' "$prepare"
for version in $versions; do
	kernel=$(kernel_of "$version")
	if [ -z "$kernel" ]; then
		[ "$place" != top ] || echo "kindling: $boot has an archive of $version and no kernel; it gets no entry" >&2
		continue
	fi
	entries_of "$version" "$kernel"
	[ "$place" != top ] || break
done
# The failsafe needs nothing but itself: its own copy of a kernel, and no root.
if [ "$place" = below ] && [ -f "$boot/kindling-failsafe.img" ]; then
	found kindling-failsafe.img
	entry "$os, failsafe (kindling)" kindling-failsafe kindling-failsafe.vmlinuz kindling-failsafe.img \
		"Loading kindling's failsafe archive ..." "$GRUB_CMDLINE_LINUX"
fi
[ "$submenu" = no ] || echo '}'
echo 'set root="$kindling_root"'
