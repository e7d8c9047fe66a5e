#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Proves a filtered capture against the manifest of gen_capture, without any code of the program.

usage: check_blocked.py IN OUT MANIFEST APP...

Works out from IN and MANIFEST which frames must be gone (those of a flow of APP, both directions,
from the frame that completes its name on) and counts in OUT what leaked and what is missing.
Exit 0 when both are 0 and OUT is otherwise IN, record by record.
"""
import socket
import struct
import sys


def records(path):
    with open(path, "rb") as f:
        head = f.read(24)
        if len(head) != 24 or head[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
            sys.exit(f"{path}: not a little-endian pcap")
        yield head
        while True:
            h = f.read(16)
            if not h:
                return
            data = f.read(struct.unpack_from("<I", h, 8)[0])
            yield h + data


def key(frame):
    """Both ends and the protocol, the same for either direction."""
    at = 12
    kind = frame[at:at + 2]
    if kind == b"\x81\x00":
        at += 4
        kind = frame[at:at + 2]
    at += 2
    if kind == b"\x08\x00":
        proto, src, dst = frame[at + 9], frame[at + 12:at + 16], frame[at + 16:at + 20]
        at += (frame[at] & 15) * 4
    else:
        proto, src, dst = frame[at + 6], frame[at + 8:at + 24], frame[at + 24:at + 40]
        at += 40
    return proto, frozenset(((src, frame[at:at + 2]), (dst, frame[at + 2:at + 4])))


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def blocked_flows(path, apps):
    flows = {}
    with open(path, encoding="ascii") as f:
        names = f.readline().rstrip("\n").split("\t")
        for line in f:
            row = dict(zip(names, line.rstrip("\n").split("\t")))
            if row["app"] not in apps:
                continue
            ends = frozenset(((address(row["src"]), struct.pack(">H", int(row["sport"]))),
                              (address(row["dst"]), struct.pack(">H", int(row["dport"])))))
            flows[(17 if row["l4"] == "udp" else 6, ends)] = int(row["naming_frame"])
    return flows


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    flows = blocked_flows(sys.argv[3], set(sys.argv[4:]))
    was, is_now = records(sys.argv[1]), records(sys.argv[2])
    if next(was) != next(is_now):
        sys.exit("the file headers differ")
    total = dropped = leaked = missing = 0
    out = next(is_now, None)
    for number, record in enumerate(was, 1):
        total += 1
        naming = flows.get(key(record[16:]))
        must_go = naming is not None and number >= naming
        is_kept = record == out
        if is_kept:
            out = next(is_now, None)
        else:
            dropped += 1
        leaked += is_kept and must_go
        missing += not is_kept and not must_go
    strange = 0
    while out is not None:
        strange += 1
        out = next(is_now, None)
    print(f"frames {total} dropped {dropped} blocked-flows {len(flows)} "
          f"leaked {leaked} missing {missing} strange {strange}")
    sys.exit(1 if leaked or missing or strange or not flows else 0)


main()
