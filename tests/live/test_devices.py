#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Rules of one device, with two clients on a bridge behind one router: the device that a rule is of gets
no byte of the blocked site over TLS, HTTP, DNS and QUIC, by IPv4 and IPv6, and the other gets all of
it; whether the rule says an address, a network, a hardware address or a name. What the kernel can
decide is not late. An allow of a device lifts a block of all for it alone; a change is in force on
open flows when the command returns; a new engine still knows whose flow it was; and analyze says of
a capture of that traffic what the agent said live.
"""
import json
import os
import signal
import socket
import subprocess
import time

import net
import quic  # net knows where

BLOCKED, INNOCENT = "www.blocked.example", "www.allowed.example"
RULE = "blocked.example"
OTHER = {4: "10.77.1.5", 6: "fd77:1::5"}  # CLIENT has .2 and ::2
SOON_S = 0.010  # open flows feel a change
KINDS = ("TLS", "long TLS", "HTTP", "DNS", "QUIC")
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def house(lab):
    """Two clients on the ports of a bridge that is the router's LAN. Returns (device, other, router, server)."""
    device, other, router, server = (lab.host(r) for r in ("device", "other", "router", "server"))
    router.ip("link", "add", "br0", "type", "bridge")
    for i, (host, own) in enumerate(((device, net.CLIENT), (other, OTHER))):
        lab.join(router, f"lan{i}", host, "eth0")
        router.ip("link", "set", f"lan{i}", "master", "br0")
        for family, length in ((4, "24"), (6, "64")):
            host.ip("addr", "add", f"{own[family]}/{length}", "dev", "eth0", *(["nodad"] if family == 6 else []))
            host.ip(f"-{family}", "route", "add", "default", "via", net.LAN[family][0])
    for family, length in ((4, "24"), (6, "64")):
        router.ip("addr", "add", f"{net.LAN[family][0]}/{length}", "dev", "br0",
                  *(["nodad"] if family == 6 else []))
    router.ip("link", "set", "br0", "up")
    lab.join(router, "wan", server, "eth0", net.WAN)
    router.sysctl("net/ipv4/ip_forward", 1)
    router.sysctl("net/ipv6/conf/all/forwarding", 1)
    for family in (4, 6):
        server.ip(f"-{family}", "route", "add", "default", "via", net.WAN[family][0])
    lab.serve(server)
    for host in (device, other):
        for family in (4, 6):  # the bridge has learnt its ports, and the neighbours each other
            net.wait_for(lambda: net.dig(host, [INNOCENT], family), 10)
    return device, other, router, server


def guarded(lab):
    device, other, router, server = house(lab)
    agent = lab.agent(router)
    agent.attach("lan0", "lan1")
    return device, other, router, server, agent


def ask_quic(host, family, name, timeout):
    """A hello, and then, when it has been read, one more datagram: the bytes of answer to that."""
    with host.socket(FAMILY[family], socket.SOCK_DGRAM) as s:
        s.connect((net.SERVER[family], net.ECHO_PORT))
        dcid = os.urandom(8)
        s.send(quic.initial(quic.crypto(0, quic.client_hello(name.encode())), dcid, number=0))
        time.sleep(0.3)
        s.setblocking(False)
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.setblocking(True)
        s.send(quic.short(dcid))
        return net.answer_bytes(s, timeout)


def ask(host, family, kind, name, timeout):
    """How much of an answer comes."""
    if kind == "QUIC":
        return ask_quic(host, family, name, timeout)
    if kind == "DNS":
        return net.dig(host, [name], family, timeout=max(1, round(timeout)))
    first, port = {"TLS": (net.client_hello(name), net.TLS_PORT),
                   "long TLS": (net.client_hello(name, 1500), net.TLS_PORT),
                   "HTTP": (net.http_request(name), net.HTTP_PORT)}[kind]
    with net.connect(host, family, port, timeout=5) as s:
        s.sendall(first)
        return net.answer_bytes(s, timeout)


def forms(device):
    """The ways to say which device: (what, words, a command first)."""
    mac = device.mac("eth0")
    return [("address", [net.CLIENT[4], net.CLIENT[6]], None),
            ("network", ["10.77.1.0/30", "fd77:1::/126"], None),
            ("hardware address", [mac.upper()], None),
            ("name", ["tablet"], ["device", "add", "Tablet", mac.replace(":", "-"), "192.0.2.77"]),
            ("name of addresses", ["tablet"], ["device", "add", "tablet", net.CLIENT[4], net.CLIENT[6]])]


def each_form(suite):
    """Nothing for the device, all for the other, however the device is called."""
    with net.Lab() as lab:
        device, other, router, server, agent = guarded(lab)
        for what, words, first in forms(device):
            if first:
                agent.run(*first)
            for word in words:
                agent.run("block-domain", RULE, "--device", word)
            for family in (4, 6):
                for kind in KINDS:
                    title = f"by {what}, IPv{family}, {kind}"
                    suite.check(not ask(device, family, kind, BLOCKED, 0.3),
                                f"{title}: the device gets nothing of the blocked name", "")
                    suite.check(ask(other, family, kind, BLOCKED, 3),
                                f"{title}: the other gets it", "nothing came")
                    suite.check(ask(device, family, kind, INNOCENT, 3),
                                f"{title}: the device gets another name", "nothing came")
            for scheme in ("https", "http"):
                suite.check(not net.curl(device, BLOCKED, 4, scheme, timeout=1)[1] and
                            net.reaches(other, BLOCKED, 4, scheme, 5), f"by {what}: curl, {scheme}", "")
            for word in words:
                agent.run("unblock-domain", RULE, "--device", word)
            suite.check(ask(device, 4, "TLS", BLOCKED, 3), f"by {what}: unblocked, it is served", "")
        report = agent.json("report")
        # A connection that was unblocked is open again when the next rule comes, which counts what passed.
        late = [c for c in report["connections"] if c.get("late_packets") and c["app_protocol"] != "QUIC"
                and "midstream" not in c["flags"]]
        suite.check(not late, "of new flows of TCP and DNS nothing is late", f"{late[:1]}")
        stats = agent.json("stats")["counters"]
        suite.check(stats["kernel_dropped_by_first_word"] >= 30 and stats["kernel_dropped_by_question"] >= 10,
                    "the kernel decided them", f"{stats['kernel_dropped_by_first_word']} words, "
                    f"{stats['kernel_dropped_by_question']} questions")
        agent.detach()


def exceptions(suite):
    """An allow for a device lifts a block of all, for it alone; an allow of all beats a device's block."""
    with net.Lab() as lab:
        device, other, router, server, agent = guarded(lab)
        agent.run("device", "add", "tablet", device.mac("eth0"))
        agent.run("block-domain", RULE)
        agent.run("allow-domain", RULE, "--device", "tablet")
        for family in (4, 6):
            for kind in KINDS:
                suite.check(ask(device, family, kind, BLOCKED, 3) and not ask(other, family, kind, BLOCKED, 0.3),
                            f"IPv{family}, {kind}: allowed to the device alone", "")
        why = json.loads(agent.run("why", BLOCKED, "--device", "tablet", "-j").stdout)
        suite.check(not why["blocked"] and why["rule"] == f"allow-domain:{RULE} device tablet",
                    "why names the exception", f"{why}")
        why = json.loads(agent.run("why", BLOCKED, "--device", OTHER[4], "-j").stdout)
        suite.check(why["blocked"] and why["rule"] == "domain:" + RULE, "and of the other the block", f"{why}")
        agent.run("unblock-domain", RULE)
        agent.run("disallow-domain", RULE, "--device", "tablet")
        agent.run("block-domain", RULE, "--device", "tablet")
        agent.run("allow-domain", RULE)
        suite.check(all(ask(device, 4, kind, BLOCKED, 3) for kind in KINDS), "an allow of all beats its block", "")
        r = agent.run("device", "remove", "tablet", check=False)
        suite.check(r.returncode == 2 and "tablet" in r.stderr, "a device that rules name stays", r.stderr)
        r = agent.run("block-domain", RULE, "--device", "phone", check=False)
        suite.check(r.returncode == 2 and "device add phone" in r.stderr, "one that nobody knows is refused",
                    r.stderr)
        agent.detach()


def open_flows(suite):
    """A rule of a device reaches its open transfers at once, and no others; and lets them go again."""
    with net.Lab() as lab:
        device, other, router, server, agent = guarded(lab)
        for what, word in (("address", net.CLIENT[4]), ("hardware address", device.mac("eth0"))):
            mine = net.Transfer(device, 4, BLOCKED)
            theirs = net.Transfer(other, 4, BLOCKED)
            try:
                net.wait_for(lambda: mine.bytes and theirs.bytes, 5)
                time.sleep(0.3)
                agent.run("block-domain", RULE, "--device", word)
                done = time.monotonic()
                before = theirs.bytes
                time.sleep(0.7)
                suite.check(mine.bytes and mine.last - done < SOON_S,
                            f"{what}: the device's open flow stops within {SOON_S * 1e3:.0f} ms",
                            f"{(mine.last - done) * 1e3:.1f} ms after the command")
                suite.check(theirs.bytes > before, f"{what}: the other's goes on", "")
                agent.run("block-domain", "unrelated.example")
                stopped = mine.bytes
                time.sleep(0.7)
                suite.check(mine.bytes == stopped, f"{what}: another rule changes nothing of it", "")
                agent.run("unblock-domain", RULE, "--device", word)
                suite.check(net.wait_for(lambda: mine.bytes > stopped, 10), f"{what}: unblocked, it goes on", "")
            finally:
                mine.close()
                theirs.close()
        agent.detach()


def restarted(suite):
    """A new engine knows whose flow it was: an unrelated change does not let it go."""
    with net.Lab() as lab:
        device, other, router, server, agent = guarded(lab)
        agent.run("block-domain", RULE, "--device", device.mac("eth0"))
        with net.connect(device, 4, net.HTTP_PORT) as s:
            s.sendall(net.http_request(BLOCKED))
            blocked = net.answer_bytes(s, 0.3)
            _, engine = agent.pids()
            os.kill(engine, signal.SIGKILL)
            net.wait_for(lambda: agent.pids()[1] not in (None, engine), 10)
            agent.run("block-domain", "unrelated.example")
            time.sleep(0.5)
            suite.check(not blocked and not net.answer_bytes(s, 1.5), "a new engine keeps its verdict", "")
        agent.detach()


def seen(report):
    """What was made of each flow, by its ends."""
    return {(c["src_ip"], c["src_port"], c["dst_ip"], c["dst_port"], c["protocol"]):
            (c["domain"], c["blocked"], c["block_reason"]) for c in report["connections"] if c["domain"]}


def offline(suite):
    """analyze, with the same rules over what the clients sent and got, says the same of each flow."""
    with net.Lab() as lab:
        device, other, router, server, agent = guarded(lab)
        agent.run("device", "add", "tablet", device.mac("eth0"))
        agent.run("block-domain", RULE, "--device", "tablet")
        agent.run("block-domain", RULE, "--device", OTHER[6])
        paths = [os.path.join(lab.dir, n) for n in ("device.pcap", "other.pcap", "rules.txt")]
        captures = [h.capture("eth0", p) for h, p in ((device, paths[0]), (other, paths[1]))]
        for family in (4, 6):
            for kind in KINDS:
                for host in (device, other):
                    for name in (BLOCKED, INNOCENT):
                        ask(host, family, kind, name, 0.3)
        for c in captures:
            c.stop()
        live = seen(agent.json("report"))
        agent.run("rules", "save", paths[2])
        r = subprocess.run([net.PROGRAM, "analyze", *paths[:2], "-o", "/dev/null", "--rules", paths[2],
                            "--json", "-", "-q"], capture_output=True, text=True, timeout=60)
        there = seen(json.loads(r.stdout)) if r.returncode == 0 else {}
        both = set(live) & set(there)
        differing = [(k, live[k], there[k]) for k in both if live[k] != there[k]]
        suite.check(len(both) >= 32 and not differing and sum(live[k][1] for k in both) >= 10,
                    f"live and offline say the same of {len(both)} flows",
                    f"{len(live)} live, {len(there)} offline {r.stderr}; {differing[:3]}")
        agent.detach()


if __name__ == "__main__":
    net.main([each_form, exceptions, open_flows, restarted, offline],
             ("ip", "tc", "nsenter", "openssl", "curl", "dig", "tcpdump"))
