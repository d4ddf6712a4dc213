# live-verity: bundles whose every block the kernel checks when it reads it (dm-verity). Only in an archive that asks for that (setting verity,
# VERITY in early.conf): then each bundle needs its digests beside it, NAME.verity, and its root hash in kindling/roothashes, and that list a
# signature, roothashes.sig, by one of the keys in this archive. What has not is a damaged bundle.

VERITY=${VERITY-} vt_state=''

# bundle_open FILE PLACE: mounts it, or says why not in l_error.
bundle_open() {
	if [ -z "$VERITY" ]; then
		l_error=$(mount -t squashfs -o loop,ro "$1" "$2" 2>&1)
		return
	fi
	verity_list
	if [ "$vt_state" != good ]; then
		l_error=$vt_state
		return 1
	fi
	vt_name=${1##*/} vt_root=''
	while read -r vt_hash vt_file; do
		[ "$vt_file" != "$vt_name" ] || vt_root=$vt_hash
	done <"$vt_copy"
	if [ -z "$vt_root" ]; then
		l_error='the signed list has no root hash of it'
		return 1
	fi
	vt_map=kindling-bundle-$vt_name
	if [ ! -e "/dev/mapper/$vt_map" ]; then
		l_error=$(veritysetup open "$1" "$vt_map" "$1.verity" "$vt_root" 2>&1) || return 1
	fi
	l_error=$(mount -t squashfs -o ro "/dev/mapper/$vt_map" "$2" 2>&1) && return 0
	veritysetup close "$vt_map" 2>/dev/null || :
	l_error="its blocks are not what the signed root hash says ($l_error)"
	return 1
}

# verity_list: vt_state, good or what is wrong. What is verified is a copy: the medium could answer differently the next time.
verity_list() {
	[ -z "$vt_state" ] || return 0
	vt_copy=$e_home/roothashes
	if ! cp "$l_data/roothashes" "$vt_copy" 2>/dev/null || ! cp "$l_data/roothashes.sig" "$vt_copy.sig" 2>/dev/null; then
		vt_state='the medium has no signed list of root hashes (roothashes and roothashes.sig)'
		fact verity missing
		return 0
	fi
	modules_load loop dm_verity
	mkdir -p /run/cryptsetup
	for vt_key in /etc/kindling/keys/*.pem; do
		if openssl pkeyutl -verify -pubin -inkey "$vt_key" -rawin -in "$vt_copy" -sigfile "$vt_copy.sig" >/dev/null 2>&1; then
			vt_state=good
			say "root hashes are signed by ${vt_key##*/}"
			fact verity "signed by ${vt_key##*/}"
			return 0
		fi
	done
	vt_state="the list of root hashes is signed by none of this archive's keys"
	fact verity refused
}
