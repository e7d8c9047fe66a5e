# What the machine and the agent know now, for bash and zsh; $1 is the program as it was typed.

_dpi_xdp_strings() { # FIELD: the values of "FIELD" in the JSON on standard input
	grep -o "\"$1\":\"[^\"]*\"" | cut -d: -f2- | sed 's/^"//; s/"$//' | sort -u
}

_dpi_xdp_interfaces() {
	ls /sys/class/net 2>/dev/null
}

_dpi_xdp_protected() {
	"$1" status --json 2>/dev/null | grep -o '"interfaces":.*' | _dpi_xdp_strings name
}

_dpi_xdp_apps() {
	"$1" apps --json 2>/dev/null | _dpi_xdp_strings app
	"$1" apps --json 2>/dev/null | _dpi_xdp_strings category | sed 's/^/category:/'
}

_dpi_xdp_rules() { # PROGRAM KIND ACTION: the values of such rules in force, or stored
	"$1" rules list --json --quiet 2>/dev/null |
		grep -o "\"kind\":\"$2\",\"action\":\"$3\",\"value\":\"[^\"]*\"" | _dpi_xdp_strings value
}

_dpi_xdp_devices() {
	"$1" device list 2>/dev/null | sed 's/ .*//'
}

# _dpi_xdp_values PROGRAM COMMAND: the words that may stand behind it; FILES for names of files.
_dpi_xdp_values() {
	case $2 in
	unblock-*) _dpi_xdp_rules "$1" "${2#unblock-}" block ;;
	disallow-*) _dpi_xdp_rules "$1" "${2#disallow-}" allow ;;
	*-app) _dpi_xdp_apps "$1" ;;
	what-if) _dpi_xdp_commands | cut -f1 | grep -E '^(un)?block-|^(dis)?allow-'; echo load ;;
	detach) _dpi_xdp_protected "$1" ;;
	device) printf '%s\n' add remove list && _dpi_xdp_devices "$1" ;;
	help) _dpi_xdp_commands | cut -f1 ;;
	*) _dpi_xdp_usage "$(_dpi_xdp_arguments "$2")" ;;
	esac
}

_dpi_xdp_usage() { # USAGE: what its first words stand for
	case $1 in
	IFACE*) _dpi_xdp_interfaces ;;
	IN* | FILE*) echo FILES ;;
	\[[a-z]*\|*) printf '%s\n' "$1" | tr '|' '\n' | sed 's/[][]//g; s/^ *//; s/ .*//' ;;
	esac
}

# _dpi_xdp_option_values VALUE: what an option's value may be, by what its help calls it.
_dpi_xdp_option_values() {
	case $1 in
	\[=WHEN\]) printf '%s\n' always never auto ;;
	*FILE* | *DIR* | *PATH* | SPEC) echo FILES ;;
	IFACE*) _dpi_xdp_interfaces ;;
	*[a-z]\|[a-z]*) printf '%s\n' "$1" | tr '|' '\n' ;;
	esac
}
