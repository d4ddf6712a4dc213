# live: in place of one root, a union of bundles found on some medium (docs/live-boot.md). Read only where early.conf says LIVE. This file is the
# order of things; live-words, live-escape, live-find, live-ram, live-bundles and live-union do them.
#
# Fixed points, which other files named live-*.sh replace by functions of the same name:
#   live_word_more WORD   each word of the command line that nothing else took
#   medium_verify         the medium is mounted below $l_home/data, its data directory is $l_data; nothing is open on it yet, so that it may
#                         still be unmounted and mounted anew, writable say
#   bundle_open FILE PLACE  mounts one bundle, or says no with the reason in l_error
#   changes_open          the bundles are mounted, the union is not: sets l_upper and l_work (on one file system, under $l_home/changes) and
#                         l_changes (a word for the report); l_pins=1 when the medium must stay mounted for them
#   shutdown_prepare      the union is complete at $l_union and nothing has moved yet: what a shutdown needs goes to the archive's own files
#
# l_home is where everything is mounted while this runs: /memory, or /run/kindling where the handover is "switch".

l_from='' l_toram='' l_load='' l_noload='' l_automount='' l_damaged=ask l_fresh='' l_device='' l_ask='' l_iso='' l_named='' l_pins='' l_changes=memory l_error=''

live_word_more() {
	:
}

medium_verify() {
	:
}

bundle_open() {
	l_error=$(mount -t squashfs -o loop,ro "$1" "$2" 2>&1)
}

changes_open() {
	until mount -t tmpfs -o mode=0755 changes "$l_home/changes"; do
		failed CHANGES 'no memory file system for changes could be mounted'
	done
	mkdir "$l_home/changes/upper" "$l_home/changes/work"
	l_upper=$l_home/changes/upper l_work=$l_home/changes/work
}

shutdown_prepare() {
	:
}

for l_file in "$e_home"/live-*.sh; do
	# shellcheck source=/dev/null
	. "$l_file"
done

live() {
	memory_least
	# Asked for by name: the kernel loads the loop driver only for who opens a loop device, which is not there before.
	modules_load loop squashfs overlay
	find_medium
	phase device
	medium_verify
	bundles_list
	toram_copy
	bundles_mount
	phase mount
	changes_open
	fact changes "$l_changes"
	union_mount
	medium_release
	automount
	breakpoint mount
	init_find
	state_write
	shutdown_prepare
	breakpoint pre-switch
	hand_over "$@"
}
