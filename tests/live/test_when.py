#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Rules that know the time, by the machine's own clock: what a client receives before, within and
after the hours of a rule, with a transfer that is open across each of these moments.
"""
import contextlib
import json
import os
import signal
import socket
import statistics
import threading
import time

import net

NAME, INNOCENT, DAILY = "www.slow.example", "www.fine.example", "www.daily.example"
WITHIN_S = 1.0  # of the moment, at the latest
FOR_S, ASKING_S = 6, 0.5  # what is for a time; a question takes some of it
QUIET_S = 0.4
SOON_S, TRIES = 0.05, 9  # on a machine that has other work some tries are late


def flows_still(transfer, seconds=QUIET_S):
    """True when bytes of it come within so long."""
    before = transfer.bytes
    return net.wait_for(lambda: transfer.bytes > before, seconds)


def offset(transfer, moment):
    """How long after the moment (wall clock) the last byte came, in seconds."""
    return transfer.last - time.monotonic() + time.time() - moment


def is_in_force(agent, name):
    return [r["in_force"] for r in agent.json("rules")["rules"] if r["value"] == name] == [True]


def one_rule(agent):
    return agent.json("rules")["rules"][0]


def sleep_until(moment):
    time.sleep(max(0.0, moment - time.time()))


def stops(agent, client):
    """"" when a new connection under the name gets no answer; else what was wrong."""
    request = [net.http_request(NAME)]
    return net.silence(agent, lambda: net.ask(client, 4, net.HTTP_PORT, request))


def ending(suite):
    """--for: in force at once, on open flows too; gone by itself at its end."""
    with net.Lab() as lab:
        client, _, _, agent = lab.guarded()
        bad, good = net.Transfer(client, 4, NAME), net.Transfer(client, 4, INNOCENT)
        suite.check(flows_still(bad), "the transfer is open", "it is not")
        start = time.time()
        said = agent.run("block-domain", NAME, "--for", f"{FOR_S}s").stdout
        returned = time.time()
        suite.check(said.startswith(f"domain {NAME}: blocked until "), "the command says until when", said)
        suite.check(not flows_still(bad) and flows_still(good), "an open transfer stops at once", "it flows")
        rule, why = one_rule(agent), agent.run("why", NAME).stdout
        suite.check(rule["in_force"] and 0 < rule["left_s"] <= FOR_S + 1 and rule["when"].startswith("until "),
                    "rules --json has what is left", rule)
        suite.check("in force; ends in " in agent.run("rules").stdout, "and rules says it", agent.run("rules").stdout)
        suite.check(" is blocked" in why and "in force; ends in " in why, "why says it too", why)
        gone = net.wait_for(lambda: agent.json("rules")["rules"] == [], 2 * FOR_S, 0.01)
        took, late = time.time() - start, time.time() - returned - FOR_S
        suite.check(gone and took >= FOR_S and late <= WITHIN_S + ASKING_S, f"it goes by itself, after {took:.2f} s", took)
        suite.check(net.reaches(client, NAME, 4, "http"), "a new connection passes", "it does not")
        with open(os.path.join(agent.state_dir, "rules.txt")) as f:
            suite.check(NAME not in f.read(), "and the file has forgotten it", "it has not")
        newest = agent.json("rules", "history")["changes"][0]
        suite.check(newest["by"] == "end" and newest["removed"] == 1 and newest["lines"][0].startswith(f"- block domain {NAME}  until "),
                    "but not the history", newest)
        said = agent.run("rules", "rollback").stdout
        suite.check("change 1" in said and agent.json("rules")["rules"] == [], "and a rollback means what somebody changed", said)
        for t in (bad, good):
            t.close()
        refusals(suite, agent)
        agent.detach()


def refusals(suite, agent):
    rows = [(["block-domain", "a.example", "--for", "0s"], "no length of time"),
            (["block-domain", "a.example", "--until", "2020-01-01"], "is over"),
            (["block-domain", "a.example", "--until", "soon"], "no moment"),
            (["block-domain", "a.example", "--for", "3s", "--until", "21:30"], "not both"),
            (["block-domain", "a.example", "--when", "mon-fry 21:00-22:00"], "'mon-fry' is no time"),
            (["unblock-domain", "a.example", "--for", "3s"], "goes at once")]
    for args, words in rows:
        r = agent.run(*args, check=False)
        suite.check(r.returncode == 2 and words in r.stderr, f"refused: {' '.join(args)}", f"{r.returncode} {r.stderr}")
    suite.check(agent.json("rules")["rules"] == [], "and nothing came of it", agent.run("rules").stdout)


def hours(*ends):
    return "-".join(time.strftime("%H:%M", time.localtime(t)) for t in ends)


def schedule(suite):
    """--when: one rule begins and another ends on the minute, the one on a transfer that is open."""
    with net.Lab() as lab:
        client, _, _, agent = lab.guarded()
        begin = int(time.time() + 8) // 60 * 60 + 60
        agent.run("block-domain", NAME, "--when", hours(begin, begin + 3600))
        rule = one_rule(agent)
        suite.check(not rule["in_force"] and rule["changes"] == time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(begin)),
                    "rules says when it begins", rule)
        agent.run("block-domain", DAILY, "--when", hours(begin - 3600, begin))
        suite.check(is_in_force(agent, DAILY) and net.is_silent(client, DAILY, 4, "http"),
                    "what has begun before is in force", agent.run("rules").stdout)
        why = agent.run("why", NAME).stdout
        suite.check(" is not blocked" in why and "not in force; begins in " in why, "why says so too", why)
        sleep_until(begin - net.STREAM_S / 3)  # a transfer has an end of its own
        bad, good = net.Transfer(client, 4, NAME), net.Transfer(client, 4, INNOCENT)
        sleep_until(begin - 0.3)
        suite.check(flows_still(bad, 0.2), "before it begins the transfer flows", "it does not")
        sleep_until(begin + WITHIN_S)
        late = offset(bad, begin)
        suite.check(0 <= late < WITHIN_S and flows_still(good), f"it stops {late * 1000:.0f} ms after the minute", late)
        wrong = stops(agent, client)
        suite.check(is_in_force(agent, NAME) and not wrong, "within the hours new connections stop too",
                    f"{wrong} {agent.run('rules').stdout}")
        suite.check(not is_in_force(agent, DAILY) and net.reaches(client, DAILY, 4, "http"),
                    "what ends on that minute lets new connections pass", agent.run("rules").stdout)
        status = agent.json("status")
        suite.check(status["rules"] == 2 and status["rules_in_force"] == 1 and status["rule_moments"] == 1,
                    "status counts the moment", status)
        suite.check(agent.run("unblock-domain", NAME).stdout.endswith("no longer blocked\n") and
                    [r["value"] for r in agent.json("rules")["rules"]] == [DAILY],
                    "a rule with hours is taken away by its value", "")
        for t in (bad, good):
            t.close()
        agent.detach()


def killed(suite):
    """An end outlives whoever keeps it; one that came meanwhile is over."""
    with net.Lab() as lab:
        client, _, _, agent = lab.guarded()
        agent.run("block-domain", NAME, "--for", "6s")
        agent.run("block-domain", "a.example", "--for", "1h")
        end = time.time() + 6
        supervisor, _ = agent.pids()
        os.kill(supervisor, signal.SIGKILL)
        back = net.wait_for(lambda: agent.pids()[0] not in (None, supervisor), 5)
        suite.check(back and len(agent.json("rules")["rules"]) == 2, "kill -9: another supervisor knows the ends",
                    agent.run("rules").stdout)
        wrong = stops(agent, client)
        suite.check(not wrong, "and the rule is in force", wrong)
        sleep_until(end + WITHIN_S)
        left = [r["value"] for r in agent.json("rules")["rules"]]
        suite.check(left == ["a.example"] and net.reaches(client, NAME, 4, "http"), "its end comes all the same", left)

        agent.run("block-domain", NAME, "--for", "1s")
        os.kill(agent.pids()[0], signal.SIGTERM)
        gone = net.wait_for(lambda: agent.run("status", check=False).returncode == 6, 5)
        time.sleep(2.2)
        left = [r["value"] for r in json.loads(agent.run("rules", "-j").stdout)["rules"]]
        suite.check(gone and left == ["a.example"], "one that ends while no agent runs is over", left)
        agent.attach("lan")
        suite.check([r["value"] for r in agent.json("rules")["rules"]] == ["a.example"] and
                    net.reaches(client, NAME, 4, "http"), "and the next agent does not know it", agent.run("rules").stdout)
        agent.detach()


def union(suite):
    """The same value at several times is in force at any of them; for good is more than all."""
    with net.Lab() as lab:
        client, _, _, agent = lab.guarded()
        agent.run("block-domain", NAME, "--until", "2000-01-01T00:00", check=False)
        agent.run("block-domain", NAME, "--when", "00:00-24:00 until 2090-01-01T00:00:00Z")
        agent.run("block-domain", NAME, "--for", "2s")
        suite.check(len(agent.json("rules")["rules"]) == 2, "two times of one value are two rules", agent.run("rules").stdout)
        time.sleep(3.2)
        wrong = stops(agent, client)
        suite.check([r["when"] for r in agent.json("rules")["rules"]] ==
                    ["00:00-24:00 until 2090-01-01T00:00:00Z"] and not wrong, "the other goes on when one ends",
                    f"{wrong} {agent.run('rules').stdout}")
        agent.run("block-domain", NAME)
        suite.check("when" not in one_rule(agent), "for good takes the place of both", agent.run("rules").stdout)
        said = agent.run("block-domain", NAME, "--for", "1s").stdout
        time.sleep(2.2)
        wrong = stops(agent, client)
        suite.check("already" in said and not wrong, "what is blocked for good stays so", f"{wrong} {said}")
        text = agent.run("rules").stdout
        path = os.path.join(lab.dir, "saved")
        agent.run("block-domain", "b.example", "--when", "sat,sun")
        agent.run("rules", "save", path)
        with open(path) as f:
            saved = f.read()
        agent.run("rules", "load", path)
        with open(os.path.join(agent.state_dir, "rules.txt")) as f:
            suite.check(f.read() == saved and "b.example  sat,sun\n" in saved, "save, load and the file say the same", text)
        agent.detach()


class Echo(threading.Thread):
    """A datagram to the server's echo every few milliseconds; remembers when each answer came."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.s = client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.connect((net.SERVER[4], net.ECHO_PORT))
        self.s.settimeout(0.002)
        self.came, self.done = [], False
        self.start()

    def run(self):
        while not self.done:
            with contextlib.suppress(OSError):
                self.s.send(b"x")
                self.s.recv(16)
                self.came.append(time.monotonic())

    def first_after(self, moment, seconds=2):
        """How long after a moment the first answer came; None when none did."""
        net.wait_for(lambda: self.came and self.came[-1] > moment, seconds, 0.002)
        later = [t for t in self.came if t > moment]
        return later[0] - moment if later else None

    def last_after(self, moment, seconds=0.3):
        """How long after a moment the last answer came, once none has come for a while."""
        while time.monotonic() - max(self.came[-1], moment) < seconds:
            time.sleep(0.01)
        return self.came[-1] - moment

    def close(self):
        self.done = True
        self.join()
        self.s.close()


def pausing(suite):
    """pause lets everything pass on open flows, and what was blocked is blocked again after it."""
    with net.Lab() as lab:
        client, _, _, agent = lab.guarded()
        echo = Echo(client)
        suite.check(echo.first_after(0) is not None, "the echo is there", "it is not")
        begun, ended = [], []
        agent.run("block-port", f"{net.ECHO_PORT}/udp")
        agent.run("allow-domain", INNOCENT)
        for _ in range(TRIES):
            echo.last_after(time.monotonic(), 0.1)
            for command, moments, until in (("pause", begun, echo.first_after), ("resume", ended, echo.last_after)):
                start = time.monotonic()
                agent.run(command)
                took = time.monotonic() - start
                moments.append((until(start) or 9) - took)
        for what, moments in (("pause: passes", begun), ("resume: stops", ended)):
            half, worst = statistics.median(moments), max(moments)
            suite.check(half < SOON_S and worst < WITHIN_S, f"{what}: half of {TRIES} times {half * 1000:+.0f} ms from "
                        f"the command's end, at worst {worst * 1000:+.0f} ms", moments)

        said = agent.run("pause", "--for", f"{FOR_S}s").stdout
        start, status, rules = time.time(), agent.json("status"), agent.run("rules").stdout
        suite.check("nothing is blocked" in said and "PAUSED" in agent.run("status").stdout and
                    status["paused"] and 0 <= status["paused_left_s"] <= FOR_S + 1 and rules.startswith("# paused for "),
                    "command, status and rules say so, with what is left", f"{said}{rules}")
        why = agent.run("why", f"{net.CLIENT[4]}:5000-{net.SERVER[4]}:{net.ECHO_PORT}/udp").stdout
        suite.check(f"port:{net.ECHO_PORT}/udp would block it, but all is paused" in why, "why says so", why)
        suite.check("is allowed" in agent.run("why", INNOCENT).stdout, "exceptions stay", agent.run("why", INNOCENT).stdout)
        passes = echo.first_after(time.monotonic())
        supervisor, _ = agent.pids()
        os.kill(supervisor, signal.SIGKILL)
        back = net.wait_for(lambda: agent.pids()[0] not in (None, supervisor), 5)
        suite.check(passes is not None and back and agent.json("status")["paused"], "kill -9: it is still paused",
                    agent.run("status").stdout)
        over = net.wait_for(lambda: not agent.json("status")["paused"], 2 * FOR_S, 0.01)
        took = time.time() - start
        suite.check(over and took <= FOR_S + WITHIN_S + ASKING_S, f"it ends by itself, after {took:.2f} s", took)
        suite.check(echo.last_after(time.monotonic()) < WITHIN_S and "PAUSED" not in agent.run("status").stdout,
                    "and the rules are in force again", agent.run("status").stdout)
        suite.check("paused" not in os.listdir(agent.state_dir), "nothing is left of it", os.listdir(agent.state_dir))
        without_agent(suite, agent)
        echo.close()


def without_agent(suite, agent):
    """A pause that is stored while no agent runs counts with the next one."""
    agent.detach()
    net.wait_for(lambda: agent.run("status", check=False).returncode == 6, 5)
    r = agent.run("pause", "--for", "1h")
    agent.attach("lan")
    suite.check("no agent is running" in r.stderr and agent.json("status")["paused"], "a stored pause counts from attach on",
                f"{r.stderr} {agent.run('status').stdout}")
    agent.run("resume")
    suite.check(not agent.json("status")["paused"], "and can be ended", agent.run("status").stdout)
    bad = [agent.run("pause", *args, check=False) for args in (["--for", "x"], ["--until", "2020-01-01"], ["now"])]
    suite.check([r.returncode for r in bad] == [2, 2, 2], "what is no time is refused", [r.stderr for r in bad])
    agent.detach()


# What the agent takes for the time: the machine's, and so many seconds more as a file says.
SHIFT_C = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long shift(void)
{
	FILE *f = fopen(getenv("SHIFT_FILE"), "r");
	long s = 0;

	if (f && fscanf(f, "%ld", &s) != 1)
		s = 0;
	if (f)
		fclose(f);
	return s;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	int err;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	err = real(id, t);
	if (!err && id == CLOCK_REALTIME)
		t->tv_sec += shift();
	return err;
}

time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
"""


def touch_clock():
    """Sets the machine's clock to what it is."""
    time.clock_settime_ns(time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_REALTIME))


class Clock:
    """The clock of one agent. To be set, the machine's own is set to what it is: the kernel then tells
    whoever waits for a moment of it, as when it is really set."""

    def __init__(self, lab, agent):
        self.path, library = os.path.join(lab.dir, "shift"), os.path.join(lab.dir, "shift.so")
        with open(library + ".c", "w") as f:
            f.write(SHIFT_C)
        net.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", library, library + ".c"], check=True)
        agent.env.update(SHIFT_FILE=self.path, LD_PRELOAD=library)
        self.set(0)

    def set(self, shift):
        with open(self.path + ".new", "w") as f:
            f.write(str(shift))
        os.replace(self.path + ".new", self.path)
        touch_clock()


def clock_set(suite):
    """A clock that is set, forward and back, is noticed at once."""
    try:
        touch_clock()
    except PermissionError:
        suite.skip("a clock that is set", "this container forbids to set the clock")
        return
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        clock = Clock(lab, agent)
        agent.attach("lan")
        now = time.time()
        agent.run("block-domain", NAME, "--when", hours(now + 7000, now + 7400))
        agent.run("block-domain", "ends.example", "--for", "5h")
        agent.run("block-port", f"{net.ECHO_PORT}/udp", "--for", "1h")
        echo = Echo(client)
        took = []
        suite.check(echo.first_after(time.monotonic(), 0.5) is None, "the port is blocked for an hour", "it passes")
        for shift, want in ((7200, ["ends.example", NAME]), (0, ["ends.example"]), (-86400 * 3, ["ends.example"]),
                            (7200, ["ends.example", NAME])):
            start = time.monotonic()
            clock.set(shift)
            def seen():
                return sorted(r["value"] for r in agent.json("rules")["rules"] if r["in_force"]) == sorted(want) and \
                    agent.json("status")["rules_in_force"] == len(want)
            good = net.wait_for(seen, 2, 0.01)
            took.append(time.monotonic() - start)
            suite.check(good, f"set to {shift} s from the time: in force {want}", agent.run("rules").stdout)
        suite.check(max(took) < 2, f"each within {max(took) * 1000:.0f} ms", took)
        suite.check(echo.first_after(time.monotonic()) is not None, "what has ended does not come back with the clock",
                    agent.run("rules").stdout)
        wrong = stops(agent, client)
        suite.check(not wrong, "and what is in force drops", wrong)
        clock.set(86400)
        suite.check(net.wait_for(lambda: agent.json("status")["rules"] == 1, 2) and
                    one_rule(agent)["value"] == NAME, "past all ends only the hours are left", agent.run("rules").stdout)
        echo.close()
        clock.set(0)
        agent.detach()


def zone_changed(suite):
    """Another zone of the system is noticed at once: hours begin and end by it, on what is open too."""
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent, etc, plain = lab.agent(router), os.path.join(lab.dir, "etc"), router.cmd
        net.run(["cp", "-a", "/etc", etc], check=True)

        def zone(name):
            os.symlink(f"/usr/share/zoneinfo/{name}", os.path.join(etc, "localtime.new"))
            os.replace(os.path.join(etc, "localtime.new"), os.path.join(etc, "localtime"))

        # The agent has an /etc of its own.
        zone("Etc/UTC")
        agent.env.pop("TZ", None)
        router.cmd = lambda *args: plain("unshare", "-m", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh", *args)
        agent.attach("lan")
        now = time.time() + 5 * 3600
        hours = "-".join(time.strftime("%H:%M", time.gmtime(now + s)) for s in (-600, 600))
        agent.run("block-port", f"{net.ECHO_PORT}/udp", "--when", hours)
        echo = Echo(client)
        suite.check(echo.first_after(time.monotonic()) is not None, "not its hours here", agent.run("rules").stdout)
        begun, ended = [], []
        for _ in range(3):
            start = time.monotonic()
            zone("Etc/GMT-5")
            begun.append(echo.last_after(start))
            start = time.monotonic()
            zone("Etc/UTC")
            ended.append(echo.first_after(start) or 99)
        suite.check(max(begun) < 1, f"five hours east they are: it stops after {max(begun) * 1000:.0f} ms", begun)
        suite.check(max(ended) < 1, f"and passes {max(ended) * 1000:.0f} ms after the zone is put back", ended)
        echo.close()
        agent.detach()


if __name__ == "__main__":
    net.main([ending, pausing, clock_set], ("ip", "nsenter", "openssl", "curl"),
             together=[schedule, killed, union, zone_changed])
