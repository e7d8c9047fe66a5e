#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The engine and the supervisor are killed with signal 9, a hundred times each, while blocked flows (TCP,
QUIC, TCP in a VXLAN tunnel) and an innocent one each send 10,000 packets a second: no packet of a
blocked flow may pass, none of the innocent one may be lost, and afterwards a new flow is named
within a second.
"""
import os
import signal
import time

import net

import quic  # net knows where

KILLS, RATE = 200, 10000
BLOCKED = "www.tiktok.com"
QUIC_PORT, TUNNEL_PORT, INNER_PORT, GOOD_PORT = 41001, 41002, 41003, 9
VXLAN_PORT, VXLAN = 4789, b"\x08\0\0\0\0\0\x2a\0"
INNER = "172.31.7.1", "172.31.7.2"
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


class Wire:
    """Makes frames from the client to the server, as the router's LAN side receives them."""

    def __init__(self, client, router):
        self.macs = router.mac("lan"), client.mac("eth0")
        self.ends = net.CLIENT[4], net.SERVER[4]

    def tcp(self, port, payload):
        return net.ether(net.tcp_packet(4, *self.ends, port, net.TLS_PORT, 1000, 1, net.ACK | net.PSH,
                                        payload), *self.macs)

    def udp(self, port, to, payload):
        return net.ether(net.udp_packet(4, *self.ends, port, to, payload), *self.macs)

    def tunnelled(self, payload):
        inner = net.tcp_packet(4, *INNER, INNER_PORT, net.TLS_PORT, 1000, 1, net.ACK | net.PSH, payload)
        return self.udp(TUNNEL_PORT, VXLAN_PORT, VXLAN + net.ether(inner, *self.macs))


def blocked_flows(suite, agent, client, wire, hello):
    """Has flows blocked, each its own way. Returns {what it is: (port the server sees, frame)}."""
    tcp = net.ask(client, 4, net.TLS_PORT, [hello]).port
    initial = quic.initial(quic.crypto(0, quic.client_hello(BLOCKED.encode())), bytes(range(8)), number=0)
    with client.raw("eth0", False) as raw:
        raw.send(wire.udp(QUIC_PORT, net.TLS_PORT, initial))
        raw.send(wire.tunnelled(hello))
    rows = {"TCP": (tcp, tcp, wire.tcp(tcp, b"x" * 64)),
            "QUIC": (QUIC_PORT, QUIC_PORT, wire.udp(QUIC_PORT, net.TLS_PORT, b"\x41" + b"x" * 63)),
            "tunnelled": (INNER_PORT, TUNNEL_PORT, wire.tunnelled(b"x" * 64))}
    found = {}
    for what, (port, seen, frame) in rows.items():
        if suite.check(net.wait_for(lambda: is_blocked(agent, port), 2),
                       f"the {what} flow is blocked before the kills", "it is not"):
            found[what] = seen, frame
    return found


def kills(suite):
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded()
        agent.run("block-app", "TikTok")
        hello, wire = net.client_hello(BLOCKED), Wire(client, router)
        storm(suite, lab, agent, client, server, wire, blocked_flows(suite, agent, client, wire, hello))
        new_flow(suite, agent, client)
        wrong = net.silence(agent, lambda: net.ask(client, 4, net.TLS_PORT, [hello]))
        suite.check(not wrong, "a new flow of the blocked name is blocked", wrong)
        agent.detach()


def kill_often(agent):
    """Kills the two in turn. Returns how many of each, and what went wrong."""
    done, start = {"engine": 0, "supervisor": 0}, time.monotonic()
    for i in range(KILLS):
        if time.monotonic() - start > LONGEST_S - 10:
            return done, f"only {i} kills in {LONGEST_S - 10} s"
        victim = ("engine", "supervisor")[i % 2]
        fault = kill_and_wait(agent, victim)
        if fault:
            return done, f"kill {i}: {fault}"
        done[victim] += 1
    return done, ""


def storm(suite, lab, agent, client, server, wire, blocked):
    """The load, and the kills under it."""
    meter = server.meter("eth0").add(4, "dport", GOOD_PORT)
    for port, _ in blocked.values():
        meter.add(4, "sport", port)
    good = wire.udp(40000, GOOD_PORT, b"y" * 64)
    frames = [good, *(frame for _, frame in blocked.values())]
    queues = lab.lost_by_wires()
    blasts = [net.Blast(client, "eth0", RATE, RATE * LONGEST_S, [f]) for f in frames]
    start = time.monotonic()
    done, fault = kill_often(agent)
    sent = [b.end() for b in blasts]
    time.sleep(0.3)
    arrived, *passed = meter.read()
    queues = lab.lost_by_wires() - queues
    seconds = time.monotonic() - start
    suite.check(not fault, f"{done['engine']} kills of the engine, {done['supervisor']} of the "
                f"supervisor, in {seconds:.0f} s", fault)
    for what, count, through in zip(blocked, sent[1:], passed):
        suite.check(count > RATE / 2 and through == 0,
                    f"none of {count} packets of the blocked {what} flow passes", f"{through} passed")
    suite.check(sent[0] > RATE / 2 and 0 <= sent[0] - arrived <= queues,
                f"all of {sent[0]} packets of the innocent flow arrive, but for what the wires lost "
                f"({sent[0] - arrived}, {queues} in all)", f"{sent[0] - arrived} lost")


def new_flow(suite, agent, client):
    name = "after-the-kills.allowed.example"
    good = net.reaches(client, name, 4)
    named = net.wait_for(lambda: name in agent.run("flows", "-j").stdout, 1, 0.02)
    suite.check(good and named, "a new flow is named within 1 s",
                "not in `flows -j`" if good else "it is not answered")


if __name__ == "__main__":
    net.main([kills], ("ip", "tc", "nsenter", "openssl", "curl"))
