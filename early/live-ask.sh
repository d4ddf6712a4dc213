# live-ask: which medium, when the command line says from=ask: all that hold bundles are listed on the console, of whatever id, and one is chosen.

# medium_ask: l_device, the one that was chosen; nothing when there is none until the limit, which the search then says.
medium_ask() {
	g_list='' g_waited=0 l_what='any medium'
	while :; do
		medium_search 4
		g_waited=$((g_waited + 4))
		if [ -z "$g_list" ]; then
			[ "$k_limit" = forever ] || [ $g_waited -lt "$k_limit" ] || break
			continue
		fi
		ask_list
		printf 'kindling: number of the medium, or Enter to look again: '
		g_answer=
		read -r g_answer </dev/console || sleep 1
		ask_take || continue
		break
	done
	l_ask=
	g_seen='|'
}

# ask_note: the device d_path, mounted as m_driver, has bundles. Where the kernel gives it another name later, it is another one.
ask_note() {
	g_id=
	[ ! -r "$l_data/medium" ] || read -r g_id <"$l_data/medium" || :
	g_names=
	for g_file in "$l_data"/*.sb; do
		[ ! -f "$g_file" ] || g_names="$g_names ${g_file##*/}"
	done
	g_list="$g_list$d_path $((d_size / 2048)) MiB $m_driver${P_LABEL:+ $P_LABEL},$g_names${g_id:+, id ${g_id%"${g_id#????????}"}}$q_line"
}

# ask_list: what there is, with numbers.
ask_list() {
	keyboards
	say 'media that were found:'
	g_number=0
	while read -r g_line; do
		[ -n "$g_line" ] || continue
		g_number=$((g_number + 1))
		echo "  $g_number  $g_line"
	done <<END
$g_list
END
}

# ask_take: l_device, by the number in g_answer.
ask_take() {
	g_number=0
	while read -r g_path g_line; do
		g_number=$((g_number + 1))
		if [ -n "$g_path" ] && [ "$g_number" = "$g_answer" ]; then
			l_device=$g_path
			return 0
		fi
	done <<END
$g_list
END
	return 1
}
