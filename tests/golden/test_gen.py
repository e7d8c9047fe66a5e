#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The capture generator against tshark: what other tests and the bench take for the truth.

Frames are well formed with right checksums, every name of the manifest is there as another program
reads it, the shapes are what they are named for; and the program finds those names, which
check_names.py proves and would deny if it were not so.
"""
import collections
import csv
import json
import os
import shutil
import struct
import subprocess
import sys

import suite
from suite import need, read, say

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
GEN = os.path.join(BUILD, "tests/bench/gen_capture")
HERE = os.path.dirname(os.path.abspath(__file__))
BENCH_FRAMES, BENCH_BYTES, BENCH_FLOWS = 2844202, 1.93e9, 200000

def generate(path, *options):
    subprocess.run([GEN, "--out", path, "--manifest", path + ".tsv", *options], check=True,
                   timeout=60)
    return manifest(path)


def manifest(path):
    with open(path + ".tsv", encoding="ascii") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def frames(path):
    data, at = read(path), 24
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


def tshark(path, *args):
    done = subprocess.run(["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE",
                           "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
                           "-o", "ip.check_checksum:TRUE", *args],
                          capture_output=True, text=True, check=True, timeout=120)
    return [line.split("\t") for line in done.stdout.splitlines()]


def tshark_names(path):
    """{(source, port, destination, port): [name]}, as they come. A hello whose pieces came out of
    order is told by the frame that made it whole, so any client's frame may tell it."""
    found = collections.defaultdict(list)
    fields = ("ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "udp.srcport",
              "tcp.dstport", "udp.dstport", "tls.handshake.extensions_server_name", "http.host",
              "dns.qry.name")
    options = [o for f in fields for o in ("-e", f)]
    for row in tshark(path, "-T", "fields", *options, "-Y", "dns.flags.response == 0 || http.host "
                      "|| tls.handshake.extensions_server_name"):
        src, dst, sport, dport = (row[i] or row[i + 1] for i in (0, 2, 4, 6))
        names = [n for column in row[8:] if column for n in column.split(",")]
        known = found[src, sport, dst, dport]
        known += [n for n in names if n not in known]
    return found


def test_tshark(tmp):
    if not shutil.which("tshark"):
        return say("skip", "tshark", "no tshark")
    path = os.path.join(tmp, "t.pcap")
    for options in (["--shape", "bench", "--flows", "700", "--vlan", "10", "--split", "20"],
                    ["--flows", "400", "--mix", "3,3,3,3"]):
        rows = generate(path, *options)
        bad = tshark(path, "-T", "fields", "-e", "frame.number", "-Y",
                     "_ws.malformed || _ws.expert.severity >= 0x800000 || tcp.checksum.status == 0 "
                     "|| udp.checksum.status == 0 || ip.checksum.status == 0")
        need(not bad, f"{options}: bad frames {bad[:5]}")
        good = tshark(path, "-T", "fields", "-e", "frame.number", "-Y",
                      "tcp.checksum.status == 1 || udp.checksum.status == 1")
        need(len(good) == sum(int(r["frames"]) for r in rows), f"{options}: checksums not looked at")
        found = tshark_names(path)
        for r in rows:
            names = found.pop((r["src"], r["sport"], r["dst"], r["dport"]), [])
            need(names == r["names"].split(","), f"{options}: {r}: tshark has {names}")
        need(not found, f"{options}: tshark has more: {list(found.items())[:3]}")


def test_seeds(tmp):
    a, b, c = (os.path.join(tmp, n) for n in "abc")
    for path, seed in ((a, "7"), (b, "7"), (c, "8")):
        generate(path, "--shape", "bench", "--flows", "200", "--seed", seed)
    need(read(a) == read(b) and read(a + ".tsv") == read(b + ".tsv"), "one seed, two captures")
    need(read(a) != read(c), "two seeds, one capture")


def test_bench_shape(tmp):
    """A tenth of the bench capture has a tenth of its frames and bytes, and its mix."""
    path, flows = os.path.join(tmp, "m"), BENCH_FLOWS // 10
    with subprocess.Popen([GEN, "--shape", "bench", f"--flows={flows}", "--out", "/dev/stdout",
                           "--manifest", path + ".tsv"], stdout=subprocess.PIPE) as p:
        size = 0
        while piece := p.stdout.read(1 << 20):
            size += len(piece)
    rows = manifest(path)
    count = sum(int(r["frames"]) for r in rows)
    need(abs(count * 10 / BENCH_FRAMES - 1) < 0.001, f"{count} frames")
    need(abs(size * 10 / BENCH_BYTES - 1) < 0.01, f"{size} bytes")
    need(len(rows) == flows, f"{len(rows)} flows")
    need(abs(sum(":" in r["src"] for r in rows) / flows - 0.15) < 0.01, "IPv6")
    need(len({r["name"] for r in rows}) > 500, "too few names")
    shares = collections.Counter(r["protocol"] for r in rows)
    need(set(shares) == {"tls", "http", "dns", "quic"}, f"{shares}")
    several = sum("," in r["names"] for r in rows)
    need(several > flows / 1000, f"{several} flows with several names")


def test_small_frames(tmp):
    path = os.path.join(tmp, "s")
    generate(path, "--size-64", "--flows", "5", "--packets", "200")
    sizes = collections.Counter(len(f) for f in frames(path))
    need(sizes[64] == 5 * 200, f"{sizes}")


def test_open(tmp):
    path = os.path.join(tmp, "o")
    rows = generate(path, "--shape", "bench", "--open", "--flows", "300", "--ipv6", "0")
    fins = sum(f[23] == 6 and bool(f[14 + 20 + 13] & 5) for f in frames(path))
    need(fins == 0, f"{fins} frames end a flow")
    first_of_last = list(frames(path))[-300:]
    ends = {(f[26:34], f[34:38]) for f in first_of_last}
    need(len(ends) == len(rows) == 300, "not every flow has one of the last frames")
    generate(path, "--shape", "bench", "--flows", "300", "--ipv6", "0")
    need(any(f[23] == 6 and f[14 + 20 + 13] & 1 for f in frames(path)), "no flow ends otherwise")


def test_names(tmp):
    """check_names agrees with the program, and not with a report that was changed."""
    path, report = os.path.join(tmp, "n"), os.path.join(tmp, "n.json")
    check = [sys.executable, os.path.join(HERE, "check_names.py"), report, path + ".tsv"]
    generate(path, "--shape", "bench", "--flows", "3000", "--split", "20", "--swapped", "30")
    subprocess.run([BIN, "analyze", path, "/dev/null", "--quiet", "--json", report], check=True,
                   timeout=120)
    r = subprocess.run(check, capture_output=True, text=True, check=False)
    need(r.returncode == 0, r.stdout + r.stderr)
    whole = json.loads(read(report))
    changes = {
        "another name": lambda c: c[17]["names"][0].update(name="else.example"),
        "a name more": lambda c: c[17]["names"].append({"source": "tls", "name": "else.example"}),
        "no name": lambda c: c[17].update(names=[]),
        "other source": lambda c: c[17]["names"][0].update(source="mdns"),
        "other end": lambda c: c[17].update(src_port=1),
        "flow lost": lambda c: c.pop(17),
        "flow twice": lambda c: c.append(c[17]),
    }
    for name, change in changes.items():
        changed = json.loads(json.dumps(whole))
        change(changed["connections"])
        with open(report, "w", encoding="utf-8") as f:
            json.dump(changed, f)
        r = subprocess.run(check, capture_output=True, text=True, check=False)
        need(r.returncode == 1, f"{name}: not seen: {r.stdout}")


def test_blocked(tmp):
    """The frame that completes a name is the one that the manifest says, in QUIC and in two parts."""
    path, out = os.path.join(tmp, "b"), os.path.join(tmp, "b.out")
    generate(path, "--shape", "bench", "--flows", "3000", "--split", "30", "--swapped", "40",
             "--blocked", "30")
    subprocess.run([BIN, "analyze", path, out, "--quiet", "--block-app", "YouTube"], check=True,
                   timeout=120)
    r = subprocess.run([sys.executable, os.path.join(HERE, "check_blocked.py"), path, out,
                        path + ".tsv", "YouTube"], capture_output=True, text=True, check=False)
    need(r.returncode == 0, r.stdout + r.stderr)


def test_refused(tmp):
    path = os.path.join(tmp, "r")
    for options in (["--pq"], ["--pq", "-1"], ["--pq", "1x"], ["--shape", "none"], ["--gap", "1"],
                    ["--mix", "0,0,0"], ["--active", "0"], ["--answer", "1", "--payload", "20"],
                    ["--payload", "9000"], ["--nothing"], ["word"]):
        r = subprocess.run([GEN, "--out", path, "--manifest", path + ".tsv", *options],
                           capture_output=True, text=True, check=False)
        need(r.returncode == 2 and "usage" in r.stderr, f"{options}: exit {r.returncode}")
    for out, rows in (("/dev/full", path), (path, "/dev/full"), (os.path.join(path, "x"), path)):
        r = subprocess.run([GEN, "--out", out, "--manifest", rows], capture_output=True, check=False)
        need(r.returncode == 1, f"{out} {rows}: exit {r.returncode}")


suite.main(globals())
