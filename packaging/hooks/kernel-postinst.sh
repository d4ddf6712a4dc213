#!/bin/sh
# Makes the boot archive of a kernel that was installed (kindling-install(1)). A kernel package calls it with the version and the path of the
# image. It sorts after the hook of the distribution's own generator, so that its initrd exists whatever happens here, and before the one
# that writes the boot menu.
set -eu

version=${1-}
kindling=/usr/lib/kindling/kindling

# Not installed any more: then there is nothing to keep true.
[ -x "$kindling" ] || exit 0

# Who builds kernels that need no initrd says so.
[ "${INITRD-}" != No ] || exit 0

# The maintainer script's own words, with quotation marks or without: a package that is only unwound has no new kernel.
case ${DEB_MAINT_PARAMS-} in
'' | configure* | \'configure\'*) ;;
*) exit 0 ;;
esac

if [ -z "$version" ]; then
	echo "kindling: the hook was called without a kernel version" >&2
	exit 2
fi

# Standard output belongs to debconf. A failure is the package's: dpkg says so, and the package is configured again later.
exec "$kindling" update -k "$version" >&2
