#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The oldest kernel that is supported: Debian's 6.1, booted in an emulator, must take both programs
# and decide as the running kernel does. Everything but the captures is run again in there.
#
# The kernel is Debian's cloud package, fetched once into $BUILD/kernel61. The guest has a busybox,
# the program, test_programs and their libraries; no disk and no network.
set -u
cd "$(dirname "$0")/../.." || exit 1

B=${BUILD:-build}
KEEP=$B/kernel61
LIMIT=${KERNEL61_SECONDS:-100}
PROGRAMS="$B/dpi-xdp $B/tests/bpf/test_programs"

skip() {
	echo "skip kernel 6.1: $1"
	exit 0
}
fail() {
	echo "FAIL kernel 6.1: $1"
	exit 1
}

[ "$(uname -m)" = x86_64 ] || skip "this is $(uname -m); the guest kernel is for x86_64"
for tool in qemu-system-x86_64 busybox cpio dpkg-deb apt-get; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
for program in $PROGRAMS; do
	[ -x "$program" ] || fail "$program is not built: make tools"
done

work=$(mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$work"' EXIT

# --- the kernel, once -------------------------------------------------------------------------

# fetch: the kernel of the newest 6.1 cloud package into $KEEP, which stays untouched on failure.
fetch() {
	local package

	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
		sed -n 's/.*Depends: \(linux-image-6\.1\.[^ ]*\)$/\1/p' | head -n 1)
	[ -n "$package" ] || skip "the cloud package cannot be downloaded: apt knows none"
	(cd "$work" && timeout 60 apt-get -q download "$package") >"$work/apt.log" 2>&1 ||
		skip "$package cannot be downloaded: $(tail -n 1 "$work/apt.log")"
	dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb |
		tar -x -C "$work" --wildcards './boot/vmlinuz-*' ||
		fail "$package is damaged"
	mkdir -p "$KEEP"
	mv "$work"/boot/vmlinuz-* "$KEEP/vmlinuz.new" && mv "$KEEP/vmlinuz.new" "$KEEP/vmlinuz"
}
[ -s "$KEEP/vmlinuz" ] || fetch

# --- the guest's world ------------------------------------------------------------------------

root=$work/root
mkdir -p "$root"/{bin,proc,sys,dev,tmp,run}
cp "$(command -v busybox)" "$root/bin/busybox"
"$root/bin/busybox" | grep -q 'multi-call' || fail "busybox does not run"
# shellcheck disable=SC2086  # one word a program is meant
for file in $PROGRAMS; do
	cp "$file" "$root/bin/"
	ldd "$file" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
done

cat >"$root/init" <<'X'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t bpf bpf /sys/fs/bpf
echo "guest: begin $(uname -r)"
dpi-xdp doctor
echo "guest: doctor $?"
test_programs --handmade
echo "guest: programs $?"
echo "guest: left $(ls /sys/fs/bpf | grep -c dpi-xdp)"
poweroff -f
X
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd"

# --- run it -----------------------------------------------------------------------------------

log=$work/log
timeout --kill-after=5 "$LIMIT" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m 1024 -smp 1 \
	-display none -serial stdio -monitor none -nodefaults -no-reboot \
	-kernel "$KEEP/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyS0 panic=-1 quiet mitigations=off" </dev/null 2>&1 |
	tr -d '\r' >"$log"

# said WORD: what the guest reported under a word.
said() { sed -n "s/^guest: $1 //p" "$log"; }

result=0
# check NAME CONDITION...: one line of the result.
check() {
	local name=$1

	shift
	if [ "$@" ]; then
		echo "ok kernel 6.1: $name"
	else
		echo "FAIL kernel 6.1: $name: see below"
		result=1
	fi
}

case $(said begin) in
6.1.*) ;;
*)
	tail -n 20 "$log"
	fail "the guest did not start, or is another kernel: $(said begin)"
	;;
esac
check "doctor finds nothing missing" "$(said doctor)" = 0
sed -n -e 's/^ok \(.*\)$/ok kernel 6.1: \1/p' -e 's/^FAIL /FAIL kernel 6.1: /p' "$log" |
	grep -v '^ok kernel 6.1:   '
check "every case ran to its end" "$(said programs)" = 0
check "no pin is left behind" "$(said left)" = 0
[ "$result" -eq 0 ] || sed 's/^/# /' "$log"
exit "$result"
