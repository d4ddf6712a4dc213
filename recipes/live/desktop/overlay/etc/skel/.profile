# The first console starts the desktop; leave it, and the shell is there.
PATH=$PATH:/usr/sbin:/sbin
if [ "$(tty)" = /dev/tty1 ]; then
	# the bus of the person's own systemd: startx with a client of its own asks nobody for it
	export DBUS_SESSION_BUS_ADDRESS="unix:path=$XDG_RUNTIME_DIR/bus" NO_AT_BRIDGE=1
	startx /usr/bin/startxfce4 >"$HOME/.xsession-errors" 2>&1
fi
