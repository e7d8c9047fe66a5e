# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What tests have in common: a line a check, from whatever thread, files and waits; and, for the golden
ones, a temporary directory a test.
"""
import os
import subprocess
import sys
import tempfile
import threading
import time

results = {"ok": 0, "FAIL": 0, "skip": 0}
lock = threading.Lock()


def say(word, name, why=""):
    with lock:
        results[word] += 1
        print(f"{word} {name}{': ' + why if why else ''}", flush=True)


def check(good, name, why=""):
    say("ok" if good else "FAIL", name, "" if good else str(why)[:2000])
    return bool(good)


class Suite:
    """The same for tests that are handed one; its last line says how many passed and failed."""

    def check(self, good, name, why=""):
        return check(good, name, why)

    def skip(self, name, why):
        say("skip", name, why)

    def run(self, tests, together=()):
        """Runs tests, each a function of a suite, one after the other, and those of together beside
        them. A broken test is a failed one, and the others still run."""
        def one(test):
            try:
                test(self)
            except Exception as e:
                if os.environ.get("DPI_TRACE"):
                    raise
                self.check(False, test.__name__, f"{type(e).__name__}: {e}")
        beside = [threading.Thread(target=one, args=(t,), daemon=True) for t in together]
        for t in beside:
            t.start()
        for t in tests:
            one(t)
        for t in beside:
            t.join()

    def end(self):
        tail = f", {results['skip']} skipped" if results["skip"] else ""
        print(f"{results['ok']} passed, {results['FAIL']} failed{tail}", flush=True)
        return 1 if results["FAIL"] else 0


def wait_for(question, timeout=5.0, every=0.01):
    """Asks until the answer is true or the time is up. Returns the last answer."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer or time.monotonic() >= end:
            return answer
        time.sleep(every)


def exact(conn, n):
    """So many bytes of a connection."""
    got = b""
    while len(got) < n:
        more = conn.recv(n - len(got))
        if not more:
            raise OSError("closed")
        got += more
    return got


def need(condition, why):
    if not condition:
        raise AssertionError(why)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def main(names):
    """Runs every test_ of a module's globals(), or those that the command line names."""
    tests = [(n[5:].replace("_", " "), f) for n, f in sorted(names.items())
             if n.startswith("test_") and (len(sys.argv) < 2 or n[5:] in sys.argv[1:])]
    for name, test in tests:
        before = results["skip"]
        with tempfile.TemporaryDirectory() as tmp:
            try:
                test(tmp)
                if results["skip"] == before:
                    say("ok", name)
            except (AssertionError, OSError, ValueError, AttributeError, StopIteration,
                    subprocess.SubprocessError) as why:
                say("FAIL", name, str(why).replace("\n", " ")[:2000])
    print(f"{results['ok']} passed, {results['FAIL']} failed")
    sys.exit(1 if results["FAIL"] else 0)
