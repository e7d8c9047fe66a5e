# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
A fleet for tests: a redis-server of one's own, hosts that share rules through it, and a way to talk to
it. Everything is ended by the number it was started with. Only the standard library is used.
"""
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("DPI_BUILD", os.environ.get("BUILD", "build")))
PROGRAM = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
HOST_PROGRAM = os.path.join(BUILD, "tests", "service", "fleet_host")
NEVER = 1000.0  # seconds

sys.path.insert(0, os.path.join(TOP, "tests", "golden"))
import suite  # noqa: E402


def wait_for(question, timeout=20.0, every=0.01):
    return suite.wait_for(question, timeout, every)


def free_port():
    """A port that nobody has, below those that the kernel gives to whoever asks for any: nobody takes
    it while its server is dead."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", random.randrange(10000, 32000)))
            return s.getsockname()[1]


class RedisError(Exception):
    pass


class Client:
    """A connection to Redis (RESP 2)."""

    def __init__(self, address, timeout=10):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        out = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        self.socket.sendall(out)
        return self.answer()


class Redis:
    """A redis-server with a directory and a port of its own. wrap: put before its command line."""

    def __init__(self, directory, bind="127.0.0.1", port=None, wrap=(), options=()):
        self.dir, self.bind, self.wrap = directory, bind, list(wrap)
        self.port = port or free_port()
        self.socket = os.path.join(directory, "redis.sock")
        self.config = os.path.join(directory, "redis.conf")
        self.process = None
        os.makedirs(directory, exist_ok=True)
        self.configure(*options)

    def configure(self, *options):
        with open(self.config, "w") as f:
            f.write(f"bind {self.bind}\nport {self.port}\nunixsocket {self.socket}\ndir {self.dir}\n"
                    'save ""\nappendonly no\ndaemonize no\nloglevel warning\n'
                    "enable-debug-command yes\nprotected-mode no\n" + "".join(o + "\n" for o in options))

    def start(self):
        with contextlib.suppress(OSError):
            os.unlink(self.socket)
        self.process = subprocess.Popen(self.wrap + ["redis-server", self.config],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        if not wait_for(self.answers, 10):
            raise RuntimeError("redis-server does not start")
        return self

    def answers(self):
        with contextlib.suppress(OSError, ConnectionError, RedisError):
            c = Client(self.socket, 1)
            try:
                return c("PING") == "PONG"
            except RedisError as e:
                return "NOAUTH" in str(e) or "NOPERM" in str(e)
            finally:
                c.close()
        return False

    def client(self):
        return Client(self.socket)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    @property
    def url(self):
        return f"redis://{self.bind}:{self.port}"


class Host:
    """A host of a fleet: state and run directories of its own, and the fleet's thread."""

    def __init__(self, directory, url, *options, wrap=(), env=None, fleet=None):
        self.dir, self.url, self.options, self.wrap = directory, url, list(options), list(wrap)
        self.fleet = fleet
        self.state, self.run_dir = os.path.join(directory, "state"), os.path.join(directory, "run")
        os.makedirs(directory, exist_ok=True)
        self.env = dict(env or os.environ, DPI_XDP_STATE_DIR=self.state,
                        DPI_XDP_RUN_DIR=self.run_dir)
        self.log = os.path.join(directory, "log")
        self.process = None

    def start(self, *more):
        name = ["--fleet", self.fleet] if self.fleet else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.wrap + [HOST_PROGRAM, self.url, *name, *self.options, *more], env=self.env,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        return self

    def status(self, word=""):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def stop(self):
        """Ends the thread; returns how long that took and the exit status."""
        begin = time.monotonic()
        self.process.stdin.close()
        try:
            self.process.wait(15)
        finally:
            self.kill()
        self.process.stdout.close()
        return time.monotonic() - begin, self.process.returncode

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def cli(self, *args, check=True):
        r = subprocess.run(self.wrap + [PROGRAM, *args], env=self.env, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=30, check=False)
        if check and r.returncode:
            raise RuntimeError(f"dpi-xdp {' '.join(args)}: exit {r.returncode}: {r.stderr.strip()}")
        return r

    def rules(self):
        """The rules stored here (an agent stores what it has in force): {"app:TikTok", ...}."""
        words = {"BLOCKED_IPS": "ip", "BLOCKED_APPS": "app", "BLOCKED_DOMAINS": "domain",
                 "BLOCKED_PORTS": "port", "ALLOWED_IPS": "allow-ip", "ALLOWED_APPS": "allow-app",
                 "ALLOWED_DOMAINS": "allow-domain",
                 "BLOCKED_LISTS": "list", "ALLOWED_LISTS": "allow-list"}
        found, at = set(), None
        with contextlib.suppress(OSError), open(os.path.join(self.state, "rules.txt")) as f:
            for line in f:
                line = line.split("#")[0].strip()
                if line.startswith("["):
                    at = words[line[1:-1]]
                elif line:
                    found.add(f"{at}:{line}")
        return found

    def has(self, rule, timeout=5.0):
        """How long it took until the rule was here; a long time when it does not come."""
        begin = time.monotonic()
        return time.monotonic() - begin if wait_for(lambda: rule in self.rules(), timeout) else NEVER

    def lacks(self, rule, timeout=5.0):
        begin = time.monotonic()
        return time.monotonic() - begin if wait_for(lambda: rule not in self.rules(), timeout) else NEVER

    def in_step(self, timeout=20.0):
        return wait_for(lambda: self.status().get("connected") and
                        self.status().get("sync_age_s") is not None, timeout)

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()


class Service(Host):
    """The same by the whole service, as `dpi-xdp serve` starts it, on a unix socket."""

    def start(self, *more):
        self.at = os.path.join(self.dir, "http.sock")
        name = ["--fleet", self.fleet] if self.fleet else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.wrap + [PROGRAM, "serve", "--listen", "unix:" + self.at, "--redis", self.url, *name,
                             *self.options, *more],
                # A service that may open no file of /proc cannot be searched for leaks.
                env=dict(self.env, ASAN_OPTIONS="detect_leaks=0:" + self.env.get("ASAN_OPTIONS", "")),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        return self

    def ask(self, method, path):
        c = http.client.HTTPConnection("localhost", timeout=5)
        c.sock = socket.socket(socket.AF_UNIX)
        c.sock.settimeout(5)
        try:
            c.sock.connect(self.at)
            c.request(method, path, headers={"Content-Type": "application/json"} if method != "GET" else {})
            return json.loads(c.getresponse().read())
        finally:
            c.close()

    def status(self, word=""):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/health")["redis"] or {}
        return {}


class Place:
    """A directory, servers and hosts, all of which are gone at the end."""

    every, faults = [], []

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="dpi-fleet-")
        self.things = []
        Place.every.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for thing in reversed(self.things):
            thing.kill()
            if isinstance(thing, Host) and re.search("Sanitizer|runtime error", thing.said()):
                Place.faults.append(thing.said()[-3000:])
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def clear_all(*_):
        """For a signal: takes everything away and ends."""
        for place in Place.every:
            place.__exit__()
        os._exit(143)

    def redis(self, **how):
        server = Redis(os.path.join(self.dir, f"redis{len(self.things)}"), **how)
        self.things.append(server)
        return server

    def host(self, name, url, *options, kind=Host, **how):
        host = kind(os.path.join(self.dir, name), url, *options, **how)
        self.things.append(host)
        return host


def key(name, fleet="fleet"):
    return "dpi-xdp:{%s}:%s" % (fleet, name)
