#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Outputs that cannot be written whole: exit 5, no file named OUT, whole records or nothing in
OUT.part, and a message that says what to do next.

The disks are file systems in memory of a few pages, in a mount namespace of their own; that needs
root. What a limit on the size of files (RLIMIT_FSIZE) can show is shown without.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

import damage
import packets
from suite import need, read, write

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
PAGE = resource.getpagesize()
NEXT_STEPS = (b"make room and run it again", b"write elsewhere")


def run(*args, **how):
    return subprocess.run([BIN, "analyze", *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=how.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                          timeout=60, check=False, **how)


# --- captures --------------------------------------------------------------------------------


def capture(flows=40):
    """A capture with events: requests, questions and hellos, each a flow of its own."""
    frames = []
    for i in range(flows):
        me, port = f"10.0.{i // 250}.{i % 250 + 1}", 2000 + i
        sent = (packets.http(f"host{i}.example"), packets.record(
            packets.client_hello(b"host%d.example" % i)))[i % 2]
        for flags, seq, body in (("S", 0, b""), ("PA", 1, sent), ("FA", 1 + len(sent), b"")):
            frames.append(packets.ip4(me, "192.0.2.9", packets.TCP, packets.tcp(
                me, "192.0.2.9", port, (80, 443)[i % 2], seq, 1, flags, body)))
        asked = packets.udp(me, "192.0.2.53", port, 53, packets.dns(packets.question(b"b.example")))
        frames.append(packets.ip4(me, "192.0.2.53", packets.UDP, asked))
    return classic([packets.ethernet(f, packets.ETH_IP) for f in frames])


def classic(frames):
    with tempfile.NamedTemporaryFile() as f:
        packets.write_capture(f.name, [packets.Record(1700000000 * 10**6 + i, data, len(data))
                                       for i, data in enumerate(frames)])
        return read(f.name)


def ending_at(border):
    """A capture of small records, one of which ends at this offset, and more behind it."""
    sizes, left = [], border - 24
    while left >= 2 * 80:
        sizes.append(64)
        left -= 80
    sizes += [left - 16, 64, 1000]
    return classic([bytes(12) + b"\x08\0" + bytes(size - 14) for size in sizes])


def whole(data, room):
    """(bytes, records) of the pieces that fit."""
    pieces = [piece for piece in damage.judge(data).pieces if piece.end <= room]
    return (pieces[-1].end if pieces else 0), sum(piece.is_frame for piece in pieces)


# --- what must hold --------------------------------------------------------------------------


def look(r, data, out, room):
    """After a run whose OUT had room for so many bytes alone."""
    part = out + ".part"
    if len(data) <= room:
        need(r.returncode == 0 and read(out) == data, f"room {room}: exit {r.returncode} {r.stderr}")
        os.unlink(out)
        need(not os.path.exists(part), f"room {room}: .part is left")
        return
    size, records = whole(data, room)
    need(r.returncode == 5, f"room {room}: exit {r.returncode} {r.stderr}")
    need(not os.path.exists(out), f"room {room}: OUT exists")
    need(any(step in r.stderr for step in NEXT_STEPS), f"room {room}: no next step: {r.stderr}")
    need(os.path.basename(out).encode() in r.stderr, f"room {room}: which file? {r.stderr}")
    if not records:
        need(not os.path.exists(part), f"room {room}: a .part without a record")
        need(b"nothing was written" in r.stderr, f"room {room}: {r.stderr}")
        return
    need(f"{records} whole records".encode() in r.stderr, f"room {room}: {r.stderr}")
    need(read(part) == data[:size], f"room {room}: .part is not the {records} whole records")
    os.unlink(part)


class Disk:
    """A file system of so many pages, mounted for a while."""

    def __init__(self, where, pages, options=""):
        self.where, self.options = where, f"size={pages * PAGE}{options}"

    def __enter__(self):
        os.makedirs(self.where, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "none", self.where], check=True)
        return os.path.join(self.where, "out")

    def __exit__(self, *_):
        subprocess.run(["umount", self.where], check=True)


# --- tests -----------------------------------------------------------------------------------


def test_size_limit(tmp):
    """Every size around every border of a small capture, of both formats."""
    for data in (damage.CAPTURES["pcap, little, us"], damage.CAPTURES["pcapng, two sections"]):
        path, out = write(os.path.join(tmp, "in"), data), os.path.join(tmp, "out")
        borders = {piece.end for piece in damage.judge(data).pieces}
        rooms = {b + d for b in borders for d in (-1, 0, 1)} | {0, 1}
        for room in sorted(rooms):
            def limit(room=room):
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            look(run(path, out, "-q", preexec_fn=limit), data, out, room)


def test_device(tmp):
    """/dev/full in the place of each output; and as standard output."""
    path, out = write(os.path.join(tmp, "in"), capture()), os.path.join(tmp, "out")
    cases = {"OUT": ["/dev/full"]}
    cases.update((kind, [out, kind, "/dev/full"]) for kind in ("--json", "--csv", "--events"))
    for name, args in cases.items():
        r = run(path, *args, "-q")
        need(r.returncode == 5, f"{name}: exit {r.returncode} {r.stderr}")
        need(any(s in r.stderr for s in NEXT_STEPS) and b"/dev/full" in r.stderr, f"{name}: {r.stderr}")
        need(os.listdir(tmp) == ["in"], f"{name}: left behind: {os.listdir(tmp)}")
    with open("/dev/full", "wb") as full:
        for args in (["-"], [out, "--json", "-"], [out, "--events", "-"], [out]):
            r = run(path, *args, stdout=full)
            need(r.returncode == 5, f"{args} on a full standard output: exit {r.returncode}")
            need(os.listdir(tmp) == ["in"], f"{args}: left behind: {os.listdir(tmp)}")


def disk_out(tmp):
    """OUT on disks of every size, for several numbers of workers."""
    data = capture()
    path = write(os.path.join(tmp, "in"), data)
    for pages in range(1, len(data) // PAGE + 2):
        with Disk(os.path.join(tmp, "disk"), pages) as out:
            look(run(path, out, "-q", "--workers", 1 << pages % 4), data, out, pages * PAGE)


def disk_border(tmp):
    """A record that ends at, just before or just behind the end of the disk."""
    with Disk(os.path.join(tmp, "disk"), 2) as out:
        for off in range(-18, 19):
            data = ending_at(2 * PAGE + off)
            path = write(os.path.join(tmp, "in"), data)
            look(run(path, out, "-q"), data, out, 2 * PAGE)
            exact = data[:2 * PAGE + off]
            look(run(write(path, exact), out, "-q"), exact, out, 2 * PAGE)


def disk_reports(tmp):
    """Each report on a disk of one page, OUT beside it on one that has room."""
    data = capture(80)
    path, out = write(os.path.join(tmp, "in"), data), os.path.join(tmp, "out")
    for kind in ("--json", "--csv", "--events"):
        with Disk(os.path.join(tmp, "disk"), 1) as report:
            r = run(path, out, kind, report, "-q")
            need(r.returncode == 5, f"{kind}: exit {r.returncode} {r.stderr}")
            need(not os.path.exists(out) and not os.path.exists(out + ".part"), f"{kind}: OUT is there")
            need(not os.path.exists(report), f"{kind}: half a report has its name")
            need(any(s in r.stderr for s in NEXT_STEPS) and report.encode() in r.stderr,
                 f"{kind}: {r.stderr}")
            left = os.listdir(os.path.dirname(report))
            if kind != "--events":
                need(not left, f"{kind}: left behind: {left}")
                continue
            lines = read(report + ".part")
            need(lines.endswith(b"\n") and all(map(json.loads, lines.splitlines())), "half a line")
            count = lines.count(b"\n")
            need(f"{count} whole records".encode() in r.stderr, f"{count} lines: {r.stderr}")


def disk_shared(tmp):
    """OUT has room, but no longer when the reports are there too: then OUT is not kept either."""
    data = capture(20)
    path, seen, pages = write(os.path.join(tmp, "in"), data), set(), len(data) // PAGE
    while 0 not in seen and pages < 256:
        pages += 1
        with Disk(os.path.join(tmp, "disk"), pages) as out:
            names = [out + end for end in ("", ".json", ".csv", ".events")]
            r = run(path, out, "--json", names[1], "--csv", names[2], "--events", names[3], "-q")
            seen.add(r.returncode)
            need(r.returncode in (0, 5), f"{pages} pages: exit {r.returncode} {r.stderr}")
            if r.returncode == 0:
                need(all(map(os.path.exists, names)) and read(out) == data, f"{pages} pages: not whole")
                continue
            need(not os.path.exists(out), f"{pages} pages: OUT exists")
            for name in names[1:]:
                need(not os.path.exists(name) or read(name).endswith((b"\n", b"}")),
                     f"{pages} pages: half of {name}")
    need(seen == {0, 5}, f"all sizes ended with {seen}")


def disk_refuses(tmp):
    """No room for a name, and a disk that is read-only."""
    path = write(os.path.join(tmp, "in"), capture(2))
    for options in (",nr_inodes=1", ",ro"):
        with Disk(os.path.join(tmp, "disk"), 64, options) as out:
            r = run(path, out, "-q")
            need(r.returncode == 5, f"{options}: exit {r.returncode} {r.stderr}")
            need(any(s in r.stderr for s in NEXT_STEPS), f"{options}: {r.stderr}")


def run_all(prefix):
    good = True
    for name, test in sorted(globals().items()):
        if not name.startswith(prefix):
            continue
        with tempfile.TemporaryDirectory() as tmp:
            try:
                test(tmp)
                print("ok full disk: " + name.replace("_", " "))
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as why:
                print(f"FAIL full disk: {name}: " + str(why).replace("\n", " "))
                good = False
    sys.stdout.flush()
    return good


def main():
    if sys.argv[1:] == ["mounted"]:
        return 0 if run_all("disk_") else 1
    good = run_all("test_")
    if subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        print("skip full disk: a mount namespace needs root")
        return 0 if good else 1
    inner = subprocess.run(["unshare", "-m", sys.executable, os.path.abspath(__file__), "mounted"],
                           check=False)
    return 0 if good and inner.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
