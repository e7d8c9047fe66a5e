#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
/analyze: the report of an uploaded capture is that of `dpi-xdp analyze`, byte for byte; what is
hostile is refused in the program's own words, costs no more than the limits say and leaves nothing.

    test_uploads.py [--full] [TEST...]     --full: every capture, the long waits, and 1 GB
"""
import gzip
import http.client
import json
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time

from service import BUILD, PROGRAM, Serve, TOP, main

FULL = "--full" in sys.argv
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
MIB = 1 << 20
FORM = "multipart/form-data; boundary=XX"
PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def record(data, length=None):
    return struct.pack("<IIII", 1700000000, 0, len(data) if length is None else length,
                       len(data)) + data


# An Ethernet frame with an IPv4 packet, UDP from 10.0.0.1:40000 to 10.0.0.2:2000.
FRAME = bytes.fromhex("02000000000202000000000108004500002400010000401166c60a0000010a000002"
                      "9c4007d000100000") + b"payload!"
SMALL = PCAP + record(FRAME) * 100


def form(data, name="file", filename="x.pcap"):
    head = (f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n")
    return head.encode() + data + b"\r\n"


def post(serve, data, query="", end=b"--XX--\r\n"):
    return serve.ask("POST", "/analyze" + query, data + end, {"Content-Type": FORM}, timeout=90)


def put(serve, data, query=""):
    return serve.ask("PUT", "/analyze" + query, data, timeout=90)


def analyze(data, *args):
    """The command's own word on the same bytes: its exit status and standard output."""
    r = subprocess.run([PROGRAM, "analyze", "-", "/dev/null", "--json", "-", "--reproducible",
                        "--quiet", *args], input=data, capture_output=True, timeout=120)
    return r.returncode, r.stdout


class Spool:
    """A service whose files without a name are made in a directory of the test's own."""

    def __init__(self, *args):
        self.dir = tempfile.mkdtemp(prefix="dpi-spool-")
        os.chmod(self.dir, 0o1777)
        self.serve = Serve(*args, env={"TMPDIR": self.dir})

    def __enter__(self):
        self.serve.start()
        return self

    def __exit__(self, *_):
        self.serve.__exit__()
        self.left = os.listdir(self.dir)
        for name in self.left:
            os.unlink(os.path.join(self.dir, name))
        os.rmdir(self.dir)

    def launcher(self):
        return next(p for p in self.serve.pids()[1:] if comm(p) == "dpi-xdp-launch")

    def children(self):
        """The analyses that run."""
        return [p for p in self.serve.pids() if comm(p) == "dpi-xdp" and p != self.serve.process.pid]

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{p}/fd"))
                   for p in (self.serve.process.pid, self.launcher()))


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def wait_for(what, timeout=5.0):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


def begin(serve, size, sent):
    """A request that stops in the middle of its body: the connection."""
    s = serve.connect()
    s.sendall(f"PUT /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
    s.sendall(sent)
    return s


def counter(serve, name):
    return serve.ask("GET", "/health").json()["service"][name]


# --- what is answered -------------------------------------------------------------------------
def test_same_as_command(suite):
    if not os.path.isdir(CAPTURES):
        suite.skip("test_same_as_command", "DPI_CAPTURES names no directory")
        return
    names = sorted(n for n in os.listdir(CAPTURES) if n.endswith((".pcap", ".pcapng", ".cap")))
    rows = []
    with Serve() as serve:
        for i, name in enumerate(names if FULL else names[::12]):
            with open(os.path.join(CAPTURES, name), "rb") as f:
                data = f.read()
            status, expected = analyze(data)
            got = (post(serve, form(data), "?reproducible=1") if i % 2 else
                   put(serve, data, "?reproducible=1"))
            if status in (0, 3):
                good = got.status == 200 and got.body == expected and \
                    got.headers["Dpi-Xdp-Capture"] == ("damaged" if status == 3 else "whole")
            else:
                good = status == 2 and got.status == 422
            rows.append((f"{name}: status {status}, {got}", good))
    suite.all(rows, "the report of an upload is the command's, byte for byte")


def test_curl(suite):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f, Serve() as serve:
        f.write(SMALL)
        f.flush()
        r = subprocess.run(["curl", "-s", "--noproxy", "*", "-F", f"file=@{f.name}",
                            f"http://127.0.0.1:{serve.port}/analyze"], capture_output=True, timeout=30)
        report = json.loads(r.stdout)
        suite.check(report["total_packets"] == 100 and report["schema"] == "dpi-xdp/report/1" and
                    "duration_s" in report, "the predecessors' line for curl gives a report", r.stdout)
        r = serve.ask("POST", "/api/v1/analyze", form(SMALL) + b"--XX--\r\n", {"Content-Type": FORM})
        suite.check(r.status == 200, "the same under /api/v1", r)


def test_rules(suite):
    with Serve() as serve:
        subprocess.run([PROGRAM, "block-port", "2000/udp"], env=serve.env, capture_output=True,
                       check=True, timeout=20)
        dropped = {}
        for query in ("", "?block-ip=10.0.0.2&allow-ip=10.0.0.1", "?block-ip=10.9.9.9",
                      "?block-ip=10.9.9.9&block-ip=src:10.0.0.1"):
            dropped[query] = put(serve, SMALL, query).json()["dropped_packets"]
        suite.check(list(dropped.values()) == [100, 0, 0, 100],
                    "rules are those of the query, else those in force", dropped)
        r = put(serve, SMALL, "?block-app=Yutube")
        suite.check(r.status == 422 and "YouTube" in r.json()["detail"],
                    "an unknown application is refused with the nearest", r)
        r = put(serve, SMALL, "?block-app=--workers")
        suite.check(r.status == 422, "a value is never an option", r)


def test_filtered(suite):
    """?output=capture: what the command writes as OUT."""
    data = SMALL + (record(FRAME[:36] + b"\x1f\x90" + FRAME[38:])) * 50
    expected = subprocess.run([PROGRAM, "analyze", "-", "-", "--quiet", "--block-port", "8080"], input=data,
                              capture_output=True, timeout=60).stdout
    with Serve() as serve:
        r = put(serve, data, "?output=capture&block-port=8080")
        suite.check(r.status == 200 and r.body == expected and len(expected) == len(SMALL),
                    "the filtered capture can be had instead", (r, len(r.body), len(expected)))
        r = put(serve, data, "?output=pcap")
        suite.check(r.status == 422 and "output" in r.json()["detail"], "another output is refused", r)
        r = put(serve, PCAP[:10], "?output=capture")
        suite.check(r.status == 422, "of what has no head there is none", r)


def test_faults(suite):
    cut = SMALL[:-20]
    with Serve() as serve:
        r = put(serve, cut, "?reproducible=1")
        suite.check(r.status == 200 and r.headers["Dpi-Xdp-Capture"] == "damaged" and
                    "cut short" in r.headers["Dpi-Xdp-Note"] and
                    r.json()["counters"]["capture_damaged"] == 1 and r.body == analyze(cut)[1],
                    "a damaged capture gives its report, and is called so", r.headers)
        rows = [("text", put(serve, b"hello\n" * 100), 422, "not a capture"),
                ("nothing", put(serve, b""), 422, "empty"),
                ("an empty file", post(serve, form(b"")), 422, "empty"),
                ("no file", post(serve, form(SMALL, name="fill")), 422, '"file"'),
                ("two files", post(serve, form(SMALL) * 2), 422, "two captures"),
                ("no last boundary", post(serve, form(SMALL), end=b""), 400, "boundary"),
                ("another type", serve.ask("POST", "/analyze", b"x", {"Content-Type": "text/csv"}),
                 415, "text/csv"),
                ("no boundary", serve.ask("POST", "/analyze", b"x",
                                          {"Content-Type": "multipart/form-data"}), 400, "boundary")]
        suite.all([((what, r), r.status == status and words in r.json()["detail"] and
                    r.headers["Content-Type"] == "application/problem+json")
                   for what, r, status, words in rows], "what is no capture is a problem document")


def test_straight(suite):
    """A client that waits for leave to send (as curl does from 1 MiB on) has its body taken from the
    socket itself. However the form is built and cut, the report is the same."""
    capture = PCAP + b"".join(record(FRAME[:26] + struct.pack(">I", 0x0A000000 + i % 5000) + FRAME[30:] +
                                     b"\r\n--" * (i % 50)) for i in range(15000))
    _, expected = analyze(capture)
    head = ("PUT /analyze?reproducible=1 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Length: {len(capture)}\r\n\r\n").encode()
    with tempfile.TemporaryDirectory() as d, Serve("--capture-size", "6") as serve:
        def curl(*args):
            return subprocess.run(["curl", "-s", "-S", "--noproxy", "*", "-m", "30", *args,
                                   f"http://127.0.0.1:{serve.port}/analyze?reproducible=1"],
                                  capture_output=True, timeout=40).stdout

        for name, data in (("good", capture), ("text", b"hello\n" * 300000), ("long", capture * 3),
                           ("field", b"\r\n\r\n" * 20000), ("longer", os.urandom(1500000))):
            with open(os.path.join(d, name), "wb") as f:
                f.write(data)
        good, text, long, field, longer = (os.path.join(d, n) for n in
                                           ("good", "text", "long", "field", "longer"))
        rows = [
            ("-T", good), ("-F", f"file=@{good}"), ("-F", "x=1", "-F", f"file=@{good}"),
            ("-F", "x=", "-F", f"file=@{good}"), ("-F", f"file=@{good}", "-F", "y=2"),
            ("-F", f"x=<{field}", "-F", f"file=@{good}", "-F", "y=2"),
            ("-F", f"file=@{good}", "-F", f"y=<{field}"),
            ("-F", f"file=@{good}", "-F", f"y=@{longer}", "-F", "z=3"),
            ("-F", f"file=@{good}", "-F", f"y=@{longer}", "-H", "Expect:"),
            ("-F", f'file=@{good};filename="a\r\n\r\nb"'), ("-H", "Expect:", "-F", f"file=@{good}"),
            ("-H", "Expect:", "-T", good), ("--limit-rate", "4M", "-F", f"file=@{good}")]
        suite.all([(args, curl(*args) == expected) for args in rows],
                  "a body that is asked for gives the same report")
        two = curl("-D", "-", "-F", f"file=@{good}", "-F", f"file=@{good}")
        suite.check(b"Dpi-Xdp-Capture: damaged" in two and b"another capture follows" in two,
                    "nor is a second capture passed over in silence", two[:600])
        cases = ((("-T", text), 422), (("-F", f"file=@{text}"), 422), (("-T", long), 413),
                 (("-F", f"file=@{long}"), 413), (("-F", f"fill=@{good}"), 422))
        answers = [(args, status, curl(*args)) for args, status in cases]
        suite.all([(row, json.loads(row[2])["status"] == row[1]) for row in answers],
                  "what is none is refused there too")
        rows = []
        for early in (0, 1, 1000, 70000):  # so much is sent without leave
            with serve.connect() as s:
                s.sendall(head + capture[:early])
                time.sleep(0.1)
                s.sendall(capture[early:])
                got = b""
                while part := s.recv(1 << 20):
                    got += part
            rows.append(((early, got[:300]), got.endswith(b"\r\n\r\n" + expected)))
        suite.all(rows, "nor does it matter whether the client waits for leave")
        began = time.monotonic()
        with serve.connect() as s:
            s.sendall(head)
            at = 0
            for size in (1500000, 1, 300000, 70000, 100, len(capture)):  # fast, and then it is not
                s.sendall(capture[at:at + size])
                at += size
                time.sleep(0.1)
            got = b""
            while part := s.recv(1 << 20):
                got += part
        took = time.monotonic() - began
        suite.check(got.endswith(b"\r\n\r\n" + expected) and took < 8,
                    "a client that is fast by turns is waited for", (took, got[:300]))
    with Spool() as spool:
        with spool.serve.connect() as s:
            s.sendall(head)
            s.recv(100)
            s.sendall(capture[:500000])
            begun = wait_for(spool.children)
        suite.check(begun and wait_for(lambda: not spool.children()) and
                    wait_for(lambda: counter(spool.serve, "captures_left") == 1),
                    "a client that hangs up there ends the analysis")


# --- limits -----------------------------------------------------------------------------------
def chunked(serve, parts):
    c = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=60)
    try:
        c.request("PUT", "/analyze", iter(parts), encode_chunked=True,
                  headers={"Transfer-Encoding": "chunked"})
        r = c.getresponse()
        return r.status, r.read()
    finally:
        c.close()


def test_quota(suite):
    exact = PCAP + record(FRAME) * ((MIB - len(PCAP)) // len(record(FRAME)))
    exact += record(b"\0" * (MIB - len(exact) - 16)) if MIB - len(exact) >= 16 else b""
    with Serve("--capture-size", "1") as serve:
        status = {
            "to the byte": put(serve, exact + b"\0" * (MIB - len(exact))).status,
            "one more, unannounced": chunked(serve, [exact, b"\0" * (MIB + 1 - len(exact))])[0],
            "far more, announced": put(serve, b"\0" * (2 * MIB)).status,
            "in a form": post(serve, form(exact + b"\0" * 1000)).status,
        }
        suite.check(list(status.values())[1:] == [413] * 3 and status["to the byte"] in (200, 422),
                    "--capture-size holds to the byte", status)
    with Serve() as serve:
        suite.check(chunked(serve, [SMALL[:500], SMALL[500:]])[0] == 200,
                    "an upload of unknown length is taken", "")


def test_hostile(suite):
    """Ten uploads that were made to hurt."""
    many = b"".join(record(FRAME[:26] + struct.pack(">II", 0x0A000000 + i, 0x0B000000 + i) +
                           FRAME[34:]) for i in range(20000))
    member = gzip.compress(record(FRAME) * 200000, 1)
    block = struct.pack("<III", 0x0A0D0D0A, 28, 0x1A2B3C4D) + struct.pack("<HHqI", 1, 0, -1, 28)
    uploads = {
        "a record of 4 GiB": PCAP + record(FRAME, 0xFFFFFFFF) + b"\0" * 1000,
        "a block of 4 GiB": block + struct.pack("<II", 6, 0xFFFFFFF0) + b"\0" * 1000,
        "a snap length of 4 GiB": PCAP[:16] + struct.pack("<II", 0xFFFFFFFF, 1) + record(FRAME),
        "noise behind a good head": PCAP + os.urandom(200000),
        "a section of sections": block * 20000,
        "half a head": PCAP[:11],
        "20,000 flows": PCAP + many,
        "a gzip bomb": gzip.compress(PCAP, 1) + member * 200,  # 2.6 GB of records
        "a zstd head with nothing behind": b"\x28\xb5\x2f\xfd" + b"\xff" * 100,
        "a name that climbs": None,
    }
    rows = []
    with Spool("--capture-cpu", "1") as spool:
        put(spool.serve, SMALL)
        before = spool.descriptors()
        for what, data in uploads.items():
            r = (post(spool.serve, form(SMALL, filename="../../../etc/passwd\0")) if data is None
                 else put(spool.serve, data))
            rows.append(((what, r), r.status in (200, 400, 422)))
            if what == "a gzip bomb":
                rows.append(((what, r), r.status == 422 and "processor time" in r.json()["detail"]))
        suite.all(rows, "hostile uploads are answered within their limits")
        suite.check(wait_for(lambda: not spool.children() and spool.descriptors() <= before),
                    "no analysis and no descriptor is left", (before, spool.descriptors()))
        suite.check(os.listdir(spool.dir) == [], "no file is left", os.listdir(spool.dir))
        suite.check(put(spool.serve, SMALL).status == 200, "and the next capture is analysed")
    suite.check(spool.left == [], "nor when the service has ended", spool.left)


def test_confined(suite):
    """While it reads, an analysis has no rights to speak of."""
    with Spool() as spool:
        with begin(spool.serve, 10 * MIB, SMALL):
            if not suite.check(wait_for(spool.children), "an analysis begins with the first bytes"):
                return
            pid = spool.children()[0]
            with open(f"/proc/{pid}/status") as f:
                status = dict(l.split(":", 1) for l in f.read().splitlines())
            with open(f"/proc/{pid}/limits") as f:
                limits = f.read()
            fds = {os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}
            own, its = os.readlink("/proc/self/ns/net"), os.readlink(f"/proc/{pid}/ns/net")
        bars = {
            "no capability": all(int(status[c], 16) == 0 for c in ("CapEff", "CapPrm", "CapInh")),
            "no way to get one": status["NoNewPrivs"].strip() == "1",
            "a list of system calls": status["Seccomp"].strip() == "2",
            "processor time": re.search(r"Max cpu time +60 ", limits),
            "addresses": re.search(rf"Max address space +{1 << 30} ", limits),
            "file size": re.search(rf"Max file size +{256 * MIB} ", limits),
            "no core": re.search(r"Max core file size +0 ", limits),
            "no socket": not any(f.startswith("socket:") for f in fds),
        }
        if os.getuid() == 0:
            bars["another user"] = set(status["Uid"].split()) != {"0"}
            bars["no network"] = own != its
        suite.all(bars.items(), "the analysis is confined")
        suite.check(wait_for(lambda: not spool.children()), "a client that hangs up ends it")
        suite.check(wait_for(lambda: os.listdir(spool.dir) == []), "and leaves no file")


def test_turns(suite):
    with Spool("--capture-jobs", "1") as spool:
        serve = spool.serve
        first = begin(serve, len(SMALL), SMALL[:100])
        wait_for(spool.children)
        second = begin(serve, len(SMALL), SMALL)
        time.sleep(0.3)
        alone = len(spool.children())
        first.sendall(SMALL[100:])
        got = [read_status(first), read_status(second)]
        suite.check(alone == 1 and got == [200, 200], "the second waits for its turn", (alone, got))
        holder = begin(serve, len(SMALL), SMALL[:100])
        wait_for(spool.children)
        left = begin(serve, len(SMALL), SMALL[:100])
        left.close()
        holder.sendall(SMALL[100:])
        got = read_status(holder), put(serve, SMALL)
        suite.check(got[0] == got[1].status == 200, "one that hangs up while it waits is in nobody's way",
                    got)
        if FULL:
            holder = begin(serve, 10 * MIB, SMALL)
            wait_for(spool.children)
            began = time.monotonic()
            waiting = begin(serve, len(SMALL), SMALL)
            for _ in range(32):
                time.sleep(1)
                holder.sendall(record(FRAME) * 50)  # who is slow is cut
            r = waiting.recv(4096)
            suite.check(b" 503 " in r[:20] and b"Retry-After: " in r,
                        f"one that waits {time.monotonic() - began:.0f} s is told to come again", r)
            holder.close()


def read_status(s):
    with s:
        s.settimeout(30)
        data = b""
        while b"\r\n" not in data:
            part = s.recv(65536)
            if not part:
                break
            data += part
        m = re.match(rb"HTTP/1.1 (\d+)", data)
        return int(m[1]) if m else None


def test_end(suite):
    """The service ends while captures are on their way."""
    with Spool("--capture-jobs", "1") as spool:
        held = [begin(spool.serve, 10 * MIB, SMALL) for _ in range(3)]
        wait_for(spool.children)
        launcher, child = spool.launcher(), spool.children()[0]
        began = time.monotonic()
        status = spool.serve.stop()
        took = time.monotonic() - began
        suite.check(status == 0 and took < 3 and comm(launcher) == comm(child) == "",
                    "the service ends at once, and all it started", (status, took))
        for s in held:
            s.close()


# --- the long figure --------------------------------------------------------------------------
def peak(pid, field="VmHWM"):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"{field}:\s+(\d+)", f.read())[1]) / 1024


def test_gigabyte(suite):
    if not FULL:
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as d, Serve() as serve:
        capture = os.path.join(d, "big.pcap")
        subprocess.run([os.path.join(TOP, BUILD, "tests/bench/gen_capture"), "--shape", "bench",
                        "--flows", "112000", "--out", capture, "--manifest", "/dev/null"], check=True)
        ratios, lines = [], []
        for _ in range(5):
            began = time.monotonic()
            subprocess.run([PROGRAM, "analyze", capture, "/dev/null", "--json", f"{d}/a", "-q"],
                           check=True)
            alone = time.monotonic() - began
            began = time.monotonic()
            subprocess.run(["curl", "-s", "--noproxy", "*", "-F", f"file=@{capture}", "-o", f"{d}/b",
                            f"http://127.0.0.1:{serve.port}/analyze"], check=True)
            ratios.append((time.monotonic() - began) / alone)
            lines.append(f"{alone:.2f} s x {ratios[-1]:.2f}")
        used = peak(serve.process.pid)
        print(f"# {os.path.getsize(capture) / 1e9:.2f} GB: {', '.join(lines)}; "
              f"the service's peak {used:.1f} MiB, the analyses' "
              f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")
        suite.check(sorted(ratios)[2] <= 1.5, "1 GB takes at most 1.5 times what the command does",
                    lines)
        suite.check(used <= 64, "in at most 64 MiB", used)


if __name__ == "__main__":
    main([test_same_as_command, test_curl, test_rules, test_filtered, test_faults, test_straight,
          test_quota, test_hostile, test_confined, test_turns, test_end, test_gigabyte])
