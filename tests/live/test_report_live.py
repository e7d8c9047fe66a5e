#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The live report: benign traffic raises no suspicion; a scan, a flood of connections and an odd port do,
with the reason and the count; the numbers add up, those of tunnels and IP fragments too.
"""
import socket
import time

import net

SCANNED = [p for p in range(2001, 2018)]
FLOOD = 120
ODD_PORT = 999


def knock(client, family, port, address=None):
    """One connection attempt; whether it succeeds does not matter."""
    s = client.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    with s:
        s.settimeout(0.5)
        try:
            s.connect((address or net.SERVER[family], port))
        except OSError:
            pass


def kinds(report, ip):
    """{kind: count} of what the report says about ip."""
    return {r["kind"]: r["count"] for s in report["suspicious"] if s["ip"] == ip for r in s["reasons"]}


def settled(agent, question):
    """The report once the question about it is true, else as it is after two seconds."""
    net.wait_for(lambda: question(agent.json("report")), 2, 0.1)
    return agent.json("report")


def lab_attached():
    lab = net.Lab()
    try:
        client, router, server, agent = lab.guarded()
    except BaseException:
        lab.__exit__()
        raise
    return lab, client, agent


def benign(suite):
    lab, client, agent = lab_attached()
    with lab:
        for family in (4, 6):
            for i in range(10):
                net.reaches(client, f"site{i}.allowed.example", family, ("https", "http")[i % 2])
            net.dig(client, [f"q{i}.allowed.example" for i in range(20)], family)
        seen = settled(agent, lambda r: len(r["connections"]) >= 60)
        suite.check(seen["suspicious"] == [], "benign traffic raises no suspicion",
                    f"{seen['suspicious']}")
        suite.check({f"site{i}.allowed.example" for i in range(10)} <= set(seen["domains_detected"]),
                    "every name that was fetched is reported", f"{seen['domains_detected']}")
        suite.check(seen["forwarded_packets"] + seen["dropped_packets"] + seen["unparsed_packets"] >=
                    seen["total_packets"] > 0 and seen["dropped_packets"] == 0,
                    "the packets add up, and none was dropped",
                    f"{ {k: v for k, v in seen.items() if k.endswith('_packets')} }")
        agent.detach()


def scan(suite):
    lab, client, agent = lab_attached()
    with lab:
        for family in (4, 6):
            for port in SCANNED:
                knock(client, family, port)
            ip = net.CLIENT[family]
            seen = settled(agent, lambda r: kinds(r, ip).get("PORT SCAN", 0) >= len(SCANNED))
            got = kinds(seen, ip)
            suite.check(got.get("PORT SCAN") == len(SCANNED),
                        f"a scan of {len(SCANNED)} ports is reported, IPv{family}", f"{got}")
            suite.check("HIGH VOLUME" not in got, f"and not as volume, IPv{family}", f"{got}")
        agent.detach()


def flood(suite):
    lab, client, agent = lab_attached()
    with lab:
        for _ in range(FLOOD):
            knock(client, 4, net.HTTP_PORT)
        ip = net.CLIENT[4]
        seen = settled(agent, lambda r: kinds(r, ip).get("HIGH VOLUME", 0) >= FLOOD)
        got = kinds(seen, ip)
        suite.check(got.get("HIGH VOLUME") == FLOOD, f"{FLOOD} connections are reported as volume",
                    f"{got}")
        suite.check("PORT SCAN" not in got, "and not as a scan", f"{got}")
        agent.detach()


def odd_port(suite):
    lab, client, agent = lab_attached()
    with lab:
        knock(client, 4, ODD_PORT)

        def found(report):
            return [s["ip"] for s in report["suspicious"]
                    for r in s["reasons"] if r["kind"] == "UNUSUAL PORT"]
        seen = settled(agent, found)
        suite.check(found(seen), f"a connection to port {ODD_PORT} is reported", f"{seen['suspicious']}")
        agent.detach()


def rule_counts(suite):
    lab, client, agent = lab_attached()
    with lab:
        agent.run("block-app", "TikTok")
        for _ in range(3):
            net.ask(client, 4, net.TLS_PORT, [net.client_hello("www.tiktok.com")])
        time.sleep(0.2)
        seen = settled(agent, lambda r: len(r["blocked_connections"]) >= 3)
        rows = [r for r in seen["rules"] if r["rule"] == "app:TikTok"]
        suite.check(rows and rows[0]["flows"] == 3 and rows[0]["packets"] >= 3,
                    "the rule's row counts its flows and packets", f"{seen['rules']}")
        blocked = seen["blocked_connections"]
        suite.check(len(blocked) == 3 and all(b["block_reason"] == "app:TikTok" and
                    b["domain"] == "www.tiktok.com" and b["state"] == "BLOCKED" for b in blocked),
                    "blocked connections say why", f"{blocked[:1]}")
        suite.check(seen["dropped_packets"] >= rows[0]["packets"] if rows else False,
                    "what the rule dropped is in the total", f"{seen['dropped_packets']}")
        agent.detach()


def hidden(suite):
    """Tunnels and IP fragments: counted alike by the kernel and the engine, and shown in words."""
    lab, client, agent = lab_attached()
    with lab:
        agent.run("block-domain", "www.blocked.example")
        hosts = {h.role: h for h in lab.hosts}
        macs = hosts["router"].mac("lan"), client.mac("eth0")
        # The counter's name says the tunnel; GRE has two forms.
        names = {"ipip": "ip4", "gre": "gre", "gre bridged": "gre", "vxlan": "vxlan", "geneve": "geneve",
                 "gtp-u": "gtpu"}
        sent = dict.fromkeys(names.values(), 0)
        with client.raw("eth0", False) as raw:
            for i, kind in enumerate(names):
                for j, name in enumerate(("www.allowed.example", "www.blocked.example")):
                    frame = net.ether(net.tcp_packet(4, "172.31.7.1", "172.31.7.2", 3000 + 10 * i + j,
                                                     net.TLS_PORT, 1000, 1, net.ACK | net.PSH,
                                                     net.client_hello(name)), *macs)
                    raw.send(net.carried(frame, kind))
                    sent[names[kind]] += 1
            whole = net.ether(net.tcp_packet(4, *(net.CLIENT[4], net.SERVER[4]), 3100, net.TLS_PORT, 1000,
                                             1, net.ACK | net.PSH, net.client_hello("www.blocked.example")),
                              *macs)
            pieces = net.fragments(whole, 160, 77)
            for piece in pieces:
                raw.send(piece)

        def counters():
            return agent.json("stats")["counters"]

        def is_counted(c):
            return c["fragments"] >= len(pieces) - 1 and sum(c[f"tunnel_{n}"] for n in sent) >= \
                sum(sent.values())
        net.wait_for(lambda: is_counted(counters()), 3, 0.1)
        c = counters()
        for n, count in sent.items():
            suite.check(c[f"kernel_tunnel_{n}"] == c[f"tunnel_{n}"] == count,
                        f"{count} packets in a {n} tunnel are counted by kernel and engine",
                        f"{c[f'kernel_tunnel_{n}']}, {c[f'tunnel_{n}']}")
        later = len(pieces) - 1
        suite.check(c["kernel_fragments_later"] == c["fragments"] == later and c["fragments_whole"] == 1,
                    f"{later} later fragments are counted by both, and one datagram made of them",
                    f"{c['kernel_fragments_later']}, {c['fragments']}, {c['fragments_whole']}")
        suite.check(c["kernel_samples_lost"] == 0, "no sample is lost", f"{c['kernel_samples_lost']}")
        told = agent.run("report").stdout
        suite.check("Tunnelled packets" in told and "IP fragments" in told, "the report says both", told)
        lines = [l for l in agent.run("flows").stdout.splitlines() if " in vxlan" in l]
        suite.check(len(lines) == 2 and sum("<- domain:www.blocked.example" in l for l in lines) == 1,
                    "`flows` says the tunnel, and the rule that blocks", f"{lines}")
        flow = [f for f in agent.json("flows")["flows"] if f["src_port"] == 3100]
        suite.check(flow and flow[0]["blocked"] and flow[0]["flags"].count("fragmented") == 1,
                    "the name in fragments blocks its flow", f"{flow}")
        agent.detach()


if __name__ == "__main__":
    net.main([benign, scan, flood, odd_port, rule_counts, hidden],
             ("ip", "nsenter", "openssl", "curl", "dig"))
