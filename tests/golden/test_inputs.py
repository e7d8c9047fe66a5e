#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""analyze with large captures in practice: several inputs in the order of time, a filter, outputs
in several files, a bound on open flows, and the line that says how far it is.

The oracles are mergecap, tshark, capinfos and tcpdump. Captures come from DPI_CAPTURES (default
../shared/captures); the program and its tools from BUILD (default build).
"""
import glob
import gzip
import json
import os
import pty
import random
import re
import resource
import struct
import subprocess
import termios
import threading
import time

import suite
from suite import need, read, say, write

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
GEN = os.path.join(BUILD, "tests/bench/gen_capture")
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "../shared/captures"))

def analyze(*args, **how):
    how.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([BIN, "analyze", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False, **how)


def done(*args, status=0, **how):
    r = analyze(*args, **how)
    need(r.returncode == status, f"{args}: exit {r.returncode}: {r.stderr.decode()}")
    return r


def tool(*args):
    return subprocess.run([str(a) for a in args], capture_output=True, check=True, timeout=120).stdout


def generate(path, **options):
    args = [f"--{k.replace('_', '-')}={v}" if v is not True else f"--{k}" for k, v in options.items()]
    subprocess.run([GEN, "--out", path, "--manifest", path + ".tsv", *args], check=True)
    return path


def captures(most):
    found = [p for p in glob.glob(os.path.join(CAPTURES, "*")) if ".pcap" in p or p.endswith(".cap")]
    return [p for p in sorted(found) if os.path.getsize(p) < most]


# --- captures made by hand ---------------------------------------------------------------------

def pcap(records, order="<", nano=False, snap=65535, link=1):
    """records: (time in nanoseconds, bytes[, length on the wire])"""
    out = struct.pack(order + "IHHIIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snap, link)
    for ts, data, *wire in records:
        s, ns = divmod(ts, 10**9)
        out += struct.pack(order + "IIII", s, ns if nano else ns // 1000, len(data),
                           wire[0] if wire else len(data)) + data
    return out


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(order, kind, body):
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def section(order, options=b""):
    return block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1) + options)


def interface(order, link=1, snap=0, options=b""):
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def enhanced(order, number, ticks, data, options=b"", wire=None):
    return block(order, 6, struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xffffffff,
                                       len(data), len(data) if wire is None else wire)
                 + data + bytes(-len(data) % 4) + options)


def frame(tag, number, size=60):
    return bytes([2, 0, 0, 0, 0, tag, 2, 0, 0, 0, 0, 9, 0x88, 0xb5, number]) + bytes(size - 15)


def fields(path, *names):
    """What tshark reads, a line a frame."""
    names = names or ("frame.time_epoch", "frame.interface_id", "frame.encap_type", "frame.len",
                      "frame.cap_len", "frame.md5_hash", "frame.comment")
    args = [a for n in names for a in ("-e", n)]
    out = subprocess.run(["tshark", "-n", "-o", "frame.generate_md5_hash:TRUE", "-r", path, "-T",
                          "fields", *args], capture_output=True, check=False, timeout=120).stdout
    return out.decode("utf-8", "replace").splitlines()


def frame_count(path):
    text = tool("capinfos", "-c", "-M", "-T", "-r", path).split()
    return int(text[-1])


# --- several inputs ----------------------------------------------------------------------------

def as_mergecap(tmp, paths, has_ids=True):
    """Ours must hold the same frames in the same order; of pcap, the same bytes behind the head."""
    ours, theirs = os.path.join(tmp, "ours"), os.path.join(tmp, "theirs")
    done(*paths, "-o", ours, "-q")
    data = read(ours)
    is_blocks = data[:4] == b"\x0a\x0d\x0d\x0a"
    form = "pcapng" if is_blocks else "nsecpcap" if data[:4] in (
        b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else "pcap"
    tool("mergecap", "-F", form, *(["-I", "none"] if is_blocks else []), "-w", theirs, *paths)
    if not is_blocks and data[0] in (0xd4, 0x4d):
        need(data[24:] == read(theirs)[24:], f"{paths}: the records differ from mergecap's")
    names = () if is_blocks else ("frame.time_epoch", "frame.len", "frame.cap_len", "frame.md5_hash")
    a, b = fields(ours, *names), fields(theirs, *names)
    if not has_ids:
        a, b = ([line.split("\t")[0:1] + line.split("\t")[2:] for line in x] for x in (a, b))
    need(len(a) == len(b), f"{paths}: {len(a)} frames, mergecap has {len(b)}")
    for x, y in zip(a, b):
        need(x == y, f"{paths}: {x!r} where mergecap has {y!r}")
    return len(a), form


def test_merged_order(tmp):
    """Ties, frames out of order within one file, the same file twice."""
    times = ([1, 1, 1, 2, 5, 5, 3, 9], [1, 1, 2, 2, 5, 3, 9], [1, 1, 2, 2, 5, 9, 9], [], [4])
    paths = [write(os.path.join(tmp, f"{i}.pcap"),
                   pcap([(10**12 + t * 1000, frame(i, n)) for n, t in enumerate(row)]))
             for i, row in enumerate(times)]
    need(as_mergecap(tmp, paths) == (23, "pcap"), "not all frames")
    as_mergecap(tmp, paths[::-1])
    as_mergecap(tmp, [paths[0], paths[0], paths[1]])
    rng = random.Random(4)
    for n in range(20):
        some = [write(os.path.join(tmp, f"r{i}.pcap"), pcap(
            [(10**12 + rng.randrange(12) * 1000, frame(i, k)) for k in range(rng.randrange(12))],
            nano=rng.randrange(4) == 0)) for i in range(rng.randrange(2, 9))]
        as_mergecap(tmp, some)


def test_merged_kinds(tmp):
    """Real generated traffic, in every mixture of formats."""
    base = [generate(os.path.join(tmp, f"g{i}.pcap"), flows=60, seed=i) for i in range(3)]
    nano = generate(os.path.join(tmp, "ns.pcap"), flows=40, seed=9, ns=True)
    blocks = os.path.join(tmp, "g1.pcapng")
    tool("editcap", "-F", "pcapng", base[1], blocks)
    packed = write(os.path.join(tmp, "g2.pcap.gz"), gzip.compress(read(base[2])))
    for paths, form in ((base, "pcap"), ([base[0], nano], "nsecpcap"), ([nano, base[0]], "nsecpcap"),
                        ([base[0], blocks], "pcapng"), ([blocks, nano, base[2]], "pcapng"),
                        ([base[0], packed], "pcap"), ([packed, blocks], "pcapng")):
        got = as_mergecap(tmp, paths)
        need(got[1] == form and got[0] > 100, f"{paths}: {got}, not {form}")


def test_merged_captures(tmp):
    found = captures(400000)
    if not found:
        return say("skip", "merged captures", "no captures; set DPI_CAPTURES")
    rng, forms = random.Random(1), set()
    for _ in range(12):
        forms.add(as_mergecap(tmp, rng.sample(found, rng.randrange(2, 6)))[1])
    need("pcapng" in forms and len(forms) > 1, f"only {forms} came out")


def test_one_input(tmp):
    """One capture with -o is handed through, byte for byte, damaged or not."""
    path, out = generate(os.path.join(tmp, "a.pcap"), flows=30), os.path.join(tmp, "out")
    blocks = write(os.path.join(tmp, "odd.pcapng"), section(">", option(">", 4, b"a program")) +
                   interface(">") + enhanced(">", 0, 7, frame(1, 1)) + block(">", 0xbeef, b"?" * 8))
    for p in (path, blocks):
        done(p, "-o", out, "-q")
        need(read(out) == read(p), f"{p} was changed")
    cut = write(os.path.join(tmp, "cut.pcap"), read(path)[:-3])
    r = done(cut, "-o", out, "-q", status=3)
    need(r.stderr.startswith(b"dpi-xdp: error: " + cut.encode()), f"{r.stderr}")


def heads(path):
    data = read(path)
    order = "<" if data[0] in (0xd4, 0x4d) else ">"
    return struct.unpack_from(order + "IHHIIII", data), order


def test_merged_heads(tmp):
    """Byte order of the first, nanoseconds if any has them, the greatest snap length."""
    out, name = os.path.join(tmp, "out"), lambda n: os.path.join(tmp, n + ".pcap")
    t = 1700000000 * 10**9
    little = write(name("little"), pcap([(t + 1000, frame(1, 1), 1500), (t + 5000, frame(1, 2))], snap=60))
    big = write(name("big"), pcap([(t + 2000, frame(2, 1), 99), (t + 4000, frame(2, 2))], ">", snap=200))
    nano = write(name("nano"), pcap([(t + 3001, frame(3, 1))], ">", True, snap=100))
    free = write(name("free"), pcap([(t, frame(4, 1))], snap=0))
    raw = write(name("raw"), pcap([(t, b"\x45" + bytes(30))], link=101))
    every = [str(t // 10**9) + f".{ns:09d}" for ns in (1000, 2000, 3001, 4000, 5000)]
    for paths, magic, order, snap in (
            ([little, big], 0xa1b2c3d4, "<", 200), ([big, little], 0xa1b2c3d4, ">", 200),
            ([little, big, nano], 0xa1b23c4d, "<", 200), ([nano, little, big], 0xa1b23c4d, ">", 200),
            ([little, free], 0xa1b2c3d4, "<", 262144)):
        done(*paths, "-o", out, "-q")
        head, was = heads(out)
        need(was == order and head == (magic, 2, 4, 0, 0, snap, 1), f"{paths}: {was} {head}")
        if len(paths) == 3:
            need(fields(out, "frame.time_epoch") == every, f"{paths}: times")
            need(fields(out, "frame.len") == ["1500", "99", "60", "60", "60"], f"{paths}: lengths")
    done(little, raw, "-o", out, "-q")  # two link types: pcapng
    need(sorted(fields(out, "frame.encap_type", "frame.interface_id")) == ["1\t0", "1\t0", "7\t1"],
         f"{fields(out, 'frame.encap_type', 'frame.interface_id')}")
    text = tool("capinfos", out).decode()
    need("Capture length = 60" in text and "Capture length = 65535" in text, text)


def blocks_of(path):
    """(type, body) of each block, for a file of one byte order."""
    data, at, out = read(path), 0, []
    order = "<" if data[8] == 0x4d else ">"
    while at < len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        need(struct.unpack_from(order + "I", data, at + size - 4)[0] == size, f"{path}: lengths at {at}")
        out.append((kind, data[at + 8:at + size - 4]))
        at += size
    return order, out


def every_block(order, t):
    """A section with each kind of block that can be carried over, and two that cannot."""
    o = lambda code, value: option(order, code, value)
    n32, n64 = lambda v: struct.pack(order + "I", v), lambda v: struct.pack(order + "Q", v)
    end = option(order, 0, b"")
    names = o(1, bytes([192, 0, 2, 1]) + b"one.example\0") + struct.pack(order + "HH", 0, 0) + \
        o(2, b"a resolver") + end
    secret = b"CLIENT_RANDOM 00 11\n"
    return (section(order, o(4, b"somebody") + end) +
            interface(order, 1, 96, o(2, b"eth-one") + o(8, n64(10**9)) + o(9, b"\x09") +
                      o(14, n64(5)) + o(2988, n32(32473) + b"custom") + end) +
            interface(order, 1, 0, o(2, b"eth-two") + o(12, b"an OS") + end) +
            block(order, 4, names) +
            block(order, 10, n32(0x544c534b) + n32(len(secret)) + secret + o(1, b"keys") + end) +
            enhanced(order, 0, t * 10**9 + 1, frame(1, 1), o(1, b"first") + o(2, n32(2)) +
                     o(4, n64(77)) + end, wire=200) +
            enhanced(order, 1, t * 10**6 + 2, frame(1, 2, 61)) +
            block(order, 2, struct.pack(order + "HHIIII", 1, 3, (t * 10**6 + 3) >> 32,
                                        (t * 10**6 + 3) & 0xffffffff, 62, 62) + frame(1, 3, 62) +
                  bytes(2) + o(1, b"obsolete") + end) +
            block(order, 3, n32(63) + frame(1, 4, 63) + bytes(1)) +
            block(order, 0xbad, n32(32473) + b"anything") +
            block(order, 0x40000bad, n32(32473) + b"not to be copied") +
            block(order, 0x12345678, b"unknown.") +
            block(order, 5, n32(1) + n32(0) + n32(9) + o(2, n32(1) + n32(2)) + o(4, n64(1234)) + end))


def test_merged_blocks(tmp):
    """Whatever the byte orders, the same blocks come out, with ids and options of their own."""
    t, out = 1700000000, os.path.join(tmp, "out")
    first = {o: write(os.path.join(tmp, f"first{o == '<'}"), section(o) + interface(o, 113) + enhanced(
        o, 0, t * 10**6, bytes(16) + frame(9, 9))) for o in "<>"}
    every = {o: write(os.path.join(tmp, f"every{o == '<'}"), every_block(o, t)) for o in "<>"}
    seen = []
    for a in "<>":
        for b in "<>":
            r = done(first[a], every[b], "-o", out, "-q", "--json", "-")
            order, got = blocks_of(out)
            need(order == a, "the byte order is not the first one's")
            kinds = [kind for kind, _ in got]
            need(kinds == [0x0a0d0d0a, 1, 1, 1, 4, 10, 6, 6, 6, 6, 6, 0xbad, 5], f"{a}{b}: {kinds}")
            need(json.loads(r.stdout)["counters"]["blocks_left_out"] == 2, "blocks left out")
            ids = [struct.unpack_from(order + "I", body)[0] for kind, body in got if kind in (5, 6)]
            need(ids == [0, 1, 2, 2, 1, 2], f"{a}{b}: interfaces {ids}")
            text = fields(out, "frame.interface_name", "frame.time_epoch", "frame.cap_len",
                          "frame.len", "frame.comment")
            seen.append((a, got, text))
    need(all(s[2] == seen[0][2] for s in seen), f"{[s[2] for s in seen]}")
    for a in "<>":
        same = [s[1] for s in seen if s[0] == a]
        need(same[0] == same[1], f"{a}: the other byte order reads otherwise")
    text = "\n".join(seen[0][2])
    # One nanosecond and five seconds, the offset of that interface; the simple block has the time
    # of the frame before it.
    for word in (f"eth-one\t{t + 5}.000000001\t60\t200\tfirst", f"eth-two\t{t}.000002000\t61\t61",
                 f"eth-two\t{t}.000003000\t62\t62\tobsolete", "\t63\t63"):
        need(word in text, f"no {word!r} in {text}")
    body = next(body for kind, body in seen[1][1] if kind == 5)
    need(struct.pack("<HHQ", 4, 8, 1234) in body, "a number of the statistics")


def test_merged_sections(tmp):
    """A second section, in the other byte order, begins its interfaces anew."""
    t, out = 1700000000 * 10**6, os.path.join(tmp, "out")
    two = write(os.path.join(tmp, "two"), b"".join(
        section(o) + interface(o, options=option(o, 2, name)) +
        enhanced(o, 0, t + k, frame(k, k)) for k, (o, name) in enumerate(
            ((">", b"big"), ("<", b"little"), (">", b"again")))))
    other = write(os.path.join(tmp, "other"), pcap([(t * 1000 + 500, frame(7, 7))]))
    for paths in ([two, other], [other, two], [two, two]):
        got = as_mergecap(tmp, paths, has_ids=False)  # which counts those of all sections first
        need(got == (4 if other in paths else 6, "pcapng"), f"{got}")
    done(other, two, "-o", out, "-q")
    names = fields(out, "frame.interface_name")
    need([n for n in names if n in ("big", "little", "again")] == ["big", "little", "again"] and
         len(names) == 4, f"{names}")


def test_merged_damage(tmp):
    """A damaged capture ends; the others go on; the message says which and where."""
    a, b, c = (generate(os.path.join(tmp, f"{n}.pcap"), flows=30, seed=n) for n in (1, 2, 3))
    out, want = os.path.join(tmp, "out"), os.path.join(tmp, "want")
    data = read(b)
    for size in (24 + 7, 2000, len(data) - 1):
        cut = write(os.path.join(tmp, "cut.pcap"), data[:size])
        r = done(a, cut, c, "-o", out, "-q", "--json", "-", status=3)
        need(b"cut.pcap: damaged at record" in r.stderr and b"byte offset" in r.stderr, f"{r.stderr}")
        need(json.loads(r.stdout)["total_packets"] == frame_count(out), "frames")
        whole = os.path.join(tmp, "whole.pcap")
        done(cut, whole, "-q", status=3)
        done(a, whole, c, "-o", want, "-q")
        need(read(out) == read(want), f"cut at {size}: not what lies before the damage")
    head = write(os.path.join(tmp, "head.pcap"), data[:9])
    r = done(head, a, "-o", out, "-q", status=3)
    need(read(out) == read(a) and b"head.pcap" in r.stderr, "a head alone")
    r = done(head, cut, head, "-o", out, "-q", status=3)
    need(b"2 more captures are damaged" in r.stderr, f"{r.stderr}")
    os.unlink(out)
    done(head, head, "-o", out, "-q", status=3)
    need(not os.path.exists(out), "OUT without anything to write")


def test_merged_streams(tmp):
    """Standard input and FIFOs among them, standard output, and any number of workers."""
    paths = [generate(os.path.join(tmp, f"{n}.pcap"), flows=200, seed=n) for n in range(4)]
    out, fifo = os.path.join(tmp, "out"), os.path.join(tmp, "fifo")
    rules = ["--block-app", "YouTube", "--block-domain", "com", "--force", "--reproducible"]
    seen = set()
    for workers in (1, 2, 4, 8):
        r = done(*paths, "-o", out, *rules, "--workers", workers, "--json", os.path.join(tmp, "j"))
        seen.add((read(out), read(os.path.join(tmp, "j")), r.stdout))
    need(len(seen) == 1, "workers change the result")
    want = seen.pop()
    report = json.loads(want[1])
    need(report["dropped_packets"] > 100, "the rules dropped next to nothing")
    need(report["input"] == ", ".join(paths), report["input"])
    with open(paths[2], "rb") as f:
        r = done(paths[0], paths[1], "-", paths[3], "-o", "-", *rules, stdin=f)
    need(r.stdout == want[0], "standard input, or standard output")
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", paths[1], fifo]):
        done(paths[0], fifo, paths[2], paths[3], "-o", out, *rules)
    need(read(out) == want[0], "FIFO")
    done(*paths[::-1], "-o", out, "-q", "--max-packets", "100")
    need(frame_count(out) == 100, "--max-packets")


def test_merged_refused(tmp):
    a, b = (generate(os.path.join(tmp, f"{n}.pcap"), flows=5, seed=n) for n in (1, 2))
    out = os.path.join(tmp, "out")
    link, text = os.path.join(tmp, "link"), write(os.path.join(tmp, "text"), b"a letter\n" * 9)
    os.symlink(b, link)
    before = read(a), read(b)
    for name, args, word in (
            ("OUT is the second input", (a, b, "-o", b), "is the input itself"),
            ("OUT leads to it", (a, b, "-o", link), "is the input itself"),
            ("JSON is an input", (a, b, "-o", out, "--json", b), "is the input itself"),
            ("events are an input", (a, b, "-o", out, "--events", a), "is the input itself"),
            ("no input", ("-o", out), "0 given"),
            ("three without -o", (a, b, out), "-o FILE"),
            ("standard input twice", ("-", a, "-", "-o", out), "give it once"),
            ("one is missing", (a, os.path.join(tmp, "none"), "-o", out), "none: cannot be read"),
            ("one is text", (a, text, b, "-o", out), "text: not a capture"),
            ("one is a directory", (a, tmp, "-o", out), "directory"),
            ("-o without a value", (a, b, "-o"), "needs a value")):
        r = done(*args, status=2)
        need(word in r.stderr.decode(), f"{name}: {r.stderr}")
        need(not os.path.exists(out) and (read(a), read(b)) == before, f"{name}: something was written")


def test_bounds(tmp):
    """More interfaces than a section may have; more files than there are numbers."""
    many = write(os.path.join(tmp, "many"), section("<") + interface("<") * 40000 +
                 enhanced("<", 39999, 1, frame(1, 1)))
    out = os.path.join(tmp, "out.pcap")
    r = done(many, many, "-o", out, "-q", status=1)
    need(b"more than 65,536 interfaces" in r.stderr, f"{r.stderr}")
    with open(many, "wb") as f:
        f.write(pcap([]))
        for _ in range(100000):
            f.write(struct.pack("<IIII", 9, 9, 1000, 1000) + bytes(1000))
    r = done(many, out, "--split", "1K", "-q", status=5)
    need(b"more than 99,999 files" in r.stderr and b"99999 whole records" in r.stderr, f"{r.stderr}")
    need(not parts(tmp), "files appeared")


# --- filters -----------------------------------------------------------------------------------

def test_filter(tmp):
    """The frames that tcpdump would keep; the rest is counted and nothing else."""
    found = captures(200000)[::6]
    a = generate(os.path.join(tmp, "a.pcap"), flows=200, ipv6=30, vlan=20)
    out, want = os.path.join(tmp, "out"), os.path.join(tmp, "want")
    both = [0, 0]
    for path in [a, *found]:
        if read(path)[:4] == b"\x0a\x0d\x0d\x0a":
            continue  # tcpdump would write pcap
        for text in ("tcp port 443", "ip6 or (vlan and ip)", "udp and greater 300", ""):
            r = subprocess.run(["tcpdump", "-Z", "root", "-r", path, "-w", want, text],
                               capture_output=True, check=False)
            if r.returncode or read(want)[:4] != read(path)[:4]:
                continue  # not an expression for this link type; or another byte order
            r = done(path, out, "-q", "--filter", text, "--json", "-")
            need(read(out)[24:] == read(want)[24:], f"{path}: {text!r} differs from tcpdump's")
            report = json.loads(r.stdout)
            n, left = report["total_packets"], report["counters"]["frames_filtered"]
            need(n == frame_count(want) and n + left == frame_count(path), f"{path}: {text!r}: counts")
            both[0] += n
            both[1] += left
    need(min(both) > 500, f"kept and left out: {both}")
    seen = set()
    for workers in (1, 2, 4, 8):
        r = done(a, out, "--filter", "not port 53", "--block-app", "YouTube", "--workers", workers,
                 "--reproducible")
        seen.add((read(out), r.stdout))
    need(len(seen) == 1, "workers change the result")
    tool("tcpdump", "-Z", "root", "-r", a, "-w", want, "not port 53")
    r = done(want, want + "2", "--block-app", "YouTube", "-q")
    need(read(want + "2") == read(out), "a filter is not the same as a filtered capture")
    done(a, out, "--filter", "udp", "--max-packets", "20", "-q")
    need(frame_count(out) == 20, "--max-packets counts frames that were left out")


def test_filter_link_types(tmp):
    """Each interface has a program of its own; what cannot be asked is left out, in words."""
    t = 1700000000 * 10**6
    ip = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28, 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]),
                     bytes([10, 0, 0, 2]), 4000, 5000, 8, 0)
    ether, cooked = bytes(12) + b"\x08\x00", bytes(14) + b"\x08\x00"
    path, out = os.path.join(tmp, "links"), os.path.join(tmp, "out")
    write(path, section("<") + interface("<", 1) + interface("<", 101) + interface("<", 113) +
          b"".join(enhanced("<", n, t + n, head + ip) for n, head in enumerate((ether, b"", cooked))))
    for text, frames in (("udp dst port 5000", 3), ("tcp", 0), ("greater 29", 2), ("ip", 3)):
        r = done(path, out, "--filter", text)
        need(frame_count(out) == frames, f"{text}: {frame_count(out)} frames")
        need(b"left out" not in r.stderr, f"{text}: {r.stderr}")
    r = done(path, out, "--filter", "ether src 00:00:00:00:00:00")
    need(frame_count(out) == 1 and b"--filter left out frames of link type" in r.stderr, f"{r.stderr}")
    r = done(path, out, "-q", "--filter", "ether src 00:00:00:00:00:00")
    need(r.stderr == b"", "--quiet prints")


def test_filter_refused(tmp):
    out = os.path.join(tmp, "out")
    for text, word in (("tcp port", "syntax error"), ("port 99999", "99999"), ("(tcp", "syntax"),
                       ("host 10.0.0.300", "10.0.0.300")):
        r = done(os.path.join(tmp, "is never opened"), out, "--filter", text, status=2)
        need(word in r.stderr.decode() and "pcap-filter(7)" in r.stderr.decode(), f"{text}: {r.stderr}")


# --- outputs in several files ------------------------------------------------------------------

def parts(tmp, stem="out", extension=".pcap"):
    return sorted(glob.glob(os.path.join(tmp, f"{stem}-[0-9]*{extension}")))


def test_split(tmp):
    """Every file is a capture of at most SIZE; together they are what one file would be."""
    a = generate(os.path.join(tmp, "a.pcap"), flows=300, ns=True)
    out, blocks = os.path.join(tmp, "out.pcap"), os.path.join(tmp, "a.pcapng")
    tool("editcap", "-F", "pcapng", a, blocks)
    data = read(a)
    for size, text in ((65536, "64K"), (100000, "100000"), (102400, "100k"), (1 << 20, "1M")):
        for p in parts(tmp):
            os.unlink(p)
        r = done(a, out, "--split", text)
        files = parts(tmp)
        need(files == [os.path.join(tmp, f"out-{n + 1:05d}.pcap") for n in range(len(files))], f"{files}")
        need(f"split into {len(files)} files" in r.stderr.decode(), f"{r.stderr}")
        sizes = [os.path.getsize(p) for p in files]
        need(max(sizes) <= size and min(sizes[:-1] or [size]) > size - 4096, f"{text}: {sizes}")
        need(all(read(p)[:24] == data[:24] for p in files), "a head differs")
        need(data[:24] + b"".join(read(p)[24:] for p in files) == data, f"{text}: not the capture")
        need(not os.path.exists(out), "OUT itself was written")
    need(len(files) == 1, "one file is enough for all")
    done(blocks, os.path.join(tmp, "ng.x.pcapng"), "--split", "64K", "-q")
    files = parts(tmp, "ng.x", ".pcapng")
    need(len(files) > 3 and all(os.path.getsize(p) <= 65536 for p in files), f"{files}")
    need(sum((fields(p) for p in files), []) == fields(blocks), "pcapng: other frames")
    done(a, os.path.join(tmp, "bare"), "--split", "1M", "-q")
    need(os.path.exists(os.path.join(tmp, "bare-00001")), "a name without an extension")
    done(a, blocks, "-o", os.path.join(tmp, "m.pcapng"), "--split", "200K", "-q")
    done(a, blocks, "-o", os.path.join(tmp, "whole.pcapng"), "-q")
    need(sum((fields(p) for p in parts(tmp, "m", ".pcapng")), []) ==
         fields(os.path.join(tmp, "whole.pcapng")), "several inputs: other frames")


def test_split_sections(tmp):
    """A new section brings its own heads; the old ones are not repeated."""
    t = 1700000000 * 10**6
    out = os.path.join(tmp, "s.pcapng")
    both = write(os.path.join(tmp, "both"), b"".join(
        section(o) + b"".join(interface(o, options=option(o, 2, b"%s%d" % (name, i)))
                              for i in range(count)) +
        b"".join(enhanced(o, n % count, t + n, frame(n % 256, 1, 300)) for n in range(20))
        for o, name, count in ((">", b"big", 3), ("<", b"little", 2))))
    done(both, out, "--split", "1500", "-q")
    files = parts(tmp, "s", ".pcapng")
    need(all(os.path.getsize(p) <= 1500 for p in files) and len(files) >= 10, f"{len(files)} files")
    names = sum((fields(p, "frame.interface_name") for p in files), [])
    need(names == [f"big{n % 3}" for n in range(20)] + [f"little{n % 2}" for n in range(20)], f"{names}")
    names = ("frame.md5_hash", "frame.time_epoch")
    need(sum((fields(p, *names) for p in files), []) == fields(both, *names), "other frames")
    need(all(read(p).count(b"\x0a\x0d\x0d\x0a") == 1 for p in files if b"little0" in read(p)
             and b"big0" not in read(p)), "heads of a section that was over")


def test_split_large_record(tmp):
    """A record larger than SIZE gets a file of its own; heads that are larger are refused."""
    t = 1700000000 * 10**9
    sizes = (100, 100, 5000, 100, 6000, 7000, 900, 100)
    a = write(os.path.join(tmp, "a"), pcap([(t, frame(1, n, s)) for n, s in enumerate(sizes)]))
    out = os.path.join(tmp, "out.pcap")
    done(a, out, "--split", "1K", "-q")
    got = [[int(n) for n in fields(p, "frame.len")] for p in parts(tmp)]
    need(got == [[100, 100], [5000], [100], [6000], [7000], [900], [100]], f"{got}")
    many = write(os.path.join(tmp, "many"), section("<") + interface("<") * 80 +
                 enhanced("<", 79, 1, frame(1, 1)))
    r = done(many, os.path.join(tmp, "m.pcapng"), "--split", "1K", "-q", status=5)
    need(b"heads alone" in r.stderr and not parts(tmp, "m", "*"), f"{r.stderr}")


def test_split_all_or_none(tmp):
    """When one cannot be written none appears; whole records stay in .part files."""
    a = generate(os.path.join(tmp, "a.pcap"), flows=300)
    out, data = os.path.join(tmp, "out.pcap"), read(a)
    write(os.path.join(tmp, "out-00001.pcap"), b"older")
    for room in (0, 30, 50000, 95000):
        r = analyze(a, out, "--split", "100000", "-q", preexec_fn=lambda n=room: resource.setrlimit(
            resource.RLIMIT_FSIZE, (n, n)))
        need(r.returncode == 5, f"room {room}: exit {r.returncode}")
        need(parts(tmp) == [os.path.join(tmp, "out-00001.pcap")], f"room {room}: {parts(tmp)}")
        need(read(parts(tmp)[0]) == b"older", "the older file was touched")
        left = sorted(glob.glob(os.path.join(tmp, "*.part")))
        got = b"".join(read(p)[24:] for p in left)
        need(data[24:].startswith(got), f"room {room}: not whole records")
        n = int(re.search(rb"(\d+) whole records|$", r.stderr).group(1) or 0)
        need(n == sum(frame_count(p) for p in left), f"room {room}: {r.stderr}")
        for p in left:
            os.unlink(p)
    r = done(a, out, "--split", "100000", "-q", "--json", "/dev/full", status=5)
    need(parts(tmp) == [os.path.join(tmp, "out-00001.pcap")], "files though the report failed")
    need(not glob.glob(os.path.join(tmp, "*.part")), "parts were left")
    # One name cannot be taken: those that could are given back.
    os.mkdir(os.path.join(tmp, "out-00003.pcap"))
    r = done(a, out, "--split", "100000", "-q", status=2)
    need(b"out-00003.pcap" in r.stderr, f"{r.stderr}")
    os.rmdir(os.path.join(tmp, "out-00003.pcap"))


def test_split_earlier_run(tmp):
    """Files of an earlier run are replaced; higher numbers than this run's are refused by name."""
    a, out = generate(os.path.join(tmp, "a.pcap"), flows=300), os.path.join(tmp, "out.pcap")
    done(a, out, "--split", "50K", "-q")
    many = {p: read(p) for p in parts(tmp)}
    r = done(a, out, "--split", "200K", "-q", status=5)
    need(b"from an earlier run" in r.stderr and b"remove" in r.stderr, f"{r.stderr}")
    need({p: read(p) for p in parts(tmp)} == many, "an older file was touched")
    need(not glob.glob(os.path.join(tmp, "*.part")), "parts were left")
    for p in parts(tmp)[2:]:
        os.unlink(p)
    done(a, out, "--split", "300K", "-q")
    need(len(parts(tmp)) == 2 and sum(map(frame_count, parts(tmp))) == frame_count(a), f"{parts(tmp)}")
    done(a, out, "--split", "100K", "-q")  # more than before: the first ones are replaced
    need(sum(map(frame_count, parts(tmp))) == frame_count(a), "not replaced")


def test_split_refused(tmp):
    a = generate(os.path.join(tmp, "a-00001.pcap"), flows=50)
    out, fifo = os.path.join(tmp, "out.pcap"), os.path.join(tmp, "fifo")
    os.mkfifo(fifo)
    os.symlink(a, os.path.join(tmp, "b-00002.pcap"))
    before = read(a)
    for args, word in (
            ((a, "-", "--split", "1M"), "cannot be written in several files"),
            ((a, "/dev/null", "--split", "1M"), "cannot be written in several files"),
            ((a, fifo, "--split", "1M"), "cannot be written in several files"),
            ((a, os.path.join(tmp, "a.pcap"), "--split", "1M"), "a-00001.pcap is the input itself"),
            ((a, os.path.join(tmp, "b.pcap"), "--split", "1M"), "is the input itself"),
            ((a, out, "--split", "1M", "--json", os.path.join(tmp, "out-00002.pcap")), "split into"),
            ((a, out, "--split", "1M", "--events", os.path.join(tmp, "out-00001.pcap.part")), "split into"),
            *(((a, out, "--split", size), "give a size") for size in (
                "0", "1023", "-1", "", "x", "1T", "10KB", "1K ", "99999999999999999999", "9999999999G"))):
        r = done(*args, status=2)
        need(word in r.stderr.decode(), f"{args}: {r.stderr}")
        need(read(a) == before and not parts(tmp), f"{args}: something was written")


# --- flows -------------------------------------------------------------------------------------

def test_flows(tmp):
    """Few flows kept: those longest silent leave, and are counted; the rest is as ever."""
    a, out = generate(os.path.join(tmp, "a.pcap"), flows=4000, active=2000), os.path.join(tmp, "out")

    def evicted(*args):
        report = json.loads(done(a, out, "-q", "--json", "-", *args).stdout)
        need(report["total_packets"] == frame_count(a) and read(out) == read(a), f"{args}: frames")
        return report["counters"]["flows_evicted"]
    need(evicted() == 0 and evicted("--flows", "100000") == 0, "evicted though there was room")
    counts = [evicted("--flows", n) for n in ("1000", "100", "1")]
    need(0 < counts[0] < counts[1] < counts[2], f"{counts}")
    seen = set()
    for workers in (1, 2, 4, 8):
        r = done(a, out, "--flows", "500", "--reproducible", "--block-app", "YouTube", "-w", workers)
        seen.add((read(out), r.stdout))
    need(len(seen) == 1, "workers change the result")
    for n in ("0", "-1", "many", "1e6", "999999999999"):
        r = done(a, out, "--flows", n, status=2)
        need(b"--flows" in r.stderr and b"give a number" in r.stderr, f"{n}: {r.stderr}")


# --- how far it is -----------------------------------------------------------------------------

def on_terminal(args, pause, width=80, stdin=None):
    """Runs with standard error on a terminal and standard output slowly read. Returns what the
    terminal got, with the time of each piece, and the bytes of standard output."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, width))
    p = subprocess.Popen([BIN, "analyze", *args], stdin=stdin or subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    got, out, begin = [], [], time.monotonic()

    def listen():
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                return
            if not data:
                return
            got.append((time.monotonic() - begin, data))
    listener = threading.Thread(target=listen)
    listener.start()
    fd = p.stdout.fileno()
    while True:
        time.sleep(pause)
        data = os.read(fd, 1 << 16)
        if not data:
            break
        out.append(data)
    need(p.wait(60) == 0, f"exit {p.returncode}: {got}")
    listener.join(10)
    os.close(ours)
    return got, b"".join(out)


def screen(got):
    """The lines as they stood, one after the other; and the last one, when all was over."""
    text = b"".join(data for _, data in got).decode()
    lines, line = [], ""
    for part in text.split("\r"):
        line = part + line[len(part):]
        lines.append(line.rstrip())
    return lines, line


def test_progress(tmp):
    a = generate(os.path.join(tmp, "a.pcap"), flows=30000, active=500)
    size = os.path.getsize(a)
    pause = 2.0 / (size / 65536)
    got, out = on_terminal([a, "-"], pause)
    need(out == read(a), "OUT is not IN")
    lines, last = screen(got)
    shown = [l for l in lines if "%" in l and "MB/s" in l and "left" in l]
    need(len(shown) >= 3, f"{lines[:20]}")
    percents = [int(re.match(r" *(\d+) %  [\d.]+ MB/s  (\d+ s|\d+:\d\d) left$", l).group(1)) for l in shown]
    need(percents == sorted(percents) and percents[0] < 60, f"{percents}")
    times = [t for t, data in got if b"MB/s" in data]
    for t in times:
        need(sum(t <= u < t + 1 for u in times) <= 6, f"more than five a second: {times}")
    end = next(n for n, l in enumerate(lines) if l == shown[-1])
    need("" in lines[end:], "the line was not cleared")

    narrow, _ = on_terminal([a, "-"], pause, width=12)
    for part in b"".join(d for _, d in narrow).split(b"\r"):
        if b"\n" in part or not part.isascii():
            break  # the report
        need(len(part) < 12, f"longer than the terminal: {part!r}")
    with open(a, "rb") as f:
        cat = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE)
        got, out = on_terminal(["-", "-"], pause, stdin=cat.stdout)
        cat.wait()
    lines, _ = screen(got)
    need(out == read(a) and any(re.match(r"\d+ packets  [\d.]+ MB  [\d.]+ MB/s", l) for l in lines),
         f"{lines[:9]}")
    got, out = on_terminal([a, "-", "-q"], pause)
    need(not got and out == read(a), f"--quiet: {got[:3]}")
    with open(a, "rb") as f:
        r = done("-", "-", stdin=f)
    need(b"\r" not in r.stderr and r.stdout == read(a), "progress where there is no terminal")


suite.main(globals())
