#!/bin/sh
# Takes away what belongs to a kernel that was removed: its boot archives and their records (kindling-install(1)). A kernel package calls it
# with the version and the path of the image.
set -eu

version=${1-}
image=${2-}
kindling=/usr/lib/kindling/kindling

[ -x "$kindling" ] || exit 0

# Called on upgrades and when something failed as well: then the kernel stays or comes back.
case ${DEB_MAINT_PARAMS-} in
'' | remove* | \'remove\'* | purge* | \'purge\'*) ;;
*) exit 0 ;;
esac

[ -n "$version" ] || exit 0
# Another package has the same kernel.
if [ -n "$image" ] && [ -e "$image" ]; then
	exit 0
fi

exec "$kindling" uninstall -k "$version" >&2
