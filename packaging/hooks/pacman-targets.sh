#!/bin/sh
# What pacman's hooks of kindling call, with "update" or "remove" and the changed paths on standard input (kindling-install(1)).
set -eu

act=${1-}
kindling=/usr/lib/kindling/kindling
menu=/boot/grub/grub.cfg

[ -x "$kindling" ] || exit 0

versions=
all=no
while read -r target; do
	version=${target#*lib/modules/}
	version=${version%%/*}
	case $target in
	*lib/modules/*/vmlinuz) versions="$versions $version" ;;
	*) all=yes ;;
	esac
done

failed=0
case $act in
update)
	if [ "$all" = yes ]; then
		"$kindling" update -k all || failed=$?
	else
		for version in $versions; do
			"$kindling" update -k "$version" || failed=$?
		done
	fi
	;;
remove)
	for version in $versions; do
		# Replaced by another package with the same kernel.
		[ ! -e "/usr/lib/modules/$version/vmlinuz" ] || continue
		"$kindling" uninstall -k "$version" || failed=$?
	done
	;;
esac

# No hook of the distribution writes GRUB's menu anew; an archive's name holds the version of its kernel.
if [ -n "$versions" ] && [ -x /etc/grub.d/09_kindling ] && [ -e "$menu" ]; then
	grub-mkconfig -o "$menu" || failed=$?
fi
exit "$failed"
