#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What the service's tests share: `dpi-xdp serve` with directories and a port of its own, HTTP as one
likes it (whole or as raw bytes), and one line a check. Everything started is ended and everything
made is removed, however the test ends.
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("DPI_BUILD", "build"))
PROGRAM = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
sys.path.insert(0, os.path.join(TOP, "tests", "golden"))
import suite  # noqa: E402


class Suite(suite.Suite):
    def all(self, rows, name, why=lambda row: row):
        """rows: (what, good) pairs; one line for all of them, naming the first that is not good."""
        rows = list(rows)
        bad = [what for what, good in rows if not good]
        return self.check(rows and not bad, f"{name} ({len(rows)})",
                          f"{len(bad)} of {len(rows)}, the first: {bad[:3]}")


def main(tests, together=()):
    """Runs tests, each a function of (suite), one after the other, and those that mostly wait beside
    them; and exits."""
    suite = Suite()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    if not os.access(PROGRAM, os.X_OK):
        suite.check(False, "setup", f"not found: {PROGRAM}")
        sys.exit(suite.end())

    suite.run(*([t for t in some if not wanted or t.__name__ in wanted] for some in (tests, together)))
    sys.exit(suite.end())


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


class Serve:
    """A running service. wrap: what stands before the command (nsenter ...); open_socket: makes a
    TCP socket where the service can be reached."""

    def __init__(self, *args, listen="127.0.0.1:0", env=None, wrap=(), open_socket=socket.socket,
                 program=None):
        self.program = program or PROGRAM
        self.dir = tempfile.mkdtemp(prefix="dpi-service-")
        os.chmod(self.dir, 0o755)
        self.args, self.listen, self.wrap, self.open_socket = args, listen, list(wrap), open_socket
        self.env = dict(os.environ, DPI_XDP_STATE_DIR=os.path.join(self.dir, "state"),
                        DPI_XDP_RUN_DIR=os.path.join(self.dir, "run"))
        self.env.update(env or {})
        self.env.pop("NO_COLOR", None)
        self.process, self.port, self.unix = None, None, None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.process = subprocess.Popen(
            [*self.wrap, self.program, "serve", "--listen", self.listen, *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log, env=self.env)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            said = self.said()
            where = re.search(r"serving on (\S+)", said)
            if where:
                break
            if self.process.poll() is not None:
                raise RuntimeError(f"serve ended with {self.process.returncode}: {said}")
            time.sleep(0.01)
        else:
            raise RuntimeError("serve does not start")
        where = where[1]
        if where.startswith("unix:"):
            self.unix = where[5:]
        else:
            self.url = where.rstrip("/")
            self.host, self.port = re.match(r"http://(.*):(\d+)$", self.url).groups()
            self.port = int(self.port)
        return self

    def said(self):
        with open(os.path.join(self.dir, "log")) as f:
            return f.read()

    def stop(self, how=signal.SIGTERM):
        """Returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("serve does not end when asked")
        self.log.close()
        return self.process.returncode

    def pids(self):
        """The service's process, which may stand behind a wrapper, and its children."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                with open(f"/proc/{pid}/task/{pid}/children") as f:
                    todo += [int(p) for p in f.read().split()]
            except OSError:
                pass
        return found

    def connect(self, timeout=10, source=None):
        if self.unix:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.settimeout(timeout)
            s.connect(self.unix)
            return s
        family = socket.AF_INET6 if self.host.startswith("[") else socket.AF_INET
        s = self.open_socket(family, socket.SOCK_STREAM)
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        s.connect((self.host.strip("[]"), self.port))
        return s

    def ask(self, method, path, body=None, headers=None, timeout=30, source=None):
        """One request. headers may say Host; a body of dict or list goes as JSON."""
        s = self.connect(timeout, source)
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        c = http.client.HTTPConnection("localhost")
        c.sock = s
        try:
            c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            headers.setdefault("Host", f"{self.host}:{self.port}" if self.port else "localhost")
            for name, value in headers.items():
                c.putheader(name, value)
            if body is not None:
                c.putheader("Content-Length", str(len(body)))
            c.endheaders()
            try:
                if body:
                    s.sendall(body)
            except OSError:
                pass  # it answered before it had read all
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            c.close()

    def raw(self, data, timeout=10, source=None):
        """Sends bytes as they are; returns all that comes until the far end closes, and whether it
        closed."""
        with self.connect(timeout, source) as s:
            got, closed = b"", False
            try:
                s.sendall(data)
            except OSError:
                pass
            try:
                while True:
                    part = s.recv(65536)
                    if not part:
                        closed = True
                        break
                    got += part
            except ConnectionResetError:
                closed = True
            except TimeoutError:
                pass
            return got, closed


def status_of(raw):
    m = re.match(rb"HTTP/1\.[01] (\d\d\d) ", raw)
    return int(m[1]) if m else None
