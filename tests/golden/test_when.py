#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Rules with an end and with hours, over captures: each frame is judged by its own time, whatever the
number of workers and however the capture comes. What is right is worked out here from Python's own
zones, frame by frame, through the night in which Berlin's clock is set back.
"""
import datetime
import json
import os
import subprocess
import zoneinfo

import packets as p
from suite import Suite

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
CLIENT_V6, SERVER_V6 = "2001:db8::10", "2001:db8:1::20"
FIRST = int(datetime.datetime(2026, 10, 24, 12, 0, tzinfo=ZONE).timestamp())
HOURS, EVERY_S = 31, 25
WORKERS = ("1", "2", "3", "16")

RULES = """
[BLOCKED_DOMAINS]
always.example
night.example    21:00-07:00
twice.example    02:15-02:45   # comes twice in this night
ends.example     until 2026-10-24T20:00
sunday.example   sun
both.example     sat 13:00-14:00
both.example     sat 13:30-15:00
other.example    mon-fri
weekend.example  sat,sun
[ALLOWED_DOMAINS]
fine.weekend.example  sat 18:00-20:00
"""


def minutes(at):
    return at.hour * 60 + at.minute


def between(first, last):
    return lambda at, _: first <= minutes(at) < last


# Whether a name is blocked, by the wall and by the clock.
BLOCKED = {
    "always.example": lambda at, _: True,
    "night.example": lambda at, _: minutes(at) >= 21 * 60 or minutes(at) < 7 * 60,
    "twice.example": between(135, 165),
    "ends.example": lambda _, ts: ts < datetime.datetime(2026, 10, 24, 20, tzinfo=ZONE).timestamp(),
    "sunday.example": lambda at, _: at.weekday() == 6,
    "both.example": lambda at, _: at.weekday() == 5 and 780 <= minutes(at) < 900,
    "other.example": lambda at, _: at.weekday() < 5,
    "fine.weekend.example": lambda at, _: at.weekday() >= 5 and not (at.weekday() == 5 and 1080 <= minutes(at) < 1200),
    "free.example": lambda at, _: False,
}


def is_blocked(name, ts):
    return BLOCKED[name](datetime.datetime.fromtimestamp(ts, ZONE), ts)


class Capture:
    """Frames as (microseconds, bytes), and beside them what is to become of each."""

    def __init__(self):
        self.rows = []  # (us, frame, passes)

    def add(self, us, name, port, is_v6, segment, is_named):
        client, server, ip, ether = (CLIENT_V6, SERVER_V6, p.ip6, p.ETH_IPV6) if is_v6 else \
            (CLIENT, SERVER, p.ip4, p.ETH_IP)
        src, dst, sport, dport = (client, server, port, 80) if segment[0] else (server, client, 80, port)
        frame = p.ethernet(ip(src, dst, p.TCP, p.tcp(src, dst, sport, dport, *segment[1:])), ether)
        self.rows.append((us, frame, not (is_named and is_blocked(name, us // 10**6))))

    def flow(self, name, port, first_us, times_us, is_v6=False):
        """A connection that asks for the name and is then heard of at these times."""
        request = p.http(name)
        for i, segment in enumerate(((True, 100, 0, "S"), (False, 500, 101, "SA"), (True, 101, 501, "A"))):
            self.add(first_us + i * 1000, name, port, is_v6, segment, False)
        self.add(first_us + 3000, name, port, is_v6, (True, 101, 501, "PA", request), True)
        for i, us in enumerate(times_us):
            segment = (i % 2 == 0, 101 + len(request), 501, "A") if i % 2 == 0 else \
                (False, 501, 101 + len(request), "A")
            self.add(us, name, port, is_v6, segment, True)

    def write(self, path, is_sorted=True):
        if is_sorted:
            self.rows.sort(key=lambda row: row[0])
        p.write_capture(path, [p.Record(us, frame, len(frame)) for us, frame, _ in self.rows])
        return path

    def passing(self):
        return [(us, frame) for us, frame, passes in self.rows if passes]


def day_and_a_half():
    c = Capture()
    for i, name in enumerate(BLOCKED):
        for v6 in (False, True):
            start = FIRST * 10**6 + i * 731000 + v6 * 97000
            times = range(start + EVERY_S * 10**6, start + HOURS * 3600 * 10**6, EVERY_S * 10**6)
            c.flow(name, 20000 + i * 2 + v6, start, times, v6)
    # And new ones all the time: their first frame is judged by its own minute.
    for k in range(0, HOURS * 3600, 600):
        name = list(BLOCKED)[k // 600 % len(BLOCKED)]
        c.flow(name, 30000 + k // 600, (FIRST + k) * 10**6 + 500000, [])
    return c


def analyze(suite, inputs, out, *options, stdin=None, zone="Europe/Berlin"):
    r = subprocess.run([BINARY, "analyze", *inputs, "-o", out, "--quiet", "--reproducible", "--json", out + ".json",
                        "--events", out + ".eve", *options], env=dict(os.environ, TZ=zone), stdin=stdin,
                       capture_output=True, text=True, timeout=120)
    if r.returncode:
        suite.check(False, f"analyze {' '.join(options)}", r.stderr)
    with open(out + ".json") as f:
        report = json.load(f)
    report.pop("input", None), report.pop("output", None)
    with open(out, "rb") as o, open(out + ".eve", "rb") as e:
        return o.read(), report, e.read()


def kept(path):
    return [(us, frame) for us, frame, *_ in p.read_capture(path)]


def difference(want, got):
    extra = [us for us, _ in set(got) - set(want)]
    missing = [us for us, _ in set(want) - set(got)]
    first = min(extra + missing, default=0) / 10**6
    return (f"{len(extra)} passed and {len(missing)} were dropped wrongly, the first at "
            f"{datetime.datetime.fromtimestamp(first, ZONE)}")


def night(suite, path, rules):
    c = day_and_a_half()
    capture, out = c.write(f"{path}/night.pcap"), f"{path}/out.pcap"
    whole = analyze(suite, [capture], out, "--rules", rules, "-w", "1")
    want = c.passing()
    suite.check(kept(out) == want, f"of {len(c.rows)} frames the right {len(want)} pass", difference(want, kept(out)))
    for workers in WORKERS[1:]:
        again = analyze(suite, [capture], out, "--rules", rules, "-w", workers)
        suite.check(again == whole, f"{workers} workers say the same", [a == b for a, b in zip(again, whole)])
    with subprocess.Popen(["cat", capture], stdout=subprocess.PIPE) as cat:
        again = analyze(suite, ["-"], out, "--rules", rules, "-w", "3", stdin=cat.stdout)
    suite.check(again == whole, "and a pipe", [a == b for a, b in zip(again, whole)])
    events = [json.loads(line) for line in whole[2].splitlines()]
    drops = sum(e["event_type"] == "drop" for e in events)
    suite.check(drops > 0 and whole[1]["counters"]["rules_late"] == 0, "drops are told", drops)
    labels = [r["rule"] for r in whole[1]["rules"]]
    suite.check(labels.count("domain:both.example") == 1, "a value with two times is told once", labels)
    parts = Capture(), Capture()
    for i, row in enumerate(c.rows):
        parts[i % 2].rows.append(row)
    inputs = [part.write(f"{path}/part{i}.pcap") for i, part in enumerate(parts)]
    analyze(suite, inputs, out, "--rules", rules, "-w", "2")
    suite.check(sorted(kept(out)) == sorted(want), "two captures as one", difference(want, kept(out)))


def moments(suite, path, rules):
    """--at, and another zone."""
    c = day_and_a_half()
    capture, out = f"{path}/night.pcap", f"{path}/at.pcap"
    for at in ("2026-10-24T22:00", "2026-10-26T12:00:00Z"):
        ts = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
        ts = (ts if ts.tzinfo else ts.replace(tzinfo=ZONE)).timestamp()
        with open(rules) as f:
            text = f.read()
        names = [n for n in BLOCKED if is_blocked(n, ts)]
        with open(f"{path}/plain.txt", "w") as f:
            f.write("[BLOCKED_DOMAINS]\n" + "".join(f"{n}\n" for n in names))
        a = analyze(suite, [capture], out, "--rules", rules, "--at", at)
        b = analyze(suite, [capture], out, "--rules", f"{path}/plain.txt")
        suite.check(a[0] == b[0] and text, f"--at {at}: the rules of that moment for all frames", names)
    r = subprocess.run([BINARY, "analyze", capture, "/dev/null", "--at", "noon"], capture_output=True, text=True)
    suite.check(r.returncode == 2 and "no moment" in r.stderr, "what is no moment is refused", r.stderr)
    a = analyze(suite, [capture], out, "--rules", rules, zone="Asia/Tokyo")
    b = analyze(suite, [capture], out, "--rules", rules)
    suite.check(a[0] != b[0], "another zone has other hours", "the same")
    suite.check(len(c.rows) > len(c.passing()) > 0, "something is dropped and something is not", "")


def back_in_time(suite, path, rules):
    """Frames that are out of order are judged by their own time; a capture that goes back again and
    again cannot have all flows judged each time."""
    edge = int(datetime.datetime(2026, 10, 24, 21, 0, tzinfo=ZONE).timestamp())
    out = f"{path}/back.out"
    for jumps, is_late in ((20, False), (4000, True)):
        c = Capture()
        c.flow("night.example", 20000, (edge - 20) * 10**6, [])
        c.flow("free.example", 20001, (edge - 20) * 10**6 + 1, [])
        for i in range(jumps):
            us = (edge + (i % 2) * 10 - 5) * 10**6 + i
            for port, name in ((20000, "night.example"), (20001, "free.example")):
                c.add(us, name, port, False, (True, 200, 501, "A"), True)
        capture = c.write(f"{path}/back.pcap", is_sorted=False)
        whole = analyze(suite, [capture], out, "--rules", rules, "-w", "1")
        late = whole[1]["counters"]["rules_late"]
        if is_late:
            suite.check(0 < late and analyze(suite, [capture], out, "--rules", rules, "-w", "5") == whole,
                        f"after many turns back {late} frames are judged late and counted, by all alike", late)
        else:
            suite.check(kept(out) == c.passing() and late == 0, "each by its own time", difference(c.passing(), kept(out)))


def main():
    suite = Suite()
    import tempfile
    with tempfile.TemporaryDirectory(prefix="dpi-when-") as path:
        rules = f"{path}/rules.txt"
        with open(rules, "w") as f:
            f.write(RULES)
        night(suite, path, rules)
        moments(suite, path, rules)
        back_in_time(suite, path, rules)
    raise SystemExit(suite.end())


if __name__ == "__main__":
    main()
