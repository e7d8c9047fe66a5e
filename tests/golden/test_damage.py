#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Ten thousand damaged captures, one run of the program each: what is whole before the damage comes
out byte for byte and is counted, the exit status and the message are those that the reader of
damage.py expects, and no run needs more than 2 s of processor time or 256 MiB, or leaves anything
behind.

    test_damage.py [ONE_IN]    one case in ONE_IN alone, by chance but always the same, as a
                               sanitizer's build does; then time and memory are not looked at
"""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import damage
import packets
from suite import read

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
SECONDS, KIB = 2, 256 << 10
PATIENCE = 30  # seconds, however busy the machine is
CASES = damage.cases()
DAMAGE_AT = re.compile(rb"damaged at record (\d+), byte offset (\d+): ")


class Wrong(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Wrong(why)


# --- one run ---------------------------------------------------------------------------------


class Late(Exception):
    pass


def on_alarm(*_):
    raise Late


def spawn(args, err):
    """Runs the program; returns its exit status (negative: a signal), the seconds of processor time
    it took, and its largest memory in KiB."""
    files = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
             (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
             (os.POSIX_SPAWN_OPEN, 2, err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    pid = os.posix_spawn(BIN, [BIN, "analyze", *args], os.environ, file_actions=files)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        _, status, used = os.wait4(pid, 0)
    except Late:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise Wrong(f"no end within {PATIENCE} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss


def look(data, directory, rules, is_plain):
    """Runs one capture and looks at all that must hold. Raises Wrong. Returns the exit status."""
    path, out, report, err = (os.path.join(directory, n) for n in ("in", "out", "json", "err"))
    with open(path, "wb") as f:
        f.write(data)
    expected = damage.judge(data)
    status, seconds, memory = spawn([path, out, "--json", report, "--reproducible", "--workers", "2",
                                     *rules], err)
    told = read(err)
    need(status == expected.status, f"exit {status}, not {expected.status}: {told!r}")
    need(not is_plain or memory <= KIB and seconds <= SECONDS, f"{memory} KiB, {seconds:.2f} s")
    has_out = expected.status != 2 and bool(expected.pieces)
    left = {"in", "err"} | ({"json"} if status != 2 else set()) | ({"out"} if has_out else set())
    need(set(os.listdir(directory)) == left, f"left behind: {os.listdir(directory)}")
    if status == 2:
        need(b"not a capture" in told, f"refused without a reason: {told!r}")
        return status
    found = json.loads(read(report))
    check_report(found, expected, told)
    if has_out:
        check_out(read(out), data, expected, rules, found)
        os.unlink(out)
    os.unlink(report)
    return status


def check_report(found, expected, told):
    count = sum(piece.is_frame for piece in expected.pieces)
    need(found["total_packets"] == count, f"{found['total_packets']} packets, not {count}")
    need(found["forwarded_packets"] + found["dropped_packets"] == count, "forwarded + dropped")
    need(found["counters"]["capture_damaged"] == (expected.status == 3), "capture_damaged")
    place = DAMAGE_AT.search(told)
    place = (int(place[1]), int(place[2])) if place else None
    wanted = (count + 1, expected.damage) if expected.status == 3 else None
    need(place == wanted, f"the damage is at (record, offset) {wanted}: {told!r}")


def check_out(out, data, expected, rules, found):
    """OUT is what is whole; with rules, every block that is no frame and the frames let through."""
    if not rules:
        need(out == data[:expected.pieces[-1].end], "OUT is not what is whole before the damage")
        return
    at, kept = 0, 0
    for piece in expected.pieces:
        size = piece.end - piece.start
        if out[at:at + size] == data[piece.start:piece.end] and size:
            at += size
            kept += piece.is_frame
        else:
            need(piece.is_frame, f"the block at {piece.start} is not in OUT")
    need(at == len(out), "OUT is not in IN, in order")
    need(kept == found["forwarded_packets"], f"{kept} frames in OUT")


def run_share(one):
    """Runs some of the cases. Returns ([what is wrong], how often each exit status came)."""
    numbers, is_plain = one
    signal.signal(signal.SIGALRM, on_alarm)
    wrong, seen = [], Counter()
    with tempfile.TemporaryDirectory() as directory:
        for i in numbers:
            case = CASES[i]
            rules = ["--block-port", "53"] if i % 3 == 0 else []
            try:
                seen[look(damage.damaged(case), directory, rules, is_plain)] += 1
            except (Wrong, OSError, ValueError) as why:
                wrong.append(f"{case.capture}, offset {case.offset}, value {case.value}: {why}")
                for name in os.listdir(directory):
                    os.unlink(os.path.join(directory, name))
    return wrong, seen


def test_cases(one_in):
    numbers, cpus = range(len(CASES)), os.cpu_count() or 1
    if one_in > 1:
        numbers = random.Random(2).sample(numbers, len(CASES) // one_in)
    shares = [(numbers[i::cpus * 8], one_in == 1) for i in range(cpus * 8)]
    wrong, seen = [], Counter()
    with ProcessPoolExecutor(cpus) as pool:
        for bad, statuses in pool.map(run_share, shares):
            wrong += bad
            seen += statuses
    need(not wrong, f"{len(wrong)} of {len(numbers)}: " + "; ".join(wrong[:5]))
    need(sum(seen.values()) == len(numbers) and {0, 2, 3} <= set(seen), f"nothing was shown: {seen}")
    return ", ".join(f"{seen[s]} with exit {s}" for s in sorted(seen))


# --- errors inside frames --------------------------------------------------------------------


def traffic():
    """Frames that hold names of every kind: hellos, requests, questions, in IPv4 and IPv6."""
    out = []
    for i in range(12):
        name, port = b"host%d.example" % i, 2000 + i
        me, there = ("10.0.0.3", "192.0.2.9") if i % 3 else ("2001:db8::3", "2001:db8::9")
        wrap = (lambda proto, body, a=me, b=there: packets.ethernet(
            (packets.ip4 if "." in a else packets.ip6)(a, b, proto, body),
            packets.ETH_IP if "." in a else packets.ETH_IPV6))
        hello = packets.records(packets.client_hello(name, pq=i % 4 == 0), 512)
        for sent, dport in ((hello, 443), (packets.http(name.decode()), 80)):
            seq = 1
            out.append(wrap(packets.TCP, packets.tcp(me, there, port, dport, 0, 0, "S")))
            for at in range(0, len(sent), 900):
                part = sent[at:at + 900]
                out.append(wrap(packets.TCP, packets.tcp(me, there, port, dport, seq, 1, "PA", part)))
                seq += len(part)
        asked = packets.dns(packets.question(name))
        out.append(wrap(packets.UDP, packets.udp(me, there, port, 53, asked)))
    return [packets.Record(1700000000 * 10**6 + i, f, len(f)) for i, f in enumerate(out)]


def test_editcap(one_in):
    """editcap -E changes bytes of frames at random: the capture stays whole, so all of it comes out,
    and every number of workers makes the same of it."""
    if not shutil.which("editcap"):
        return None
    rules = ["--block-domain", "host3.example", "--block-port", "53", "--block-app", "YouTube"]
    seen = Counter()
    with tempfile.TemporaryDirectory() as directory:
        good, bad = os.path.join(directory, "good"), os.path.join(directory, "bad")
        packets.write_capture(good, traffic())
        for seed in range(0, 60, one_in if one_in < 20 else 20):
            share = (0.002, 0.02, 0.2, 0.9)[seed % 4]
            kind = ("pcap", "nsecpcap", "pcapng")[seed % 3]
            subprocess.run(["editcap", "-F", kind, "-E", str(share), "--seed", str(seed), good, bad],
                           check=True, capture_output=True)
            data = read(bad)
            place = os.path.join(directory, "run")
            os.mkdir(place)
            seen[look(data, place, rules if seed % 2 else [], one_in == 1)] += 1
            shutil.rmtree(place)
    need(seen[0] == sum(seen.values()) > 2, f"exit statuses {seen}")
    return f"{seen[0]} captures"


def main():
    one_in = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    signal.signal(signal.SIGALRM, on_alarm)
    good = True
    for test in (test_cases, test_editcap):
        name = "damage " + test.__name__[5:]
        try:
            told = test(one_in)
        except (Wrong, OSError, ValueError, subprocess.SubprocessError) as why:
            print(f"FAIL {name}: " + str(why).replace("\n", " "))
            good = False
            continue
        print(f"ok {name}: {told}" if told else f"skip {name}: no editcap")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
