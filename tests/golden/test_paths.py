#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The same bytes out and the same reports, whatever road a capture takes into the program and however
many workers look at it; and what comes of a capture that changes, ends or is left while it is read.

Whole: OUT, JSON, CSV and events of every path are compared with those of the plain file and one
worker. Changing: OUT is a FIFO that this test does not read until it has done its mischief, so that
the program stands in the middle of the capture, surely and without waiting.
"""
import contextlib
import fcntl
import functools
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import damage
import packets
from suite import need, read, write

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
RULES = ["--block-domain", "host3.example", "--block-ip", "10.0.0.9", "--block-port", "8080/tcp",
         "--block-app", "YouTube"]
REPORTS = ("json", "csv", "events")
WORKERS = (1, 2, 4, 8)


# --- captures --------------------------------------------------------------------------------


def talk(i, rng):
    """The frames of one flow: a hello or a request, split or whole, and data both ways."""
    me, there, port = f"10.0.0.{i % 40 + 1}", f"192.0.2.{i % 90 + 1}", 1024 + i
    name = f"host{i % 7}.example"
    sent = packets.http(name) if i % 2 else packets.record(
        packets.client_hello(b"www.youtube.com" if i % 10 == 4 else name.encode(), pq=i % 4 == 0))
    dport, seq, ack = (443, 80, 443, 8080)[i % 4], 1, 1
    yield packets.ip4(me, there, packets.TCP, packets.tcp(me, there, port, dport, 0, 0, "S"))
    while sent:
        part, sent = sent[:1000], sent[1000:]
        yield packets.ip4(me, there, packets.TCP, packets.tcp(me, there, port, dport, seq, 1, "PA", part))
        seq += len(part)
    for _ in range(i % 5):
        body = rng.randbytes(rng.randrange(1400))
        yield packets.ip4(there, me, packets.TCP, packets.tcp(there, me, dport, port, ack, seq, "A", body))
        ack += len(body)


def question(i, name):
    return packets.udp(f"10.0.0.{i % 40 + 1}", "192.0.2.53", 1024 + i, 53,
                       packets.dns(packets.question(name)))


def questions(i):
    """A question for a name, every third as two fragments."""
    me, asked = f"10.0.0.{i % 40 + 1}", question(i, b"host%d.example" % (i % 9))
    if i % 3:
        yield packets.ip4(me, "192.0.2.53", packets.UDP, asked)
        return
    for at, more in ((0, 0x2000), (16, 0)):
        yield packets.ip4(me, "192.0.2.53", packets.UDP, asked[at:at + 16] if more else asked[at:],
                          ident=i + 2, fragment=more | at // 8)


def frames(flows):
    """Flows a few at a time, their frames mixed by chance."""
    rng, out = random.Random(5), []
    for start in range(0, flows, 20):
        turns = [iter(list(talk(i, rng)) + list(questions(i)))
                 for i in range(start, min(start + 20, flows))]
        while turns:
            turn = rng.choice(turns)
            frame = next(turn, None)
            if frame is None:
                turns.remove(turn)
            else:
                out.append(packets.ethernet(frame, packets.ETH_IP))
    return out


def classic(rows):
    with tempfile.NamedTemporaryFile() as f:
        packets.write_capture(f.name, [packets.Record(1700000000 * 10**6 + i * 50, data, len(data))
                                       for i, data in enumerate(rows)])
        return read(f.name)


def blocks(rows):
    """The same in pcapng: two interfaces, and another section with the other byte order."""
    out, half = b"", len(rows) // 2
    for order, part, first in (("<", rows[:half], 0), (">", rows[half:], half)):
        out += damage.section(order) + damage.interface(order) + damage.interface(order, snap=65535)
        out += b"".join(damage.packet(order, data, interface_id=i % 2,
                                      ticks=1700000000 * 10**6 + (first + i) * 50)
                        for i, data in enumerate(part))
    return out


def made():
    """{name: capture}: whole and damaged ones of both formats."""
    rows = frames(1500)
    pcap, ng = classic(rows), blocks(rows)
    return {"pcap": pcap, "pcapng": ng, "pcap cut short": pcap[:len(pcap) * 2 // 3 + 5],
            "pcapng cut short": ng[:len(ng) - 11]}


def whole_end(data, limit):
    """The last border of a record at or before limit."""
    return max((piece.end for piece in damage.judge(data[:limit]).pieces), default=0)


# --- the roads in ----------------------------------------------------------------------------


def start(args, **how):
    return subprocess.Popen([BIN, "analyze", *map(str, args)], stderr=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, **how)


def ended(child, seconds=60):
    """(exit status, what it said)."""
    try:
        told = child.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise AssertionError(f"no end within {seconds} s") from None
    return child.returncode, told


def pour(fd, data, slowly):
    """Writes the data and closes; slowly: in little pieces of every size, with pauses."""
    rng, at = random.Random(9), 0
    try:
        while at < len(data):
            size = rng.choice((1, 2, 15, 17, 700, 4096, 30000)) if slowly else 1 << 16
            at += os.write(fd, data[at:at + size])
            if slowly and rng.random() < 0.2:
                time.sleep(0.001)
    except BrokenPipeError:
        pass
    finally:
        os.close(fd)


def by_file(path, args):
    return ended(start([path, *args], stdin=subprocess.DEVNULL))


def by_stdin_file(path, args):
    with open(path, "rb") as f:
        return ended(start(["-", *args], stdin=f))


def by_stdin_from_here(path, args):
    """A file as standard input, which somebody has already read from."""
    longer = write(path + ".longer", b"a line before it\n" * 9 + read(path))
    with open(longer, "rb", buffering=0) as f:
        f.seek(17 * 9)
        return ended(start(["-", *args], stdin=f))


def through_pipe(path, args, slowly=False):
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, False)
    child = start(["-", *args], stdin=ours)
    os.close(ours)
    writer = threading.Thread(target=pour, args=(theirs, read(path), slowly))
    writer.start()
    result = ended(child)
    writer.join()
    return result


def by_pipe(path, args):
    return through_pipe(path, args)


def by_slow_pipe(path, args):
    return through_pipe(path, args, slowly=True)


def by_fifo(path, args):
    fifo = path + ".fifo"
    os.mkfifo(fifo)
    child = start([fifo, *args], stdin=subprocess.DEVNULL)
    pour(os.open(fifo, os.O_WRONLY), read(path), False)
    os.unlink(fifo)
    return ended(child)


def by_link(path, args):
    os.symlink(path, path + ".link")
    result = by_file(path + ".link", args)
    os.unlink(path + ".link")
    return result


def zipped(path):
    return write(path + ".gz", gzip.compress(read(path), 1))


def by_gzip(path, args):
    return by_file(zipped(path), args)


def by_gzip_members(path, args):
    """As `cat a.gz b.gz` makes it: two members, the second of which begins inside a record."""
    data = read(path)
    middle = len(data) // 2 + 3
    write(path + ".gz", gzip.compress(data[:middle], 9) + gzip.compress(data[middle:], 1))
    return by_file(path + ".gz", args)


def by_gzip_pipe(path, args):
    return through_pipe(zipped(path), args, slowly=True)


def zstd(path, *options):
    subprocess.run(["zstd", "-q", "-f", *options, path, "-o", path + ".zst"], check=True)
    return path + ".zst"


def by_zstd(path, args):
    return by_file(zstd(path, "--check"), args)


def by_zstd_long(path, args):
    return by_file(zstd(path, "-19", "--long=27"), args)


def by_zstd_pipe(path, args):
    return through_pipe(zstd(path, "-1"), args, slowly=True)


ROADS = {name[3:].replace("_", " "): f for name, f in sorted(globals().items())
         if name.startswith("by_")}


# --- all roads lead to the same --------------------------------------------------------------


def reports(directory, path):
    """OUT and every report as bytes; the name of the input, which differs, is made the same."""
    found = {"OUT": read(os.path.join(directory, "OUT"))}
    for kind in REPORTS:
        found[kind] = read(os.path.join(directory, kind))
    report = json.loads(found["json"])
    name = json.dumps(report["input"], separators=(",", ":")).encode()
    need(report["input"] == "-" or report["input"].startswith(path), report["input"])
    found["json"] = re.sub(rb'("input": ?)' + re.escape(name), rb"\1NAME", found["json"], count=1)
    return found


def told_alike(told):
    """The message without the names of the program and the input."""
    return told.decode(errors="replace").strip().split(": ", 3)[-1]


def outcome(road, path, directory, workers):
    """(exit status, message, outputs)."""
    for name in os.listdir(directory):
        os.unlink(os.path.join(directory, name))
    args = [os.path.join(directory, "OUT"), *RULES, "--reproducible", "-q", "--workers", workers]
    for kind in REPORTS:
        args += ["--" + kind, os.path.join(directory, kind)]
    status, told = ROADS[road](path, args)
    need(status in (0, 3), f"exit {status}: {told.decode(errors='replace')}")
    return status, told_alike(told), reports(directory, path)


def check_base(name, data, base):
    """That the run which all others are compared with shows anything at all."""
    status, _, found = base
    report = json.loads(found["json"].replace(b"NAME", b'""'))
    expected = damage.judge(data)
    need(status == expected.status, f"{name}: exit {status}, not {expected.status}")
    count = sum(piece.is_frame for piece in expected.pieces)
    need(report["total_packets"] == count, f"{name}: {report['total_packets']} packets, not {count}")
    need(100 < report["dropped_packets"] < count, f"{name}: {report['dropped_packets']} dropped")
    need(found["csv"].count(b"\n") > 1000 and found["events"].count(b"\n") > 1000, f"{name}: reports")


def compare(base, this, what):
    need(this[0] == base[0], f"{what}: exit {this[0]}, not {base[0]}: {this[1]}")
    need(this[1] == base[1], f"{what}: says {this[1]!r}, not {base[1]!r}")
    for kind, data in base[2].items():
        need(this[2][kind] == data, f"{what}: {kind} differs")


def test_same(tmp):
    """A generator: one result a road, after all captures and numbers of workers."""
    captures, base = made(), {}
    directory = os.path.join(tmp, "outputs")
    os.mkdir(directory)
    for road in sorted(ROADS, key=lambda r: r != "file"):
        if "zstd" in road and not shutil.which("zstd"):
            yield "skip", road, "zstd is not installed"
            continue
        try:
            for name, data in captures.items():
                path = write(os.path.join(tmp, name.replace(" ", "-")), data)
                for workers in WORKERS if road in ("file", "pipe") or name == "pcap" else (4,):
                    this = outcome(road, path, directory, workers)
                    if name not in base:
                        base[name] = this
                        check_base(name, data, this)
                    compare(base[name], this, f"{name}, {workers} workers")
            yield "ok", "same by " + road, ""
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as why:
            yield "FAIL", "same by " + road, str(why)


# --- a program that stands still -------------------------------------------------------------


class Stalled:
    """The program in the middle of a capture: one of its outputs is a FIFO that is not read yet."""

    def __init__(self, tmp, args, **how):
        self.fifo = os.path.join(tmp, "stalled")
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.child = start([self.fifo if a is None else a for a in args], **how)
        self.data, size = [], 0
        fcntl.fcntl(self.fd, fcntl.F_SETFL, 0)
        while size < 4096:  # it has begun to write, so it has begun to read
            self.data.append(os.read(self.fd, 4096 - size))
            need(self.data[-1] or self.child.poll() is None, "nothing was written")
            size += len(self.data[-1])
        self.settle()

    def settle(self):
        """Until it can do no more: all its threads sleep, and their processor time stands still."""
        def used():
            found = []
            for thread in os.listdir(f"/proc/{self.child.pid}/task"):
                with contextlib.suppress(FileNotFoundError), \
                        open(f"/proc/{self.child.pid}/task/{thread}/stat", encoding="ascii") as f:
                    state, *fields = f.read().rsplit(")", 1)[1].split()
                    found.append((thread, fields[10:12], "" if state == "S" else time.monotonic()))
            return found
        last, since = used(), time.monotonic()
        while time.monotonic() - since < 0.3:
            time.sleep(0.05)
            if (now := used()) != last:
                last, since = now, time.monotonic()

    def end(self):
        """Reads the rest; (exit status, message, all that was written)."""
        while True:
            part = os.read(self.fd, 1 << 20)
            if not part:
                break
            self.data.append(part)
        os.close(self.fd)
        os.unlink(self.fifo)
        status, told = ended(self.child)
        return status, told, b"".join(self.data)


@functools.cache
def large(size):
    """A capture of this size and more, of records of 1,000 bytes or so."""
    rows = [f for f in frames(200) if len(f) > 600]
    one = classic(rows)
    return one + one[24:] * (size // len(one))


@functools.cache
def talkative():
    """A capture that begins with 40,000 questions, each a flow with an event of its own."""
    asked = [packets.ethernet(packets.ip4(
        f"10.0.0.{i % 40 + 1}", "192.0.2.53", packets.UDP, question(i, b"host%d.example" % i)),
        packets.ETH_IP) for i in range(40000)]
    return classic(asked) + large(48 << 20)[24:]


def check_cut(status, told, out, was, keep):
    """After a capture was shortened to keep bytes while it was read. Either all of it that was taken
    came out, as far as it was still there; or the run failed, since taken bytes were lost."""
    need(status in (1, 3), f"kept {keep}: exit {status}: {told}")
    if status == 1:
        need(b"became shorter" in told and b"try again" in told, f"kept {keep}: {told}")
        return
    need(was.startswith(out), f"kept {keep}: OUT is not what was in the capture")
    need(whole_end(was, len(out)) == len(out) >= whole_end(was, keep), f"kept {keep}: {len(out)} bytes")
    place = re.search(rb"byte offset (\d+)", told)
    need(place and int(place[1]) == len(out), f"kept {keep}: OUT has {len(out)} bytes: {told}")


def cuts(data):
    """Into a record, to a record's end, to a page's, to nothing but the head, to nothing."""
    middle = whole_end(data, len(data) // 2)
    return (middle + 7, middle, middle & -4096, 4096 * 100, 4096 * 100 + 17, 24, 0)


def test_shortened(tmp):
    """A regular file loses its end while it is read, and OUT is a pipe."""
    was, seen = large(48 << 20), set()
    for keep in cuts(was):
        path = write(os.path.join(tmp, "in"), was)
        run = Stalled(tmp, [path, None, "-q"])
        os.truncate(path, keep)
        status, told, out = run.end()
        check_cut(status, told, out, was, keep)
        seen.add(status)
    need(3 in seen, "every run failed")


def test_shortened_to_file(tmp):
    """The same with OUT a file: then no file is there that holds what was not in the capture."""
    was = talkative()
    for keep in cuts(was):
        path, out = write(os.path.join(tmp, "in"), was), os.path.join(tmp, "out")
        run = Stalled(tmp, [path, out, "-q", "--events", None])
        os.truncate(path, keep)
        status, told, _ = run.end()
        check_cut(status, told, read(out) if status == 3 else b"", was, keep)
        need(os.path.exists(out) == (status == 3), f"kept {keep}: OUT with exit {status}")
        need(not os.path.exists(out + ".part"), f"kept {keep}: .part is left")
        if status == 3:
            os.unlink(out)


def test_scribbled(tmp):
    """Another process writes into the capture while it is read: any outcome, but no signal."""
    was, rng = large(16 << 20), random.Random(3)
    path, out = write(os.path.join(tmp, "in"), was), os.path.join(tmp, "out")
    fd, runs = os.open(path, os.O_RDWR), 0
    try:
        for _ in range(12):
            child = start([path, out, "-q", *RULES], stdin=subprocess.DEVNULL)
            while child.poll() is None:
                for at in (rng.randrange(24, len(was)), len(was) * runs // 12 + rng.randrange(10**5)):
                    os.pwrite(fd, rng.randbytes(rng.choice((1, 2, 4, 4000))), at)
                    os.pwrite(fd, was[at:at + 4000], at)
            status, told = ended(child)
            need(status in (0, 3), f"exit {status}: {told}")
            os.truncate(path, len(was))
            os.pwrite(fd, was, 0)
            runs += 1
    finally:
        os.close(fd)


def test_replaced(tmp):
    """Another file under the capture's name changes nothing: the one that was opened is read."""
    was = large(24 << 20)
    path = write(os.path.join(tmp, "in"), was)
    run = Stalled(tmp, [path, None, "-q"])
    os.rename(write(os.path.join(tmp, "other"), b"a letter"), path)
    status, told, out = run.end()
    need(status == 0 and out == was, f"exit {status}: {told}")


def test_growing(tmp):
    """Another process appends: whole records, then half of one."""
    was = large(24 << 20)
    more = was[24:len(was) // 2]
    for tail in (more, more[:whole_end(was, 1 << 20) - 24 + 9]):
        path = write(os.path.join(tmp, "in"), was)
        run = Stalled(tmp, [path, None, "-q"])
        with open(path, "ab") as f:
            f.write(tail)
        status, told, out = run.end()
        now = was + tail
        need(status in (0, 3), f"exit {status}: {told}")
        need(now.startswith(out) and len(out) >= len(was), f"{len(out)} of {len(was)} bytes")
        need(whole_end(now, len(out)) == len(out), "OUT ends inside a record")


def test_writer_dies(tmp):
    """The process behind a FIFO or a pipe is killed inside a record."""
    data = made()["pcap"]
    cut = len(data) // 2
    while whole_end(data, cut) == cut:
        cut += 1
    for road in ("fifo", "pipe"):
        path, out = os.path.join(tmp, "in"), os.path.join(tmp, "out")
        source = write(os.path.join(tmp, "half"), data[:cut])
        writer = subprocess.Popen(["sh", "-c", 'cat "$0" && sleep 60', source], stdout=subprocess.PIPE,
                                  start_new_session=True)
        if road == "fifo":
            os.mkfifo(path)
            child = start([path, out, "-q"], stdin=subprocess.DEVNULL)
            with open(path, "wb") as f:
                f.write(writer.stdout.read(cut))
                f.flush()
                time.sleep(0.2)
                need(child.poll() is None, "it did not wait for the writer")
        else:
            child = start(["-", out, "-q"], stdin=writer.stdout)
            time.sleep(0.5)
            need(child.poll() is None, "it did not wait for the writer")
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        status, told = ended(child)
        need(status == 3 and b"damaged at record" in told, f"{road}: exit {status}: {told}")
        need(read(out) == data[:whole_end(data, cut)], f"{road}: OUT")
        os.unlink(out)


def test_packed_cut(tmp):
    """A compressed capture that ends early or is changed inside: all that could be unpacked, exit 3."""
    data = made()["pcap"]
    path, out = write(os.path.join(tmp, "in"), data), os.path.join(tmp, "out")
    for pack in (zipped, zstd):
        if pack is zstd and not shutil.which("zstd"):
            continue
        packed = read(pack(path))
        for place in (len(packed) // 2, len(packed) - 1, len(packed) - 5):
            status, told = by_file(write(path + ".cut", packed[:place]), [out, "-q"])
            need(status == 3 and told, f"{pack.__name__} cut at {place}: exit {status}: {told}")
            got = read(out)
            need(data.startswith(got) and whole_end(data, len(got)) == len(got) > len(data) // 8,
                 f"{pack.__name__} cut at {place}: OUT of {len(got)} bytes")
        changed = bytearray(packed)
        changed[len(packed) * 3 // 4] ^= 0x55
        status, told = by_file(write(path + ".cut", bytes(changed)), [out, "-q"])
        need(status in (0, 3) if pack is zstd else status == 3, f"changed: exit {status}: {told}")


def test_untold_size(tmp):
    """A regular file that says it has no bytes and has some, as those of /proc do: the words of a
    process, which a capture can be cut into at its zeros."""
    data, out = damage.CAPTURES["pcap, little, us"], os.path.join(tmp, "out")
    words = data[:damage.judge(data).pieces[1].end].rstrip(b"\0").split(b"\0")
    with subprocess.Popen(words, executable=shutil.which("yes"), stdout=subprocess.PIPE) as child:
        path = f"/proc/{child.pid}/cmdline"
        while read(path) != b"\0".join(words) + b"\0":
            time.sleep(0.01)
        status, told = by_file(path, [out, "-q"])
        child.kill()
        child.stdout.close()
    expected = damage.judge(b"\0".join(words) + b"\0")
    need(status == expected.status, f"exit {status}, not {expected.status}: {told}")
    need(read(out) == data[:expected.pieces[-1].end], "OUT")


# --- signals ---------------------------------------------------------------------------------


def test_signal_while_writing(tmp):
    """Both signals, with OUT in a FIFO: reading ends, what was read comes out, exit 1."""
    was = large(48 << 20)
    path = write(os.path.join(tmp, "in"), was)
    for signo in (signal.SIGINT, signal.SIGTERM):
        report = os.path.join(tmp, "json")
        run = Stalled(tmp, [path, None, "-q", "--json", report])
        run.child.send_signal(signo)
        time.sleep(0.1)
        run.child.send_signal(signo)
        status, told, out = run.end()
        need(status == 1 and b"interrupted" in told, f"exit {status}: {told}")
        need(len(out) < len(was) and was.startswith(out), f"{len(out)} of {len(was)} bytes")
        need(whole_end(was, len(out)) == len(out), "OUT ends inside a record")
        found = json.loads(read(report))
        count = sum(piece.is_frame for piece in damage.judge(out).pieces)
        need(found["total_packets"] == count, f"{found['total_packets']} counted, {count} written")
        need(found["counters"]["capture_interrupted"] == 1, "capture_interrupted")


def test_signal_and_name(tmp):
    """The same with OUT a file, which gets its name; the events are what is not read."""
    path, out = write(os.path.join(tmp, "in"), talkative()), os.path.join(tmp, "out")
    run = Stalled(tmp, [path, out, "-q", "--events", None])
    run.child.send_signal(signal.SIGTERM)
    status, told, events = run.end()
    need(status == 1 and b"interrupted" in told, f"exit {status}: {told}")
    need(all(map(json.loads, events.splitlines())) and events.endswith(b"\n"), "half an event")
    got = read(out)
    need(read(path).startswith(got) and 24 < len(got) < os.path.getsize(path), f"{len(got)} bytes")
    need(not os.path.exists(out + ".part"), ".part is left")


def test_signal_before(tmp):
    """A signal while the program waits for the first byte, or for somebody to open its FIFO."""
    fifo, out = os.path.join(tmp, "fifo"), os.path.join(tmp, "out")
    os.mkfifo(fifo)
    for args in ([fifo, out], ["-", out]):
        child = start([*args, "-q"], stdin=subprocess.PIPE)
        time.sleep(0.3)
        child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        need(child.poll() is not None, f"{args[0]}: still waiting after SIGTERM")
        status, told = ended(child)
        need(status == 1 and told, f"{args[0]}: exit {status}: {told}")
        need(not os.path.exists(out) and not os.path.exists(out + ".part"), f"{args[0]}: OUT is there")


def one(name, test, tmp):
    try:
        test(tmp)
        return "ok", name, ""
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as why:
        return "FAIL", name, str(why)


def main():
    word, good = (sys.argv[1:] + [""])[0], True
    for key, test in sorted(globals().items()):
        if not key.startswith("test_") or word not in key:
            continue
        with tempfile.TemporaryDirectory() as tmp:
            name = key[5:].replace("_", " ")
            for result, what, why in test(tmp) if test is test_same else [one(name, test, tmp)]:
                print(f"{result} paths: {what}" + (": " + why.replace("\n", " ") if why else ""),
                      flush=True)
                good &= result != "FAIL"
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
