# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The package in a fresh Debian, run by a real systemd; test_package.py --full calls it.

debootstrap makes the root once (build/package/root). Each run puts an overlay on it, boots it with
systemd-nspawn in a network namespace whose only way out is a veth, and with a bpffs of its own, so
that nothing meets what else runs on this machine. Packages are fetched before the boot, with the
host's network, from the host's own mirror.
"""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "live"))
import net  # noqa: E402  (the live tests' namespaces)

WORK = os.path.join(TOP, os.environ.get("DPI_BUILD", "build"), "package")
SUITE = "bookworm"
EXTRA = "systemd-sysv,dbus,iproute2,ca-certificates,logrotate"
HERE, THERE = "10.99.7.1", "10.99.7.2"  # the machine's end and the far end of the veth
BLOCKED, FREE, LISTED = "blocked.example.com", "free.example.com", "listed.example.com"
CAPABILITIES = "CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN,CAP_SYS_NICE"
DEADLINE = 60
LONG = 8 << 20


def run(*args, timeout=DEADLINE, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(args, capture_output=True, text=True, errors="replace", timeout=timeout, **kw)


def need(*args, **kw):
    r = run(*args, **kw)
    if r.returncode:
        raise RuntimeError(f"{' '.join(args[:6])}: {r.stderr.strip()[-400:] or r.stdout[-400:]}")
    return r.stdout


def mirror():
    """Where apt on this machine gets Debian from."""
    text = run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages").stdout
    for line in text.splitlines():
        site, _, name = line.partition(" ")
        if name == SUITE and "security" not in site:
            return site
    return "http://deb.debian.org/debian"


def bootstrap():
    """The pristine root, made once."""
    root = os.path.join(WORK, "root")
    if os.path.exists(os.path.join(root, ".whole")):
        return root
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(WORK, exist_ok=True)
    need("debootstrap", "--variant=minbase", f"--include={EXTRA}", SUITE, root, mirror(), timeout=900)
    open(os.path.join(root, ".whole"), "w").close()
    return root


class Machine:
    """A booted container. Taken away again by close(), also when the boot failed."""

    def __init__(self, lab):
        self.cleanups = contextlib.ExitStack()
        self.host, self.far = lab.host("machine"), lab.host("far")
        self.folder = os.path.join(WORK, f"run{os.getpid()}")
        self.root, self.bpffs = f"{self.folder}/root", f"{self.folder}/bpf"
        self.leader = None
        for name in ("root", "bpf", "upper", "work"):
            os.makedirs(f"{self.folder}/{name}")
        self.cleanups.callback(shutil.rmtree, self.folder, True)
        lower = bootstrap()
        need("mount", "-t", "overlay", "overlay", self.root, "-o",
             f"lowerdir={lower},upperdir={self.folder}/upper,workdir={self.folder}/work")
        self.cleanups.callback(run, "umount", "-l", self.root)
        need("mount", "-t", "bpf", "bpf", self.bpffs)
        self.cleanups.callback(run, "umount", "-l", self.bpffs)

    def prepare(self, *command, timeout=300):
        """Runs a command in the root before it is booted, with the host's network."""
        return run("systemd-nspawn", "-q", "-D", self.root, "--register=no", "--keep-unit", "--pipe",
                   "--resolv-conf=replace-host", *command, timeout=timeout)

    def boot(self):
        self.host.ip("link", "add", "wan0", "type", "veth", "peer", "name", "far0")
        self.host.ip("link", "set", "far0", "netns", self.far.name)
        for host, dev, address in ((self.host, "wan0", HERE), (self.far, "far0", THERE)):
            host.ip("addr", "add", f"{address}/24", "dev", dev)
            host.ip("link", "set", dev, "up")
        self.log = open(f"{self.folder}/console", "w")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-D", self.root, "--boot", "--register=no", "--keep-unit",
             f"--machine=dpi{os.getpid()}", f"--network-namespace-path={self.host.path}",
             f"--bind={self.bpffs}:/sys/fs/bpf", f"--capability={CAPABILITIES}",
             "--system-call-filter=bpf perf_event_open", "--console=read-only"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.cleanups.callback(self.end)
        self.leader = net.wait_for(self.find_leader, 20, 0.1)
        if not self.leader:
            raise RuntimeError("the machine does not boot; see " + self.log.name)
        state = net.wait_for(lambda: self.do("systemctl", "is-system-running").stdout.strip()
                             in ("running", "degraded"), 60, 0.3)
        if not state:
            raise RuntimeError("the machine is not up: " + self.do("systemctl", "list-jobs").stdout)

    def find_leader(self):
        """The container's first process: the nspawn's child."""
        path = f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children"
        try:
            children = open(path).read().split()
            return int(children[0]) if children and self.is_init(children[0]) else None
        except OSError:
            return None

    @staticmethod
    def is_init(pid):
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip() == "systemd"

    def do(self, *command, timeout=DEADLINE):
        """Runs a command in the booted machine, as root."""
        return run("nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", *command,
                   timeout=timeout, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                         "DEBIAN_FRONTEND": "noninteractive"})

    def show(self, unit, *names):
        out = self.do("systemctl", "show", unit, "-p", ",".join(names)).stdout
        found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        return [found.get(n, "") for n in names]

    def pins(self):
        """What is pinned, but for what the kernel itself puts into a new bpffs."""
        return [n for n in os.listdir(self.bpffs) if not n.endswith(".debug")]

    def write(self, path, text):
        with open(self.root + path, "w") as f:
            f.write(text)

    def end(self):
        if self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)  # an orderly halt
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.nspawn.wait(20)
        if self.nspawn.poll() is None:
            self.nspawn.kill()
            self.nspawn.wait()
        self.log.close()

    def close(self):
        self.cleanups.close()


class Hello(http.server.BaseHTTPRequestHandler):
    """An answer too long to be through before the engine has read the question."""

    def do_GET(self):
        body = b"x" * LONG
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        with contextlib.suppress(OSError):  # a blocked client goes away
            super().handle()

    def log_message(self, *_):
        pass


class Names(Hello):
    """A list of names, as somebody else keeps it."""

    def do_GET(self):
        body = f"0.0.0.0 {LISTED}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve_names(machine):
    with machine.far.inside():
        server = http.server.ThreadingHTTPServer((THERE, 8082), Names)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    machine.cleanups.callback(server.shutdown)


def serve_hello(machine):
    with machine.host.inside():
        server = http.server.ThreadingHTTPServer((HERE, 8081), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    machine.cleanups.callback(server.shutdown)


def arrives(machine, name):
    """Whether a request for that host gets its whole answer, from the far end."""
    r = machine.far.run("curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{size_download}", "-H",
                        f"Host: {name}", f"http://{HERE}:8081/")
    return r.stdout == str(LONG)


def files(root):
    """Every file of a root but what the system itself writes as it runs."""
    own = re.compile(r"^/(run|proc|sys|dev|tmp|var/(cache|log|tmp|lib/(apt|dpkg|systemd|private|dbus|logrotate))"
                     r"|etc/(passwd|group|shadow|gshadow|subuid|subgid|\.pwd|mtab|resolv|hostname|machine-id|ld\.so)"
                     r"|root|var/lib/ucf|usr/share/(man|doc)/man)")
    found = set()
    for where, folders, names in os.walk(root):
        inside = where[len(root):]
        if own.match(inside + "/"):
            folders.clear()
            continue
        found |= {f"{inside}/{n}" for n in names + folders if not own.match(f"{inside}/{n}")}
    return found


def of_package(machine, name):
    """What is left of it anywhere, logs and caches included, but dpkg's own books."""
    found = []
    for where, folders, names in os.walk(machine.root):
        inside = where[len(machine.root):]
        if inside in ("/proc", "/sys", "/var/lib/dpkg", "/var/cache/apt", "/root"):
            folders.clear()
            continue
        found += [f"{inside}/{n}" for n in names + folders if name in n]
    return [f for f in found if not f.startswith("/var/log/journal")]


# --- the steps --------------------------------------------------------------------------------
def install(check, m, deb):
    shutil.copy(deb, f"{m.root}/root/dpi-xdp.deb")
    m.write("/etc/apt/sources.list", f"deb {mirror()} {SUITE} main\n")
    update = m.prepare("apt-get", "-q", "update")
    # First its libraries alone, so that what is there before and after can be compared.
    depends = run("dpkg-deb", "-f", deb, "Depends").stdout
    libraries = [d.split()[0] for d in depends.split(", ") if "|" not in d] + ["libcurl3-gnutls"]
    r = m.prepare("apt-get", "-q", "-y", "--no-install-recommends", "install", *libraries)
    check(update.returncode == 0 and r.returncode == 0, "full/libraries", (update.stderr + r.stderr)[-300:])
    before = files(m.root)
    m.boot()
    r = m.do("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/dpi-xdp.deb", timeout=120)
    check(r.returncode == 0, "full/apt-install", r.stderr[-400:] + r.stdout[-400:])
    check("dpi-xdp" in m.do("man", "-w", "dpi-xdp").stdout or
          os.path.exists(m.root + "/usr/share/man/man1/dpi-xdp.1.gz"), "full/manual-installed")
    users = m.do("id", "dpi-xdp").stdout + m.do("id", "dpi-xdp-api").stdout
    check("dpi-xdp-engine" in users and "(dpi-xdp)" in users, "full/users", users)
    states = [m.show(u, "ActiveState", "UnitFileState") for u in ("dpi-xdp", "dpi-xdp-serve", "dpi-xdp-events")]
    check(all(s == ["inactive", "disabled"] for s in states), "full/nothing-started", states)
    return before


def start(check, m):
    m.do("systemctl", "start", "dpi-xdp")
    state = m.show("dpi-xdp", "ActiveState", "ExecMainStatus")
    check(state == ["failed", "2"], "full/not-configured-does-not-start", state)
    text = open(m.root + "/etc/dpi-xdp/dpi-xdp.conf").read()
    m.write("/etc/dpi-xdp/dpi-xdp.conf",
            text.replace('DPI_XDP_INTERFACES=""', 'DPI_XDP_INTERFACES="wan0"'))
    r = m.do("systemctl", "enable", "--now", "dpi-xdp")
    state = m.show("dpi-xdp", "ActiveState", "SubState", "StatusText", "Type")
    good = state[:2] == ["active", "running"] and "protecting wan0" in state[2]
    check(good, "full/started-and-ready", f"{state} {r.stderr} {m.do('journalctl', '-u', 'dpi-xdp', '-n', '20').stdout}")
    status = json.loads(m.do("dpi-xdp", "status", "--json").stdout or "{}")
    engine = status.get("engine_pid")
    proc = m.do("cat", f"/proc/{engine}/status").stdout
    uid = m.do("id", "-u", "dpi-xdp").stdout.strip()
    check(re.search(rf"^Uid:\s+{uid}\s", proc, re.M) and re.search(r"^CapEff:\s+0+$", proc, re.M),
          "full/engine-without-privilege", proc[:600])
    check(re.search(r"^Gid:\s+(\d+)", proc, re.M) and
          re.search(r"^Gid:\s+(\d+)", proc, re.M)[1] != m.do("getent", "group", "dpi-xdp").stdout.split(":")[2],
          "full/engine-outside-the-group")
    main = m.show("dpi-xdp", "MainPID")[0]
    sets = m.do("grep", "CapBnd", f"/proc/{main}/status").stdout.split()[-1]
    wanted = sum(1 << bit for bit in (5, 6, 7, 8, 12, 23, 38, 39))
    check(int(sets, 16) == wanted, "full/agent-capabilities", f"{sets}, not {wanted:x}")
    may = m.do("setpriv", "--reuid=dpi-xdp-api", "--regid=dpi-xdp", "--clear-groups", "dpi-xdp", "status")
    strangers(check, m)
    not_may = m.do("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "dpi-xdp", "status")
    itself = m.do("setpriv", "--reuid=dpi-xdp", "--regid=dpi-xdp-engine", "--clear-groups", "dpi-xdp", "status")
    member = m.do("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=dpi-xdp", "dpi-xdp", "status")
    check(may.returncode == 0 and member.returncode == 0, "full/group-may-ask", may.stderr + member.stderr)
    check(not_may.returncode and itself.returncode, "full/others-may-not", not_may.stdout + itself.stdout)


def strangers(check, m):
    """Who is not in the group gets nothing by any command, and changes nothing."""
    commands = [["attach", "wan0"], ["detach", "--all"], ["status"], ["stats"], ["flows"], ["apps"], ["report"],
                ["events"], ["rules"], ["rules", "clear"], ["rules", "reload"], ["rules", "load", "/dev/null"],
                ["why", BLOCKED], ["top", "--once"]]
    for verb in ("block", "unblock", "allow", "disallow"):
        for kind, value in (("app", "TikTok"), ("domain", FREE), ("ip", THERE), ("port", "8081")):
            commands += [[f"{verb}-{kind}", value]] if (verb, kind) not in (("allow", "port"), ("disallow", "port")) else []
    before = m.do("dpi-xdp", "status", "--json").stdout
    told = {}
    for c in commands:
        r = m.do("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "dpi-xdp", *c)
        told[" ".join(c)] = (r.returncode, r.stdout[:60])
    allowed = {c: t for c, t in told.items() if t[0] != 4 or t[1]}
    after = m.do("dpi-xdp", "status", "--json").stdout
    same = re.sub(r'"uptime_s":[0-9]+', "", before) == re.sub(r'"uptime_s":[0-9]+', "", after)
    check(not allowed and same, f"full/strangers-are-refused-{len(commands)}-commands", f"{allowed} {before} {after}")


def block(check, m):
    check(arrives(m, BLOCKED) and arrives(m, FREE), "full/passes-before")
    r = m.do("dpi-xdp", "block-domain", BLOCKED)
    check(r.returncode == 0 and not arrives(m, BLOCKED) and arrives(m, FREE), "full/blocks", r.stderr)
    stats = json.loads(m.do("dpi-xdp", "report", "--json").stdout or "{}")
    check(stats.get("dropped_packets", 0) > 0, "full/drop-is-counted", stats.get("dropped_packets"))


def lists(check, m):
    """The unit lets lists be fetched, by a process that all of its own bars are up around."""
    serve_names(m)
    r = m.do("dpi-xdp", "block-list", "ads", f"http://{THERE}:8082/ads.txt")
    check(r.returncode == 0 and "1 names" in r.stdout and not arrives(m, LISTED) and arrives(m, FREE),
          "full/list-of-a-server", r.stdout + r.stderr)
    r = m.do("dpi-xdp", "unblock-list", "ads")
    check(r.returncode == 0 and arrives(m, LISTED), "full/list-taken-away", r.stderr)


def reload(check, m):
    rules = "/var/lib/dpi-xdp/rules.txt"
    good = open(m.root + rules).read()
    m.write(rules, good + "[BLOCKED_DOMAINS]\nbad..name\n")
    r = m.do("systemctl", "reload", "dpi-xdp")
    check(r.returncode and not arrives(m, BLOCKED), "full/bad-reload-refused", r.stderr)
    m.write(rules, "[BLOCKED_DOMAINS]\n" + FREE + "\n")
    r = m.do("systemctl", "reload", "dpi-xdp")
    check(r.returncode == 0 and not arrives(m, FREE), "full/reload", r.stderr)
    status = m.show("dpi-xdp", "StatusText", "ActiveState")
    check(status == ["protecting wan0; 1 rule", "active"], "full/status-after-reload", status)
    m.write(rules, good)
    m.do("systemctl", "reload", "dpi-xdp")


def watchdog(check, m):
    """A supervisor that hangs, and an engine that does, are ended; what is blocked stays blocked."""
    os.makedirs(m.root + "/etc/systemd/system/dpi-xdp.service.d", exist_ok=True)
    m.write("/etc/systemd/system/dpi-xdp.service.d/test.conf", "[Service]\nWatchdogSec=3\n")
    m.do("systemctl", "daemon-reload")
    m.do("systemctl", "restart", "dpi-xdp")
    before = json.loads(m.do("dpi-xdp", "status", "--json").stdout)
    time.sleep(5)
    check(m.show("dpi-xdp", "NRestarts")[0] == "0", "full/watchdog-is-fed", m.show("dpi-xdp", "NRestarts"))
    stopped = m.do("sh", "-c", f"kill -STOP {before['supervisor_pid']}")
    if stopped.returncode:
        raise RuntimeError(stopped.stderr)
    again = net.wait_for(lambda: m.show("dpi-xdp", "NRestarts", "ActiveState") == ["1", "active"], 25, 0.3)
    check(again, "full/watchdog-ends-a-silent-supervisor", m.show("dpi-xdp", "NRestarts", "ActiveState"))
    check(not arrives(m, BLOCKED) and arrives(m, FREE), "full/blocked-after-watchdog")
    os.remove(m.root + "/etc/systemd/system/dpi-xdp.service.d/test.conf")
    os.rmdir(m.root + "/etc/systemd/system/dpi-xdp.service.d")
    m.do("systemctl", "daemon-reload")


def stop(check, m):
    m.do("systemctl", "restart", "dpi-xdp")
    check(arrives(m, FREE), "full/passes-after-restart")
    # An open flow that is blocked stays so while no process is there.
    m.do("systemctl", "stop", "dpi-xdp")
    state = m.show("dpi-xdp", "ActiveState", "Result")
    check(state == ["inactive", "success"], "full/stops", state)
    pins = m.pins()
    linked = "xdp" in m.host.ip("link", "show", "dev", "wan0").stdout
    check(pins == ["dpi-xdp"] and linked, "full/protection-outlives-the-service", f"{pins} {linked}")
    m.do("systemctl", "start", "dpi-xdp")
    check(not arrives(m, BLOCKED) and arrives(m, FREE), "full/takes-over-again")


def upgrade(check, m):
    before = m.show("dpi-xdp", "MainPID")[0]
    r = m.do("apt-get", "-q", "-y", "--reinstall", "install", "/root/dpi-xdp.deb", timeout=120)
    state = m.show("dpi-xdp", "MainPID", "ActiveState")
    check(r.returncode == 0 and state[1] == "active" and state[0] != before, "full/upgrade-restarts",
          f"{before} {state} {r.stderr[-200:]}")
    check(not arrives(m, BLOCKED), "full/blocked-after-upgrade")


def capture(machine):
    """A capture of one UDP packet."""
    path = f"{machine.folder}/one.pcap"
    udp = struct.pack(">HHHH", 40000, 9, 12, 0) + b"text"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]),
                     bytes([10, 0, 0, 2]))
    frame = bytes(12) + b"\x08\x00" + ip + udp
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        f.write(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame)
    return path


def others(check, m):
    """The HTTP service and the event file."""
    r = m.do("systemctl", "start", "dpi-xdp-serve")
    state = m.show("dpi-xdp-serve", "ActiveState", "StatusText", "MainPID")
    check(r.returncode == 0 and state[0] == "active" and "serving on" in state[1], "full/serve",
          f"{state} {r.stderr} {m.do('journalctl', '-u', 'dpi-xdp-serve', '-n', '20').stdout}")
    health = m.host.run("curl", "-s", "-m", "5", "http://127.0.0.1:8080/health")
    check('"agent"' in health.stdout and health.stdout.startswith("{"), "full/serve-health", health.stdout[:300])
    proc = m.do("cat", f"/proc/{state[2]}/status").stdout
    check(re.search(r"^CapEff:\s+0+$", proc, re.M) and re.search(r"^CapBnd:\s+0+$", proc, re.M) and
          not re.search(r"^Uid:\s+0\s", proc, re.M), "full/serve-without-privilege", proc[:400])
    analysis = m.host.run("curl", "-s", "-m", "20", "-F", f"file=@{capture(m)}", "http://127.0.0.1:8080/analyze")
    check('"total_packets":1,' in analysis.stdout.replace(" ", ""), "full/serve-analyzes",
          analysis.stdout[:300] or m.do("journalctl", "-u", "dpi-xdp-serve", "-n", "5").stdout)
    text = open(m.root + "/etc/dpi-xdp/dpi-xdp.conf").read()
    m.write("/etc/dpi-xdp/dpi-xdp.conf", text.replace(
        '"--listen 127.0.0.1:8080"', f'"--listen {HERE}:8080 --token-file /var/lib/dpi-xdp-api/token"'))
    m.do("systemctl", "restart", "dpi-xdp-serve")
    token = m.do("cat", "/var/lib/dpi-xdp-api/token").stdout.strip()
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", f"http://{HERE}:8080/rules/port/4242"]
    without = m.far.run(*ask).stdout
    given = m.far.run(*ask, "-H", f"Authorization: Bearer {token}").stdout
    check(len(token) >= 32 and without == "401" and given.startswith("2") and
          "4242" in m.do("dpi-xdp", "rules").stdout, "full/serve-token", f"{without} {given}")
    r = m.do("systemctl", "start", "dpi-xdp-events")
    path = m.root + "/var/log/dpi-xdp/eve.json"
    arrives(m, FREE)
    lines = net.wait_for(lambda: os.path.exists(path) and FREE in open(path).read(), 10, 0.2)
    check(r.returncode == 0 and lines, "full/events", m.do("journalctl", "-u", "dpi-xdp-events", "-n", "10").stdout)
    r = m.do("logrotate", "--force", "/etc/logrotate.d/dpi-xdp")
    arrives(m, "second." + FREE)
    fresh = net.wait_for(lambda: os.path.exists(path) and "second." + FREE in open(path).read(), 10, 0.2)
    check(r.returncode == 0 and fresh and os.path.exists(path + ".1") and
          "second." + FREE not in open(path + ".1").read(), "full/logrotate", r.stderr)


def remove(check, m, before):
    r = m.do("apt-get", "-q", "-y", "remove", "dpi-xdp", timeout=120)
    check(r.returncode == 0, "full/remove", r.stderr[-300:])
    check(not m.pins(), "full/no-pins-left", m.pins())
    link, qdisc = m.host.ip("link", "show", "dev", "wan0").stdout, m.host.tc("qdisc", "show", "dev", "wan0").stdout
    check("xdp" not in link and "clsact" not in qdisc, "full/no-links-left", link + qdisc)
    check(arrives(m, BLOCKED), "full/passes-after-remove")
    alive = m.do("sh", "-c", "cat /proc/[0-9]*/comm").stdout.split()
    check("systemd" in alive and not [a for a in alive if a.startswith("dpi-xdp")], "full/no-process-left", alive)
    check(os.path.exists(m.root + "/var/lib/dpi-xdp/rules.txt") and
          os.path.exists(m.root + "/etc/dpi-xdp/dpi-xdp.conf"), "full/remove-keeps-rules-and-configuration")
    r = m.do("apt-get", "-q", "-y", "purge", "dpi-xdp", timeout=120)
    check(r.returncode == 0, "full/purge", r.stderr[-300:])
    os.remove(m.root + "/root/dpi-xdp.deb")
    new = sorted(files(m.root) - before)
    check(not new, "full/no-file-left", new[:20])
    named = of_package(m, "dpi-xdp")
    check(not named, "full/nothing-of-its-name-left", named[:20])
    check("rc" not in m.do("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "dpi-xdp").stdout, "full/dpkg-forgot")


def obstacle():
    """Why this machine cannot run it; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [p for p in ("debootstrap", "systemd-nspawn", "curl", "nsenter") if not shutil.which(p)]
    return f"not found: {', '.join(missing)}; apt-get install debootstrap systemd-container" if missing else None


def run_all(check, deb):
    why = obstacle()
    if why or not deb:
        check(False, "full", why or "there is no package; run make deb")
        return
    with net.Lab() as lab:
        m = Machine(lab)
        try:
            before = install(check, m, deb)
            serve_hello(m)
            for step in (start, block, lists, reload, watchdog, stop, upgrade, others):
                begin = time.monotonic()
                try:
                    step(check, m)
                except Exception as e:  # the next steps still tell something
                    check(False, f"full/{step.__name__}", f"{type(e).__name__}: {e}")
                print(f"# {step.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
            remove(check, m, before)
        finally:
            m.close()
