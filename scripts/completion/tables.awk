# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Turns the program's own tables (`dpi-xdp help --tables`) into shell functions, for bash and zsh:
#
#     _dpi_xdp_commands           lines: name TAB help
#     _dpi_xdp_options COMMAND    lines: --name TAB -letter or "-" TAB value or "-" TAB help
#     _dpi_xdp_arguments COMMAND  what stands behind: the usage line's words

BEGIN { FS = "\t" }

function quoted(s) {
	gsub(/'/, "'\\''", s)
	return "'" s "'"
}

$1 == "c" {
	name[++count] = $2
	args[count] = $3
	help[count] = $4
}
$1 == "o" {
	options[count] = options[count] " \\\n\t\t\t" \
		quoted("--" $2 "\t" ($3 == "-" ? "-" : "-" $3) "\t" $4 "\t" $5)
}

END {
	print "_dpi_xdp_commands() {\n\tprintf '%s\\n' \\"
	for (i = 1; i <= count; i++)
		print "\t\t" quoted(name[i] "\t" help[i]) " \\"
	print "\t\t" quoted("help\tthis text, or a command's") "\n}\n"
	print "_dpi_xdp_options() {\n\tcase $1 in"
	for (i = 1; i <= count; i++)
		print "\t" name[i] ")\n\t\tprintf '%s\\n'" options[i] "\n\t\t;;"
	print "\tesac\n}\n"
	print "_dpi_xdp_arguments() {\n\tcase $1 in"
	for (i = 1; i <= count; i++)
		print "\t" name[i] ") printf '%s\\n' " quoted(args[i]) " ;;"
	print "\tesac\n}\n"
}
