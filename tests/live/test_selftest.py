#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The self-test, tested: it finds what it should, it fails where it should, and leaves nothing behind
however it ends. An agent that drops nothing must make every row leak: then a row that says BLOCKED
has seen it.
"""
import glob
import json
import os
import signal
import subprocess
import sys
import time

import net

ROWS_LEAST, TIME_MAX_S = 110, 30
DIRECTORIES, PINS = "/run/dpi-xdp-selftest-*", net.BPFFS + "/dpi-xdp-run_dpi_xdp_selftest_*"
# With any name: these have no innocent twin.
REFUSED = {"ip-fragments-tiny", "ip-fragments-dns-cut", "ip-extensions-many",
           "layer-tags-many"}
# The kernel itself decides these.
AT_ONCE = {"tcp-one-segment", "rule-app", "tls-below", "tls-case", "http-request"}
APART = "--apart"
KEPT = {"DPI_XDP_STATE_DIR", "DPI_XDP_RUN_DIR"}


def start(*args, locale="C.UTF-8", **how):
    env = {k: v for k, v in os.environ.items() if k not in KEPT}
    env["LC_ALL"] = locale
    return subprocess.Popen([net.PROGRAM, "selftest", *args], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, **how)


def end(p, timeout=2 * TIME_MAX_S):
    out, err = p.communicate(timeout=timeout)
    return p.returncode, out, err


def selftest(*args):
    """Exit status, the document, seconds."""
    begin = time.monotonic()
    status, out, err = end(start("--json", *args))
    return status, json.loads(out) if out else {"error": err, "rows": []}, time.monotonic() - begin


def apart():
    """Begins this program once more, with a /run and pins of its own: so that what other self-tests
    of the machine have there is not taken for what these leave."""
    mounts = f"mount -t tmpfs run /run && mount -t bpf bpf {net.BPFFS} && "
    os.execvp("unshare", ["unshare", "--mount", "sh", "-c", mounts + 'exec "$@"', "sh",
                          sys.executable, os.path.abspath(__file__), APART, *sys.argv[1:]])


def agents():
    """Processes of these self-tests: by the run directory in their environment, and its place."""
    found, mounts = [], os.readlink("/proc/self/ns/mnt")
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as f:
                if b"DPI_XDP_RUN_DIR=" + DIRECTORIES[:-1].encode() in f.read() and \
                        os.readlink(os.path.join(os.path.dirname(path), "ns/mnt")) == mounts:
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def left():
    return glob.glob(DIRECTORIES) + glob.glob(PINS) + agents()


def families(row):
    return [row[f] for f in ("ipv4", "ipv6") if f in row]


def faults(rows):
    """What is not as the table of rows says."""
    for row in rows:
        tried = "innocent" if row["expect"] == "passed" else "probes"
        if not families(row) or any(not f[tried] for f in families(row)):
            yield f"{row['row']}: tries nothing"
        elif row["expect"] != "open" and row["result"] != row["expect"]:
            yield f"{row['row']}: {row['result']}"
        elif row["expect"] == "open" and not row["reason"]:
            yield f"{row['row']}: open, and no word why"
        elif any(f["lost"] for f in families(row)):
            yield f"{row['row']}: innocent frames are lost"
        elif row["expect"] == "blocked" and row["row"] not in REFUSED and \
                any(not f["innocent"] for f in families(row)):
            yield f"{row['row']}: nothing innocent was tried"


def whole(suite):
    """Every row, as it should be."""
    for mode in ("native", "generic"):
        status, told, took = selftest("--mode", mode)
        wrong = list(faults(told["rows"]))
        suite.check(status == 0 and told.get("good") and not wrong,
                    f"{mode}: {told.get('blocked')} rows are blocked, {told.get('open')} open, "
                    f"{told.get('passed')} innocent",
                    f"status {status}: {told.get('error')} {wrong[:5]}")
        suite.check(told.get("blocked", 0) >= ROWS_LEAST and took < TIME_MAX_S,
                    f"{mode}: at least {ROWS_LEAST}, within {TIME_MAX_S} s", f"{took:.1f} s")
        late = [r["row"] for r in told["rows"] if r["row"] in AT_ONCE and
                any(f["held_at_once"] != f["flows"] or not f["flows"] for f in families(r))]
        suite.check(told["rows"] and not late, f"{mode}: names in one segment never arrive", late)
        suite.check(mode in told.get("protection", ""), f"{mode}: said so", told.get("protection"))
    suite.check(not left(), "nothing is left", left())


def blind(suite):
    """With an agent that drops nothing each row must say so: else it could not fail."""
    status, told, _ = selftest("--monitor")
    seeing = [r["row"] for r in told["rows"] if r["expect"] == "blocked" and
              any(f["leaked"] != f["probes"] or not f["probes"] for f in families(r))]
    suite.check(status == 1 and told["good"] is False and told["rows"] and not seeing,
                f"without drops all of {told.get('leaked')} rows leak every frame, and it fails",
                f"status {status}: {seeing[:5]}")
    passed = [r for r in told["rows"] if r["expect"] == "passed" and r["result"] == "passed"]
    suite.check(len(passed) >= 5, "what is innocent passes then too", told["rows"][-3:])
    suite.check(not left(), "nothing is left", left())


def words(suite):
    """The table, one row alone, and what is refused."""
    status, out, err = end(start("--only", "tls-case"))
    lines = out.splitlines()
    row = [l for l in lines if l.startswith("tls-case ")]
    suite.check(status == 0 and len(row) == 1 and "BLOCKED" in row[0] and "passed" in row[0] and
                not err, "one row alone, as a table", out + err)
    suite.check("\u2500\u2500" in out, "with lines where the locale has them", out)
    status, plain, err = end(start("--only", "tls-case", locale="C"))
    suite.check(status == 0 and plain.isascii() and "BLOCKED" in plain, "plain where not", plain)
    status, out, err = end(start("--only", "tls-case", "--monitor"))
    suite.check(status == 1 and "LEAKED 12 of 12" in out, "a leak is counted", out)
    if os.geteuid() == 0:
        status, out, err = end(start("--only", "tls-case", user=65534, group=65534,
                                     extra_groups=[]))
        suite.check(status == 4 and "root" in err and not out, "not root: 4, and what to do", err)
    less = subprocess.run(
        ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", net.PROGRAM, "selftest"],
        capture_output=True, text=True, timeout=30, check=False)
    suite.check(less.returncode == 4 and "CAP_SYS_ADMIN" in less.stderr,
                "without a capability: 4, and which", less.stderr)
    status, out, err = end(start("--only", "nonsense"))
    suite.check(status == 2 and "--list" in err and not out, "no such row: 2", err)


def at_work(p):
    """Waits until its agent is there, and its pins."""
    return net.wait_for(lambda: glob.glob(PINS) and len(agents()) >= 3, 15)


def broken_off(suite):
    """Ctrl-C, and SIGTERM: everything is gone when it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        p = start()
        there = at_work(p)
        p.send_signal(number)
        status, _, err = end(p)
        suite.check(there and status == -number and not left(),
                    f"{number.name}: it ends by it and leaves nothing", f"{status} {left()} {err}")


def killed(suite):
    """Killed itself, its agent dies with it; what is left goes with the next one."""
    p = start()
    there = at_work(p)
    p.kill()
    end(p)
    dead = net.wait_for(lambda: not agents(), 5)
    suite.check(there and dead, "killed: no process is left", agents())
    status, told, _ = selftest("--only", "dns-case")
    suite.check(status == 0 and told.get("good") and not left(),
                "the next one takes away what it left", f"{status} {left()}")
    p = start()
    there = at_work(p)
    for pid in agents():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    status, _, err = end(p)
    suite.check(there and status == 1 and err and not left(),
                "its agent killed: it fails, says so, and leaves nothing",
                f"{status} {left()} {err}")


def together(suite):
    """Two at once do not meet."""
    both = [start("--json"), start("--json")]
    told = [end(p) for p in both]
    good = [status == 0 and json.loads(out)["good"] for status, out, _ in told]
    suite.check(all(good) and not left(), "two at once: both good", [t[2] for t in told])


if __name__ == "__main__":
    if APART in sys.argv:
        sys.argv.remove(APART)
    elif os.geteuid() == 0:
        apart()
    net.main([whole, blind, words, broken_off, killed, together], needs=("setpriv",))
