#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What a service manager is told: this test is the manager (sd_notify(3)), the agent runs in the
foreground on a veth pair in a namespace of its own.
"""
import json
import os
import re
import signal
import socket
import subprocess
import time

import net

WATCHDOG_US = 1500000


class Manager:
    """The socket that the agent's words come to, with who sent them."""

    def __init__(self, lab):
        self.path = os.path.join(lab.dir, "manager")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.path)
        self.heard = []  # (time, words, pid)

    def listen(self, seconds, until=None):
        """Hears for so long, or until a word that begins so has come; True when it has."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                words, extra, _, _ = self.socket.recvmsg(4096, 256)
            except TimeoutError:
                break
            pid = int.from_bytes(extra[0][2][:4], "little") if extra else 0
            self.heard += [(time.monotonic(), w, pid) for w in words.decode().split("\n")]
            if until and any(w.startswith(until) for w in words.decode().split("\n")):
                return True
        return False

    def forget(self):
        self.heard.clear()

    def words(self):
        return [w for _, w, _ in self.heard]

    def count(self, word):
        return self.words().count(word)


def tell(env, *args):
    return net.run([net.PROGRAM, *args], env=env)


def status(env):
    return json.loads(tell(env, "status", "--json").stdout)


def seqpackets(pid):
    """The sockets of that kind that a process holds: the supervisor's way to the keeper is one."""
    held = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        m = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        held |= {m[1]} if m else set()
    rows = [line.split() for line in open(f"/proc/{pid}/net/unix").read().splitlines()[1:]]
    return held & {r[6] for r in rows if r[4] == "0005"}


def test_notify(suite):
    with net.Lab() as lab:
        host, manager = lab.host("a"), Manager(lab)
        host.ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
        env = dict(os.environ, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC=str(WATCHDOG_US),
                   DPI_XDP_STATE_DIR=f"{lab.dir}/state", DPI_XDP_RUN_DIR=f"{lab.dir}/run")
        env.pop("WATCHDOG_PID", None)
        rules = f"{lab.dir}/rules"
        with open(rules, "w") as f:
            f.write("[BLOCKED_PORTS]\n1234\n")
        agent = host.spawn(net.PROGRAM, "attach", "--foreground", "--rules", rules, "va", "late0", "vb",
                           env=env, stderr=subprocess.PIPE, text=True)
        try:
            life(suite, manager, host, agent, env, rules)
        finally:
            tell(env, "detach", "--all")
            if agent.poll() is None:
                agent.terminate()


def life(suite, manager, host, agent, env, rules):
    ready = manager.listen(20, "READY=1")
    waiting = "STATUS=protecting va, vb; waiting for 1 interface; 1 rule"
    suite.check(ready and waiting in manager.words(), "ready-when-all-were-asked-for", manager.words())
    host.ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
    suite.check(manager.listen(5, "STATUS=protecting va, late0, vb; 1 rule"), "late-interface-is-protected",
                manager.words())
    suite.check({pid for _, _, pid in manager.heard} == {agent.pid}, "one-process-speaks", manager.heard)
    now = status(env)
    held = [seqpackets(now[p]) for p in ("supervisor_pid", "engine_pid")]
    suite.check(held[0] and not held[0] & held[1], "engine-cannot-speak", held)

    with open(rules, "w") as f:
        f.write("[BLOCKED_PORTS]\n1234\n5678\n")
    manager.forget()
    r = tell(env, "rules", "reload")
    manager.listen(3, "STATUS=")
    order = [w.split("=")[0] for w in manager.words() if not w.startswith("WATCHDOG")]
    suite.check(r.returncode == 0 and order[:3] == ["RELOADING", "MONOTONIC_USEC", "READY"] and
                "STATUS=protecting va, late0, vb; 2 rules" in manager.words(), "reload-by-command",
                f"{r.stderr} {manager.words()}")
    with open(rules, "w") as f:
        f.write("[BLOCKED_PORTS]\nnone\n")
    r = tell(env, "rules", "reload")
    suite.check(r.returncode == 2 and ":2:" in r.stderr and status(env)["rules"] == 2, "bad-reload-is-refused",
                f"{r.returncode} {r.stderr}")
    with open(rules, "w") as f:
        f.write("[BLOCKED_PORTS]\n9\n")
    manager.listen(0.2)
    manager.forget()
    os.kill(agent.pid, signal.SIGHUP)
    suite.check(manager.listen(3, "STATUS=protecting va, late0, vb; 1 rule") and "RELOADING=1" in manager.words(),
                "reload-by-signal", manager.words())

    manager.forget()
    manager.listen(2.5)
    times = [t for t, w, _ in manager.heard if w == "WATCHDOG=1"]
    gaps = [b - a for a, b in zip(times, times[1:])]
    suite.check(gaps and max(gaps) < WATCHDOG_US / 1e6, "watchdog-is-fed", gaps)
    silent(suite, manager, env)

    manager.forget()
    agent.terminate()
    ended = manager.listen(5, "STOPPING=1")
    agent.wait(10)
    suite.check(ended and agent.returncode == 0, "ends-with-a-word", f"{agent.returncode} {manager.words()}")
    pins = [d for d in os.listdir(net.BPFFS) if d.endswith(os.path.basename(os.path.dirname(rules)).
                                                         replace("-", "_") + "_run")]
    suite.check(len(pins) == 1, "programs-stay", os.listdir(net.BPFFS))


def silent(suite, manager, env):
    """An engine that hangs starves the watchdog, and is started again; so is a supervisor killed."""
    before = status(env)
    os.kill(before["engine_pid"], signal.SIGSTOP)
    manager.listen(1.2)  # what was under way
    manager.forget()
    manager.listen(2.0)
    suite.check(manager.count("WATCHDOG=1") == 0, "silent-engine-starves-it", manager.words())
    fed = manager.listen(8, "WATCHDOG=1")
    now = status(env)
    suite.check(fed and now["engine_pid"] != before["engine_pid"] and now["engine_restarts"] > before["engine_restarts"],
                "silent-engine-is-started-again", now)
    os.kill(now["supervisor_pid"], signal.SIGSTOP)
    manager.listen(0.5)
    manager.forget()
    manager.listen(2.0)
    suite.check(manager.count("WATCHDOG=1") == 0, "silent-supervisor-starves-it", manager.words())
    os.kill(now["supervisor_pid"], signal.SIGKILL)
    suite.check(manager.listen(8, "WATCHDOG=1"), "keeper-starts-another", manager.words())


if __name__ == "__main__":
    net.main([test_notify], needs=("ip",))
