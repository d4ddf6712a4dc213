# The first console starts the desktop; leave it, and the shell is there.
PATH=$PATH:/usr/sbin:/sbin
if [ "$(tty)" = /dev/tty1 ]; then
	startx /usr/bin/startxfce4 >"$HOME/.xsession-errors" 2>&1
fi
