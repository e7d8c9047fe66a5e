# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The contest of `scripts/bench`: one capture, several programs that read it, in turn, round after
round; and what reading, the road and writing cost alone. Each run must prove that it did the work,
by its own count of packets or by the size of what it wrote.
"""
import os
import re

from bench_run import (MIB, OURS, TOOLS, Trouble, measure, median, need_built, need_tool, numbers,
                       remove, say)

SLOW_ROUNDS = 2  # of a program that takes ten times as long as the others
HEAD, TAIL = 4096, 65536


def piece_of(path, at_end):
    """The first or last bytes of a report that may be hundreds of megabytes."""
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        f.seek(max(0, size - TAIL) if at_end else 0)
        return f.read(TAIL if at_end else HEAD).decode(errors="replace")


def report_number(path, key, at_end=False):
    found = re.findall(rf'"{key}":(\d+)', piece_of(path, at_end))
    if not found:
        raise Trouble(f"{path} has no {key}")
    return int(found[-1] if at_end else found[0])


def expect(who, what, got, wanted):
    if got != wanted:
        raise Trouble(f"{who}: {what} {got}, expected {wanted}")


def analyze(source, out, report=None, options=()):
    """The command line of ours."""
    return [need_built(OURS), "analyze", source, out, "--quiet",
            *(["--json", report] if report else []), *options]


def prove_ours(capture, out, report):
    if report:
        expect("dpi-xdp", "packets", report_number(report, "total_packets"), capture.frames)
        expect("dpi-xdp", "forwarded", report_number(report, "forwarded_packets"), capture.frames)
    if out != "/dev/null":
        expect("dpi-xdp", "bytes written", os.path.getsize(out), capture.size)


class Rival:
    """A program in the contest: its command, and how it shows that it did the work."""

    is_slow = False

    def __init__(self, name, what):
        self.name, self.what, self.runs, self.fault = name, what, {}, None

    def command(self, capture, out, report):
        raise NotImplementedError

    def prove(self, ran, capture, out, report):
        raise NotImplementedError

    def run(self, place, capture, turn):
        out, report = os.path.join(place, "out.pcap"), os.path.join(place, "out.json")
        remove(out, report)
        try:
            ran = measure(self.command(capture, out, report))
            self.prove(ran, capture, out, report)
            self.runs[turn] = ran
        except Trouble as e:
            self.fault = str(e)
        finally:
            remove(out, report)

    def middle(self, field):
        return median(getattr(r, field) for r in self.runs.values())


class Copy(Rival):
    def command(self, capture, out, report):
        return [need_tool("cp"), capture.path, out]

    def prove(self, ran, capture, out, report):
        expect("cp", "bytes", os.path.getsize(out), capture.size)


class Tcpdump(Rival):
    def command(self, capture, out, report):
        as_root = ["-Z", "root"] if os.geteuid() == 0 else []
        return [need_tool("tcpdump"), "-r", capture.path, "-w", out, *as_root]

    def prove(self, ran, capture, out, report):
        expect("tcpdump", "bytes", os.path.getsize(out), capture.size)


class Loop(Rival):
    """One of tests/bench/: it prints counts, the first of which is the frames'."""

    def __init__(self, name, what, program, count):
        super().__init__(name, what)
        self.program, self.count = program, count

    def command(self, capture, out, report):
        return [need_built(os.path.join(TOOLS, self.program)), capture.path]

    def prove(self, ran, capture, out, report):
        got = numbers(ran.text, self.count, self.program)
        expect(self.program, "frames", got[0], capture.frames)
        if self.program == "ndpi_loop" and got[2] < got[1] * 0.9:
            raise Trouble(f"ndpi_loop: {got[2]} of {got[1]} flows told: it did not do its work")


class Reader(Rival):
    is_slow = True

    def command(self, capture, out, report):
        return [need_tool("ndpiReader"), "-q", "-i", capture.path, "-w", report]

    def prove(self, ran, capture, out, report):
        """It says only how many packets of each transport it gave to its dissectors."""
        with open(report, encoding="utf-8", errors="replace") as f:
            seen = sum(int(n) for n in re.findall(r"DPI Packets \(\w+\):\s+(\d+)", f.read()))
        if seen == 0:
            raise Trouble("ndpiReader: it counts no packets")


class Ours(Rival):
    def __init__(self, name, what, has_out, has_report, options=()):
        super().__init__(name, what)
        self.has_out, self.has_report, self.options = has_out, has_report, options

    def files(self, out, report):
        return out if self.has_out else "/dev/null", report if self.has_report else None

    def command(self, capture, out, report):
        return analyze(capture.path, *self.files(out, report), self.options)

    def prove(self, ran, capture, out, report):
        prove_ours(capture, *self.files(out, report))


def rivals():
    return [
        Copy("cp", "to the same directory"),
        Tcpdump("tcpdump -r -w", "libpcap, one copy"),
        Loop("libpcap loop", "reads and looks at nothing", "pcap_loop", 2),
        Loop("libndpi loop", "one thread, no output", "ndpi_loop", 4),
        Reader("ndpiReader -q", "Debian's, as it comes"),
        Ours("analyze OUT", "report, default workers", True, True),
        Ours("analyze OUT, 1", "report, 1 worker", True, True, ("--workers", "1")),
        Ours("analyze OUT, 2", "report, 2 workers", True, True, ("--workers", "2")),
        Ours("analyze null", "no report, default workers", False, False),
        Ours("analyze null+report", "report, default workers", False, True),
    ]


def ratios(rival, base, field):
    """The median of the ratios within each round, in which both ran."""
    both = [(getattr(rival.runs[i], field), getattr(base.runs[i], field))
            for i in rival.runs if i in base.runs]
    both = [(a, b) for a, b in both if b > 0]
    return median(a / b for a, b in both) if both else None


def show(rows, capture):
    base = rows[0]
    say(f"{'':20} {'wall s':>8} {'CPU s':>7} {'x cp':>6} {'x cp':>6} {'ns CPU':>7} "
        f"{'anon':>6} {'runs':>4}")
    say(f"{'':20} {'':>8} {'':>7} {'wall':>6} {'CPU':>6} {'/packet':>7} {'MiB':>6}")
    for r in rows:
        if r.fault or not r.runs:
            say(f"{r.name:20} not measured: {r.fault}")
            continue
        wall, cpu = ratios(r, base, "wall"), ratios(r, base, "cpu")
        say(f"{r.name:20} {r.middle('wall'):8.3f} {r.middle('cpu'):7.3f} "
            f"{wall or 0:6.2f} {cpu or 0:6.2f} {r.middle('cpu') / capture.frames * 1e9:7.1f} "
            f"{r.middle('anon') / MIB:6.1f} {len(r.runs):4}  {r.what}")


def contest(bench):
    """Runs all rivals, shows the table, and holds ours against its bounds."""
    capture = bench.capture("whole")
    rows = rivals()
    for turn in range(bench.rounds):
        first = turn % len(rows)
        for r in rows[first:] + rows[:first]:
            if not r.fault and (turn < SLOW_ROUNDS or not r.is_slow):
                r.run(bench.place, capture, turn)
    say(f"contest, {bench.rounds} rounds, medians; x cp: round by round, then the median")
    show(rows, capture)
    by_name = {r.name: r for r in rows}
    judge(bench, by_name, capture)


def judge(bench, by_name, capture):
    cp, ndpi = by_name["cp"], by_name["libndpi loop"]
    whole, bare = by_name["analyze OUT"], by_name["analyze null"]
    pcap, full = by_name["libpcap loop"], by_name["analyze null+report"]

    def ours(name, rivals_needed, worth, bound, form, text, is_least=False):
        faults = [r.fault for r in rivals_needed if r.fault or not r.runs]
        if faults:
            bench.claims.unmeasured(name, str(faults[0]))
        else:
            bench.claims.add(name, worth(), bound, form, text, is_least)

    ours("wall beside cp", [whole, cp], lambda: ratios(whole, cp, "wall"), 1.25, "{:.2f} x",
         "analyze IN OUT --json, wall, beside cp of the same file")
    ours("CPU beside cp", [whole, cp], lambda: ratios(whole, cp, "cpu"), 2.0, "{:.2f} x",
         "the same, processor time")
    ours("CPU a packet", [bare], lambda: bare.middle("cpu") / capture.frames * 1e9, 220,
         "{:.0f} ns", "analyze IN /dev/null, processor time a packet")
    ours("beside libndpi", [bare, ndpi], lambda: 1 / ratios(bare, ndpi, "cpu"), 5, "{:.1f} x",
         "less processor time than the libndpi loop, into /dev/null", True)
    ours("beside libpcap", [bare, pcap],
         lambda: (bare.middle("cpu") - pcap.middle("cpu")) / capture.frames * 1e9, None,
         "{:.0f} ns", "a packet beyond the libpcap loop, into /dev/null")
    ours("report alone", [bare, full],
         lambda: full.middle("cpu") - bare.middle("cpu"), None, "{:.3f} s",
         "processor time of the JSON report of all flows")


def stages(bench):
    """What each part of the way costs alone, in processor time a packet."""
    whole, tenth = bench.capture("whole"), bench.capture("tenth")
    out = os.path.join(bench.place, "out.pcap")
    read, road, write = [], [], []
    for _ in range(bench.rounds):
        ran = measure([need_built(os.path.join(TOOLS, "read_loop")), whole.path])
        expect("read_loop", "frames", numbers(ran.text, 2, "read_loop")[0], whole.frames)
        read.append(ran.cpu * 1e9 / whole.frames)
        ran = measure([need_built(os.path.join(TOOLS, "road")), tenth.path, "1"])
        road.append(float(ran.text))
        try:
            ran = measure([need_built(os.path.join(TOOLS, "write_loop")), whole.path, out])
            size, ns = numbers(ran.text, 2, "write_loop")
            expect("write_loop", "bytes", (size, os.path.getsize(out)), (whole.size, whole.size))
            write.append(ns / whole.frames)
        finally:
            remove(out, out + ".part")
    say(f"stages, {bench.rounds} rounds, median ns of processor time a packet")
    for name, values, what in (
            ("reading", read, "every record of the capture door, nothing looked at"),
            ("the road", road, "frames in memory through one engine, a tenth of the flows"),
            ("writing", write, "the same bytes, in memory, through the capture door")):
        say(f"{name:20} {median(values):7.1f}  {what}")
