#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The live tests' laboratory: network namespaces, servers, clients and agents that leave no trace.

A Lab makes namespaces joined by veth pairs, starts servers in them, runs clients and agents, and
takes all of it away again however the test ends: normally, by an exception, by SIGINT or SIGTERM.
Namespaces are entered with setns or `nsenter --net`, never `ip netns exec`, which hides bpffs.
No packet leaves the namespaces. Only the standard library is used.

Nothing here decides what is right: tests assert on what a client or a far end received.
"""
import contextlib
import ctypes
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "golden"))
from packets import checksum  # noqa: E402
from suite import Suite, exact, wait_for  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("DPI_BUILD", "build"))
PROGRAM = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
BPFFS = "/sys/fs/bpf"
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3

# The far side has addresses of the public kind, so that a benign client looks benign.
LAN = {4: ("10.77.1.1", "10.77.1.2", 24), 6: ("fd77:1::1", "fd77:1::2", 64)}
WAN = {4: ("45.77.77.1", "45.77.77.2", 24), 6: ("2a05:77:77::1", "2a05:77:77::2", 64)}
CLIENT = {4: LAN[4][1], 6: LAN[6][1]}
SERVER = {4: WAN[4][1], 6: WAN[6][1]}
TLS_PORT, HTTP_PORT, DNS_PORT, ECHO_PORT = 443, 80, 53, 7007
ETHER = {4: b"\x08\x00", 6: b"\x86\xdd"}
SYN, RST, PSH, ACK = 0x02, 0x04, 0x08, 0x10
SILENCE_S = 0.8  # without an answer for so long, there is none
STREAM_S = 60  # an endless transfer ends itself after this long

libc = ctypes.CDLL(None, use_errno=True)


def body_bytes(size):
    """The body of /sized/SIZE: the same bytes for client and server, no two blocks alike."""
    return hashlib.shake_128(b"dpi-xdp live").digest(size)


# --- transfers --------------------------------------------------------------------------------
class Transfer(threading.Thread):
    """An endless transfer under a name; remembers when its last byte came."""

    def __init__(self, host, family, name):
        super().__init__(daemon=True)
        self.s = connect(host, family, HTTP_PORT)
        self.s.sendall(http_request(name, "/stream"))
        self.last, self.bytes, self.done = 0.0, 0, False
        self.start()

    def run(self):
        self.s.settimeout(0.2)
        while not self.done:
            try:
                data = self.s.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not data:
                break
            self.last, self.bytes = time.monotonic(), self.bytes + len(data)

    def close(self):
        self.done = True
        self.join()
        self.s.close()


def main(tests, needs=("ip", "tc", "nsenter", "openssl"), together=()):
    """Runs tests, each a function of (suite), and those of together beside them (each has labs of
    its own, and mostly waits); and exits. needs: the programs they call."""
    suite = Suite()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = sys.argv[1:]
    if os.geteuid() != 0:
        suite.skip("all", "needs root")
        sys.exit(suite.end())
    missing = [p for p in needs if not shutil.which(p)]
    if missing or not os.access(PROGRAM, os.X_OK):
        suite.check(False, "setup", f"not found: {', '.join(missing) or PROGRAM}")
        sys.exit(suite.end())
    try:
        suite.run(*([t for t in some if not wanted or t.__name__ in wanted]
                    for some in (tests, together)))
    finally:
        for lab in list(Lab.all):  # of threads that a signal leaves behind
            lab.clear()
    sys.exit(suite.end())


def run(args, timeout=30, check=False, **kw):
    """Runs a command to its end. Returns what subprocess.run returns, output as text."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    r = subprocess.run(args, capture_output=True, text=True, errors="replace", timeout=timeout, **kw)
    if check and r.returncode:
        raise RuntimeError(f"{' '.join(args)}: exit {r.returncode}: {r.stderr.strip()}")
    return r


def tool(name):
    """The path of a C tool of tests/bench, built by `make tools`, else built here."""
    built = os.path.join(BUILD, "tests", "bench", name)
    source = os.path.join(TOP, "tests", "bench", name + ".c")
    if os.access(built, os.X_OK) and os.path.getmtime(built) >= os.path.getmtime(source):
        return built
    out = os.path.join(tempfile.mkdtemp(prefix="dpi-tool-"), name)
    run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-D_GNU_SOURCE", "-o", out, source], check=True)
    import atexit
    atexit.register(shutil.rmtree, os.path.dirname(out), True)
    return out


# --- namespaces -------------------------------------------------------------------------------
class Host:
    """One namespace. Commands run in it; sockets may be made in it."""

    def __init__(self, lab, role):
        self.lab, self.role = lab, role
        self.name = f"dpi{os.getpid()}-{lab.number}-{role}"
        self.path = f"/run/netns/{self.name}"
        run(["ip", "netns", "add", self.name], check=True)
        self.ip("link", "set", "lo", "up")
        self.sysctl("net/ipv6/conf/default/accept_dad", 0)
        self.sysctl("net/ipv6/conf/all/accept_dad", 0)
        self.sysctl("net/ipv6/conf/default/router_solicitations", 0)

    def cmd(self, *args):
        return ["nsenter", "--net=" + self.path, *args]

    def run(self, *args, **kw):
        return run(self.cmd(*args), **kw)

    def ip(self, *args):
        return run(["ip", "-n", self.name, *args], check=True)

    def tc(self, *args):
        return self.run("tc", *args, check=True)

    def sysctl(self, key, value):
        with self.inside(), open("/proc/sys/" + key, "w") as f:
            f.write(str(value))

    def spawn(self, *args, **kw):
        """Starts a command that the lab ends. Returns the Popen."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        p = subprocess.Popen(self.cmd(*args), **kw)
        self.lab.children.append(p)
        return p

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in the namespace meanwhile; a socket made here stays in it."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield self
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)

    def socket(self, *args):
        with self.inside():
            return socket.socket(*args)

    def raw(self, dev, receive=True):
        """A socket for whole Ethernet frames on dev."""
        with self.inside():
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                              socket.htons(ETH_P_ALL) if receive else 0)
            s.bind((dev, ETH_P_ALL if receive else 0))
            return s

    def mac(self, dev):
        return json.loads(self.ip("-j", "link", "show", "dev", dev).stdout)[0]["address"]

    def meter(self, dev):
        return Meter(self, dev)

    def capture(self, dev, path, *expr):
        """Starts tcpdump on dev and waits until it listens. Ends by .stop()."""
        return Capture(self, dev, path, expr)


class Meter:
    """Counts frames that arrive on a device, exactly, and swallows them: tc filters that redirect
    into a veth pair nobody listens on. One row is one filter; rows never see each other's frames."""

    def __init__(self, host, dev):
        self.host, self.dev, self.rows = host, dev, []
        host.ip("link", "add", "sink0", "type", "veth", "peer", "name", "sink1")
        for end in ("sink0", "sink1"):
            host.sysctl(f"net/ipv6/conf/{end}/disable_ipv6", 1)
            host.ip("link", "set", end, "up")
        host.tc("qdisc", "add", "dev", dev, "clsact")

    def add(self, family, field, value, mask=0xffff):
        """Counts frames whose port field ("sport" or "dport") is value under mask."""
        ip, proto = ("ip", "ip") if family == 4 else ("ip6", "ipv6")
        prio = str(100 + len(self.rows))
        self.host.tc("filter", "add", "dev", self.dev, "ingress", "protocol", proto, "prio", prio,
                     "u32", "match", ip, field, str(value), hex(mask), "action", "mirred", "egress",
                     "redirect", "dev", "sink0")
        self.rows.append(int(prio))
        return self

    def read(self):
        """The frames counted so far, one number a row, in the order the rows were added."""
        found = dict.fromkeys(self.rows, 0)
        out = self.host.tc("-s", "-j", "filter", "show", "dev", self.dev, "ingress").stdout
        for f in json.loads(out):
            for a in f.get("options", {}).get("actions", []):
                found[f["pref"]] += a["stats"]["packets"]
        return [found[r] for r in self.rows]


class Capture:
    def __init__(self, host, dev, path, expr):
        self.path = path
        self.p = host.spawn("tcpdump", "-i", dev, "-nn", "-U", "-s", "0", "-B", "16384", "-w", path,
                            "--immediate-mode", "-Z", "root", *expr, stderr=subprocess.PIPE, text=True)
        line = self.p.stderr.readline()
        while line and "listening on" not in line:
            line = self.p.stderr.readline()
        if not line:
            raise RuntimeError("tcpdump does not start")

    def stop(self, settle=0.3):
        """Ends the capture. Returns how many frames tcpdump says the kernel could not give it."""
        time.sleep(settle)
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=10)
        lost = [l.split()[0] for l in err.splitlines() if "dropped by kernel" in l]
        return int(lost[0]) if lost else 0


class Agent:
    """dpi-xdp in one namespace, with its own state, socket and pins."""

    def __init__(self, host):
        self.host = host
        name = f"{host.name}-{len(host.lab.agents)}"
        self.run_dir = os.path.join(host.lab.dir, "run-" + name)
        self.state_dir = os.path.join(host.lab.dir, "state-" + name)
        os.makedirs(self.run_dir, exist_ok=True)
        os.makedirs(self.state_dir, exist_ok=True)
        self.env = dict(os.environ, DPI_XDP_RUN_DIR=self.run_dir, DPI_XDP_STATE_DIR=self.state_dir)
        host.lab.agents.append(self)

    def run(self, *args, check=True, timeout=30):
        """Runs dpi-xdp ARGS in the namespace; what it printed goes to a file, so that a background
        agent that kept the descriptors cannot hold the test up."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            p = subprocess.run(self.host.cmd(PROGRAM, *args), stdin=subprocess.DEVNULL, stdout=out,
                               stderr=err, timeout=timeout, env=self.env, cwd=self.host.lab.dir)
            out.seek(0)
            err.seek(0)
            r = subprocess.CompletedProcess(p.args, p.returncode, out.read(), err.read())
        if check and r.returncode:
            raise RuntimeError(f"dpi-xdp {' '.join(args)}: exit {r.returncode}: {r.stderr.strip()}")
        return r

    def json(self, *args):
        return json.loads(self.run(*args, "-j").stdout)

    def attach(self, *args):
        return self.run("attach", *args)

    def detach(self):
        return self.run("detach", "--all")

    def pids(self):
        """(supervisor, engine) from `status -j`, or (None, None)."""
        r = self.run("status", "-j", check=False)
        if r.returncode:
            return None, None
        s = json.loads(r.stdout)
        return s.get("supervisor_pid"), s.get("engine_pid")

    def pins(self):
        """Paths in bpffs that bear this agent's name."""
        name = re.sub("[^0-9A-Za-z]", "_", os.path.basename(self.run_dir))
        return [os.path.join(d, n) for d, subs, files in os.walk(BPFFS) for n in subs + files
                if name in os.path.join(d, n)]

    def detach_quietly(self):
        """Whatever it has, gone; nothing to detach is no fault."""
        self.run("detach", "--all", check=False, timeout=10)

    def clear(self):
        with contextlib.suppress(Exception):
            self.detach_quietly()
        for path in sorted(self.pins(), key=len, reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(path) if os.path.isdir(path) else os.unlink(path)


class Lab:
    """Everything one test makes. Use as a context manager; leaving it takes it all away."""

    numbers, all = itertools.count(1), set()

    def __init__(self):
        self.number = next(Lab.numbers)
        Lab.all.add(self)
        self.hosts, self.children, self.agents = [], [], []
        self.dir = tempfile.mkdtemp(prefix="dpi-live-")
        os.chmod(self.dir, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A second signal must not stop the clearing away; signals are the main thread's.
        is_main = threading.current_thread() is threading.main_thread()
        old = [(s, signal.signal(s, signal.SIG_IGN)) for s in (signal.SIGINT, signal.SIGTERM) if is_main]
        try:
            self.clear()
        finally:
            for s, handler in old:
                signal.signal(s, handler)

    def clear(self):
        Lab.all.discard(self)
        for a in self.agents:
            a.clear()
        for p in self.children:
            if p.poll() is None:
                p.kill()
            with contextlib.suppress(Exception):
                p.wait(5)
        for h in self.hosts:  # whatever still lives in a namespace of ours is ours
            for pid in run(["ip", "netns", "pids", h.name]).stdout.split():
                with contextlib.suppress(OSError):
                    os.kill(int(pid), signal.SIGKILL)
            run(["ip", "netns", "del", h.name])
        shutil.rmtree(self.dir, ignore_errors=True)

    def host(self, role):
        h = Host(self, role)
        self.hosts.append(h)
        return h

    def agent(self, host):
        return Agent(host)

    def join(self, a, dev_a, b, dev_b, nets=None):
        """A veth pair from a to b; nets: {family: (address of a, address of b, prefix)}."""
        run(["ip", "link", "add", dev_a, "netns", a.name, "type", "veth", "peer", "name", dev_b,
             "netns", b.name], check=True)
        for i, (h, dev) in enumerate(((a, dev_a), (b, dev_b))):
            for family, net in (nets or {}).items():
                more = ["nodad"] if family == 6 else []
                h.ip("addr", "add", f"{net[i]}/{net[2]}", "dev", dev, *more)
            h.ip("link", "set", dev, "up")
        return self

    def routed(self):
        """client:eth0 - lan:router:wan - eth0:server, both families, forwarding on."""
        c, r, s = self.host("client"), self.host("router"), self.host("server")
        self.join(r, "lan", c, "eth0", LAN)
        self.join(r, "wan", s, "eth0", WAN)
        r.sysctl("net/ipv4/ip_forward", 1)
        r.sysctl("net/ipv6/conf/all/forwarding", 1)
        for h, net in ((c, LAN), (s, WAN)):
            h.ip("route", "add", "default", "via", net[4][0])
            h.ip("-6", "route", "add", "default", "via", net[6][0])
        return c, r, s

    def guarded(self, *blocked):
        """The same, with what the server serves and an agent on the router's LAN side that blocks
        these domains."""
        client, router, server = self.routed()
        self.serve(server)
        agent = self.agent(router)
        agent.attach("lan")
        for name in blocked:
            agent.run("block-domain", name)
        return client, router, server, agent

    def paired(self):
        """client:eth0 - eth0:server on one wire, both families."""
        c, s = self.host("client"), self.host("server")
        self.join(c, "eth0", s, "eth0", WAN)
        return c, s

    def wired(self):
        """A wire through a middle host: client:eth0 - lan:middle:wan - eth0:server; the middle
        carries every frame over unchanged, both ways, by tc."""
        c, m, s = self.host("client"), self.host("middle"), self.host("server")
        self.join(m, "lan", c, "eth0")
        self.join(m, "wan", s, "eth0")
        for h, dev in ((c, "eth0"), (m, "lan"), (m, "wan"), (s, "eth0")):
            h.sysctl(f"net/ipv6/conf/{dev}/disable_ipv6", 1)
            h.run("ethtool", "-K", dev, "gro", "off", "gso", "off", "tso", "off", "tx", "off")
            h.ip("link", "set", dev, "promisc", "on")
        for a, b in (("lan", "wan"), ("wan", "lan")):
            m.tc("qdisc", "add", "dev", a, "clsact")
            m.tc("filter", "add", "dev", a, "ingress", "protocol", "all", "u32", "match", "u32", "0",
                 "0", "action", "mirred", "egress", "redirect", "dev", b)
        return c, m, s

    def lost_by_wires(self):
        """Frames that the wires themselves have dropped so far: on a machine that is busy a veth's
        queue may be full before its other end has its turn. What filters drop is not among them."""
        return sum(dev["stats64"]["tx"]["dropped"] for h in self.hosts
                   for dev in json.loads(h.ip("-j", "-s", "link", "show").stdout))

    def certificate(self):
        """One self-signed certificate for every name. Returns (cert, key) paths."""
        cert, key = os.path.join(self.dir, "cert.pem"), os.path.join(self.dir, "key.pem")
        if not os.path.exists(cert):
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "2", "-subj", "/CN=live.test", "-keyout", key, "-out", cert],
                check=True)
        return cert, key

    def serve(self, host, addresses=None):
        """TLS, HTTP, DNS and UDP echo on host, both families; returns when they listen."""
        cert, key = self.certificate()
        a = addresses or SERVER
        p = host.spawn(sys.executable, os.path.abspath(__file__), "serve", cert, key, a[4], a[6],
                       stdout=subprocess.PIPE, text=True)
        if p.stdout.readline().strip() != "ready":
            raise RuntimeError("the servers do not start")
        return p


# --- servers (run as `net.py serve CERT KEY ADDR4 ADDR6` in a namespace) -------------------------
def read_head(conn):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        more = conn.recv(16384)
        if not more:
            break
        head += more
    return head


def answer_http(conn):
    """One request, one answer. /stream never ends by itself; /sized/N has N known bytes."""
    head = read_head(conn)
    path = head.split(b" ")[1].decode("latin-1") if head.count(b" ") > 1 else "/"
    if path == "/stream":
        conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        end = time.monotonic() + STREAM_S
        while time.monotonic() < end:
            conn.sendall(b"x" * 1000)
            time.sleep(0.0005)
        return
    body = body_bytes(int(path.split("/")[2])) if path.startswith("/sized/") else b"hello\n"
    conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
    conn.sendall(body)


def serve_connection(conn, context):
    with contextlib.suppress(OSError, ssl.SSLError, ValueError, IndexError):
        conn.settimeout(STREAM_S)
        with context.wrap_socket(conn, server_side=True) if context else conn as c:
            answer_http(c)
            with contextlib.suppress(OSError):
                c.shutdown(socket.SHUT_WR)
    conn.close()


def dns_answer(query, addr4, addr6):
    """The answer to a query with one question: A and AAAA with the server's addresses."""
    pos = 12
    while query[pos]:
        pos += query[pos] + 1
    kind = struct.unpack_from("!H", query, pos + 1)[0]
    data = {1: socket.inet_pton(socket.AF_INET, addr4),
            28: socket.inet_pton(socket.AF_INET6, addr6)}.get(kind)
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if data else 0, 0, 0)
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data if data else b""
    return head + query[12:pos + 5] + record


def serve_dns_tcp(conn, addr4, addr6):
    with contextlib.suppress(OSError, IndexError, struct.error), conn:
        conn.settimeout(STREAM_S)
        while True:
            answer = dns_answer(exact(conn, struct.unpack("!H", exact(conn, 2))[0]), addr4, addr6)
            conn.sendall(struct.pack("!H", len(answer)) + answer)


def listen_tcp(port, handler, *args):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)

    def loop():
        while True:
            conn, _ = s.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handler, args=(conn, *args), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def listen_udp(port, answer):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("::", port))

    def loop():
        while True:
            data, peer = s.recvfrom(65536)
            with contextlib.suppress(OSError, IndexError, struct.error):
                s.sendto(answer(data), peer)
    threading.Thread(target=loop, daemon=True).start()


def serve(cert, key, addr4, addr6):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listen_tcp(TLS_PORT, serve_connection, context)
    listen_tcp(HTTP_PORT, serve_connection, None)
    listen_tcp(8080, serve_connection, None)
    listen_tcp(DNS_PORT, serve_dns_tcp, addr4, addr6)
    listen_udp(DNS_PORT, lambda q: dns_answer(q, addr4, addr6))
    listen_udp(ECHO_PORT, lambda d: d)
    print("ready", flush=True)
    signal.pause()


# --- clients ----------------------------------------------------------------------------------
def url_of(scheme, name, port, path):
    return f"{scheme}://{name}:{port}{path}"


def curl(host, name, family, scheme="https", path="/", timeout=2, port=None, address=None):
    """Fetches as name from the server's address. Returns (exit status, body bytes)."""
    port = port or (TLS_PORT if scheme == "https" else HTTP_PORT)
    address = address or SERVER[family]
    if family == 6:
        address = f"[{address}]"
    r = subprocess.run(host.cmd("curl", "-sk", f"-{family}", "--noproxy", "*", "--max-time",
                                str(timeout), "--resolve", f"{name}:{port}:{address}",
                                url_of(scheme, name, port, path)),
                       capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout + 10)
    return r.returncode, r.stdout


def reaches(host, name, family, scheme="https", timeout=3, **kw):
    """True when name's server answers with what it should."""
    status, body = curl(host, name, family, scheme, timeout=timeout, **kw)
    return status == 0 and body == b"hello\n"


def is_silent(host, name, family, scheme="https", **kw):
    """True when nothing of what name's server serves comes; what comes at all does so in a moment."""
    return not curl(host, name, family, scheme, timeout=SILENCE_S, **kw)[1]


def dig(host, names, family, tcp=False, timeout=1, kind=None):
    """Asks for every name in one run. Returns how many answers with the right address came."""
    kind = kind or ("A" if family == 4 else "AAAA")
    want = SERVER[4] if kind == "A" else SERVER[6]
    opts = ["+tries=1", f"+time={timeout}", "+noall", "+answer", "+tcp" if tcp else "+notcp"]
    args = []
    for n in names:
        args += [n, kind, *opts]
    r = host.run("dig", f"-{family}", "@" + SERVER[family], *opts, *args,
                 timeout=(timeout + 1) * len(names) + 10)
    return sum(1 for l in r.stdout.splitlines() if l.split()[-1:] == [want])


def dns_query(name, number, kind=1):
    labels = b"".join(bytes([len(l)]) + l for l in name.encode().split(b"."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)


def client_hello(name, pad=0):
    """The record of a real ClientHello for name, by OpenSSL; pad > 0 makes it that much longer, as
    a post-quantum key share does, by an ALPN list of private names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one reads all authorities' keys
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if pad:
        full, rest = divmod(pad, 200)
        context.set_alpn_protocols(["x" * 199] * full + (["y" * (rest - 1)] if rest > 1 else []) +
                                   ["http/1.1"])
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def reframe(record, size):
    """The same handshake bytes in TLS records of at most size bytes each (RFC 8446 5.1)."""
    head, body = record[:3], record[5:]
    return b"".join(head + struct.pack("!H", len(body[i:i + size])) + body[i:i + size]
                    for i in range(0, len(body), size))


def http_request(name, path="/"):
    return f"GET {path} HTTP/1.1\r\nUser-Agent: live\r\nAccept: */*\r\nHost: {name}\r\n\r\n".encode()


def connect(host, family, port, timeout=3, address=None):
    s = host.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.connect((address or SERVER[family], port))
    return s


def answer_bytes(s, timeout=0.4, enough=1):
    """How many bytes come back within timeout; returns early once there are enough."""
    s.settimeout(timeout)
    got = 0
    with contextlib.suppress(OSError):
        while got < enough:
            data = s.recv(65536)
            if not data:
                break
            got += len(data)
    return got


class Answer(int):
    """How many bytes came back; port is the asking end's."""

    def __new__(cls, size, port):
        self = super().__new__(cls, size)
        self.port = port
        return self


def ask(host, family, port, pieces, pause=0.0, timeout=0.4):
    """Connects, sends the pieces as segments of their own; returns an Answer."""
    with connect(host, family, port) as s:
        own = s.getsockname()[1]
        try:
            for i, piece in enumerate(pieces):
                if i and pause:
                    time.sleep(pause)
                s.sendall(piece)
        except OSError:
            return Answer(0, own)
        return Answer(answer_bytes(s, timeout), own)


TRIES = 10  # of a blocked name, on a machine that may be busy


def counted_late(agent, port):
    """True once the flow from port is blocked and says that packets passed before its verdict."""
    def told():
        return any(f["state"] == "BLOCKED" and f["late_packets"] > 0
                   for f in agent.json("flows")["flows"] if port in (f["src_port"], f["dst_port"]))
    return wait_for(told, 2, 0.05)


def silence(agent, attempt, tries=TRIES):
    """
    Asks under a blocked name until no byte comes back. attempt() gives an Answer.

    A name that the engine has to read is decided beside the traffic: on a busy machine a server can
    be faster than the verdict. Each such answer must have been counted as late in its flow, and not
    every try may be one. Returns "" or what was wrong.
    """
    for _ in range(tries):
        got = attempt()
        if not got:
            return ""
        if not counted_late(agent, got.port):
            return f"{int(got)} bytes came and none was counted late"
        time.sleep(0.05)
    return f"{int(got)} bytes came before the verdict, {tries} times running"


# --- frames by hand ---------------------------------------------------------------------------
def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def tcp_packet(family, src, dst, sport, dport, seq, ack, flags, payload=b""):
    """An IP packet with one TCP segment, checksums right (RFC 9293 3.1)."""
    pack = socket.inet_pton
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    a, b = pack(kind, src), pack(kind, dst)
    options = b"\x02\x04\x05\xb4" if flags & SYN else b""
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       (20 + len(options)) // 4 << 4, flags, 64240, 0, 0) + options
    pseudo = a + b + (struct.pack("!BBH", 0, 6, len(head) + len(payload)) if family == 4 else
                      struct.pack("!IHBB", len(head) + len(payload), 0, 0, 6))
    head = head[:16] + struct.pack("!H", checksum(pseudo + head + payload)) + head[18:]
    if family == 6:
        return struct.pack("!IHBB", 6 << 28, len(head) + len(payload), 6, 64) + a + b + head + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head) + len(payload), 1, 0x4000, 64, 6, 0) + a + b
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + head + payload


def udp_packet(family, src, dst, sport, dport, payload):
    """An IP packet with one UDP datagram; IPv4 without a UDP checksum, IPv6 with (RFC 8200 8.1)."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    a, b = socket.inet_pton(kind, src), socket.inet_pton(kind, dst)
    size = 8 + len(payload)
    if family == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 1, 0x4000, 64, 17, 0) + a + b
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        return ip + struct.pack("!HHHH", sport, dport, size, 0) + payload
    head = struct.pack("!HHHH", sport, dport, size, 0)
    total = checksum(a + b + struct.pack("!IHBB", size, 0, 0, 17) + head + payload) or 0xffff
    return struct.pack("!IHBB", 6 << 28, size, 17, 64) + a + b + head[:6] + \
        struct.pack("!H", total) + payload


def ether(packet, dst, src, tags=b""):
    """packet in an Ethernet frame; dst and src as text, tags as bytes."""
    return mac_bytes(dst) + mac_bytes(src) + tags + ETHER[packet[0] >> 4] + packet


# Tunnels by name: IP protocol, UDP port or 0, head, whether an Ethernet frame is inside. Heads that
# name a type say IPv4 and are right for it alone; the others fit both.
CARRIERS = {
    "ipip": (4, 0, b"", False),
    "gre": (47, 0, b"\0\0\x08\0", False),
    "gre bridged": (47, 0, b"\0\0\x65\x58", True),
    "vxlan": (17, 4789, b"\x08\0\0\0\0\0\x2a\0", True),
    "geneve": (17, 6081, b"\0\0\x65\x58\0\0\x2a\0", True),
    "gtp-u": (17, 2152, b"\x30\xff\0\0\0\0\0\1", False),
}
CARRIER_ENDS = "192.0.2.1", "192.0.2.2"


def carried(frame, kind):
    """An Ethernet frame without tags, as a tunnel carries it."""
    proto, port, head, is_bridged = CARRIERS[kind]
    inside, is_v6 = frame if is_bridged else frame[14:], frame[12:14] == ETHER[6]
    if is_v6 and kind == "ipip":
        proto = 41
    if is_v6 and kind == "gre":
        head = head[:2] + ETHER[6]
    payload = head + inside
    if proto == 17:
        payload = struct.pack("!HHHH", 55555, port, 8 + len(payload), 0) + payload
    ends = b"".join(socket.inet_aton(a) for a in CARRIER_ENDS)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, proto, 0) + ends
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return frame[:12] + ETHER[4] + ip + payload


def fragments(frame, size, number):
    """An Ethernet frame around IPv4 without options, cut into IP fragments of at most size bytes of
    payload (a multiple of 8); number is the datagram's identification (RFC 791 3.2)."""
    ip, payload = frame[14:34], frame[34:34 + struct.unpack("!H", frame[16:18])[0] - 20]
    out = []
    for at in range(0, len(payload), size):
        part, more = payload[at:at + size], at + size < len(payload)
        head = ip[:2] + struct.pack("!HHH", 20 + len(part), number, (0x2000 if more else 0) | at // 8) + \
            ip[8:10] + b"\0\0" + ip[12:]
        out.append(frame[:14] + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + part)
    return out


def write_frames(path, frames):
    """Frames as the load generator reads them: one a line, in hex."""
    with open(path, "w") as f:
        f.writelines(frame.hex() + "\n" for frame in frames)
    return path


class Blast:
    """tests/bench/blast at work on a host's device. Always bounded in number and in time."""

    def __init__(self, host, dev, rate, count, frames, *options):
        path = os.path.join(host.lab.dir, f"blast{len(host.lab.children)}")
        self.p = host.spawn(tool("blast"), dev, str(rate), str(count), write_frames(path, frames),
                            *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, now=True):
        """Ends it, at once or when its count is sent. Returns how many frames were taken."""
        if now:
            self.p.send_signal(signal.SIGTERM)
        out, err = self.p.communicate(timeout=250)
        if not out.startswith("sent "):
            raise RuntimeError(err.strip() or "blast said nothing")
        return int(out.split()[1])


if __name__ == "__main__":
    if len(sys.argv) == 6 and sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    sys.exit("net.py serve CERT KEY ADDR4 ADDR6")
