#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Names out of what real programs say, through a router with the agent on its LAN side: TLS behind
STARTTLS and behind proxies, DTLS, HTTP/2 in the clear, DNS in all its clothes. The blocked name gets
no answer, the innocent one does, and `flows -j` says what was seen. Then what goes without a name:
a name that a DNS answer taught, and the signs that rules may name like applications.
"""
import os
from concurrent.futures import ThreadPoolExecutor

import dialogues
import net
from programs import GROUPS, H2_PORT, INNOCENT, LLMNR_PORT, MDNS_PORT, SILENT_S, Client, Responder

BLOCKED, LEARNT = "www.blocked.example", "www.learnt.example"
STARTS = 3  # of a program that on a busy machine is not even up before it must have been silent
SAID_BY = {"smtp": "SMTP", "imap": "IMAP", "pop3": "POP3", "ftp": "FTP", "xmpp": "XMPP", "ldap": "LDAP",
           "postgres": "PostgreSQL", "mysql": "MySQL"}

# What is asked, the source of its name, the protocol that the flow is then said to be, and its flags.
PROGRAMS = [
    *[(f"STARTTLS in {kind}", Client.ask_starttls, (kind,), "tls", SAID_BY[kind], [])
      for kind in dialogues.DIALOGUES],
    ("XMPP's own name", Client.ask_xmpp, (), "xmpp", "XMPP", []),
    ("DTLS", Client.ask_dtls, (), "dtls", "DTLS", []),
    ("SOCKS5 by name", Client.ask_socks, (), "socks", "SOCKS", []),
    ("TLS in SOCKS5", Client.ask_socks_tls, (), "tls", "SOCKS", []),
    ("CONNECT", Client.ask_connect, (), "http", "HTTP", []),
    ("TLS in CONNECT", Client.ask_connect_tls, (), "tls", "HTTP", []),
    ("a proxy's request", Client.ask_absolute, (), "http", "HTTP", []),
    ("HTTP/2 by curl", Client.ask_http2, (), "http2", "HTTP2", []),
    ("HTTP/2 by nghttp", Client.ask_nghttp, (), "http2", "HTTP2", []),
    ("DNS over UDP", Client.ask_dig, ("+notcp",), "dns", "DNS", []),
    ("DNS over TCP", Client.ask_dig, ("+tcp",), "dns", "DNS", []),
    ("DNS over TLS", Client.ask_dot, (), "tls", "TLS", ["dot"]),
    ("mDNS", Client.ask_group, (MDNS_PORT,), "mdns", "mDNS", []),
    ("LLMNR", Client.ask_group, (LLMNR_PORT,), "llmnr", "LLMNR", []),
]


def flow_at(agent, port, name):
    """The flow that a program at the port had under that name, or None; waits for it."""
    def look():
        return [f for f in agent.json("flows")["flows"]
                if port in (f["src_port"], f["dst_port"]) and any(n["name"] == name for n in f["names"])]
    found = net.wait_for(look, 1, 0.05)
    return found[0] if found else None


def wrong_in(flow, name, source, proto, flags, is_blocked):
    """"" or what is not as it should be in a flow's row. A hello that was read has a fingerprint."""
    if not flow:
        return "no such flow"
    has_hello = source in ("tls", "dtls")
    good = {"names": {"name": name, "source": source} in flow["names"],
            "app_protocol": flow["app_protocol"] == proto,
            "ja4": not has_hello or (flow["ja4"] or "")[:1] == source[0],
            "flags": flow["flags"] == flags,
            "blocked": flow["blocked"] == is_blocked}
    return "; ".join(f"{k} is {flow[k]}" for k in good if not good[k])


class Place:
    """The lab, all servers up, and the agent on the router's LAN side."""

    def __init__(self, lab):
        self.client, self.router, lab.server = lab.routed()
        lab.serve(lab.server)
        dialogues.start(lab, lab.server)
        cert, key = lab.certificate()
        with open(os.path.join(lab.dir, "index.html"), "w") as f:
            f.write("hello\n")
        lab.server.spawn("nghttpd", "--no-tls", "-d", lab.dir, str(H2_PORT))
        for family in (4, 6):
            for port in GROUPS:
                Responder(self.router, family, port)
        self.blocked = {f: Client(lab, self.client, f, True) for f in (4, 6)}
        self.open = {f: Client(lab, self.client, f, False) for f in (4, 6)}
        net.wait_for(lambda: self.open[4].ask_http2(INNOCENT), 5)
        self.agent = lab.agent(self.router)
        self.agent.attach("lan")


def program(suite, place, where, row):
    """One program under both names."""
    (family, title), (ask, args, source, proto, flags) = where, row
    title, agent, last = f"IPv{family}, {title}", place.agent, []

    def attempt():
        last[:] = [ask(place.blocked[family], BLOCKED, *args)]
        return last[0]
    for turn in range(STARTS):
        place.blocked[family].seconds = SILENT_S * 3**turn
        wrong = net.silence(agent, attempt)
        flow = flow_at(agent, last[0].port, BLOCKED)
        if wrong or flow:
            break
    place.blocked[family].seconds = SILENT_S
    suite.check(not wrong, f"{title}: no answer under the blocked name", wrong)
    wrong = wrong_in(flow, BLOCKED, source, proto, flags, True)
    suite.check(not wrong, f"{title}: the blocked flow's row says what it was", wrong)
    got = ask(place.open[family], INNOCENT, *args)
    suite.check(got, f"{title}: the innocent name is answered", "no answer came")
    wrong = wrong_in(flow_at(agent, got.port, INNOCENT), INNOCENT, source, proto, flags, False)
    suite.check(not wrong, f"{title}: its flow's row says what it was", wrong)


def programs(suite):
    with net.Lab() as lab:
        place = Place(lab)
        place.agent.run("block-domain", BLOCKED)

        def ask_all(family):
            for title, *row in PROGRAMS:
                program(suite, place, (family, title), row)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(ask_all, (4, 6)))
        place.agent.detach()


def is_silent(suite, place, title, ask):
    wrong = net.silence(place.agent, ask)
    suite.check(not wrong, title, wrong)


def learnt(suite):
    """A hello without a name, to an address that a DNS answer gave a name before."""
    with net.Lab() as lab:
        place = Place(lab)
        agent = place.agent
        for family, kind in ((4, "A"), (6, "AAAA")):
            title, client, quick = f"IPv{family}", place.open[family], place.blocked[family]
            net.dig(place.client, [LEARNT], family, kind=kind)
            agent.run("block-domain", LEARNT)
            got = client.openssl(net.TLS_PORT, None)
            suite.check(got, f"{title}: a rule for the name leaves a flow whose name is learnt", "no answer")
            flow = flow_at(agent, got.port, LEARNT)
            wrong = wrong_in(flow, LEARNT, "dns-learnt", "TLS", ["no_name", "dns_learnt"], False)
            suite.check(not wrong, f"{title}: its row says the name and where it is from", f"{wrong} {flow}")
            agent.run("block-domain", LEARNT, "--learnt")
            is_silent(suite, place, f"{title}: with --learnt it is blocked",
                      lambda: quick.openssl(net.TLS_PORT, None))
            got = client.openssl(net.TLS_PORT, INNOCENT)
            suite.check(got, f"{title}: a hello with a name of its own is judged by that", "no answer")
            agent.run("unblock-domain", LEARNT, "--learnt")
            agent.run("unblock-domain", LEARNT)
            got = client.openssl(net.TLS_PORT, None)
            suite.check(got, f"{title}: without the rules it is answered", "no answer")
        agent.detach()


def signs(suite):
    """What a flow shows, named in a rule like an application."""
    with net.Lab() as lab:
        place = Place(lab)
        for family in (4, 6):
            quick, client = place.blocked[family], place.open[family]
            rows = [
                ("no-name", lambda c: c.openssl(net.TLS_PORT, None),
                 lambda c: c.openssl(net.TLS_PORT, INNOCENT)),
                ("DoT", lambda c: c.ask_dot(INNOCENT), lambda c: c.openssl(net.TLS_PORT, INNOCENT)),
                ("DoH", lambda c: c.openssl(net.TLS_PORT, "dns.google"),
                 lambda c: c.openssl(net.TLS_PORT, "www.google.com")),
                ("SMTP", lambda c: c.ask_starttls(INNOCENT, "smtp"),
                 lambda c: c.ask_starttls(INNOCENT, "imap")),
                ("SOCKS", lambda c: c.ask_socks(INNOCENT), lambda c: c.ask_connect(INNOCENT)),
            ]
            for app, bad, good in rows:
                title = f"IPv{family}, {app}"
                suite.check(bad(client), f"{title}: without a rule it is answered", "no answer")
                place.agent.run("block-app", app)
                is_silent(suite, place, f"{title}: no answer with the rule", lambda: bad(quick))
                suite.check(good(client), f"{title}: what does not show it is answered", "no answer")
                place.agent.run("unblock-app", app)
        place.agent.detach()


if __name__ == "__main__":
    net.main([programs], ("ip", "nsenter", "openssl", "curl", "dig", "nghttp", "nghttpd", "ss"),
             together=[learnt, signs])
