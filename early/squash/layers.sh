# layers: the image under a writable layer, and the ways into it.

# layer NAME LOWER PLACE: mounts an overlay.
layer() {
	mkdir -p "/squash/overlay/$1/upper" "/squash/overlay/$1/work"
	until y_said=$(mount -t overlay -o "lowerdir=$2,upperdir=/squash/overlay/$1/upper,workdir=/squash/overlay/$1/work" overlay "$3" 2>&1); do
		say "mounting an overlay on $3: ${y_said:-no answer}"
		if filesystem_known overlay; then
			failed SQUASH "nothing writable could be put over the image for $3"
		else
			failed SQUASH "this kernel has no overlay file system"
		fi
		! mounted "$3" || break
	done
}

# Return: as switch_root, except that the loader's files stay and can be reached inside as /squash/loader. The init inside finds what the
# kernel would have given it, nothing mounted: some mount /proc and the others without a look.
root_enter() {
	layer root /squash/root "$e_new"
	mkdir /squash/loader
	mount -o bind / /squash/loader
	layers_ready
	places_move /squash/loader run sys dev
	places_move "$e_new" squash
	cd "$e_new" || exit 1
	mount -o move . /
	# this process still sees the old /, and the new one is where it is
	mount -o move /proc squash/loader/proc
	exec chroot . /init "$@"
}

# Drop: systemd inside pivots and detaches this root itself, so nothing of the loader is needed again.
root_enter_for_good() {
	layer root /squash/root "$e_new"
	layers_ready
	places_move "$e_new" run sys dev proc squash
	# systemd up to 252 takes a root for an initial one by its type, which is an overlay here
	export SYSTEMD_IN_INITRD=lenient
	exec switch_root "$e_new" /init "$@"
}

# The first layout: the kernel's own files, with some trees from the image over theirs. All of it is on a second mount of the first file
# system, which a switch of roots can take away with everything on it; the first one can never be left (pivot_root refuses).
layers_enter() {
	mount -o bind / "$e_new"
	mkdir /squash/loader
	mount -o bind / /squash/loader
	for y_tree in $TREES; do
		layer "$y_tree" "/squash/root/$y_tree" "$e_new/$y_tree"
		# where it goes for the way back
		mkdir -p "/squash/layers/$y_tree"
	done
	layers_ready
	places_move "$e_new" squash
	umount -l /run /sys /dev
	cd "$e_new" || exit 1
	mount -o move . /
	umount -l /proc
	exec chroot . /init.stock "$@"
}

layers_ready() {
	phase squash
	[ -z "$r_on" ] || exec 8>&-
}

# places_move ROOT NAME...: moves mounts into another root.
places_move() {
	y_root=$1
	shift
	for y_place in "$@"; do
		[ -d "$y_root/$y_place" ] || mkdir "$y_root/$y_place"
		mount -o move "/$y_place" "$y_root/$y_place"
	done
}
