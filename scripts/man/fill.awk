# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Fills a page's template (scdoc) from the program's own tables (`dpi-xdp help --tables`):
#
#     awk -f fill.awk TABLES PAGE.scd
#
#     %synopsis NAME...   a usage line for each of these commands
#     %commands [NAME...] each command and what it does; without names, all
#     %options NAME...    the options of these commands; those that only some have say whose
#     %common             the options that every command has
#
# A name may end in *. A command that this program does not have is left out.

BEGIN { FS = "\t" }

function plain(s) {
	gsub(/[\\*_<>#~`]/, "\\\\&", s)
	return s
}

FNR == NR && $1 == "c" {
	command[++commands] = $2
	args[$2] = $3
	help[$2] = $4
	next
}
FNR == NR && $1 == "o" {
	name = command[commands]
	row[name, ++rows[name]] = $2
	letter[name, $2] = $3
	value[name, $2] = $4
	what[name, $2] = $5
	next
}
FNR == NR { next }

# The commands a directive names, in the table's order: chosen[1..count].
function choose(line,   words, n, i, j, prefix) {
	n = split(line, words, " ")
	count = 0
	for (i = 1; i <= commands; i++)
		for (j = 2; j <= n || n == 1; j++) {
			prefix = words[j]
			if (n == 1 || command[i] == prefix || (sub(/\*$/, "", prefix) &&
			    index(command[i], prefix) == 1)) {
				chosen[++count] = command[i]
				break
			}
		}
}

function is_common(option,   i) {
	for (i = 1; i <= commands; i++)
		if (!((command[i], option) in what))
			return 0
	return 1
}

function option_print(name, o,   text) {
	text = letter[name, o] == "-" ? "" : "*-" letter[name, o] "*, "
	text = text "*--" o "*"
	if (value[name, o] ~ /^\[/)
		text = text plain(value[name, o])
	else if (value[name, o] != "-")
		text = text " _" plain(value[name, o]) "_"
	print text
}

/^%synopsis/ {
	choose($0)
	for (i = 1; i <= count; i++)
		print (i > 1 ? "\n" : "") "*dpi-xdp " chosen[i] "* " plain(args[chosen[i]])
	next
}
/^%commands/ {
	choose($0)
	for (i = 1; i <= count; i++)
		print "*" chosen[i] "*\n\t" plain(help[chosen[i]]) ".\n"
	next
}
/^%options/ {
	choose($0)
	for (key in done)
		delete done[key]
	for (i = 1; i <= count; i++)
		for (j = 1; j <= rows[chosen[i]]; j++) {
			o = row[chosen[i], j]
			key = o SUBSEP what[chosen[i], o]
			if (is_common(o) || (key in done))
				continue
			done[key] = 1
			owners = ""
			n = 0
			for (k = 1; k <= count; k++)
				if ((chosen[k], o) in what && what[chosen[k], o] == what[chosen[i], o]) {
					owners = owners (n++ ? ", " : "") chosen[k]
				}
			option_print(chosen[i], o)
			print "\t" plain(what[chosen[i], o]) "." \
				(n < count ? " Of " owners "." : "") "\n"
		}
	next
}
/^%common/ {
	for (j = 1; j <= rows[command[1]]; j++) {
		o = row[command[1], j]
		if (!is_common(o))
			continue
		option_print(command[1], o)
		print "\t" plain(what[command[1], o]) ".\n"
	}
	next
}
{ print }
