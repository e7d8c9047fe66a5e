# The words before the cursor, as the shell will see them: not cut at : and =, as COMP_WORDS is.
_dpi_xdp_words() {
	local line=${COMP_LINE:0:COMP_POINT}

	# shellcheck disable=SC2162  # without -r a backslash protects the space of a name
	read -a words <<<"$line"
	case $line in
	*[[:space:]]) [[ $line == *\\[[:space:]] ]] || words+=("") ;;
	esac
}

_dpi_xdp_offer() { # the lines on standard input that begin with the word; FILES stands for files
	local candidate prefix= quoted

	# What is before the last : or = stays on the line; bash wants the rest alone.
	[[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] && prefix=${cur%"${cur##*:}"}
	[[ $COMP_WORDBREAKS == *=* && ${cur#"$prefix"} == *=* ]] && prefix=${cur%"${cur##*=}"}
	while IFS= read -r candidate; do
		if [[ $candidate == FILES ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r quoted; do
				COMPREPLY+=("$quoted")
			done < <(compgen -f -- "${cur#"$prefix"}")
		elif [[ ${candidate,,} == "${cur,,}"* ]]; then
			printf -v quoted %q "${candidate:${#prefix}}"
			[[ $candidate == *[=:]* || $candidate == --* ]] &&
				quoted=${quoted//\\=/=}
			COMPREPLY+=("$quoted")
		fi
	done
}

_dpi_xdp() {
	local words=() cur program command= i option letter value help last=
	COMPREPLY=()

	_dpi_xdp_words
	cur=${words[${#words[@]} - 1]}
	program=${words[0]}
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-*) ;;
		*)
			command=${words[i]}
			break
			;;
		esac
	done
	if [[ -z $command ]]; then
		_dpi_xdp_offer < <(
			_dpi_xdp_commands | cut -f1
			case $cur in -*) printf '%s\n' --help --version --quiet --color ;; esac
		)
		return
	fi
	((i < ${#words[@]} - 2)) && last=${words[${#words[@]} - 2]}
	while IFS=$'\t' read -r option letter value help; do
		if [[ $value != - && $value != \[* && ($last == "$option" || $last == "$letter") ]]; then
			_dpi_xdp_offer < <(_dpi_xdp_option_values "$value")
			return
		fi
		if [[ $value != - && $cur == "$option"=* ]]; then
			_dpi_xdp_offer < <(_dpi_xdp_option_values "$value" | sed "s/^/$option=/")
			return
		fi
	done < <(_dpi_xdp_options "$command")
	if [[ $cur == -* ]]; then
		_dpi_xdp_offer < <(_dpi_xdp_options "$command" | cut -f1)
		return
	fi
	_dpi_xdp_offer < <(_dpi_xdp_argument)
}

# What may stand behind the command's name; behind a word of its own, such as `rules load`, a file.
_dpi_xdp_argument() {
	local usage

	usage=$(_dpi_xdp_arguments "$command")
	case $usage in
	\[[a-z]*\|*)
		if ((i < ${#words[@]} - 2)); then
			case $usage in *"$last FILE"*) echo FILES ;; esac
			return
		fi
		;;
	esac
	_dpi_xdp_values "$program" "$command"
}

complete -F _dpi_xdp dpi-xdp
