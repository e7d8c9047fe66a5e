# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The two floods of the evasion table, too long to be rows of evasion.py: N7, a million sources
that only ask for a connection, and N8, a million packets of random bytes.

They are written straight into a capture file; test_evasion.py runs them.
"""
import json
import os
import random
import re
import struct
import subprocess

import evasion
import packets as p

SOURCES, PACKETS, FLOWS = 1000000, 1000000, 20000
NAME = re.compile(r"^[a-z0-9_.-]+$")
BEGIN_S = 1700000000
PORTS = (53, 80, 443, 25, 853, 5353, 8080, 22, 123, 1900, 4789, 2152, 6081, 3544, 5246, 40000)


def record_of(f):
    return struct.pack("<IIII", f.ts_us // 10**6, f.ts_us % 10**6, len(f.data), f.wire_len) + f.data


def syns(first, last, ts_us):
    """Capture records of SYNs from a source each, ten microseconds apart."""
    frame = p.ethernet(*(p.ip4("10.0.0.0", "198.51.100.20", p.TCP, p.tcp(
        "10.0.0.0", "198.51.100.20", 1, 443, 77, 0, "S", options=b"\2\4\5\xb4")), p.ETH_IP))
    head, middle, tail = frame[:26], frame[30:34], frame[36:]
    out = []
    for i in range(first, last):
        at = ts_us + 10 * (i - first)
        out.append(struct.pack("<IIII", at // 10**6, at % 10**6, len(frame), len(frame)) + head +
                   struct.pack("!I", 0x0A000000 + i) + middle +
                   struct.pack("!H", 1024 + i % 60000) + tail)
    return b"".join(out)


def half_done(world, name, count, fate):
    """So many connections that have said hello."""
    talks = []
    for _ in range(count):
        talk = evasion.Talk(world, name).open()
        talk.fate = fate
        talk.c(0, evasion.hello(name))
        talks.append(talk)
    return talks


def go_on(talks):
    for talk in talks:
        at = talk.sent["c"]
        talk.s(talk.sent["s"], b"\x17\3\3\0\x20" + bytes(32))
        talk.c(at, b"\x17\3\3\0\x20" + bytes(32))


def write_n7(path, expected):
    """Writes the capture, and beside it what must be left of it."""
    world = evasion.World(evasion.VARIANTS[0])
    talks = half_done(world, evasion.INNOCENT, 1000, evasion.PASS) + \
        half_done(world, evasion.BLOCKED, 100, evasion.DROP)
    with open(path, "wb") as full, open(expected, "wb") as left:
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
        full.write(head)
        left.write(head)
        for turn in range(3):
            full.write(b"".join(record_of(f) for f in world.frames))
            left.write(b"".join(record_of(f) for f in world.frames if f.fate != evasion.DROP))
            world.frames = []
            if turn < 2:
                flood = syns(turn * SOURCES // 2, (turn + 1) * SOURCES // 2, world.now_us)
                world.wait(SOURCES / 2 / 10**5)
                full.write(flood)
                left.write(flood)
                go_on(talks)


def n7(binary, directory):
    """What is wrong, or None."""
    path, out, expected = (os.path.join(directory, f) for f in ("in.pcap", "out.pcap", "expected"))
    write_n7(path, expected)
    done = subprocess.run([binary, "analyze", path, out, "--block-domain", "blocked.example",
                           "--quiet"], capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        return f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}"
    with open(out, "rb") as a, open(expected, "rb") as b:
        got, want = a.read(), b.read()
    if got != want:
        return f"{len(got)} bytes are left of the capture, not the {len(want)} that must be"
    return None


def write_n8(path):
    rng = random.Random(8)
    world = evasion.World(evasion.VARIANTS[0])
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for flow in range(FLOWS):
            is_udp, sport, port = flow & 1, 1024 + flow, PORTS[flow // 2 % len(PORTS)]
            fixed = struct.pack("!HH", sport, port)
            records = []
            for i in range(PACKETS // FLOWS):
                data = rng.randbytes(rng.randrange(8, 160))
                if is_udp:
                    body = fixed + struct.pack("!HH", 8 + len(data), 0) + data
                else:
                    body = fixed + struct.pack("!IIBBHHH", i * 160, 1, 0x50, 0x18, 64240, 0, 0) + \
                        data
                ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), i, 0, 64,
                                 p.UDP if is_udp else p.TCP, 0) + b"\xc0\0\2\x0a\xc6\x33\x64\x14"
                frame = p.ethernet(ip + body, p.ETH_IP)
                world.now_us += 10
                records.append(record_of(evasion.Frame(world.now_us, frame, len(frame), None)))
            out.write(b"".join(records))


def n8(binary, directory):
    """What is wrong, or None."""
    path = os.path.join(directory, "in.pcap")
    write_n8(path)
    done = subprocess.run([binary, "analyze", path, "/dev/null", "--json", "-", "--quiet"],
                          capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        return f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}"
    report = json.loads(done.stdout)
    if report["total_packets"] != PACKETS:
        return f"{report['total_packets']} packets read, not {PACKETS}"
    wrong = sorted({n["name"] for c in report["connections"] for n in c["names"]
                    if not NAME.match(n["name"])})
    return f"{len(wrong)} names that are none, such as {wrong[0]}" if wrong else None


FLOODS = [("N7 a million half-open connections around a thousand others", n7),
          ("N8 a million packets of random bytes", n8)]
