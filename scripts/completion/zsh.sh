# offer TEXT: its lines as candidates; FILES stands for the names of files.
_dpi_xdp_offer() {
	local -a list
	list=("${(@f)1}")
	list=(${list:#})
	if [[ ${list[1]} == FILES ]]; then
		_files
	elif (( $#list )); then
		compadd -M 'm:{a-zA-Z}={A-Za-z}' -a list
	fi
}

_dpi_xdp_described() { # LINES of name TAB help
	local -a list
	local line
	for line in "${(@f)1}"; do
		list+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	_describe -t values value list
}

_dpi-xdp() {
	local program=$words[1] command= line option letter value last= usage
	integer i at=0

	for (( i = 2; i < CURRENT; i++ )); do
		if [[ $words[i] != -* ]]; then
			command=$words[i]
			at=i
			break
		fi
	done
	if [[ -z $command ]]; then
		if [[ $PREFIX == -* ]]; then
			compadd -- --help --version --quiet --color
		else
			_dpi_xdp_described "$(_dpi_xdp_commands)"
		fi
		return
	fi
	(( CURRENT - 1 > at )) && last=$words[CURRENT-1]
	for line in "${(@f)$(_dpi_xdp_options $command)}"; do
		option=${line%%$'\t'*}
		letter=${${line#*$'\t'}%%$'\t'*}
		value=${${line#*$'\t'*$'\t'}%%$'\t'*}
		if [[ -n $last && $value != - && $value != \[* &&
			( $last == $option || $last == $letter ) ]]; then
			_dpi_xdp_offer "$(_dpi_xdp_option_values $value)"
			return
		fi
		if [[ $value != - ]] && compset -P "$option="; then
			_dpi_xdp_offer "$(_dpi_xdp_option_values $value)"
			return
		fi
	done
	if [[ $PREFIX == -* ]]; then
		_dpi_xdp_described "$(_dpi_xdp_options $command | awk -F '\t' '{print $1 "\t" $4}')"
		return
	fi
	usage="$(_dpi_xdp_arguments $command)"
	if [[ $usage == \[[a-z]*\|* ]] && (( CURRENT - 1 > at )); then
		[[ $usage == *"$last FILE"* ]] && _files
		return
	fi
	_dpi_xdp_offer "$(_dpi_xdp_values $program $command)"
}

_dpi-xdp "$@"
