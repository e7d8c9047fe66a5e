#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The ways round an inspector, live: the rows of tests/golden/evasion*.py against real servers,
through a router with the agent on its LAN side, some once more with the agent on the server's host.

Each row is spoken three times. Without a rule, with the name to hide: what the servers then wrote
down is the truth. A flow by which no server learns the name is void; a row of nothing else must be
listed as such. With the rule: a flow that was true must stay unanswered, and be reported as blocked
by it; an answer ahead of the verdict must be counted as late, and cannot come each time. With the
rule and the innocent twin: what reached a server without a rule is answered still.

    test_evasion_live.py [TEST [WORD]]      only rows whose names hold the word
"""
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import endpoints
import net
import wire
from wire import evasion

import evasion_ip  # noqa: E402,F401  (wire knows where; these add rows)
import evasion_quic  # noqa: E402,F401

BLOCKED, INNOCENT = evasion.BLOCKED, evasion.INNOCENT
REASON = "domain:blocked.example"
FLOWS_MAX, FEW = 7, 3  # of a row with hundreds, here and where fewer are enough
WORKERS, SETTLE_S, LOSSES_MAX = 16, 0.4, 3

# Rows that no server here takes, and what it does with them. What is marked - or N in the list of
# evasions, and rows of a Y whose other rows are true.
VOID = {
    "E27 data before": "the kernel answers the early bytes with a reset",
    "E30 first fragments too small for a TCP header [IPv6]": "the kernel refuses such a fragment",
    "E30 a first fragment too small for a UDP": "the kernel waits for the rest for ever",
    "E31 fragments that overlap": "the kernel drops a datagram whose fragments overlap",
    "E38 ": "OpenSSL refuses an alert or a CCS there",
    "E44 several": "OpenSSL refuses two names",
    "E44 the server asks": "OpenSSL did not ask, and refuses the second hello",
    "E44 two names in QUIC": "caddy refuses two names",
    "E49 ": "OpenSSL waits for more, or refuses",
    "E73 Google's": "caddy does not know these versions",
    "E73 the server names": "the id that the row gives the server is not its own",
    "E73 from version 1": "caddy stays with its version",
    "E74 offsets": "caddy refuses offsets beyond its buffer",
}
NOT_LIVE = {
    "E31 the same identification for other": "the server would have to send the client's packets",
    "E28 ": "see late_agent()",
    "N3 ": "see neighbours()",
    "N4 ": "takes longer than a minute",
    "N6 ": "a frame on a wire has no snap length",
}
# Dropped in the kernel with any name, where the whole of a capture would be decided by it.
REFUSED = {"E29 DNS in fragments": "the first piece ends amid the question"}
# The kinds that must be blocked, and of these the ones that no server here takes.
MUST_BLOCK = [n for a, b in ((1, 24), (26, 27), (29, 31), (35, 37), (39, 44), (46, 46), (51, 59),
                             (62, 67), (69, 75)) for n in range(a, b + 1)]
NOT_TAKEN = {"E27", "E44"}
# Between frames, so that the server has read what came: seconds.
PAUSES = {"E11 an urgent byte in each": 0.03, "E11 many": 0.03, "E22 resets after": 0.05,
          "E70 many": 0.01, "E72 a hello": 0.05, "E72 other": 0.05}
ALSO_V6 = ("E01 post", "E03 eight", "E06", "E11 an urgent byte amid", "E15", "E22 resets before",
           "E24", "E29 IP", "E29 fragments of", "E30", "E31 an", "E32", "E35 two", "E54 bare",
           "E61", "E62", "E65", "E69 CRYPTO", "E70 hello", "E29 QUIC")
ALSO_ON_HOST = ("E01 post", "E03 eight", "E08", "E11 an urgent byte amid", "E15", "E24", "E29 IP",
                "E29 fragments of", "E30 first fragments", "E59", "E61 HTTP/2: a", "E62", "E65",
                "E69 CRYPTO", "E70 hello")


def listed(name, table):
    """The table's entry whose key begins the name, or None."""
    return next((k for k in table if name.startswith(k)), None)


# --- one row -----------------------------------------------------------------------------------
class Case:
    """One row in one family. true: the flows by which a server learnt the name; answered: those
    that got an answer without a rule."""

    def __init__(self, row, is_v6=False, most=FLOWS_MAX):
        self.row, self.is_v6, self.title = row, is_v6, row.name + (" [IPv6]" if is_v6 else "")
        self.true, self.answered, self.fars, self.faults = set(), set(), [], []
        world = evasion.make(row, evasion.VARIANTS[2 if is_v6 else 0], BLOCKED)
        self.rules, self.reason, self.counters = world.rules, world.reason, world.counters
        count = world.port - 20000
        self.numbers = set(range(count)) if count <= most else \
            {i * (count - 1) // (most - 1) for i in range(most)}
        self.pending, self.what_came = set(), ""

    def speak(self, on, name, numbers, is_judged=False, settle_s=SETTLE_S):
        """Says it on the wire. numbers: of its flows; those whose ports are fixed always are."""
        is_quic = self.row.write.__module__ == "evasion_quic"
        pause = PAUSES.get(listed(self.row.name, PAUSES), 0)
        world = wire.LiveWorld(on, name, self.is_v6, numbers, is_judged,
                               wire.QUIC_SERVER if is_quic else net.SERVER, pause)
        self.row.write(world, name)
        world.settle(settle_s, not is_judged)
        self.fars, self.talks = world.fars, {f.sport: f for f in world.flows}
        for far in world.fars:
            far.final = far.answered()
            far.is_refused |= bool(listed(self.row.name, REFUSED))
        world.reset()

    def learn(self, names):
        """From a run without a rule."""
        for f in self.fars:
            is_known = BLOCKED.decode() in names.get(f.key, "") or f.port == 8080 and f.final
            if is_known and not self.row.is_always_passed:
                self.true.add(f.number)
            if f.final:
                self.answered.add(f.number)
        self.what_came = "; ".join(
            f"{f.amount()} of answer, name {names.get(f.key, '').strip()[:40]!r}"
            f"{', reset' if f.is_reset else ''}" for f in self.fars[:2])

    def judge(self, flows):
        """From a run with the rule. What was answered before its verdict is to be said again."""
        again = set()
        for f in self.fars:
            if f.number not in self.pending or f.number not in self.true:
                continue
            flow = flows.get(f.key, {})
            state = f"state {flow.get('state')}, late {flow.get('late_packets')}"
            is_blocked = flow.get("state") == "BLOCKED" and flow.get("block_reason") == self.reason
            if f.final and is_blocked and flow["late_packets"]:
                again.add(f.number)
            elif f.final:
                self.faults.append(f"flow {f.number}: {f.final} of answer, {state}")
            elif not is_blocked and not f.is_dns and not f.is_refused:
                self.faults.append(f"flow {f.number}: not blocked, {state}")
        self.pending = {n for n in again if n >= 0}

    def compare(self, flows):
        """From a run with an innocent name. What is not answered is to be said again."""
        again, expected = set(), self.true or self.answered
        for f in self.fars:
            if f.number not in self.pending or f.number not in expected:
                continue
            flow = flows.get(f.key, {})
            if f.is_refused and f.final:
                self.faults.append(f"flow {f.number}: answered, and is refused with any name")
            elif flow.get("state") == "BLOCKED":
                self.faults.append(f"flow {f.number}: blocked under an innocent name")
            elif not f.is_refused and not f.final:
                again.add(f.number)
        self.pending = {n for n in again if n >= 0}

    def flags(self, flows):
        """The first thing that the row asks for and the report does not have, or None."""
        for f in self.fars:
            talk, flow = self.talks.get(f.key[1]), flows.get(f.key)
            if not talk or not flow or f.number not in self.true | self.answered:
                continue
            for flag in talk.flags:
                if flag not in flow["flags"]:
                    return f"flow {f.number}: no flag {flag} in {flow['flags']}"
            for key, value in talk.expect.items():
                if flow.get(key) != value:
                    return f"flow {f.number}: {key} is {flow.get(key)}, not {value}"
        return None


def speak_all(cases, on, name, is_judged=False, workers=WORKERS, settle_s=SETTLE_S):
    """Says all cases' pending flows; what breaks is a fault of its case."""
    def one(case):
        try:
            case.speak(on, name, case.pending, is_judged, settle_s)
        except Exception as e:
            case.fars = []
            case.faults.append(f"{type(e).__name__}: {e}")
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, cases))


def flows_of(agent):
    """The agent's flows by either end."""
    found = {}
    for f in agent.json("flows")["flows"]:
        found[f["src_ip"], f["src_port"]] = found[f["dst_ip"], f["dst_port"]] = f
    return found


# --- all rows in one lab -------------------------------------------------------------------------
class Stage:
    """A routed lab with endpoints and a wire."""

    def __init__(self, lab):
        self.client, self.router, self.server = lab.routed()
        for family, size in ((4, 24), (6, 64)):
            how = ["nodad"] if family == 6 else []
            self.server.ip("addr", "add", f"{wire.QUIC_SERVER[family]}/{size}", "dev", "eth0", *how)
            self.router.ip(f"-{family}", "route", "add",
                           f"{wire.GHOSTS[family]}/{16 if family == 4 else 64}", "via",
                           net.CLIENT[family])
        self.ends = endpoints.Endpoints(lab, self.server, net.SERVER, wire.QUIC_SERVER)
        self.on = wire.Wire(self.client, "eth0", self.router.mac("lan"))

    def fresh_quic(self):
        self.ends.start_quic([INNOCENT.decode(), BLOCKED.decode()])

    def tell_truth(self, cases, workers=WORKERS):
        """Without a rule."""
        self.fresh_quic()
        for c in cases:
            c.pending = c.numbers
        now = cases
        for _ in range(LOSSES_MAX):
            speak_all(now, self.on, BLOCKED, workers=workers)
            names = self.ends.names()
            for c in now:
                c.learn(names)
            now = [c for c in now if not c.true and not listed(c.title, VOID) and
                   not (c.row.is_always_passed and c.answered)]

    def judge(self, cases, agent, workers=WORKERS):
        """With the rule, until no answer is ahead of its verdict."""
        self.fresh_quic()
        for c in cases:
            c.pending = c.numbers | {f.number for f in c.fars if f.number < 0}
        for turn in range(net.TRIES):
            now = [c for c in cases if c.pending]
            if not now:
                break
            speak_all(now, self.on, BLOCKED, True, workers)
            time.sleep(0.2 * (turn + 1))  # a machine that is busy may not be for long
            flows = flows_of(agent)
            for c in now:
                c.judge(flows)
        for c in cases:
            if c.pending:
                c.faults.append(f"flows {sorted(c.pending)}: answered before the verdict, "
                                f"{net.TRIES} times running")

    def compare(self, cases, agent, workers=WORKERS):
        """With the rule, and an innocent name."""
        self.fresh_quic()
        for c in cases:
            c.pending = c.answered | c.numbers
        for turn in range(LOSSES_MAX + 1):
            now = [c for c in cases if c.pending]
            # As long as all answer, no one waits; a machine that is busy gets more each time.
            speak_all(now, self.on, INNOCENT, workers=workers, settle_s=SETTLE_S * 3**turn)
            flows = flows_of(agent)
            for c in now:
                c.compare(flows)
                if turn == 0:
                    c.flag_fault = c.flags(flows)
        for c in cases:
            if c.pending:
                c.faults.append(f"flows {sorted(c.pending)}: no answer under an innocent name")


def tell(suite, cases, where=""):
    for c in cases:
        title = f"{where}{c.title}"
        if c.row.is_always_passed:
            suite.check(not c.faults, f"{title}: {len(c.answered)} answered as before the rule",
                        "; ".join(c.faults[:3]))
        elif c.true or c.faults:
            ways = f"{len(c.true)} of {len(c.numbers | c.true)} ways to a server"
            suite.check(not c.faults, f"{title}: {ways}, none past the rule",
                        "; ".join(c.faults[:3]))
        else:
            why = VOID.get(listed(c.title, VOID))
            suite.check(why, f"void {title}: {why} ({c.what_came})",
                        "no server learns the name, and that is not known of this row")


def tell_flags(suite, cases):
    for c in cases:
        if any(t.flags or t.expect for t in c.talks.values()):
            suite.check(not c.flag_fault, f"{c.title}: reported as what it is", c.flag_fault)


def tell_coverage(suite, cases):
    """Each kind that must be blocked has reached a server, but for those that none takes."""
    reached = {c.row.name[:3] for c in cases if c.true}
    missing = {f"E{n:02}" for n in MUST_BLOCK} - reached - NOT_TAKEN
    suite.check(not missing, f"{len(MUST_BLOCK)} kinds of evasion were tried in earnest, "
                f"but for {', '.join(sorted(NOT_TAKEN))}", ", ".join(sorted(missing)))


def cases_of(wanted):
    """The cases of all rows that can be live, and the reasons why others cannot be."""
    cases, left_out = [], {}
    for row in evasion.ROWS:
        if wanted not in row.name:
            continue
        if listed(row.name, NOT_LIVE):
            left_out[row.name] = NOT_LIVE[listed(row.name, NOT_LIVE)]
        elif not row.name.startswith("E33"):
            if "fwd" in row.variants:
                cases.append(Case(row))
            if "v6" in row.variants and row.name.startswith(ALSO_V6):
                cases.append(Case(row, True, FEW))
    return cases, left_out


def word():
    return sys.argv[2] if len(sys.argv) > 2 else ""


def rows(suite):
    """Every row, through the router; then some with the agent on the server's host."""
    with net.Lab() as lab:
        stage = Stage(lab)
        agent = lab.agent(stage.router)
        agent.attach("lan")
        cases, left_out = cases_of(word())
        ruled = [c for c in cases if c.reason != REASON]
        cases = [c for c in cases if c.reason == REASON]
        stage.tell_truth(cases + ruled)
        agent.run("block-domain", BLOCKED.decode())
        stage.judge(cases, agent)
        stage.compare(cases, agent)
        tell(suite, cases)
        for name, why in left_out.items():
            print(f"note {name}: not done on a wire: {why}", flush=True)
        tell_flags(suite, cases)
        totals = agent.json("stats")["counters"]
        for c in cases:
            for counter, least in c.counters.items():
                suite.check(totals.get(counter, 0) >= least, f"{c.title}: counter {counter}",
                            f"{totals.get(counter)}, not {least}")
        neighbours(suite, stage, agent)
        agent.run("unblock-domain", BLOCKED.decode())
        other_rules(suite, stage, agent, ruled)
        fast_open(suite, stage, agent)
        if not word():
            tell_coverage(suite, cases)
        agent.detach()
        late_agent(suite, stage, agent)
        on_host(suite, stage, lab, cases)
        stage.on.close()


def other_rules(suite, stage, agent, ruled):
    """Rows that come with rules of their own."""
    for c in ruled:
        c.true = set(c.answered)
        command, value = c.rules[0].lstrip("-"), c.rules[1]
        agent.run(command, value)
        stage.judge([c], agent)
        stage.compare([c], agent)
        agent.run("un" + command, value)
    tell(suite, ruled)


def fast_open(suite, stage, agent):
    """E26 against a server that takes what a SYN brings (RFC 7413)."""
    cases = [Case(r, v6) for r in evasion.ROWS for v6 in (False, True) if r.name.startswith("E26")]
    stage.server.sysctl("net/ipv4/tcp_fastopen", endpoints.FAST_OPEN)
    stage.tell_truth(cases)
    agent.run("block-domain", BLOCKED.decode())
    stage.judge(cases, agent)
    stage.compare(cases, agent)
    tell(suite, cases, "fast open: ")
    agent.run("unblock-domain", BLOCKED.decode())
    stage.server.sysctl("net/ipv4/tcp_fastopen", 0)


def neighbours(suite, stage, agent):
    """N3: other flows of the same two ends, while one of them is blocked and goes on."""
    world = wire.LiveWorld(stage.on, BLOCKED)
    bad = evasion.Talk(world, BLOCKED).open()
    bad_far, hello = world.fars[0], evasion.hello(INNOCENT)
    bad.deliver([(0, evasion.hello(BLOCKED))])
    talks = []
    for _ in range(500):
        talks.append(evasion.Talk(world, INNOCENT))
        talks[-1].open()
        talks[-1].c(0, hello)
        bad.c(bad.sent["c"], b"\x17\3\3\0\1x")
    fars = world.fars[1:]
    for _ in range(LOSSES_MAX):
        if net.wait_for(lambda: all(f.high for f in fars), 3):
            break
        for talk, far in zip(talks, fars):
            if not far.high:
                talk.c(0, hello)  # as any client would
    flows = flows_of(agent)
    lost = sum(not f.high for f in fars)
    blocked = sum(flows.get(f.key, {}).get("state") == "BLOCKED" for f in fars)
    suite.check(not lost and not blocked and flows[bad_far.key]["state"] == "BLOCKED",
                "N3 500 flows between the same two addresses, beside a blocked one",
                f"{lost} without answer, {blocked} blocked")
    world.reset()


def late_agent(suite, stage, agent):
    """E28: the connections are older than the agent."""
    for is_v6 in (False, True):
        for source, port, make in (("tls", 443, evasion.hello),
                                   ("http", 80, lambda n: evasion.p.http(n.decode()))):
            world = wire.LiveWorld(stage.on, BLOCKED, is_v6)
            talks = {n: evasion.Talk(world, n, port=port, source=source).open()
                     for n in (BLOCKED, INNOCENT)}
            agent.attach("lan")
            agent.run("block-domain", BLOCKED.decode())
            for name, talk in talks.items():
                stream = make(name)
                for at, data in evasion.cut(stream, 30):
                    talk.c(at, data)
            bad, good = world.fars
            net.wait_for(lambda far=good: far.high, 5)
            time.sleep(SETTLE_S)
            flows = flows_of(agent)
            flow = flows.get(bad.key, {})
            what = f"E28 {source} begun before the agent came{' [IPv6]' if is_v6 else ''}"
            is_late = bad.high and flow.get("late_packets")
            suite.check(flow.get("state") == "BLOCKED" and (not bad.high or is_late), what,
                        f"{bad.high} bytes of answer, {flow.get('state')}")
            suite.check("midstream" in flow.get("flags", ()), f"{what}: flagged",
                        f"{flow.get('flags')}")
            suite.check(good.high > 0, f"{what}: its innocent twin is answered", "no answer")
            world.reset()
            agent.run("unblock-domain", BLOCKED.decode())
            agent.detach()


def on_host(suite, stage, lab, cases):
    """A handful of rows again, with the agent where the server is."""
    chosen = [c for c in cases if c.row.name.startswith(ALSO_ON_HOST) and c.true and not c.is_v6]
    agent = lab.agent(stage.server)
    agent.attach("eth0")
    agent.run("block-domain", BLOCKED.decode())
    for c in chosen:
        c.faults = []
    stage.judge(chosen, agent)
    stage.compare(chosen, agent)
    tell(suite, chosen, "on the server's host: ")
    agent.detach()


# --- tunnels -------------------------------------------------------------------------------------
def tunnels(suite):
    """E33. The server's answers come back outside the tunnel, as its routes say; so nothing but a
    hello that was stopped keeps it silent."""
    if not os.path.exists("/dev/net/tun"):
        suite.skip("E33", "no /dev/net/tun")
        return
    with net.Lab() as lab:
        stage = Stage(lab)
        end = wire.TunnelEnd(stage.server)
        end.start()
        for family, (near, far) in ((4, wire.layers.OUTER4), (6, wire.layers.OUTER6)):
            size, router = 32 if family == 4 else 128, stage.router
            stage.server.ip("addr", "add", f"{far}/{size}", "dev", "lo")
            router.ip(f"-{family}", "route", "add", f"{far}/{size}", "via", net.SERVER[family])
            router.ip(f"-{family}", "route", "add", f"{near}/{size}", "via", net.CLIENT[family])
        agent = lab.agent(stage.router)
        agent.attach("lan")
        cases = [Case(r, v6, 63) for r in evasion.ROWS for v6 in (False, True)
                 if r.name.startswith("E33") and not r.is_always_passed and word() in r.name and
                 "Teredo" not in r.name and ("v6" if v6 else "fwd") in r.variants]
        stage.tell_truth(cases, len(cases) or 1)
        agent.run("block-domain", BLOCKED.decode())
        stage.judge(cases, agent)
        stage.compare(cases, agent)
        tell(suite, cases)
        tell_flags(suite, cases)
        agent.detach()
        end.end()
        stage.on.close()


if __name__ == "__main__":
    net.main([rows], ("ip", "nsenter", "openssl", "caddy", "nghttpd"), together=[tunnels])
