# coldplug: drivers for hardware that is already there, by class, so that a machine loads what can hold a root before anything else:
# stage 0 disks that a hypervisor gives and NVMe, whose drivers are small and find their disks at once, 1 other disk controllers (which
# probe for seconds), 2 USB, card readers and keyboards, 3 whatever else this archive has drivers for.
# Loading one driver makes new devices appear (a virtio disk behind its virtio bus), so a stage is repeated until nothing is new.

c_seen='|'

# alias_stage ALIAS: a_stage, the class of the device that has this modalias.
alias_stage() {
	a_stage=3
	case $1 in
		pci:v00001AF4*)
			# virtio, by device: network, block, console, scsi, 9p, fs, pmem. One driver serves them all.
			case $1 in
				*bc01sc* | *d00001001sv* | *d00001042sv* | *d00001004sv* | *d00001048sv* | *d00001009sv* | *d00001049sv* | *d0000105[ABab]sv*) a_stage=0 ;;
				*d00001052sv* | *d00001012sv*) a_stage=2 ;;
			esac
			;;
		pci:*bc01sc08*) a_stage=0 ;;
		pci:*bc01sc* | pci:*bc0Csc04*) a_stage=1 ;;
		pci:*bc0Csc03* | pci:*bc08sc05* | pci:*bc05sc01*) a_stage=2 ;;
		virtio:d00000002v* | virtio:d00000008v* | virtio:d00000009v* | virtio:d0000001[ABab]v*) a_stage=0 ;;
		virtio:d00000012v*) a_stage=2 ;;
		virtio:*) ;;
		scsi:* | vmbus:* | xen:* | nd:* | ccw:* | css:* | vio:* | ps3:* | mmc:* | nvme:*) a_stage=0 ;;
		acpi*:VMB* | acpi*:VMb* | acpi*:MSFT1000* | acpi*:LNRO0005* | *virtio,mmio* | platform:virtio-mmio*) a_stage=0 ;;
		of:*mmc* | of:*sdhci* | of:*ufs* | of:*ahci* | of:*sata* | of:*nvme* | of:*pcie*) a_stage=1 ;;
		of:*usb* | of:*dwc3* | of:*xhci*) a_stage=2 ;;
		usb:*ic03* | usb:*ic08* | usb:*ic09* | hid:* | serio:* | *PNP0D10* | *PNP0D15* | *PNP0D40* | *PNP030* | *PNP0C50*) a_stage=2 ;;
		platform:i8042*) a_stage=2 ;;
	esac
}

# coldplug STAGE: loads drivers for all devices up to that stage that have not been asked for yet, until no new ones show. Boards and
# firmware tables (acpi, platform) do not grow while drivers load, so they are read once for a stage.
coldplug() {
	c_loaded=
	case $1 in
		0 | 1) c_buses='pci virtio scsi vmbus xen nd mmc ccw css vio' ;;
		2) c_buses='pci virtio scsi vmbus xen nd mmc ccw css vio usb hid serio' ;;
		*) c_buses=all ;;
	esac
	c_once='acpi platform'
	while :; do
		c_new=
		for c_bus in $c_buses $c_once; do
			coldplug_bus "$c_bus" "$1"
		done
		c_once=
		[ -n "$c_new" ] || return 0
		c_loaded=1
		set -f
		# shellcheck disable=SC2086 # a list of aliases, none of which holds a space
		modules_load $c_new
		set +f
	done
}

# coldplug_bus BUS|all STAGE
coldplug_bus() {
	[ "$1" != all ] || set -- '*' "$2"
	# shellcheck disable=SC2231 # the bus may be a pattern
	for c_file in /sys/bus/$1/devices/*/modalias; do
		IFS= read -r c_alias 2>/dev/null <"$c_file" || continue
		coldplug_take "$2"
	done
	# memory cards announce their driver and have no modalias file
	case $1 in
		mmc | '*') ;;
		*) return 0 ;;
	esac
	for c_file in /sys/bus/mmc/devices/*/type; do
		[ -e "$c_file" ] || return 0
		c_alias=mmc:block
		coldplug_take "$2"
	done
}

coldplug_take() {
	case $c_alias in
		*' '*) return 0 ;;
	esac
	case $c_seen in
		*"|$c_alias|"*) return 0 ;;
	esac
	alias_stage "$c_alias"
	[ "$a_stage" -le "$1" ] || return 0
	c_seen="$c_seen$c_alias|"
	c_new="$c_new $c_alias"
}

# Before a person is asked anything.
keyboards() {
	coldplug 2
	modules_load atkbd i8042 usbhid hid_generic
	coldplug 2
}
