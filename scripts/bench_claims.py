# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What `scripts/bench` holds the program to beside the contest: a function a part, each measures and
adds rows of figure and bound. Pairs are run in turn, round by round, and the median of the pairs
counts.
"""
import hashlib
import os
import re
import subprocess
import sys

from bench_contest import analyze, expect, prove_ours, report_number
from bench_run import (MIB, TOOLS, TOP, Trouble, measure, median, need_built, need_tool, numbers,
                       remove, say)


class Claims:
    """The rows: what was promised, what was measured."""

    def __init__(self):
        self.met = self.missed = self.open = 0

    def row(self, mark, name, figure, bound, text):
        say(f"  {mark:7} {name:18} {figure:>12} {bound:>12}  {text}")

    def add(self, name, value, bound, form, text, is_least=False):
        """bound None: a figure for the reader, held to nothing."""
        if bound is None:
            self.row("", name, form.format(value), "", text)
            return
        is_met = value >= bound if is_least else value <= bound
        self.met += is_met
        self.missed += not is_met
        self.row("met" if is_met else "MISSED", name, form.format(value),
                 ("at least " if is_least else "at most ") + form.format(bound).split()[0], text)

    def within(self, name, value, least, most, form, text):
        is_met = least <= value <= most
        self.met += is_met
        self.missed += not is_met
        self.row("met" if is_met else "MISSED", name, form.format(value),
                 f"{least:g} to {most:g}", text)

    def holds(self, name, is_met, text):
        self.met += is_met
        self.missed += not is_met
        self.row("met" if is_met else "MISSED", name, "yes" if is_met else "no", "yes", text)

    def unmeasured(self, name, why):
        self.open += 1
        self.row("OPEN", name, "", "", f"not measured: {why}")


def run_ours(bench, capture, out, report=None, options=()):
    """One run of ours that proves itself; what it wrote is removed."""
    path = os.path.join(bench.place, "out.pcap") if out else "/dev/null"
    file = os.path.join(bench.place, "out.json") if report else None
    made = [p for p in (out and path, file) if p]
    remove(*made)
    try:
        ran = measure(analyze(capture.path, path, file, options))
        prove_ours(capture, path, file)
        return ran
    finally:
        remove(*made)


def names(bench):
    """Every name in the report is the one that the generator wrote, and none is missing."""
    capture = bench.capture("whole")
    report = os.path.join(bench.place, "names.json")
    checker = os.path.join(TOP, "tests/golden/check_names.py")
    if not os.path.exists(checker):
        raise Trouble("tests/golden/check_names.py is not here")
    try:
        measure(analyze(capture.path, "/dev/null", report))
        prove_ours(capture, "/dev/null", report)
        r = subprocess.run([sys.executable, checker, report, capture.manifest],
                           capture_output=True, text=True)
        for line in (r.stdout + r.stderr).strip().splitlines()[:12]:
            say(f"    {line}")
        bench.claims.holds("names", r.returncode == 0, "every name as in the manifest")
    finally:
        remove(report)


def small(bench):
    """64-byte frames of established flows, beyond what libpcap's own loop costs."""
    capture = bench.capture("small")
    loop = need_built(os.path.join(TOOLS, "pcap_loop"))
    beyond = []
    for _ in range(bench.rounds):
        bare = measure([loop, capture.path])
        expect("pcap_loop", "frames", numbers(bare.text, 2, "pcap_loop")[0], capture.frames)
        beyond.append((run_ours(bench, capture, False).cpu - bare.cpu) / capture.frames * 1e9)
    bench.claims.add("64-byte frames", median(beyond), 60, "{:.0f} ns",
                     f"CPU a packet beyond the libpcap loop, {capture.frames:,} frames")


def questions(bench):
    """Every packet opens a flow, and is decided."""
    capture = bench.capture("questions")
    cost = [run_ours(bench, capture, False).cpu for _ in range(bench.rounds)]
    bench.claims.add("new DNS flows", median(cost) / capture.frames * 1e9, 600, "{:.0f} ns",
                     f"CPU a packet, each the question of a new flow, {capture.frames:,} of them")
    full = [run_ours(bench, capture, False, True).cpu for _ in range(bench.rounds)]
    bench.claims.add("with report", median(full) / capture.frames * 1e9, None, "{:.0f} ns",
                     "the same with a JSON report that lists them all")


def scale(bench):
    """Ten times the file, ten times the time, beyond what starting costs."""
    whole, tenth, one = (bench.capture(n) for n in ("whole", "tenth", "one"))
    times, starts = {"wall": [], "cpu": []}, []
    for _ in range(bench.rounds):
        big, little, start = (run_ours(bench, c, True, True) for c in (whole, tenth, one))
        starts.append(start.cpu * 1e3)
        for field, got in times.items():
            begin = getattr(start, field)
            got.append((getattr(big, field) - begin) / (getattr(little, field) - begin)
                       * tenth.size / whole.size * 10)
    for field, got in times.items():
        bench.claims.within(f"ten times, {field}", median(got), 9, 11, "{:.2f} x",
                            "time of ten times the file, beyond the start of the program")
    bench.claims.add("start", median(starts), None, "{:.0f} ms",
                     f"CPU of a capture of {one.frames} packets: catalogue, threads, report")


def write_rules(path, count):
    """Names that no capture holds, of the shape that block lists have."""
    with open(path, "w") as f:
        f.write("[BLOCKED_DOMAINS]\n")
        f.writelines(f"{hashlib.md5(b'%d' % i).hexdigest()[:4 + i % 12]}-{i}."
                     f"{('com', 'net', 'example.org', 'info')[i % 4]}\n" for i in range(count))


def rules(bench):
    """Long lists: what a lookup in them costs, and loading them. What the road costs more is
    measured alone, since loading a million names takes as long as all the rest."""
    whole, tenth, one = (bench.capture(n) for n in ("whole", "tenth", "one"))
    counts = (10, 100_000, 1_000_000)
    paths = {n: os.path.join(bench.place, f"rules-{n}.txt") for n in counts}
    program = need_built(os.path.join(TOOLS, "road"))
    load, road, all_ns = {n: [] for n in counts}, {n: [] for n in counts}, []
    try:
        for n in counts:
            write_rules(paths[n], n)
        for _ in range(bench.rounds):
            for n in counts:
                load[n].append(run_ours(bench, one, False, False, ("--rules", paths[n])))
                road[n].append(float(measure([program, tenth.path, "3", paths[n]]).text))
            ran = run_ours(bench, whole, False, False, ("--rules", paths[10]))
            all_ns.append(ran.cpu * 1e9 / whole.frames)
    finally:
        remove(*paths.values())
    for n in counts[1:]:
        pairs = [(ns + a - b) / ns for ns, a, b in zip(all_ns, road[n], road[10])]
        bench.claims.add(f"{n:,} names", median(pairs), 1.10, "{:.2f} x",
                         f"CPU of analyze beside 10 block names (the road: "
                         f"{median(road[10]):.0f} to {median(road[n]):.0f} ns)")
    base, many = load[10], load[1_000_000]
    bench.claims.add("loading, time", median(m.wall - b.wall for m, b in zip(many, base)), 1.5,
                     "{:.2f} s", "wall time of loading 1,000,000 names, beyond 10")
    bench.claims.add("loading, CPU", median(m.cpu - b.cpu for m, b in zip(many, base)), None,
                     "{:.2f} s", "processor time of the same")
    bench.claims.add("loading, memory", median(m.anon - b.anon for m, b in zip(many, base)) / 1e6,
                     100, "{:.0f} MB", "anonymous memory at its peak, beyond 10")


def memory(bench):
    """Bounded by open flows alone."""
    whole = bench.capture("whole")
    runs = [run_ours(bench, whole, True, True) for _ in range(bench.rounds)]
    bench.claims.add("memory", median(r.anon for r in runs) / MIB,
                     64 + 400 * whole.flows / MIB, "{:.0f} MiB",
                     f"anonymous peak of {whole.flows:,} flows: 64 MiB and 400 bytes a flow")
    capture = bench.capture("open")
    report = os.path.join(bench.place, "open.json")
    try:
        ran = measure(analyze(capture.path, "/dev/null", report, ("--flows", str(capture.flows))))
        prove_ours(capture, "/dev/null", report)
        lost = {key: report_number(report, key, True)
                for key in ("flows_evicted", "flows_expired", "flows_refused")}
        expect("dpi-xdp", "flows opened", report_number(report, "flows_opened", True),
               capture.flows)
    finally:
        remove(report)
        bench.drop("open")
    if any(lost.values()):
        bench.claims.unmeasured("open flows", f"not all stayed open: {lost}")
        return
    bench.claims.add("open flows", ran.anon / MIB, 64 + 386 * capture.flows / 1e6, "{:.0f} MiB",
                     f"anonymous peak, {capture.flows:,} open flows (--flows): 450 MiB a million")
    bench.claims.add("an open flow", (ran.anon - 64 * MIB) / capture.flows, 400, "{:.0f} bytes",
                     "the same beyond 64 MiB, a flow")


def workers(bench):
    """A second worker is worth its core."""
    capture = bench.capture("whole")
    gain = []
    for _ in range(bench.rounds):
        one, two = (run_ours(bench, capture, False, False, ("--workers", n)) for n in "12")
        gain.append(one.wall / two.wall)
    bench.claims.add("2 workers", median(gain), 1.5, "{:.2f} x",
                     "as fast as 1, wall, into /dev/null", True)


def digest(path, is_report):
    """Of a file's bytes; of a report, without the names of the files on its first line."""
    h = hashlib.sha256()
    with open(path, "rb") as f:
        if is_report:
            h.update(re.sub(rb'"(input|output)":"[^"]*"', b"", f.readline()))
        while chunk := f.read(MIB):
            h.update(chunk)
    return h.hexdigest()


def same(bench):
    """The same bytes and the same report, whoever works and wherever the bytes come from."""
    capture = bench.capture("tenth")
    packed = os.path.join(bench.place, "packed.pcap.gz")
    out, report = (os.path.join(bench.place, n) for n in ("same.pcap", "same.json"))
    options = ("--reproducible", "--block-app", "YouTube")
    ways = [(f"{n} workers", capture.path, None, ("--workers", n)) for n in "1248"]
    ways += [("a pipe", "-", capture.path, ()), ("gzip", packed, None, ())]
    first = None
    try:
        with open(packed, "wb") as f:
            subprocess.run([need_tool("gzip"), "-1", "-c", capture.path], stdout=f, check=True)
        for name, source, fed, more in ways:
            try:
                run_way(source, fed, out, report, (*options, *more))
                expect("dpi-xdp", "packets", report_number(report, "total_packets"),
                       capture.frames)
                got = digest(out, False), digest(report, True)
            except Trouble as e:
                bench.claims.unmeasured(f"same, {name}", str(e))
                continue
            if first is None:
                first, dropped = got, report_number(report, "dropped_packets")
                say(f"    1 worker: {dropped:,} of {capture.frames:,} packets dropped")
                if dropped == 0:
                    raise Trouble("nothing was dropped: the comparison would show little")
                continue
            bench.claims.holds(f"same, {name}", got == first,
                               "OUT and report as with 1 worker, byte for byte")
    finally:
        remove(packed, out, report)


def run_way(source, fed, out, report, options):
    """Ours over a file, or over what cat writes into a pipe."""
    if not fed:
        measure(analyze(source, out, report, options))
        return
    with subprocess.Popen([need_tool("cat"), fed], stdout=subprocess.PIPE) as cat:
        try:
            measure(analyze(source, out, report, options), stdin=cat.stdout)
        finally:
            cat.stdout.close()
            cat.kill()
