#!/bin/sh
# kdump-first: the init of the kernel that crashes in a proof. Loads the capture kernel and archive as a person would, then crashes.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
e_home=/usr/lib/kindling/early
e_new=/newroot
set +f

. "$e_home/messages.sh"
. "$e_home/mounts.sh"
. "$e_home/words.sh"
. "$e_home/report.sh"

TOOLS=busybox ROOT='' ROOTFSTYPE='' ROOTFLAGS='' RESUME='' TIMEOUT=30
[ ! -r /usr/lib/kindling/early.conf ] || . /usr/lib/kindling/early.conf

# stop CODE TEXT
stop() {
	echo "kindling: failed: $2"
	report "failed $1 $2"
	sleep 1
	restart
}

mounts_first
words_read
report_open
phase first
read -r n_reserved </sys/kernel/kexec_crash_size || n_reserved=0
fact reserved "$n_reserved"
[ "$n_reserved" != 0 ] || stop NO_RESERVATION 'the kernel reserved no memory for a crash kernel: see "crashkernel" on its console'
IFS= read -r n_line </capture/line
n_said=$(kexec -s -p /capture/kernel --initrd=/capture/archive --command-line="$n_line" 2>&1) || stop NOT_LOADED "the capture kernel and its archive could not be loaded into $((n_reserved >> 20)) MiB: $n_said"
read -r n_loaded </sys/kernel/kexec_crash_loaded || n_loaded=0
[ "$n_loaded" = 1 ] || stop NOT_LOADED "the kernel holds no crash kernel after kexec: $n_said"
phase loaded
sync
echo 1 >/proc/sys/kernel/sysrq
phase crash
echo c >/proc/sysrq-trigger
sleep 5
stop NOT_CRASHED 'the kernel did not crash when it was told to'
