# live-bundles: which bundles there are, in what order, and each one mounted. Lower numbers are lower layers; equal numbers go by name, byte by byte.

# bundles_list: l_list, the bundles of l_data that load= and noload= leave, lowest layer first, a line each: number, name, path.
bundles_list() {
	l_list=$(bundles_found | LC_ALL=C sort -k 1,1n -k 2,2)
}

bundles_found() {
		for b_file in "$l_data"/*.sb "$l_data"/modules/*.sb; do
			[ -f "$b_file" ] || continue
			b_name=${b_file##*/}
			case $b_name in
				*[[:space:]]*)
					warn "the bundle \"$b_name\" has a blank in its name: passed over" >&2
					continue
					;;
			esac
			case $b_file in
				"$l_data"/modules/*) [ -z "$l_load" ] || listed "$l_load" || continue ;;
			esac
			if listed "$l_noload"; then continue; fi
			b_number=${b_name%%[!0-9]*}
			echo "${b_number:-0} $b_name $b_file"
		done
}

# listed LIST: whether b_name is meant by one of the words between commas: a pattern, or a part of the name.
listed() {
	b_rest=$1,
	while [ -n "$b_rest" ]; do
		b_word=${b_rest%%,*}
		b_rest=${b_rest#*,}
		[ -n "$b_word" ] || continue
		# shellcheck disable=SC2254 # a pattern of the person's
		case $b_name in
			$b_word | *"$b_word"*) return 0 ;;
		esac
	done
	return 1
}

# bundles_mount: each on $l_home/bundles/NAME; l_names, lowest first, l_count.
bundles_mount() {
	l_names='' l_count=0
	b_expected=' '
	if [ -r "$l_data/medium" ]; then
		{
			read -r b_id || :
			while read -r b_name b_size; do
				b_expected="$b_expected$b_name=$b_size "
				while [ -n "$b_name" ] && [ ! -e "$l_data/$b_name" ] && ! listed "$l_noload"; do
					bundle_damaged "$b_name" 'is missing on the medium' || break
				done
			done
		} <"$l_data/medium"
	fi
	exec 5<<END
$l_list
END
	while read -r b_number b_name b_file <&5; do
		[ -n "$b_file" ] || continue
		case " $l_names " in
			*" $b_name "*) warn "there are two bundles $b_name: $b_file is passed over" && continue ;;
		esac
		bundle_mount || continue
		l_names="$l_names${l_names:+ }$b_name"
		l_count=$((l_count + 1))
		fact bundle "$b_name"
		late_bind_bundle "$l_home/bundles/$b_name"
	done
	exec 5<&-
	until [ "$l_count" -gt 0 ]; do
		failed NO_BUNDLES 'no bundle is left to boot from'
	done
	say "$l_count bundles: $l_names"
}

# bundle_mount: b_name from b_file; fails when it is to be left out.
bundle_mount() {
	mkdir "$l_home/bundles/$b_name"
	while :; do
		l_error=
		bundle_whole && bundle_open "$b_file" "$l_home/bundles/$b_name" && return 0
		bundle_damaged "$b_name" "is damaged: ${l_error:-it cannot be mounted}" || {
			rmdir "$l_home/bundles/$b_name"
			return 1
		}
	done
}

# bundle_whole: whether the file has the size that the medium's list says.
bundle_whole() {
	case $b_expected in
		*" $b_name="*) ;;
		*) return 0 ;;
	esac
	b_size=${b_expected#*" $b_name="}
	b_size=${b_size%% *}
	b_found=$(stat -L -c %s "$b_file" 2>/dev/null) || return 0
	[ "$b_found" != "$b_size" ] || return 0
	l_error="it has $b_found bytes, and the medium's list says $b_size"
	return 1
}

# bundle_damaged NAME TEXT: 0 to try it once more, 1 to go on without it.
bundle_damaged() {
	fact damaged "$1 $2"
	warn "the bundle $1 $2"
	case $l_damaged in
		skip)
			say "going on without $1 (kindling.damaged=skip)"
			return 1
			;;
		ask)
			if [ "$k_shell" != 0 ] && { [ -z "$k_panic" ] || [ "$k_panic" = 0 ] || [ "$k_shell" = 1 ]; }; then
				keyboards
				while :; do
					printf 'kindling: go on without it (y), try it again (r), or stop (n)? '
					b_answer=
					read -r b_answer </dev/console || sleep 1
					case $b_answer in
						y* | Y*) return 1 ;;
						r* | R*) return 0 ;;
						n* | N*) break ;;
					esac
				done
			fi
			;;
	esac
	failed BUNDLE_DAMAGED "the bundle $1 $2"
}

# late_bind_bundle PLACE: from the moment the bundle with the kernel's modules is mounted, modules and firmware that this archive left out load from it.
late_bind_bundle() {
	b_union=$e_new
	e_new=$1 l_asked=
	late_bind
	e_new=$b_union
	[ -n "$l_bound" ] && [ -z "$l_firmware" ] || return 0
	for b_tree in "$1/usr/lib/firmware" "$1/lib/firmware"; do
		if [ ! -d "$b_tree" ] || [ -L "${b_tree%/firmware}" ]; then continue; fi
		[ -d /lib/firmware ] || mkdir -p /lib/firmware
		mount -o bind "$b_tree" /lib/firmware && l_firmware=1
		return 0
	done
}
l_firmware=
