#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The live report: benign traffic raises no suspicion; a scan, a flood of connections and an odd port do,
with the reason and the count; the numbers add up.
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
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        agent.attach("lan")
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


if __name__ == "__main__":
    net.main([benign, scan, flood, odd_port, rule_counts], ("ip", "nsenter", "openssl", "curl", "dig"))
