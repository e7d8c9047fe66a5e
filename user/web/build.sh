#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Makes the dashboard's assets: bundles the sources by esbuild, packs each file by gzip, and writes
# assets.S (the bytes) and assets.c (the table) for the compiler.
#
#     user/web/build.sh OUT NPM [PATH=FILE...]
#
# OUT is a directory for products, NPM one for node_modules (filled once by `npm ci`, again when the
# lock file changes). PATH=FILE adds a file that was built elsewhere. Without Node.js or npm, or when
# the packages cannot be had, one line says so and a plain page takes the dashboard's place; that is
# no failure. OUT/state says which it was: full or plain.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" "$2"
out=$(cd "$1" && pwd) npm=$(cd "$2" && pwd)
shift 2
site=$out/site

# Fetches what package-lock.json names into $npm. Install scripts of packages do not run.
fetch() {
	local sum

	sum=$(cat "$here/package.json" "$here/package-lock.json" | sha256sum)
	[ "$(cat "$npm/fetched" 2>/dev/null)" = "$sum" ] && return 0
	cp "$here/package.json" "$here/package-lock.json" "$npm/"
	(cd "$npm" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		--prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000 \
		--fetch-timeout=30000 >"$npm/log" 2>&1 </dev/null) || return 1
	echo "$sum" >"$npm/fetched"
}

# Why the dashboard cannot be built here; empty when it can.
obstacle() {
	local tool

	for tool in node npm; do
		command -v $tool >/dev/null || { echo "$tool is not installed"; return; }
	done
	fetch || echo "npm could not fetch its packages ($npm/log)"
}

# The licences of what the bundles hold, in one file.
licenses() {
	local name

	for name in preact @preact/signals @preact/signals-core uplot swagger-ui-dist; do
		echo "== $name"
		cat "$npm/node_modules/$name"/LICENSE* 2>/dev/null ||
			sed -n 's/.*"license": *"\(.*\)".*/\1/p' "$npm/node_modules/$name/package.json"
		echo
	done
	cat "$npm/node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt"
}

build_full() {
	local swagger=$npm/node_modules/swagger-ui-dist

	NODE_PATH=$npm/node_modules node "$here/bundle.mjs" "$npm/node_modules" "$site" || return 1
	cp "$here/src/index.html" "$here/src/favicon.svg" "$site/"
	cp "$here/src/docs.html" "$site/docs/index.html"
	# A map that is not there would be asked for by every browser's tools.
	sed 's,^//# sourceMappingURL=.*,,' "$swagger/swagger-ui-bundle.js" >"$site/docs/swagger-ui-bundle.js"
	sed 's,/\*# sourceMappingURL=.*\*/,,' "$swagger/swagger-ui.css" >"$site/docs/swagger-ui.css"
	licenses >"$site/licenses.txt"
}

build_plain() {
	cp "$here/plain/index.html" "$here/plain/plain.css" "$here/src/favicon.svg" "$site/"
	cp "$here/plain/docs.html" "$site/docs/index.html"
}

type_of() {
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.js) echo 'text/javascript; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.svg) echo 'image/svg+xml' ;;
	*.txt) echo 'text/plain; charset=utf-8' ;;
	*.wasm) echo 'application/wasm' ;;
	*) echo "build.sh: no type is known for $1" >&2; return 1 ;;
	esac
}

# Packs a file, in gzip's form (RFC 1952). The module is what a page waits for, and zopfli, where it is
# there, makes it a twentieth smaller; of the rest it would take half a minute.
squeeze() {
	case $1 in
	*.wasm) zopfli -c "$1" 2>/dev/null && return ;;
	esac
	gzip -9nc "$1"
}

# The two files for the compiler, from what lies in $site.
pack() {
	local name sum type i=0

	rm -rf "$out/packed"
	mkdir -p "$out/packed"
	echo '	.section .rodata' >"$out/assets.S"
	printf '%s\n' '/* Written by user/web/build.sh. */' '#include "web/assets.h"' '' >"$out/assets.c"
	: >"$out/rows"
	while IFS= read -r name; do
		type=$(type_of "$name")
		squeeze "$site/$name" >"$out/packed/$i"
		sum=$(sha256sum <"$site/$name" | cut -c1-32)
		printf '\t.global web_bytes_%d\nweb_bytes_%d:\n\t.incbin "%s"\n' $i $i "$out/packed/$i" \
			>>"$out/assets.S"
		echo "extern const unsigned char web_bytes_$i[];" >>"$out/assets.c"
		printf '\t{"/%s", "%s", web_bytes_%d, %d, "\\"%s\\""},\n' "$name" "$type" $i \
			"$(stat -c %s "$out/packed/$i")" "$sum" >>"$out/rows"
		i=$((i + 1))
	done < <(cd "$site" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort)
	echo '	.section .note.GNU-stack, "", @progbits' >>"$out/assets.S"
	{
		printf '\nconst struct web_asset web_assets[] = {\n'
		cat "$out/rows"
		printf '};\nconst size_t web_asset_count = %d;\nconst bool web_assets_complete = %s;\n' $i "$1"
	} >>"$out/assets.c"
}

rm -rf "$site"
mkdir -p "$site/docs"
why=$(obstacle)
if [ -z "$why" ]; then
	build_full
	state=full complete=true
	[ $# -gt 0 ] || echo "  note    no WebAssembly module: the program analyses what is dropped on the page"
	for extra; do
		cp "${extra#*=}" "$site/${extra%%=*}"
	done
else
	echo "  note    the dashboard is left out, a plain page in its place: $why"
	build_plain
	state=plain complete=false
fi
pack $complete
echo $state >"$out/state"
