# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
How `scripts/bench` runs and measures a program: wall time, processor time and peak anonymous memory
of one process with all its threads; the place where its big files lie; and the words it prints.

Processor time is user and system time as wait4() gives it when the process ends. Anonymous memory
is RssAnon of /proc/PID/status, looked at every POLL_S seconds, the highest value seen: what the
program keeps for itself, without the pages of files that it maps or writes. The kernel counts it to
within some hundred KiB.

Before each run WARM bytes are taken and given back. A virtual machine may have returned free memory
to its host, which then gives it again page by page while the program waits: up to 2 ns a byte, or
nothing, as the moment will have it. That is the machine's cost and not the program's.
"""
import mmap
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
TOOLS = os.path.join(BUILD, "tests/bench")
OURS = os.path.join(BUILD, "dpi-xdp")

POLL_S = 0.004
LIMIT_S = 900  # of one run
MIB = 1 << 20
SPARE = 2 << 30
WARM = 512 << 20


class Trouble(Exception):
    """Something is missing, or a program did not do what it was asked: it says what and why."""


class Ran:
    """What one run cost, and what the program printed."""

    def __init__(self, wall, usage, anon, text):
        self.wall = wall
        self.cpu = usage.ru_utime + usage.ru_stime
        self.anon = anon
        self.text = text


class Watch(threading.Thread):
    """Looks at a process until told to stop; ends it when it takes too long."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.anon, self.is_late = process, 0, False
        self.stop = threading.Event()
        self.end = time.monotonic() + LIMIT_S

    def run(self):
        status = f"/proc/{self.process.pid}/status"
        while not self.stop.wait(POLL_S):
            try:
                with open(status, "rb") as f:
                    text = f.read()
            except OSError:
                continue
            at = text.find(b"RssAnon:")
            if at >= 0:
                self.anon = max(self.anon, int(text[at + 8:].split(None, 1)[0]) * 1024)
            if time.monotonic() > self.end and not self.is_late:
                self.is_late = True
                os.kill(self.process.pid, 9)


def warm():
    """Has the machine keep so much memory ready, in large pages where it can."""
    with mmap.mmap(-1, WARM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as m:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            m.madvise(mmap.MADV_HUGEPAGE)
        for at in range(0, WARM, mmap.PAGESIZE):
            m[at] = 1


def measure(args, stdin=None):
    """Runs a program to its end. Trouble when it fails."""
    warm()
    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        p = subprocess.Popen(args, stdin=stdin or subprocess.DEVNULL, stdout=said,
                             stderr=subprocess.STDOUT)
        watch = Watch(p)
        try:
            watch.start()
            _, status, usage = os.wait4(p.pid, 0)
            wall = time.monotonic() - start
            p.returncode = os.waitstatus_to_exitcode(status)
        finally:
            watch.stop.set()
            watch.join()
            if p.returncode is None:
                p.kill()
                p.wait()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if p.returncode:
        why = f"took longer than {LIMIT_S} s" if watch.is_late else f"exit {p.returncode}"
        raise Trouble(f"{shown(args)}: {why}: {short(text)}")
    return Ran(wall, usage, watch.anon, text)


def short(text):
    """What a program said at last, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def shown(args):
    """A command as a reader knows it: program and options without their directories."""
    return " ".join(os.path.basename(a) if a.startswith("/") and a != "/dev/null" else a
                    for a in args)


def numbers(text, count, who):
    """The whole numbers on the only line that a loop prints."""
    words = text.split()
    if len(words) != count or not all(w.isdigit() for w in words):
        raise Trouble(f"{who}: expected {count} numbers, it printed: {text.strip()[:200]}")
    return [int(w) for w in words]


def need_tool(name):
    """The path of a program of the system."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Trouble(f"{name} is not installed (scripts/install-deps installs it)")
    return path


def need_built(path):
    if not os.path.exists(path):
        raise Trouble(f"{os.path.relpath(path, TOP)} is not built (make all tools)")
    return path


def median(values):
    return statistics.median(values)


def remove(*paths):
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def free_bytes(path):
    """What a directory can take; files in memory leave SPARE to the programs."""
    v = os.statvfs(path)
    free = v.f_bavail * v.f_frsize
    if os.path.realpath(path).startswith("/dev/shm"):
        memory = first_line("/proc/meminfo", "MemAvailable").split()[0]
        free = min(free, int(memory) * 1024 - SPARE) if memory.isdigit() else free
    return free


def choose_place(wanted, room):
    """The directory for big files: the one asked for, or memory, or else under the build."""
    if wanted:
        os.makedirs(wanted, exist_ok=True)
    elif os.path.isdir("/dev/shm") and free_bytes("/dev/shm") >= room:
        wanted = "/dev/shm"
    else:
        wanted = os.path.join(BUILD, "bench")
        os.makedirs(wanted, exist_ok=True)
    if free_bytes(wanted) < room:
        raise Trouble(f"{wanted} has {free_bytes(wanted) / 1e9:.1f} GB free, this needs "
                      f"{room / 1e9:.1f} GB: give another place by --dir, or fewer --flows")
    return wanted


def first_line(path, key):
    try:
        with open(path) as f:
            for line in f:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def machine():
    """The line that heads every result: figures mean nothing without it."""
    u = os.uname()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    cpu = first_line("/proc/cpuinfo", "model name")
    return (f"{cpu}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, "
            f"{u.sysname} {u.release} {u.machine}, load {os.getloadavg()[0]:.1f}")


def version():
    """Of the tree; the program's own word is that of the last time its main.c was compiled."""
    r = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True,
                       text=True)
    if r.returncode == 0:
        return f"dpi-xdp {r.stdout.strip()}"
    return measure([need_built(OURS), "--version"]).text.split("\n")[0].strip()


def say(text=""):
    print(text, flush=True)
