#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The WebAssembly module that the dashboard analyses captures with, held against the program: the
same report byte for byte, the same text, events, faults and exit statuses, however a capture is cut
into pieces; its size; what it asks of its page; and, in headless Chromium, its worker.

    test_wasm.py            what `make check` runs
    test_wasm.py --full     the first 200 MB of the bench capture in Chromium as well: packets a
                            second, memory

Shared captures come from DPI_CAPTURES (default: ../shared/captures beside the project).
"""
import gzip
import http.server
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TOP, "tests", "golden"))
from suite import check, results, say  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
WASM = os.path.join(TOP, os.environ.get("BUILD_WASM", "build"), "wasm", "dpi.wasm")
ROWS = os.path.join(TOP, os.environ.get("BUILD_WASM", "build"), "web", "rows")
GLUE = os.path.join(TOP, "user", "wasm", "glue")
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
GEN = os.path.join(BUILD, "tests", "bench", "gen_capture")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

PACKED_MAX = 150 << 10  # bytes of the module, by gzip
MEMORY_MAX = 96 << 20  # of each worker's module, for 200 MB of the bench capture
FULL_BYTES = 200 << 20

RULES = """[BLOCKED_APPS]
YouTube
category:social
TikTok
[BLOCKED_DOMAINS]
*.microsoft.com
=example.com
[BLOCKED_PORTS]
53/udp
[BLOCKED_IPS]
10.0.0.0/16
[ALLOWED_DOMAINS]
learnt:www.google.com
"""


def get(path):
    with open(path, "rb") as f:
        return f.read()


def put(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


class Place:
    """A directory of its own, and what node made of the jobs in it."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="dpi-wasm-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def node(self, jobs):
        put(self.path("jobs.json"), json.dumps(jobs))
        subprocess.run(["node", os.path.join(HERE, "wasm_run.mjs"), GLUE, WASM,
                        self.path("jobs.json"), self.dir], check=True, timeout=300)
        said = json.loads(get(self.path("results.json")))
        self.imports = said["imports"]
        return said["results"]

    def native(self, path, *options):
        """The program's word: (exit status, what it said last, JSON, text, events)."""
        names = [self.path("n.json"), self.path("n.events")]
        for name in names:
            if os.path.exists(name):
                os.unlink(name)
        r = subprocess.run([BIN, "analyze", path, "/dev/null", "--reproducible", "--json", names[0],
                            "--events", names[1], *options],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=120, check=False,
                           env=dict(os.environ, LC_ALL="C.UTF-8", NO_COLOR="1"))
        last = r.stderr.decode().rstrip("\n").rsplit("\n", 1)[-1]
        said = last.removeprefix("dpi-xdp: error: ") if "error: " in last else None
        return (r.returncode, said, *[get(n) if os.path.exists(n) else b"" for n in names], r.stdout)

    def differs(self, job, result, native):
        """What the module says otherwise than the program, in a word; None: nothing."""
        status, said, report, events, text = native
        if (result["status"], result.get("error")) != (status, said):
            return f"{result['status']} {result.get('error')!r}, not {status} {said!r}"
        if status not in (0, 3):
            return None
        for what, theirs, name in (("report", report, "json"), ("text", text, "txt"),
                                   ("events", events, "events")):
            path = self.path(f"{job['id']}.{name}")
            if os.path.exists(path) and get(path) != theirs:
                return what
        return None


def captures():
    if not os.path.isdir(CAPTURES):
        return []
    names = sorted(n for n in os.listdir(CAPTURES) if n.endswith((".pcap", ".pcapng")))
    return [os.path.join(CAPTURES, n) for n in names]


def compare_all(place, name, jobs, options, least):
    """Every job's file by the module and by the program."""
    said = place.node(jobs)
    faults = []
    for job in jobs:
        why = place.differs(job, said[job["id"]], place.native(job["file"], *options))
        if why:
            faults.append(f"{os.path.basename(job['file'])}: {why}")
    check(not faults and len(jobs) >= least, name, f"{len(jobs)} files; {'; '.join(faults)}")
    return said


# --- tests ------------------------------------------------------------------------------------
def the_module_is_small(place):
    """As a page gets it, and as one would from a machine that has nothing better than gzip."""
    row = re.search(rb'"/dpi.wasm", "[^"]*", \w+, (\d+)', get(ROWS))
    sent = int(row.group(1)) if row else 0
    packed = len(gzip.compress(get(WASM), 9))
    check(max(sent, packed) <= PACKED_MAX, f"the module is at most {PACKED_MAX} bytes packed",
          f"{sent} as it is sent, {packed} by gzip")


def it_asks_its_page_for_little(place):
    place.node([])
    check(sorted(place.imports) == ["host.random", "host.to_ascii", "host.write"],
          "the module asks its page for three things alone", place.imports)


def every_capture_gives_the_same_report(place):
    files = captures()
    if not files:
        say("skip", "every capture gives the same report", f"no captures at {CAPTURES}")
        return
    jobs = [{"id": str(i), "file": f} for i, f in enumerate(files)]
    compare_all(place, f"{len(files)} captures give the same report and text", jobs, (), 200)
    rules = put(place.path("rules.txt"), RULES)
    jobs = [{"id": str(i), "file": f, "rules": RULES, "events": True, "pieces": [4093, 1, 70001],
             "nets": ["192.168.0.0/16"]} for i, f in enumerate(files)]
    compare_all(place, f"{len(files)} captures with rules, in odd pieces: report, text and events",
                jobs, ("--rules", rules, "--local-net", "192.168.0.0/16"), 200)


def a_capture(place, flows=40, name="drawn.pcap"):
    """A capture that needs no others; None when the generator is not built."""
    if not os.path.exists(GEN):
        return None
    subprocess.run([GEN, "--shape", "bench", "--flows", str(flows), "--active", "10", "--out",
                    place.path(name), "--manifest", place.path("drawn.tsv")], check=True,
                   stdout=subprocess.DEVNULL, timeout=120)
    return place.path(name)


def pieces_do_not_show(place, drawn):
    jobs = [{"id": f"p{i}", "file": drawn, "pieces": pieces, "events": True, "rules": ""}
            for i, pieces in enumerate([[1 << 20], [1], [2, 3], [65535], [23, 1, 17, 262144],
                                        [262143], [262144], [262145], [524287, 5]])]
    compare_all(place, "the pieces that a capture comes in do not show", jobs, (), 9)


def a_cut_capture_ends_where_it_is_cut(place, drawn):
    data, jobs = get(drawn), []
    for i, end in enumerate([0, 1, 3, 4, 8, 23, 24, 25, 39, 40, 41, 100, len(data) // 2,
                             len(data) - 1]):
        path = put(place.path(f"cut{i}.pcap"), data[:end])
        jobs.append({"id": f"c{i}", "file": path, "pieces": [7, 100000]})
    wrong = bytearray(data)
    wrong[len(data) // 3:len(data) // 3 + 64] = b"\xff" * 64
    jobs.append({"id": "wrong", "file": put(place.path("wrong.pcap"), bytes(wrong))})
    compare_all(place, "a capture cut or damaged: the same words, status and report", jobs, (), 15)


def packed_captures_are_unpacked(place, drawn):
    data = get(drawn)
    half = len(data) // 2
    whole = gzip.compress(data, 9, mtime=0)
    two = gzip.compress(data[:half], 1) + gzip.compress(data[half:], 0)
    bad = bytearray(whole)
    bad[-6] ^= 1
    head = whole[:3] + b"\x1e" + whole[4:10] + b"\x05\x00extra" + b"a name\0a comment\0"
    head_sum = struct.pack("<H", zlib.crc32(head) & 0xffff)
    rows = {"one": whole, "stored": gzip.compress(data, 0), "fast": gzip.compress(data, 1),
            "two": two, "empty-members": gzip.compress(b"") * 3 + whole + gzip.compress(b""),
            "named": head + head_sum + whole[10:], "wrong-head": head + b"\x12\x34" + whole[10:],
            "damaged-sum": bytes(bad), "cut": whole[:len(whole) // 2],
            "cut-end": whole[:-3], "junk-behind": whole + b"junk",
            "damaged": whole[:5000] + b"\xff" * 40 + whole[5040:], "twice": gzip.compress(whole)}
    said_same = {"wrong-head", "one", "stored", "fast", "two", "empty-members", "named", "twice"}
    jobs = [{"id": f"z-{n}", "file": put(place.path(f"{n}.pcap.gz"), d), "pieces": [4099, 3]}
            for n, d in rows.items()]
    said, faults = place.node(jobs), []
    for job in jobs:
        native, result = place.native(job["file"]), said[job["id"]]
        if job["id"][2:] not in said_same:  # where zlib has words of its own, the status decides
            result = dict(result, error=native[1])
        why = place.differs(job, result, native)
        if why:
            faults.append(f"{job['id']}: {why}")
    check(not faults, f"{len(rows)} packed captures, whole and damaged, as zlib has them", faults)
    zstd = put(place.path("in.zst"), b"\x28\xb5\x2f\xfd" + bytes(100))
    r = place.node([{"id": "zst", "file": zstd}])["zst"]
    check(r["status"] == 2 and "unpack it first: zstd -dc" in r["error"],
          "a zstd capture is refused with what to do", r)


def what_is_no_capture_is_refused(place):
    rows = {"text": b"this is a text, and no capture at all\n" * 9, "elf": get(sys.executable)[:500],
            "nothing": b"", "zip": b"PK\x03\x04" + bytes(80), "xz": b"\xfd7zXZ\0" + bytes(80),
            "three": b"\xd4\xc3\xb2"}
    jobs = [{"id": n, "file": put(place.path(n), d)} for n, d in rows.items()]
    compare_all(place, "what is no capture is refused in the same words", jobs, (), 6)
    odd = put(place.path("odd"), bytes(range(100)))
    r = place.node([{"id": "odd", "file": odd}])["odd"]
    check(r["status"] == 2 and "neither pcap nor pcapng" in r["error"] and
          place.native(odd)[0] == 2, "bytes of no kind are refused", r)


def rules_are_read_alike(place):
    good = RULES + "[BLOCKED_DOMAINS]\nmünchen.example.de\n例え.jp\n[ALLOWED_APPS]\ntwitter\n" + \
        "[BLOCKED_APPS]\nnetflix   mon-fri 21:00-07:00 sat,sun   # at night\n" \
        "Twitch until 2999-01-01T00:00:00Z\n[BLOCKED_DOMAINS]\na.example 08:00-12:00\n"
    bad = ["[BLOCKED_APPS]\nNoSuchAppAtAll\n", "[BLOCKED_IPS]\n10.0.0.0/99\n", "[NO_SECTION]\n",
           "[BLOCKED_DOMAINS]\ncom\n", "[BLOCKED_PORTS]\n70000\n", "YouTube\n",
           "[BLOCKED_DOMAINS]\na..b\n"]
    jobs = [{"id": "good", "rules": good}] + \
           [{"id": f"bad{i}", "rules": text} for i, text in enumerate(bad)]
    said = place.node(jobs)
    env = dict(os.environ, DPI_XDP_STATE_DIR=place.path("state"), DPI_XDP_RUN_DIR=place.path("run"))

    def load(text):
        return subprocess.run([BIN, "rules", "load", put(place.path("rules"), text)], env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False, cwd=place.dir)

    load(good)
    stored = subprocess.run([BIN, "rules", "-q"], env=env, stdin=subprocess.DEVNULL, timeout=60,
                            stdout=subprocess.PIPE, check=False).stdout.decode()

    def values(text):
        return [l.split("    #")[0] for l in text.splitlines() if l and not l.startswith("#")]

    check(values(said["good"].get("rules", "")) == values(stored) and "xn--mnchen" in stored and
          "Netflix  mon-fri 21:00-07:00 sat,sun" in stored,
          "rules come out as the program writes them", (said["good"], stored))
    faults = []
    for i, text in enumerate(bad):
        r, theirs = said[f"bad{i}"], load(text)
        word = r.get("error", "").split("rules:", 1)[-1].split(";")[0]
        if r["status"] != 2 or theirs.returncode != 2 or word not in theirs.stderr.decode():
            faults.append((text, r, theirs.stderr.decode()))
    check(not faults, "bad rules are refused in the program's words", faults)


def packets_come_one_by_one(place, drawn):
    report = json.loads(place.native(drawn, "--block-app", "YouTube")[2])
    total, blocked = report["total_packets"], "[BLOCKED_APPS]\nYouTube\n"
    jobs = [{"id": "all", "file": drawn, "rules": blocked, "rows": [1, 1e15]},
            {"id": "some", "file": drawn, "rules": blocked, "rows": [7, 9]},
            {"id": "last", "file": drawn, "rules": blocked, "rows": [1, 1e15, 5]}]
    place.node(jobs)
    rows, some, last = (json.loads(get(place.path(f"{j['id']}.rows"))) for j in jobs)
    check([r["number"] for r in rows] == list(range(1, total + 1)), "every packet has its row",
          len(rows))
    check(some == rows[6:9] and last == rows[-5:], "a range of packets, and the last ones",
          ([r["number"] for r in some], [r["number"] for r in last]))
    dropped = sum(r["action"] == "dropped" for r in rows)
    check(dropped == report["dropped_packets"] and dropped > 0,
          "rows say which packets were dropped", (dropped, report["dropped_packets"]))
    ends = {(c["src_ip"], c["src_port"]) for c in report["connections"]} | \
        {(c["dst_ip"], c["dst_port"]) for c in report["connections"]}
    strange = [r for r in rows if (r["src"], r["srcPort"]) not in ends]
    check(not strange and sum(r["size"] for r in rows) == report["total_bytes"],
          "rows have the report's addresses, ports and bytes", strange[:2])
    check(any("query" in r["info"] for r in rows) and any("www." in r["info"] for r in rows) and
          all(0 < len(r["head"]) <= min(128, r["captured"]) for r in rows),
          "rows tell names, and the first bytes")


def a_change_of_rules_is_a_difference(place, drawn):
    said = place.node([{"id": "before", "file": drawn},
                       {"id": "after", "file": drawn, "rules": "[BLOCKED_APPS]\nYouTube\n"},
                       {"id": "what", "compare": ["before", "after"]},
                       {"id": "same", "compare": ["after", "after"]}])
    after = json.loads(get(place.path("after.json")))
    d = said["what"]["difference"]
    check(d["packets"]["dropped"]["change"] == after["dropped_packets"] > 0 and
          len(d["connections"]) == len(after["blocked_connections"]) and
          all(c["after"] == "blocked" and c["reason_after"] == "app:YouTube"
              for c in d["connections"]) and
          [r["rule"] for r in d["rules"]] == ["app:YouTube"],
          "a change of rules is told as a difference", d["packets"])
    same = said["same"]["difference"]
    check(not same["connections"] and not same["rules"] and not same["apps"],
          "no change is no difference", same)


def parts_are_the_whole(place, drawn):
    """As several workers do it, in one process; with shared captures where there are some."""
    files = [drawn] + captures()[::9]
    jobs = [{"id": f"{parts}-{i}", "file": f, "rules": RULES, "parts": parts}
            for i, f in enumerate(files) for parts in (2, 3, 16)]
    rules = put(place.path("rules.txt"), RULES)
    said, faults, native = place.node(jobs), [], {}
    for job in jobs:
        theirs = native.get(job["file"]) or place.native(job["file"], "--rules", rules)
        native[job["file"]] = theirs
        if place.differs(dict(job, id=job["id"]), said[job["id"]],
                         (theirs[0], theirs[1], theirs[2], b"", theirs[4])):
            faults.append(job["id"] + " " + os.path.basename(job["file"]))
    check(not faults, f"{len(files)} captures in 2, 3 and 16 parts are as in one", faults)


# --- in a browser -----------------------------------------------------------------------------
PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script type=module>
const say = (o) => fetch("/said", {method: "POST", body: JSON.stringify(o)});
const worker = new Worker("/glue/worker.js", {type: "module"});
const heard = {};
let numbers = [];
const hear = (type) => new Promise((done) => {
  worker.onmessage = ({data}) => {
    heard[data.type] = (heard[data.type] ?? 0) + 1;
    if (data.type === "rows") numbers.push(...data.rows.map((r) => r.number));
    if (data.type === type || data.type === "error") done(data);
  };
});
worker.onerror = (e) => say({type: "fault", error: e.message});
const file = await (await fetch("/capture")).blob();
let next = hear("ready");
worker.postMessage({type: "load", module: new URL("/dpi.wasm", location).href});
await next;
if (STOPPED) {
  next = hear("stopped");
  worker.postMessage({type: "analyze", id: 0, file, rules: RULES, options: OPTIONS});
  worker.postMessage({type: "stop", id: 0});
  await next;
  next = hear("error");
  worker.postMessage({type: "analyze", id: 0, file, rules: "[NO_SECTION]", options: OPTIONS});
  await next;
}
for (let i = 0; i < RUNS; i++) {
  next = hear("report");
  worker.postMessage({type: "analyze", id: i, file, rules: RULES, options: OPTIONS});
  const {json, ...rest} = await next;
  await fetch("/report", {method: "POST", body: json});
  await say({...rest, heard, numbers});
  numbers = [];
}
await say({type: "done"});
</script>"""


class Browser:
    """Headless Chromium on a page that runs the worker; what the page said is in .said."""

    def __init__(self, place, capture, rules="", runs=1, options=None, is_stopped=False):
        self.said, self.report, self.done = [], None, threading.Event()
        self.reports = set()
        self.pid, self.used = 0, {}
        page = PAGE.replace("RUNS", str(runs)).replace("OPTIONS", json.dumps(options or {}))
        page = page.replace("STOPPED", str(is_stopped).lower())
        files = {"/": page.replace("RULES", json.dumps(rules)), "/capture": capture,
                 "/dpi.wasm": WASM}
        browser = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path.startswith("/glue/"):
                    body, kind = get(GLUE + self.path[5:]), "text/javascript"
                elif self.path in files:
                    body = files[self.path]
                    body = body.encode() if self.path == "/" else get(body)
                    kind = "text/html" if self.path == "/" else "application/octet-stream"
                else:
                    body, kind = b"", "text/plain"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/report":
                    browser.report = body
                    browser.reports.add(body)
                else:
                    browser.said.append(dict(json.loads(body), busy=browser.busiest()))
                    if browser.said[-1]["type"] in ("done", "fault"):
                        browser.done.set()
                self.send_response(204)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.profile = place.path(f"profile{time.monotonic_ns()}")

    def busiest(self):
        """Seconds of processor time since the last call, of the worker that used most."""
        now, pids = {}, [self.pid]
        while pids:
            pid = pids.pop()
            try:
                for tid in os.listdir(f"/proc/{pid}/task"):
                    stat = get(f"/proc/{pid}/task/{tid}/stat").decode()
                    fields = stat[stat.rindex(")") + 2:].split()
                    if "(DedicatedWorker" in stat:
                        now[tid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                    pids += get(f"/proc/{pid}/task/{tid}/children").decode().split()
            except (OSError, ValueError):
                pass  # it has just ended
        last, self.used = self.used, now
        return max((v - last.get(k, 0) for k, v in now.items()), default=0)

    def run(self, seconds):
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        browser = subprocess.Popen(
            [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             f"--user-data-dir={self.profile}", f"http://127.0.0.1:{self.server.server_port}/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = browser.pid
        try:
            return self.done.wait(seconds)
        finally:
            browser.terminate()
            try:
                browser.wait(10)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()
            self.server.shutdown()
            thread.join()
            self.server.server_close()


def a_browser_says_the_same(place, drawn):
    name = "in Chromium the worker gives the same report"
    if not BROWSER:
        say("skip", name, "no chromium here")
        return
    b = Browser(place, drawn, "[BLOCKED_APPS]\nYouTube\n", 1,
                {"name": drawn, "rows": {"recent": 50}, "events": True, "text": True})
    if not b.run(40):
        say("FAIL", name, f"it said {b.said}")
        return
    theirs = place.native(drawn, "--block-app", "YouTube")[2]
    told = b.said[0]
    check(b.report == theirs and told["status"] == 0 and told["error"] is None, name, told)
    check(all(told["heard"].get(k) for k in ("progress", "rows", "events")),
          "the worker tells progress, packets and events", told.get("heard"))


def workers_do_not_show(place, drawn):
    name = "in Chromium three workers give the report of one, and every row in order"
    if not BROWSER:
        say("skip", name, "no chromium here")
        return
    b = Browser(place, drawn, RULES, 2, {"name": drawn, "workers": 3, "rows": {"from": 1}}, True)
    if not b.run(40):
        say("FAIL", name, f"it said {b.said}")
        return
    rules = put(place.path("rules.txt"), RULES)
    report = place.native(drawn, "--rules", rules)[2]
    told = b.said[0]
    check(told["heard"].get("stopped") == 1 and told["heard"].get("error") == 1,
          "an analysis is stopped, another refused, and the next one runs", told["heard"])
    numbers = list(range(1, json.loads(report)["total_packets"] + 1))
    check(b.report == report and told["workers"] == 3 and told["numbers"] == numbers, name,
          (told["workers"], len(told["numbers"]), len(numbers)))


def a_browser_never_waits_forever(place):
    """A file that is read by a worker of its own, again and again, for one worker and for three."""
    name = "in Chromium 20 runs end one after another, each with the program's report"
    path = a_capture(place, 1500, "large.pcap") if BROWSER else None
    if not path:
        say("skip", name, "no chromium, or no generator")
        return
    report = place.native(path)[2]
    for workers in (1, 3):
        b = Browser(place, path, "", 10, {"name": path, "workers": workers}, True)
        is_over = b.run(60)
        told = [s for s in b.said if s["type"] == "report"]
        check(is_over and len(told) == 10 and b.reports == {report} and
              all(t["workers"] == workers for t in told),
              f"{name} ({workers} workers, {len(told)} runs)", b.said[-1:])


def the_first_200_mb(place):
    """By hand: packets a second in Chromium and the module's memory."""
    whole = a_capture(place, 30000, "whole.pcap")
    data = get(whole)[:FULL_BYTES]
    os.unlink(whole)
    path = put(place.path("bench.pcap"), data)
    b = Browser(place, path, "", 5, {"name": path})
    if not b.run(120):
        say("FAIL", "200 MB in Chromium", f"it said {b.said}")
        return
    runs = [s for s in b.said if s["type"] == "report"]
    theirs = place.native(path)[2]
    began = os.times()
    subprocess.run([BIN, "analyze", path, "/dev/null", "--reproducible", "--quiet", "--workers", "1",
                    "--json", place.path("n.json")], stderr=subprocess.DEVNULL, check=False)
    took = sum(os.times()[2:4]) - sum(began[2:4])
    busy = min(s["busy"] for s in runs[1:])
    check(b.report == theirs, "200 MB of the bench capture: the same report")
    best = min(runs, key=lambda r: r["seconds"])
    print(f"   {len(data)} bytes, {best['packets']} packets; seconds of {len(runs)} runs: "
          f"{', '.join('%.2f' % r['seconds'] for r in runs)}; best: "
          f"{best['packets'] / best['seconds']:,.0f} packets/s; memory {best['memory'] >> 20} MiB")
    print(f"   {best['workers']} workers; processor time of the busiest one {busy:.2f} s, which is "
          f"{best['packets'] / max(busy, 0.01):,.0f} packets/s; of the program with one worker "
          f"{took:.2f} s")
    check(best["memory"] <= MEMORY_MAX * best["workers"],
          f"its memory is at most {MEMORY_MAX >> 20} MiB a worker", best["memory"])
    check(best["packets"] >= 1000000 * best["seconds"], "at least 1,000,000 packets a second",
          f"{best['packets'] / best['seconds']:,.0f}")


def main():
    if not shutil.which("node"):
        say("skip", "the WebAssembly module", "node is not installed")
        return 0
    if not os.path.exists(WASM):
        say("skip", "the WebAssembly module", "not built; see what `make wasm` says")
        return 0
    with Place() as place:
        the_module_is_small(place)
        it_asks_its_page_for_little(place)
        every_capture_gives_the_same_report(place)
        what_is_no_capture_is_refused(place)
        rules_are_read_alike(place)
        drawn = a_capture(place)
        if not drawn:
            say("skip", "drawn captures", "make tools builds the generator")
        else:
            pieces_do_not_show(place, drawn)
            a_cut_capture_ends_where_it_is_cut(place, drawn)
            packed_captures_are_unpacked(place, drawn)
            packets_come_one_by_one(place, drawn)
            a_change_of_rules_is_a_difference(place, drawn)
            parts_are_the_whole(place, drawn)
            a_browser_says_the_same(place, drawn)
            workers_do_not_show(place, drawn)
            a_browser_never_waits_forever(place)
        if "--full" in sys.argv[1:]:
            the_first_200_mb(place)
    print(f"{results['ok']} ok, {results['FAIL']} failed, {results['skip']} skipped")
    return 1 if results["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
