# identity: names under /dev/disk/by-id and /dev/disk/by-path, worked out from sysfs as udev's rules do for the usual disks
# (virtio, NVMe, ATA, SCSI, USB, MMC). Read only when root= is of such a form.

# identity_is id|path NAME: whether the device d_name has that name.
identity_is() {
	n_disk=/sys/class/block/$d_name
	n_part=
	if read -r n_number 2>/dev/null <"$n_disk/partition"; then
		n_part=-part$n_number
		n_disk=$n_disk/..
	fi
	cd -P "$n_disk" || return 1
	n_real=$PWD
	cd /
	case $2 in
		*-part[0-9] | *-part[0-9][0-9] | *-part[0-9][0-9][0-9]) [ -n "$n_part" ] || return 1 ;;
		*) [ -z "$n_part" ] || return 1 ;;
	esac
	n_wanted=${2%"$n_part"}
	[ "$n_wanted$n_part" = "$2" ] || return 1
	if [ "$1" = id ]; then id_is; else path_is; fi
}

# attribute FILE: n_text, its first line as udev writes it into names: outer blanks dropped, each run of blanks one "_".
attribute() {
	n_text=
	read -r n_line 2>/dev/null <"$1" || [ -n "$n_line" ] || return 1
	set -f
	# shellcheck disable=SC2086 # split at blanks
	set -- $n_line
	set +f
	for n_word in "$@"; do
		n_text=$n_text${n_text:+_}$n_word
	done
	while :; do
		case $n_text in
			*/*) n_text=${n_text%%/*}_${n_text#*/} ;;
			*) break ;;
		esac
	done
	[ -n "$n_text" ]
}

id_is() {
	case $n_wanted in
		virtio-*) attribute "$n_real/serial" && [ "$n_wanted" = "virtio-$n_text" ] ;;
		nvme-*)
			attribute "$n_real/wwid" && [ "$n_wanted" = "nvme-$n_text" ] && return 0
			attribute "$n_real/device/model" && n_model=$n_text && attribute "$n_real/device/serial" || return 1
			[ "$n_wanted" = "nvme-${n_model}_$n_text" ] || [ "${n_wanted%_*}" = "nvme-${n_model}_$n_text" ]
			;;
		wwn-*) attribute "$n_real/device/wwid" && [ "$n_wanted" = "wwn-0x${n_text#naa.}" ] ;;
		scsi-3*) attribute "$n_real/device/wwid" && [ "$n_wanted" = "scsi-3${n_text#naa.}" ] ;;
		mmc-*)
			attribute "$n_real/device/name" && n_model=$n_text && attribute "$n_real/device/serial" &&
				[ "$n_wanted" = "mmc-${n_model}_$n_text" ]
			;;
		ata-*)
			case $n_real in
				*/ata[0-9]*) ;;
				*) return 1 ;;
			esac
			ata_is
			;;
		usb-*) usb_is ;;
		scsi-*) scsi_is ;;
		*) false ;;
	esac
}

# Where the identity is a world wide name, the model that SCSI shows is cut to 16 characters, and the serial number is in a page of its own.
ata_is() {
	attribute "$n_real/device/wwid" && [ "$n_wanted" = "ata-${n_text#t10.ATA_}" ] && return 0
	attribute "$n_real/device/model" && n_model=$n_text && serial_page || return 1
	case $n_wanted in
		"ata-$n_model"*"_$n_text") true ;;
		*) false ;;
	esac
}

scsi_is() {
	attribute "$n_real/device/vendor" && n_vendor=$n_text && attribute "$n_real/device/model" && n_model=$n_text && serial_page || return 1
	case $n_wanted in
		"scsi-S${n_vendor}_${n_model}_$n_text" | "scsi-0${n_vendor}_${n_model}_$n_text") true ;;
		*) false ;;
	esac
}

# serial_page: n_text, the unit serial number page without its head of four bytes.
serial_page() {
	bytes "$n_real/device/vpd_pg80" 4 64
	q_kept=$P_LABEL
	label_take 0 64 "$q_text"
	n_text=$P_LABEL P_LABEL=$q_kept
	while :; do
		case $n_text in
			' '*) n_text=${n_text#' '} ;;
			*) break ;;
		esac
	done
	[ -n "$n_text" ]
}

# A USB disk is named after the USB device above it.
usb_is() {
	n_up=${n_real%/host[0-9]*}
	n_up=${n_up%/*}
	attribute "$n_up/serial" || return 1
	n_serial=$n_text
	attribute "$n_real/device/vendor" && n_vendor=$n_text && attribute "$n_real/device/model" && n_model=$n_text || return 1
	n_name=usb-${n_vendor}_${n_model}_$n_serial
	case $n_wanted in
		"$n_name" | "$n_name"-[0-9]*:[0-9]*) true ;;
		*) false ;;
	esac
}

# path_is: by the chain of buses. Of the bridges only the last function counts.
path_is() {
	n_pci='' n_usb='' n_platform='' n_ata='' n_scsi=''
	n_rest=${n_real#/sys/devices/}
	while [ -n "$n_rest" ]; do
		n_step=${n_rest%%/*}
		case $n_rest in
			*/*) n_rest=${n_rest#*/} ;;
			*) n_rest= ;;
		esac
		case $n_step in
			????:??:??.?) n_pci=pci-$n_step ;;
			*.* | platform) [ -n "$n_pci$n_platform" ] || [ "$n_step" = platform ] || n_platform=platform-$n_step ;;
			[0-9]*-[0-9]*:*) n_usb=-usb-0:${n_step#*-} ;;
			ata[0-9]*) read -r n_ata 2>/dev/null <"/sys/class/ata_port/$n_step/port_no" || n_ata=${n_step#ata} ;;
			[0-9]*:[0-9]*:[0-9]*:[0-9]*) n_scsi=-scsi-0:${n_step#*:} ;;
		esac
	done
	n_base=${n_pci:-$n_platform}
	[ -n "$n_base" ] || return 1
	if [ -n "$n_ata" ]; then
		[ "$n_wanted" = "$n_base-ata-$n_ata" ] || [ "$n_wanted" = "$n_base-ata-$n_ata.0" ]
	elif read -r n_space 2>/dev/null <"$n_real/nsid"; then
		[ "$n_wanted" = "$n_base-nvme-$n_space" ]
	else
		[ "$n_wanted" = "$n_base$n_usb$n_scsi" ] || [ "$n_wanted" = "virtio-$n_base" ]
	fi
}
