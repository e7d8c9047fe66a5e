#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""analyze, from the outside: the whole program over real and generated captures.

What must hold for any capture: every record is forwarded or dropped, in order and unchanged; the
number of workers changes nothing; damage, refusals and full disks have their exit status and leave
no half file behind. Captures come from DPI_CAPTURES (default ../shared/captures); the program and
its tools from BUILD (default build).
"""
import glob
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

import suite
from suite import need, read, say, write

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
GEN = os.path.join(BUILD, "tests/bench/gen_capture")
CHECK = os.path.join(TOP, "tests/golden/check_blocked.py")
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "../shared/captures"))
RULES = ["--block-app", "Google", "--block-app", "Facebook", "--block-domain", "com",
         "--force", "--block-port", "53", "--allow-domain", "github.com"]

def run(*args, **how):
    how.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([BIN, "analyze", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False, **how)


def pieces(data):
    """(piece, is_frame) for each record or block of a capture, as far as they are whole."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at, order = 0, "<"
        while at + 12 <= len(data):
            if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
                order = "<" if data[at + 8] == 0x4d else ">"
            kind, size = struct.unpack_from(order + "II", data, at)
            if at + size > len(data):
                return
            yield data[at:at + size], kind in (2, 3, 6)
            at += size
        return
    order = "<" if data[0] in (0xd4, 0x4d) else ">"
    if len(data) < 24:
        return
    yield data[:24], False
    at = 24
    length = 8 if struct.unpack_from(order + "H", data, 6)[0] >= 3 else 12  # old: swapped
    while at + 16 <= len(data):
        size = 16 + struct.unpack_from(order + "I", data, at + length)[0]
        if at + size > len(data):
            return
        yield data[at:at + size], True
        at += size


def frame_count(data):
    return sum(is_frame for _, is_frame in pieces(data))


def captures():
    found = [p for p in glob.glob(os.path.join(CAPTURES, "*")) if ".pcap" in p or p.endswith(".cap")]
    return sorted(found)


def one_capture(path, tmp):
    """All that must hold for one capture, without rules and with them, for 1, 2, 4 and 8 workers."""
    data, out = read(path), os.path.join(tmp, "out")
    r = run(path, out, "--json", os.path.join(tmp, "json"), "--quiet")
    need(r.returncode in (0, 3), f"exit {r.returncode}: {r.stderr.decode()}")
    got = read(out)
    need(got == data if r.returncode == 0 else data.startswith(got), "OUT without rules is not IN")
    report = json.loads(read(os.path.join(tmp, "json")))
    need(report["total_packets"] == report["forwarded_packets"] == frame_count(got), "lost frames")
    seen = set()
    for workers in (1, 2, 4, 8):
        r = run(path, out, *RULES, "--workers", workers, "--reproducible", "--events",
                os.path.join(tmp, "events"), "--json", os.path.join(tmp, "json"))
        text, ndjson = read(os.path.join(tmp, "json")), read(os.path.join(tmp, "events"))
        seen.add((r.returncode, read(out), text, ndjson, r.stdout))
    need(len(seen) == 1, "workers change the result")
    passed = read(out)
    r = run(path, out, *RULES, "--quiet")
    need((r.returncode, read(out)) == (next(iter(seen))[0], passed), "no report changes the result")
    report = json.loads(text)
    for line in ndjson.splitlines():
        json.loads(line)
    kept = list(pieces(read(out)))
    need(report["forwarded_packets"] + report["dropped_packets"] == report["total_packets"],
         "forwarded + dropped != read")
    need(sum(f for _, f in kept) == report["forwarded_packets"], "OUT is not what was forwarded")
    was = iter(pieces(got))
    need(all(p in was for p in kept), "OUT is not a part of IN, in order")
    return report["dropped_packets"]


def test_corpus(tmp):
    found, bad, dropped = captures(), [], 0
    if not found:
        return say("skip", "corpus", "no captures; set DPI_CAPTURES")
    for path in found:
        try:
            dropped += one_capture(path, tmp)
        except (AssertionError, ValueError, OSError) as why:
            bad.append(f"{os.path.basename(path)} ({why})")
    need(not bad, f"{len(bad)} of {len(found)}: " + "; ".join(bad[:5]))
    need(dropped > 1000, "the rules dropped next to nothing, so nothing was tested")


def test_truncated(tmp):
    cut, out = os.path.join(tmp, "cut"), os.path.join(tmp, "out")
    for style, kind in (("pcap", "pcap"), ("nsecpcap", "pcap"), ("pcapng", "pcapng")):
        base = os.path.join(tmp, "small.pcap")
        generate(base, flows=3, packets=1, pq=0)
        if style != "pcap":
            small = os.path.join(tmp, "small." + style)
            subprocess.run(["editcap", "-F", style, base, small], check=True, capture_output=True)
            base = small
        data = read(base)
        borders, at = {0}, 0
        for piece, _ in pieces(data):
            at += len(piece)
            borders.add(at)
        for size in range(4, len(data), 7):
            write(cut, data[:size])
            r = run(cut, out, "--json", "-")
            whole = size in borders
            need(r.returncode == (0 if whole else 3), f"{kind} at {size}: exit {r.returncode}")
            need(json.loads(r.stdout)["total_packets"] == frame_count(data[:size]),
                 f"{kind} at {size}: frames")
            if not whole:
                need(b"damaged at record" in r.stderr, f"{kind} at {size}: {r.stderr!r}")
            if os.path.exists(out):
                need(data[:size].startswith(read(out)), f"{kind} at {size}: OUT")
                os.unlink(out)


def processor_s():
    """What all programs that were run have taken of the processors' time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_corrupted(tmp):
    rng, path, out = random.Random(7), os.path.join(tmp, "bad"), os.path.join(tmp, "out")
    sources = [read(p) for p in captures() if os.path.getsize(p) < 40000][:40]
    if not sources:
        return say("skip", "corrupted", "no captures; set DPI_CAPTURES")
    for i in range(200):
        data = bytearray(rng.choice(sources))
        for _ in range(max(1, len(data) // 50)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        write(path, data)
        before = processor_s()
        r = run(path, out, *RULES, "--quiet")
        need(r.returncode in (0, 2, 3), f"run {i}: exit {r.returncode}")
        need(processor_s() - before < 2, f"run {i}: too slow")


def test_refused(tmp):
    good, out = os.path.join(tmp, "good.pcap"), os.path.join(tmp, "out")
    generate(good, flows=5)
    data = read(good)
    digest = hashlib.sha256(data).hexdigest()
    made = {"gzip": b"\x1f\x8b\x08" + bytes(60), "empty": b"", "text": b"a letter to nobody\n" * 9}
    for word, content in made.items():
        write(os.path.join(tmp, word), content)
        r = run(os.path.join(tmp, word), out)
        need(r.returncode == 2 and word.encode() in r.stderr, f"{word}: {r.returncode} {r.stderr}")
    hard, soft, part = (os.path.join(tmp, n) for n in ("hard", "soft", "new.part"))
    os.link(good, hard)
    os.symlink(good, soft)
    os.link(good, part)
    cases = {
        "directory": (tmp, out), "missing": (os.path.join(tmp, "none"), out),
        "same": (good, good), "hard link": (good, hard), "symbolic link": (good, soft),
        "part": (good, os.path.join(tmp, "new")), "out is a directory": (good, tmp),
        "json over input": (good, out, "--json", good),
        "two outputs": (good, out, "--json", out), "two on stdout": (good, "-", "--json", "-"),
        "events over input": (good, out, "--events", soft),
        "unknown app": (good, out, "--block-app", "Youtub"),
        "bad address": (good, out, "--block-ip", "10.0.0.300"),
        "public suffix": (good, out, "--block-domain", "co.uk"),
        "bad option": (good, out, "--block-apq", "x"), "no out": (good,),
        "bad workers": (good, out, "--workers", "0"),
        "no such rules": (good, out, "--rules", os.path.join(tmp, "none")),
    }
    for name, args in cases.items():
        r = run(*args)
        need(r.returncode == 2, f"{name}: exit {r.returncode} {r.stderr}")
        need(r.stderr and not os.path.exists(out), f"{name}: silent, or OUT was made")
        need(hashlib.sha256(read(good)).hexdigest() == digest, f"{name}: the input changed")
    need(b"YouTube" in run(good, out, "--block-app", "Youtub").stderr, "no nearest app")
    need(b"--block-app" in run(good, out, "--block-apq", "x").stderr, "no nearest option")
    r = subprocess.run([BIN, "analyse"], capture_output=True, check=False)
    need(r.returncode == 2 and b"analyze" in r.stderr, "no nearest command")


def test_full_disk(tmp):
    good, out = os.path.join(tmp, "good.pcap"), os.path.join(tmp, "out")
    generate(good, flows=400)
    size = os.path.getsize(good)
    data = read(good)
    for i in range(1, 25):
        room = size * i // 25

        def limit(room=room):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        r = run(good, out, preexec_fn=limit)
        need(r.returncode == 5, f"room {room}: exit {r.returncode}")
        need(not os.path.exists(out), f"room {room}: OUT exists")
        part = read(out + ".part")
        need(data.startswith(part) and sum(len(p) for p, _ in pieces(part)) == len(part),
             f"room {room}: .part is not whole records")
        need(f"{frame_count(part)} whole records".encode() in r.stderr, f"{r.stderr}")
    need(run(good, "/dev/full").returncode == 5, "/dev/full")
    need(run(good, os.path.join(tmp, "none/out")).returncode == 5, "no such directory")
    r = run(good, out, "--json", "/dev/full")
    need(r.returncode == 5 and not os.path.exists(out), "OUT exists though the report failed")
    os.unlink(out + ".part") if os.path.exists(out + ".part") else None
    for args in ([good, "-", "-q"], [good, "/dev/null", "--json", "-"]):
        pipe = subprocess.Popen([BIN, "analyze", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pipe.stdout.close()
        said = pipe.stderr.read()
        need(pipe.wait(60) == 5 and not said, f"a reader that has gone: exit {pipe.returncode}, {said}")


def test_streams(tmp):
    good, out = os.path.join(tmp, "good.pcap"), os.path.join(tmp, "out")
    generate(good, flows=50)
    with open(good, "rb") as f:
        r = run("-", "-", stdin=f)
    need(r.returncode == 0 and r.stdout == read(good), "stdin to stdout")
    need(b"Total packets" in r.stderr, "the report is not on stderr")
    fifo = os.path.join(tmp, "fifo")
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", good, fifo]):
        r = run(fifo, out)
    need(r.returncode == 0 and read(out) == read(good), "FIFO")
    r = run(good, out, "--json", "-")
    need(json.loads(r.stdout)["schema"] == "dpi-xdp/report/1", "--json -")
    need(run(good, "/dev/null", "-q").stdout == b"", "--quiet prints")
    r = run(good, out, "--max-packets", "10", "--json", "-")
    need(json.loads(r.stdout)["total_packets"] == 10, "--max-packets")
    need(frame_count(read(out)) == 10, "--max-packets, OUT")


def test_interrupt(tmp):
    good, out = os.path.join(tmp, "good.pcap"), os.path.join(tmp, "out")
    generate(good, flows=50)
    for signo in (signal.SIGINT, signal.SIGTERM):
        p = subprocess.Popen([BIN, "analyze", "-", out], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.write(read(good))
        p.stdin.flush()
        time.sleep(0.5)
        p.send_signal(signo)
        text, err = p.stdout.read(), p.stderr.read()
        need(p.wait(10) == 1 and b"interrupted" in err, f"exit {p.returncode}: {err}")
        need(read(out) == read(good), "frames read were not written")
        need(b"Total packets" in text, "no report")
        p.stdin.close()


def generate(path, **options):
    args = [f"--{k.replace('_', '-')}={v}" if v is not True else f"--{k}" for k, v in options.items()]
    subprocess.run([GEN, "--out", path, "--manifest", path + ".tsv", *args], check=True)


def check_generated(tmp, apps, **options):
    path, out = os.path.join(tmp, "gen.pcap"), os.path.join(tmp, "gen.out")
    generate(path, **options)
    blocks = [a for app in apps for a in ("--block-app", app)]
    digests = set()
    for workers in (1, 2, 4, 8):
        r = run(path, out, *blocks, "--workers", workers, "-q")
        need(r.returncode == 0, f"exit {r.returncode}: {r.stderr}")
        digests.add(hashlib.sha256(read(out)).digest())
    need(len(digests) == 1, "workers change OUT")
    r = subprocess.run([sys.executable, CHECK, path, out, path + ".tsv", *apps],
                       capture_output=True, check=False)
    need(r.returncode == 0, (r.stdout + r.stderr).decode().strip())


def test_blocked_kinds(tmp):
    kinds = [
        {"pq": 100}, {"pq": 0}, {"ipv6": 100}, {"vlan": 100}, {"ns": True}, {"mix": "0,1,0"},
        {"mix": "0,0,1"}, {"active": 1}, {"packets": 0}, {"blocked": 100}, {"blocked": 0},
    ]
    for i, kind in enumerate(kinds):
        try:
            check_generated(tmp, ["YouTube", "TikTok"], flows=600, seed=i, **kind)
        except AssertionError as why:
            raise AssertionError(f"{kind}: {why}") from None


def test_80000_flows(tmp):
    check_generated(tmp, ["YouTube"], flows=80000, active=4000)


def test_pcapng_drops(tmp):
    """The same frames in pcapng lose the same frames, and every other block stays."""
    path, ng, out = (os.path.join(tmp, n) for n in ("a.pcap", "a.pcapng", "out"))
    generate(path, flows=200, seed=3)
    if not shutil.which("editcap"):
        return say("skip", "pcapng drops", "no editcap")
    subprocess.run(["editcap", "-F", "pcapng", path, ng], check=True, capture_output=True)
    write(ng, read(ng) * 2)  # two sections
    r = run(path, out, "--block-app", "YouTube", "--json", "-")
    kept = [p[16:] for p, is_frame in pieces(read(out)) if is_frame]
    dropped = json.loads(r.stdout)["dropped_packets"]
    run(ng, out, "--block-app", "YouTube", "--max-packets", len(list(pieces(read(path)))) - 1)
    again = [p[28:28 + struct.unpack_from("<I", p, 20)[0]] for p, f in pieces(read(out)) if f]
    need(dropped > 0 and kept == again, "pcapng differs from pcap")
    run(ng, out, "--block-app", "YouTube")
    was = [p for p, is_frame in pieces(read(ng)) if not is_frame]
    need([p for p, is_frame in pieces(read(out)) if not is_frame] == was, "blocks were lost")


def test_memory(tmp):
    """Twenty times the packets of the same flows must not need more memory."""
    peaks = []
    for packets in (10, 200):
        path = os.path.join(tmp, "m.pcap")
        generate(path, flows=2000, packets=packets, mix="1,0,0")
        r = subprocess.run(["/usr/bin/env", "python3", "-c",
                            "import resource,subprocess,sys;"
                            "subprocess.run(sys.argv[1:],check=True);"
                            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                            BIN, "analyze", path, "/dev/null", "-q"],
                           capture_output=True, check=True)
        peaks.append(int(r.stdout))
    need(peaks[1] < peaks[0] * 1.3, f"{peaks} KiB")


def test_filter_memory(tmp):
    """Frames that a filter leaves out do not stay in memory, whichever way they come in."""
    record = struct.pack("<IIII", 1, 0, 60000, 60000) + bytes(60000)
    path = write(os.path.join(tmp, "m.pcap"),
                 struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1) + 3000 * record)
    peaks = {}
    for way, line in (("pipe", 'cat | "$@"'), ("file", '"$@"')):
        with open(path, "rb") as f:
            r = subprocess.run(["/usr/bin/env", "python3", "-c",
                                "import resource,subprocess,sys;"
                                "subprocess.run(sys.argv[1:],check=True);"
                                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                                "sh", "-c", line, "sh",
                                BIN, "analyze", "-" if way == "pipe" else path, "/dev/null",
                                "-q", "--filter", "tcp port 9"],
                               stdin=f, capture_output=True, check=True)
        peaks[way] = int(r.stdout)
    # Of 180 MB what is under way at most, and the program.
    need(max(peaks.values()) < 64 << 10, f"{peaks} KiB")


def test_forensic(tmp):
    path = os.path.join(tmp, "f.pcap")
    for options, kind in (({"scan": 16}, "PORT SCAN"), ({"flood": 150}, "HIGH VOLUME"),
                          ({"odd_port": 5}, "UNUSUAL PORT"), ({}, None)):
        generate(path, flows=40, **options)
        r = run(path, "/dev/null", "--json", "-", "--local-net", "192.168.0.0/16",
                "--local-net", "10.0.0.0/8")
        found = {reason["kind"] for s in json.loads(r.stdout)["suspicious"]
                 for reason in s["reasons"]}
        need(kind in found if kind else not found, f"{kind}: {found}")


suite.main(globals())
