# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What a frame costs on the road, in nanoseconds of processor time, before and after: this tree beside
an earlier commit, in turn, in one run, so that a noisy machine disturbs both alike.

    scripts/bench --base [COMMIT] [--pairs N] [--quick]

For each capture (made by tests/bench/gen_capture, seeded) it prints the median of both trees and
the median of the ratios pair by pair. Needs the commit to be in this repository; it is built in
build/bench.
"""
import os
import shutil
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
PLACE = os.path.join(BUILD, "bench")
BASE = "942a564"  # the road with TLS, HTTP and DNS alone: the last commit before QUIC and layers

# name, what it is, options of gen_capture
CAPTURES = [
    ("ordinary", "TLS, HTTP and DNS flows of 40 packets, a fifth IPv6",
     ["--flows", "6000", "--packets", "40", "--ipv6", "20"]),
    ("established", "few flows of 2,000 packets", ["--flows", "100", "--packets", "2000"]),
    ("new flows", "TLS and HTTP flows of 6 packets", ["--flows", "30000", "--packets", "6",
                                                       "--mix", "60,40,0"]),
    ("questions", "every flow one DNS question and its answer",
     ["--flows", "60000", "--mix", "0,0,100"]),
]


def call(args, **kw):
    r = subprocess.run(args, capture_output=True, text=True, **kw)
    if r.returncode:
        said = r.stderr.strip() or r.stdout.strip()
        sys.exit(f"bench: {' '.join(args)}: exit {r.returncode}\n{said}")
    return r.stdout


def build_base(commit):
    """An earlier tree, with this tree's road.c, built. Returns the program's path."""
    tree = os.path.join(PLACE, commit)
    road = os.path.join(tree, "build", "tests", "bench", "road")
    if not os.path.exists(os.path.join(tree, "Makefile")):
        shutil.rmtree(tree, ignore_errors=True)
        os.makedirs(tree)
        archive = subprocess.run(["git", "-C", TOP, "archive", commit], capture_output=True)
        if archive.returncode:
            sys.exit(f"bench: no commit {commit} here; name another one by --base\n"
                     + archive.stderr.decode().strip())
        subprocess.run(["tar", "x", "-C", tree], input=archive.stdout, check=True)
    shutil.copy(os.path.join(TOP, "tests/bench/road.c"), os.path.join(tree, "tests/bench/road.c"))
    call(["make", "-C", tree, "BUILD=build", f"-j{os.cpu_count()}", "build/tests/bench/road"])
    return road


def compare(base, pairs_wanted, is_quick):
    """Builds the earlier tree and prints a line a capture."""
    now = os.path.join(BUILD, "tests/bench/road")
    gen = os.path.join(BUILD, "tests/bench/gen_capture")
    before = build_base(base)
    print(f"ns of processor time a frame on the road; {os.cpu_count()} CPUs, {pairs_wanted} "
          f"pairs of runs; before = {base}")
    print(f"{'capture':12} {'before':>8} {'now':>8} {'ratio':>6}   what it is")
    for name, what, options in CAPTURES[:1] if is_quick else CAPTURES:
        path = os.path.join(PLACE, name.replace(" ", "-") + ".pcap")
        call([gen, "--out", path, "--manifest", path + ".tsv", *options])
        pairs = []
        for i in range(pairs_wanted + 1):
            order = (before, now) if i % 2 else (now, before)
            ns = {road: float(call([road, path, "3"])) for road in order}
            pairs.append((ns[before], ns[now]))
        pairs = pairs[1:]  # the first warms up
        print(f"{name:12} {statistics.median(b for b, _ in pairs):8.1f} "
              f"{statistics.median(n for _, n in pairs):8.1f} "
              f"{statistics.median(n / b for b, n in pairs):6.3f}   {what}", flush=True)
        os.unlink(path)
        os.unlink(path + ".tsv")
