#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The engine and the supervisor are killed with signal 9, a hundred times each, while a blocked and an innocent
flow each send 20,000 packets a second: no packet of the blocked flow may pass, none of the innocent one
may be lost, and afterwards a new flow is named within a second.
"""
import os
import signal
import time

import net

KILLS, RATE = 200, 20000
LONGEST_S = 200


def kill_and_wait(agent, victim):
    """Kills one of the two processes and waits until both run again. Returns what went wrong."""
    supervisor, engine = agent.pids()
    pid = {"supervisor": supervisor, "engine": engine}[victim]
    if not pid:
        return f"status names no {victim}"
    os.kill(pid, signal.SIGKILL)
    if victim == "supervisor":
        if not net.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 2):
            return "the supervisor does not die"
        agent.attach("lan")

    def is_new():
        pids = agent.pids()
        return all(pids) and pids[victim == "engine"] != pid
    return "" if net.wait_for(is_new, 5, 0.02) else f"no new {victim} within 5 s"


def is_blocked(agent, port):
    return any(f["state"] == "BLOCKED" for f in agent.json("flows")["flows"] if f["src_port"] == port)


def kills(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        agent.attach("lan")
        agent.run("block-app", "TikTok")
        hello = net.client_hello("www.tiktok.com")
        bad = net.ask(client, 4, net.TLS_PORT, [hello])
        verdict = net.wait_for(lambda: is_blocked(agent, bad.port), 2)
        if suite.check(verdict, "the flow is blocked before the kills", "it is not"):
            storm(suite, agent, client, router, server, bad.port)
        new_flow(suite, agent, client)
        wrong = net.silence(agent, lambda: net.ask(client, 4, net.TLS_PORT, [hello]))
        suite.check(not wrong, "a new flow of the blocked name is blocked", wrong)
        agent.detach()


def storm(suite, agent, client, router, server, bad_port):
    """The load, and the kills under it."""
    good_port = 9
    meter = server.meter("eth0").add(4, "sport", bad_port).add(4, "dport", good_port)
    macs = router.mac("lan"), client.mac("eth0")
    ends = net.CLIENT[4], net.SERVER[4]
    bad = net.tcp_packet(4, *ends, bad_port, net.TLS_PORT, 1000, 1, net.ACK | net.PSH, b"x" * 64)
    good = net.udp_packet(4, *ends, 40000, good_port, b"y" * 64)
    blasts = [net.Blast(client, "eth0", RATE, RATE * LONGEST_S, [net.ether(p, *macs)])
              for p in (bad, good)]
    faults, done, start = [], {"engine": 0, "supervisor": 0}, time.monotonic()
    for i in range(KILLS):
        if time.monotonic() - start > LONGEST_S - 10:
            faults.append(f"only {i} kills in {LONGEST_S - 10} s")
            break
        victim = ("engine", "supervisor")[i % 2]
        fault = kill_and_wait(agent, victim)
        if fault:
            faults.append(f"kill {i}: {fault}")
            break
        done[victim] += 1
    sent = [b.end() for b in blasts]
    time.sleep(0.3)
    passed, arrived = meter.read()
    seconds = time.monotonic() - start
    suite.check(not faults, f"{done['engine']} kills of the engine, {done['supervisor']} of the "
                f"supervisor, in {seconds:.0f} s", "; ".join(faults))
    suite.check(sent[0] > RATE / 2 and passed == 0,
                f"none of {sent[0]} packets of the blocked flow passes", f"{passed} passed")
    suite.check(sent[1] > RATE / 2 and arrived == sent[1],
                f"all of {sent[1]} packets of the innocent flow arrive", f"{sent[1] - arrived} lost")


def new_flow(suite, agent, client):
    name = "after-the-kills.allowed.example"
    good = net.reaches(client, name, 4)
    named = net.wait_for(lambda: name in agent.run("flows", "-j").stdout, 1, 0.02)
    suite.check(good and named, "a new flow is named within 1 s",
                "not in `flows -j`" if good else "it is not answered")


if __name__ == "__main__":
    net.main([kills], ("ip", "tc", "nsenter", "openssl", "curl"))
