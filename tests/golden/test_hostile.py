#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Captures that are made to cost much: each within bounds of processor time and memory, with the
exit status and the number of frames that its row says.

Memory is what is resident at most, pages of the capture included.
"""
import gzip
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zlib

import damage
import packets

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
SECONDS, KIB = 2, 256 << 10
HEAD = struct.pack("<IHHiIII", damage.US, 2, 4, 0, 0, 0, 1)  # snap length 0: no limit
SECTION, INTERFACE = damage.section("<"), damage.interface("<")
FRAME = damage.frames()[1]


def record(seconds, data, fraction=0, wire=None):
    return struct.pack("<IIII", seconds, fraction, len(data), len(data) if wire is None else wire) + data


def flow(i):
    """A SYN from an address of its own."""
    me = f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
    return packets.ethernet(packets.ip4(me, "192.0.2.7", packets.TCP, packets.tcp(
        me, "192.0.2.7", 1024 + i % 60000, 80, 1, 0, "S")), packets.ETH_IP)


def times(seconds):
    """The same 5,000 flows 20 times, at the times that a function of the frame's number gives."""
    frames = [flow(i) for i in range(5000)]
    yield HEAD
    for i in range(100000):
        yield record(seconds(i), frames[i % 5000], i * 7919 % 2**32)


def resolutions():
    """Every resolution there is, with the times and offsets that are hardest on it."""
    rng, frames = random.Random(1), [flow(i) for i in range(200)]
    for resolution in range(256):
        offset = rng.choice((-2**63, -1, 0, 1, 2**63 - 1))
        yield SECTION + damage.interface("<", options=damage.option("<", 9, bytes([resolution])) +
                                         damage.option("<", 14, struct.pack("<q", offset)))
        for frame in frames:
            yield damage.packet("<", frame, ticks=rng.choice((0, 2**63, 2**64 - 1, rng.getrandbits(64))))


def packed(first, part, count):
    """A gzip file that is a thousandth of what it holds."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield pack.compress(first)
    for _ in range(count):
        yield pack.compress(part)
    yield pack.flush()


def unknown(size):
    return damage.make_block("<", 0xBAD, bytes(size - 12))


def repeat(part, count):
    for _ in range(count):
        yield part


JITTER = random.Random(4)
LARGE = FRAME.ljust(damage.RECORD_MAX, b"a")
OPTIONS = struct.pack("<HH", 2, 0) * ((16 << 20) // 4 - 6)

# name: (exit status, frames, parts of the file)
ROWS = {
    "empty records": (0, 3 * 10**6, lambda: [HEAD, *repeat(record(0, b"") * 10**6, 3)]),
    "empty records of long frames":
        (0, 2 * 10**6, lambda: [HEAD, *repeat(record(0, b"", wire=2**32 - 1) * 10**6, 2)]),
    "empty packet blocks":
        (0, 10**6, lambda: [SECTION, INTERFACE, damage.packet("<", b"") * 10**6]),
    "empty simple blocks":
        (0, 2 * 10**6, lambda: [SECTION, INTERFACE, damage.simple("<", b"") * 2 * 10**6]),
    "blocks without a body": (0, 0, lambda: [SECTION, *repeat(unknown(12) * 10**6, 3)]),
    "sections": (0, 0, lambda: [SECTION * 10**6]),
    "sections with an interface and a frame":
        (0, 10**5, lambda: [(SECTION + INTERFACE + damage.packet("<", FRAME)) * 10**5]),
    "65,536 interfaces":
        (0, 1000, lambda: [SECTION, INTERFACE * 65536,
                           *(damage.packet("<", FRAME, interface_id=i * 65) for i in range(1000))]),
    "65,537 interfaces": (3, 0, lambda: [SECTION, INTERFACE * 65537, damage.packet("<", FRAME)]),
    "a million interfaces":
        (0, 16, lambda: repeat(SECTION + INTERFACE * 65536 +
                               damage.packet("<", FRAME, interface_id=65535), 16)),
    "an interface of the section before":
        (3, 1, lambda: [SECTION, INTERFACE * 3, damage.packet("<", FRAME, interface_id=2), SECTION,
                        INTERFACE, damage.packet("<", FRAME, interface_id=2)]),
    "options of 16 MiB":
        (0, 1, lambda: [SECTION, *repeat(damage.interface("<", options=OPTIONS), 6),
                        damage.packet("<", FRAME)]),
    "blocks of 16 MiB":
        (0, 1, lambda: [SECTION, INTERFACE, *repeat(unknown(16 << 20), 25), damage.packet("<", FRAME)]),
    "a block above 16 MiB":
        (3, 0, lambda: [SECTION, INTERFACE, unknown((16 << 20) + 4), damage.packet("<", FRAME)]),
    "records of 262,144 bytes":
        (0, 1600, lambda: [HEAD, *(record(i, LARGE) for i in range(1600))]),
    "a record of 262,145 bytes":
        (3, 1, lambda: [HEAD, record(1, FRAME), record(1, LARGE + b"a")]),
    "captured more than the wire had":
        (0, 10**5, lambda: [HEAD, *repeat(record(1, FRAME, wire=0) * 1000, 100)]),
    "times that go backwards": (0, 10**5, lambda: times(lambda i: 2**32 - 1 - i * 40000)),
    "times that jump": (0, 10**5, lambda: times(lambda i: JITTER.getrandbits(32))),
    "times from one end to the other": (0, 10**5, lambda: times(lambda i: i % 2 * (2**32 - 1))),
    "times of every resolution": (0, 256 * 200, resolutions),
    "packed empty records":
        (0, 2**20 * 8, lambda: packed(HEAD, record(0, b"") * 2**16, 128)),
    "packed blocks of 16 MiB":
        (0, 0, lambda: packed(SECTION + INTERFACE, unknown(16 << 20), 16)),
    "packed zeros": (2, None, lambda: packed(b"", bytes(1 << 20), 512)),
    "packed twice": (2, None, lambda: [gzip.compress(gzip.compress(HEAD))]),
    "packed in 300,000 empty members":
        (0, 1, lambda: [gzip.compress(b"") * 300000, gzip.compress(HEAD + record(1, FRAME))]),
}


def make(path, parts):
    """Writes the file from a process of its own: a child's memory begins with its parent's peak."""
    maker = os.fork()
    if maker == 0:
        status = 1
        try:
            with open(path, "wb") as f:
                for part in parts():
                    f.write(part)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(maker, 0)[1]:
        raise OSError(f"{path} could not be made")


def run(name, tmp):
    """Empty, or what is wrong."""
    status, frames, parts = ROWS[name]
    path, report = os.path.join(tmp, "in"), os.path.join(tmp, "json")
    make(path, parts)
    child = subprocess.Popen([BIN, "analyze", path, "/dev/null", "-q", "--json", report],
                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    told = child.stderr.read()
    _, ended, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(ended)
    child.stderr.close()
    if child.returncode != status:
        return f"exit {child.returncode}, not {status}: {told}"
    if used.ru_utime + used.ru_stime > SECONDS or used.ru_maxrss > KIB:
        return f"{used.ru_utime + used.ru_stime:.2f} s of processor time, {used.ru_maxrss} KiB"
    if frames is not None:
        with open(report, "rb") as f:
            found = json.load(f)["total_packets"]
        return "" if found == frames else f"{found} frames, not {frames}"
    return ""


def main():
    wrong = 0
    for name in ROWS:
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        with tempfile.TemporaryDirectory() as tmp:
            why = run(name, tmp)
        print(f"FAIL hostile: {name}: {why}" if why else f"ok hostile: {name}", flush=True)
        wrong += bool(why)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
