# image: the image of a squashed archive and the file system in memory that its mounts live in.
#   /squash          ramfs, without a limit of its own: what it may hold is bounded by what is written over the image
#   /squash/root     the image, read-only
#   /squash/overlay  what is written over it, and the kernel's own work directory
#   /squash/loader   the loader's files, bound once more: the way back

# The first layout has the image itself below /squash, so this is put together on /newroot and moves when the image's name is gone.
image_mount() {
	mounted "$e_new" || mount -t ramfs -o mode=0755 squash "$e_new"
	mkdir "$e_new/root" "$e_new/overlay"
	until image_try; do
		image_explain
		failed SQUASH "$g_error"
		! mounted "$e_new/root" || break
	done
	loader_shrink
	mount -o move "$e_new" /squash
}

image_try() {
	[ -f "$IMAGE" ] || return 1
	g_said=$(mount -t "$FORMAT" -o loop,ro "$IMAGE" "$e_new/root" 2>&1)
}

# image_explain: g_error in a sentence; what was looked at goes to the console.
image_explain() {
	read -r g_version </proc/sys/kernel/osrelease
	if [ ! -f "$IMAGE" ]; then
		g_error="the archive has no $IMAGE; it may have been cut short while it was unpacked"
		return 0
	fi
	say "mounting $IMAGE as $FORMAT: ${g_said:-no answer}"
	[ -z "$MODULES" ] || [ -e "/lib/modules/$g_version/modules.dep" ] ||
		say "there is no /lib/modules/$g_version/modules.dep: the archive's modules ($MODULES) are for another kernel"
	if ! filesystem_known "$FORMAT"; then
		g_error="this kernel, $g_version, cannot read $FORMAT"
	elif [ ! -e /dev/loop-control ] && [ ! -b /dev/loop0 ]; then
		g_error="this kernel, $g_version, has no loop devices"
	else
		image_magic
		g_error="$IMAGE, $g_magic, could not be mounted by kernel $g_version"
	fi
	! command -v dmesg >/dev/null 2>&1 || dmesg | while IFS= read -r g_line; do
		case $g_line in
			*SQUASHFS* | *squashfs:* | *erofs:* | *overlayfs:* | *loop[0-9]*) say "  kernel: $g_line" ;;
		esac
	done
}

# filesystem_known TYPE
filesystem_known() {
	while read -r g_first g_second; do
		case "$g_first $g_second" in
			"$1 " | "nodev $1") return 0 ;;
		esac
	done </proc/filesystems
	return 1
}

# image_magic: g_magic, what the file says about itself.
image_magic() {
	g_magic='whatever is in it'
	command -v od >/dev/null 2>&1 || return 0
	# shellcheck disable=SC2046 # bytes
	set -- $(od -An -v -tx1 -N 22 "$IMAGE" 2>/dev/null)
	case $1$2$3$4 in
		68737173)
			g_magic='squashfs with an unknown compressor'
			case ${22}${21} in
				0001) g_magic='squashfs compressed with gzip' ;;
				0002) g_magic='squashfs compressed with lzma' ;;
				0003) g_magic='squashfs compressed with lzo' ;;
				0004) g_magic='squashfs compressed with xz' ;;
				0005) g_magic='squashfs compressed with lz4' ;;
				0006) g_magic='squashfs compressed with zstd' ;;
			esac
			;;
		*) [ "$FORMAT" != squashfs ] || g_magic="which begins with the bytes $1 $2 $3 $4 and so is no squashfs" ;;
	esac
}

# loader_shrink: the image stays with its loop device alone, and modules that are loaded are needed no more.
loader_shrink() {
	rm -f "$IMAGE"
	for g_tree in /usr/lib/modules /lib/modules; do
		[ ! -d "$g_tree" ] || rm -rf "$g_tree"
	done
}
