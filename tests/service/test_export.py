#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Event lines through every output: each line once, whole and in order, over what goes wrong between:
a full disk, a reader that is not there, does not read or goes away, brokers that are restarted, an
agent that is. Needs no root and no kernel: the agent is one of the test's own.

`--full`: more lines, and brokers that are restarted more often.
"""
import collections
import concurrent.futures
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import kafka_log
from fake_agent import FakeAgent
import suite  # fake_agent knows where
from suite import check, results, say

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
MOCK = os.path.join(BUILD, "tests", "bench", "kafka_mock")
FULL = "--full" in sys.argv


def wait_for(question, timeout=8.0):
    return suite.wait_for(question, timeout)


def line(n, width=60):
    """One event: an own number, a flow, and some length."""
    return b'{"timestamp":"2026-01-01T00:00:00.000000+0000","flow_id":%d,"event_type":"flow","n":%d,' \
           b'"fill":"%s"}' % (n % 97 + 1, n, b"x" * (n * 7919 % width))


def lines(first, last):
    return [line(n) for n in range(first, last + 1)]


def numbers(data):
    """The own numbers of whole lines; ValueError when one is not whole."""
    if data and not data.endswith(b"\n"):
        raise ValueError("a line without its end")
    return [json.loads(l)["n"] for l in data.splitlines()]


class Place:
    """A directory of its own with an agent in it; everything started ends with it."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="dpi-export-")
        self.env = dict(os.environ, DPI_XDP_RUN_DIR=self.dir + "/run",
                        DPI_XDP_STATE_DIR=self.dir + "/state")
        self.agent = FakeAgent(self.dir + "/run")
        self.children = []
        return self

    def __exit__(self, *_):
        for p in self.children:
            if p.poll() is None:
                p.kill()
            p.communicate()
        self.agent.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def get(self, name):
        with contextlib.suppress(FileNotFoundError):
            with open(self.path(name), "rb") as f:
                return f.read()
        return b""

    def numbers(self, name):
        return numbers(self.get(name))

    def run(self, *args, **how):
        return subprocess.run([BIN, "events", *args], stdin=subprocess.DEVNULL, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                              check=False, cwd=self.dir, **how)

    def follow(self, *args, **how):
        p = subprocess.Popen([BIN, "events", "--follow", *args], stdin=subprocess.DEVNULL,
                             env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             cwd=self.dir, **how)
        self.children.append(p)
        return p

    def end(self, p, how=signal.SIGTERM):
        """Ends a follower: (status, what it said on stderr)."""
        p.send_signal(how)
        _, err = p.communicate(timeout=20)
        return p.returncode, err.decode()


# --- follower ---------------------------------------------------------------------------------
def once():
    with Place() as at:
        at.agent.add(lines(1, 5000))
        r = at.run()
        check(r.returncode == 0 and numbers(r.stdout) == list(range(1, 5001)),
              "events prints all that the agent still has", (r.returncode, r.stderr))
        r = at.run("-o", "a.json", "--output", "b.json")
        check(r.returncode == 0 and at.numbers("a.json") == at.numbers("b.json") ==
              list(range(1, 5001)), "and into two files", r.stderr)
        at.agent.stop()
        r = at.run()
        check(r.returncode == 6 and b"attach IFACE" in r.stderr, "without an agent that is said",
              (r.returncode, r.stderr))


def lost_is_counted():
    with Place() as at:
        at.agent.add(lines(1, 10))
        p = at.follow("-o", "out")
        wait_for(lambda: len(at.numbers("out")) == 10)
        at.agent.lose(1234)
        at.agent.add(lines(11, 20))
        good = wait_for(lambda: at.numbers("out") == list(range(1, 21)))
        status, err = at.end(p)
        check(good and "1234 events were lost" in err, "lines that nobody fetched in time are told",
              (good, status, err))


def agent_starts_again():
    with Place() as at:
        at.agent.add(lines(1, 10))
        p = at.follow("-o", "out")
        wait_for(lambda: len(at.numbers("out")) == 10)
        at.agent.stop()
        time.sleep(0.8)
        at.agent.start()
        at.agent.add(lines(11, 30))
        good = wait_for(lambda: at.numbers("out") == list(range(1, 31)))
        status, err = at.end(p)
        check(good and status == 0 and "waiting for the agent" in err and "started again" in err,
              "an agent that starts again is followed from its first line on", (status, err))


def asks_seldom():
    with Place() as at:
        p = at.follow("-o", "out")
        wait_for(lambda: at.agent.requests > 0)
        before = at.agent.requests
        time.sleep(1)
        asked = at.agent.requests - before
        at.agent.add(lines(1, 1))
        start = time.monotonic()
        wait_for(lambda: at.numbers("out") == [1])
        took = time.monotonic() - start
        at.end(p)
        check(asked <= 4 and took < 0.3, f"waiting asks seldom ({asked} a second), and a line comes "
              f"at once ({took * 1000:.0f} ms)", (asked, took))


# --- file -------------------------------------------------------------------------------------
def rotation():
    with Place() as at:
        p = at.follow("-o", "out", "--rotate", "16K", "--keep", "3")
        for first in range(1, 3001, 100):
            at.agent.add(lines(first, first + 99))
            time.sleep(0.002)
        wait_for(lambda: at.numbers("out")[-1:] == [3000])
        at.end(p)
        names = sorted(n for n in os.listdir(at.dir) if n.startswith("out"))
        sizes = [os.path.getsize(at.path(n)) for n in names]
        found = sum((at.numbers(n) for n in ("out.3", "out.2", "out.1", "out")), [])
        check(names == ["out", "out.1", "out.2", "out.3"] and max(sizes) <= 16384 and
              found == list(range(found[0], 3001)),
              "a file is put aside by size, and the newest are kept without a gap", (names, sizes))


def reopen():
    with Place() as at:
        p = at.follow("-o", "out")
        at.agent.add(lines(1, 50))
        wait_for(lambda: len(at.numbers("out")) == 50)
        os.rename(at.path("out"), at.path("moved"))
        p.send_signal(signal.SIGHUP)
        at.agent.add(lines(51, 60))
        good = wait_for(lambda: at.numbers("out")[-1:] == [60])
        at.end(p)
        check(good and at.numbers("moved") + at.numbers("out") == list(range(1, 61)),
              "SIGHUP opens the file anew, and no line is lost", at.numbers("out"))


def full_disk():
    with Place() as at:
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        p = at.follow("-o", "out", "--rotate", "never", preexec_fn=limit)
        for n in range(1, 1001, 10):
            at.agent.add(lines(n, n + 9))
            time.sleep(0.001)
        time.sleep(0.5)
        status, err = at.end(p)
        found = at.numbers("out")  # whole lines alone
        check(status == 5 and found and f"{1000 - len(found)} were lost" in err,
              "a disk that is full leaves whole lines, a count and status 5",
              (status, len(found), err))


def second_writer():
    with Place() as at:
        p = at.follow("-o", "out")
        at.agent.add(lines(1, 5))
        wait_for(lambda: len(at.numbers("out")) == 5)
        r = at.run("-o", "out")
        at.end(p)
        check(r.returncode != 0 and b"another process" in r.stderr and len(at.numbers("out")) == 5,
              "a file has one writer", (r.returncode, r.stderr))


def torn_line():
    with Place() as at:
        with open(at.path("out"), "wb") as f:
            f.write(line(1) + b"\n" + b'{"half')
        at.agent.add(lines(2, 5))
        at.run("-o", "out")
        data = at.get("out").splitlines()
        check(data[1] == b'{"half' and numbers(b"\n".join(data[2:]) + b"\n") == [2, 3, 4, 5],
              "a half line that a crash left swallows no other", data)


# --- sockets ----------------------------------------------------------------------------------
class Listener:
    """A unix socket and what came to it."""

    def __init__(self, path, kind):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.kind, self.parts, self.conn = kind, [], None
        self.socket = socket.socket(socket.AF_UNIX, kind)
        self.socket.bind(path)
        if kind == socket.SOCK_STREAM:
            self.socket.listen(4)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError):
            while self.kind == socket.SOCK_DGRAM:
                data = self.socket.recv(1 << 20)
                if not data:  # shut down
                    return
                self.parts.append(data)
            while True:
                self.conn, _ = self.socket.accept()
                while data := self.conn.recv(1 << 16):
                    self.parts.append(data)

    def data(self):
        return b"".join(self.parts)

    def close(self):
        for s in (self.conn, self.socket):
            if s:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
                s.close()


def sockets():
    for prefix, kind in (("unix:", socket.SOCK_STREAM), ("unix-dgram:", socket.SOCK_DGRAM)):
        with Place() as at:
            p = at.follow("-o", prefix + at.path("s"))
            at.agent.add(lines(1, 2000))  # nobody listens yet
            time.sleep(0.3)
            first = Listener(at.path("s"), kind)
            whole = wait_for(lambda: first.data().count(b"\n") == 2000)
            first.close()
            time.sleep(0.05)
            at.agent.add(lines(2001, 2001))  # may fall into what the kernel held for the first
            time.sleep(0.2)
            second = Listener(at.path("s"), kind)
            at.agent.add(lines(2002, 4000))
            again = wait_for(lambda: second.data().endswith(line(4000) + b"\n"))
            status, err = at.end(p)
            got = numbers(first.data()) + numbers(second.data())
            second.close()
            check(whole and again and status == 0 and "takes events again" in err and
                  sorted(set(got)) == got and len(got) >= 3999,
                  f"{prefix} lines wait for a listener and go on with the next", (len(got), err))
            if kind == socket.SOCK_DGRAM:
                check(all(x.count(b"\n") == 1 for x in first.parts + second.parts),
                      "unix-dgram: a line a datagram")


def stalled_socket():
    """Who does not read: others are not held up, memory is bounded, what has no room is counted."""
    with Place() as at:
        stalled = socket.socket(socket.AF_UNIX)
        stalled.bind(at.path("s"))
        stalled.listen(1)
        p = at.follow("-o", "unix:" + at.path("s"), "-o", "out", "--rotate", "never")
        total = 60000
        wide = [line(n, 1000) for n in range(1, total + 1)]
        for n in range(0, total, 500):
            at.agent.add(wide[n:n + 500])
        good = wait_for(lambda: at.get("out").endswith(wide[-1] + b"\n"), 20)
        with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
            most = 160 if "asan" in BIN else 64  # MiB
            rss = next(int(l.split()[1]) for l in f if l.startswith("VmHWM")) // 1024
        status, err = at.end(p)
        stalled.close()
        size = len(at.get("out")) >> 20
        check(good and rss < most and status == 5 and "no more room" in err and
              at.numbers("out") == list(range(1, total + 1)),
              f"a listener that does not read holds up no file ({size} MiB passed, {rss} MiB used)",
              (good, rss, status, err))


# --- position ---------------------------------------------------------------------------------
def position():
    with Place() as at:
        words = ("-o", "out", "-o", "other", "--position", "where")
        at.agent.add(lines(1, 100))
        at.run(*words)
        at.agent.add(lines(101, 150))
        at.run(*words)
        at.run(*words)
        check(at.numbers("out") == at.numbers("other") == list(range(1, 151)),
              "with --position a next start goes on where the last one was", at.get("where"))
        p = at.follow(*words, "-o", "third")
        good = wait_for(lambda: at.numbers("third") == list(range(1, 151)))
        at.agent.add(lines(151, 200))
        wait_for(lambda: at.numbers("third")[-1:] == [200])
        time.sleep(0.5)
        p.kill()
        p.communicate()
        at.agent.add(lines(201, 210))
        at.run(*words, "-o", "third")
        check(good and at.numbers("out") == at.numbers("third") == list(range(1, 211)),
              "each output has its own; it outlives a kill", at.get("where"))
        at.agent.stop()
        at.agent.start()
        at.agent.add(lines(211, 220))
        at.run(*words)
        check(at.numbers("out") == list(range(1, 221)), "another start of the agent is seen as one",
              at.numbers("out")[-12:])
        with open(at.path("where"), "w", encoding="ascii") as f:
            f.write("12 out\n")
        r = at.run(*words)
        check(r.returncode == 2 and b"remove it" in r.stderr, "a file that is none is refused",
              (r.returncode, r.stderr))


# --- Kafka ------------------------------------------------------------------------------------
class Kafka:
    """The mock cluster of tests/bench/kafka_mock.c."""

    def __init__(self, at, brokers=3, partitions=4):
        self.brokers = brokers
        self.p = subprocess.Popen([MOCK, str(brokers), "events", str(partitions)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        at.children.append(self.p)
        where = self.p.stdout.readline().split()[1]
        self.spec = f"kafka://{where}/events"
        self.log = kafka_log.Log(where, "events", partitions)

    def tell(self, words):
        self.p.stdin.write(words + "\n")
        self.p.stdin.flush()
        if self.p.stdout.readline() != "0\n":
            raise RuntimeError(words)

    def all(self, word):
        for n in range(1, self.brokers + 1):
            self.tell(f"{word} {n}")

    def messages(self, count, timeout=30):
        """What arrived: [(partition, id, key, value)], waiting for count of them."""
        wait_for(lambda: self.log.read() >= count, timeout)
        time.sleep(0.4)  # what comes twice comes now
        self.log.read()
        return self.log.messages


def kafka_sound(messages, total):
    """"" when each line arrived once, and those of a flow in order; else what is wrong."""
    values = [json.loads(m[3])["n"] for m in messages]
    twice = [n for n, c in collections.Counter(values).items() if c > 1]
    missing = total - len(set(values))
    flows = collections.defaultdict(list)
    for _, _, key, value in messages:
        flows[key].append(json.loads(value)["n"])
    mixed = [k for k, v in flows.items() if v != sorted(v)]
    bad = [m for m in messages if int(m[2]) != json.loads(m[3])["flow_id"]]
    if twice or missing or mixed or bad:
        return f"{missing} missing, {len(twice)} twice, {len(mixed)} flows out of order, {len(bad)} keys"
    return ""


def kafka_restarts():
    total, restarts = (200000, 12) if FULL else (20000, 2)
    with Place() as at:
        kafka = Kafka(at)
        p = at.follow("-o", kafka.spec)
        done, stop = 0, threading.Event()

        def feed():
            nonlocal done
            step = total // 200
            for first in range(1, total + 1, step):
                at.agent.add(lines(first, first + step - 1))
                done = first + step - 1
                time.sleep(0.02 if not FULL else 0.1)
            stop.set()
        threading.Thread(target=feed, daemon=True).start()
        for i in range(restarts):
            wait_for(lambda: kafka.log.read() < 0 or done > total * (i + 1) // (restarts + 2), 60)
            kafka.all("down")
            time.sleep(0.5)
            kafka.all("up")
        while not stop.wait(0.1):
            kafka.log.read()
        messages = kafka.messages(total, 180)
        status, err = at.end(p)
        why = kafka_sound(messages, total)
        check(not why and status == 0, f"Kafka receives each of {total} events once, the brokers "
              f"restarted {restarts} times in between ({kafka.log.repeats} sent again, and left out "
              "for their sequence)", (why, len(messages), status, err[-400:]))


def kafka_own_restart():
    """Ours ends and starts again: what is delivered is not sent again."""
    with Place() as at:
        kafka = Kafka(at)
        words = ("-o", kafka.spec, "--position", "where")
        at.agent.add(lines(1, 3000))
        p = at.follow(*words)
        kafka.messages(1500)
        status, err = at.end(p)
        at.agent.add(lines(3001, 6000))
        p = at.follow(*words)
        kafka.messages(6000)
        time.sleep(0.4)
        p.kill()  # all is delivered and written down
        p.communicate()
        at.agent.add(lines(6001, 7000))
        p = at.follow(*words)
        messages = kafka.messages(7000)
        at.end(p)
        ids = {m[1] for m in messages}
        why = kafka_sound(messages, 7000)
        check(not why and status == 0 and len(ids) == 7000,
              "nor does a restart of the exporter send one twice", (why, status, err))


def kafka_away():
    """No broker for longer than a line may wait: counted, said, and the file does not care."""
    with Place() as at:
        kafka = Kafka(at, brokers=1)
        kafka.all("down")
        p = at.follow("-o", kafka.spec + "?message.timeout.ms=1000", "-o", "out")
        at.agent.add(lines(1, 500))
        good = wait_for(lambda: at.numbers("out") == list(range(1, 501)), 3)
        time.sleep(2)
        status, err = at.end(p)
        check(good and status == 5 and "500 were lost" in err,
              "what no broker takes in time is counted and told", (good, status, err))


# --- words ------------------------------------------------------------------------------------
def refusals():
    with Place() as at:
        for words, text in (
                (["-o", "kafka://host:1"], b"HOST:PORT/TOPIC"),
                (["-o", "kafka://h:1/a b"], b"no topic"),
                (["-o", "kafka://h:1/t?nosuch=1"], b"nosuch"),
                (["-o", "kafka://h:1/t?word"], b"NAME=VALUE"),
                (["-o", "unix:" + "x" * 200], b"shorter"),
                (["-o", "unix:"], b"characters"),
                (["-o", ""], b"without a name"),
                (["--rotate", "1"], b"1K"), (["--rotate", "2K"], b"4K"),
                (["--keep", "-1"], b"0 to"), (["--keep", "x"], b"0 to"), (["more"], b"usage"),
                (["-o", "x"] * 17, b"at most 16")):
            r = at.run(*words)
            check(r.returncode == 2 and text in r.stderr, f"events {' '.join(words)[:40]} is refused",
                  (r.returncode, r.stderr))
        r = at.run("-o", at.path("no/such/place"))
        check(r.returncode == 5 and b"cannot be written" in r.stderr, "a place that is not there",
              (r.returncode, r.stderr))


TESTS = [once, lost_is_counted, agent_starts_again, asks_seldom, rotation, reopen, full_disk,
         second_writer, torn_line, sockets, stalled_socket, position, refusals]
KAFKA = [kafka_restarts, kafka_own_restart, kafka_away]


def run(test):
    try:
        test()
    except Exception as e:  # a broken test is a failed one
        check(False, test.__name__, f"{type(e).__name__}: {e}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    has_mock = os.access(MOCK, os.X_OK)
    tests = [t for t in (KAFKA if has_mock else []) + TESTS if not wanted or t.__name__ in wanted]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they wait more than they work
        list(pool.map(run, tests))
    if not has_mock:
        say("FAIL", "kafka", f"{MOCK} is not built; `make tools` does")
    print(f"{results['ok']} passed, {results['FAIL']} failed")
    return 1 if results["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
