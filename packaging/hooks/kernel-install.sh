#!/bin/sh
# kernel-install plugin (kindling-install(1)), called as COMMAND VERSION ENTRY-DIRECTORY [IMAGE [INITRD...]]. It is there under two names:
# 50-kindling.install hands the archive on as the initrd where install.conf says initrd_generator=kindling, before the boot entry is written;
# 95-kindling.install, after it, keeps kindling's own archive true everywhere else. So a failure there leaves the system's own entry in place.
set -eu

command=${1-}
version=${2-}
kindling=/usr/lib/kindling/kindling

[ -x "$kindling" ] || exit 0
[ -n "$version" ] || exit 0

generator=no
if [ "${KERNEL_INSTALL_INITRD_GENERATOR-}" = kindling ]; then generator=yes; fi
case ${0##*/}:$generator in
50-*:yes | 95-*:no) ;;
*) exit 0 ;;
esac

# A unified kernel image brings its own initrd.
[ "${KERNEL_INSTALL_IMAGE_TYPE-}" != uki ] || exit 0

case $command in
add)
	"$kindling" update -k "$version" >&2
	# An initrd named by the caller is the one to use, and without a staging area (before systemd 250) nobody would take ours.
	if [ "$generator" = no ] || [ "$#" -gt 4 ] || [ -z "${KERNEL_INSTALL_STAGING_AREA-}" ]; then exit 0; fi
	umask 077
	cp "/boot/kindling-$version.img" "$KERNEL_INSTALL_STAGING_AREA/initrd"
	;;
remove)
	"$kindling" uninstall -k "$version" >&2
	;;
esac
