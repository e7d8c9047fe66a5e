#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Coming and going: an interface that is deleted and made again is protected again within 500 ms, twenty
times; detach leaves nothing of ours in the kernel and everything of others; a foreign XDP program or a
second agent is respected.
"""
import contextlib
import json
import os
import time

import net

TIMES, BACK_MS = 20, 500
FOREIGN = """
__attribute__((section("xdp"), used)) int foreign_guard(void *ctx)
{
	return 2; /* XDP_PASS */
}
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


def again_and_again(suite):
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded("blocked.example")
        slow, wrong = [], []
        for i in range(TIMES):
            router.ip("link", "del", "lan")
            if i % 2:
                time.sleep(0.1)
            lab.join(router, "lan", client, "eth0", net.LAN)
            for args in (("route",), ("-6", "route")):
                family = 6 if "-6" in args else 4
                client.ip(*args, "replace", "default", "via", net.LAN[family][0])
            made = time.monotonic()
            back = net.wait_for(lambda: xdp_id(router, "lan"), 3, 0.01)
            took = (time.monotonic() - made) * 1000
            if not back or took > BACK_MS:
                slow.append(f"time {i}: {took:.0f} ms" if back else f"time {i}: never")
            family = (4, 6)[i % 2]
            hello = [net.client_hello("www.blocked.example")]
            leak = net.silence(agent, lambda: net.ask(client, family, net.TLS_PORT, hello))
            if leak:
                wrong.append(f"time {i}: {leak}")
            if not net.reaches(client, "allowed.example", family):
                wrong.append(f"time {i}: the innocent name does not answer")
        suite.check(not slow, f"an interface made again is protected within {BACK_MS} ms, {TIMES} times",
                    "; ".join(slow[:5]))
        suite.check(not wrong, "and it blocks and lets pass as before", "; ".join(wrong[:5]))
        agent.detach()


def xdp_id(host, dev):
    """The id of the XDP program on dev, or None."""
    link = json.loads(host.ip("-j", "link", "show", "dev", dev).stdout)[0]
    return link.get("xdp", {}).get("prog", {}).get("id")


def objects(host):
    """Every BPF object of the machine: {(kind, id): row}."""
    found = {}
    for kind in ("prog", "map", "link"):
        for row in json.loads(host.run("bpftool", "-j", kind, "list", check=True).stdout or "[]"):
            found[kind, row["id"]] = row
    return found


def held(host, agent):
    """The BPF objects of this agent, and of no other on the machine: {(kind, id)}. They are what its
    processes hold open, the maps of those programs and the links that run them."""
    found = set()
    for pid in agent.pids():
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/fdinfo/{fd}") as f:
                for line in f:
                    key, _, value = line.partition(":")
                    if key in ("prog_id", "map_id", "link_id"):
                        found.add((key.removesuffix("_id"), int(value)))
    rows = objects(host)
    found |= {o for o, row in rows.items() if o[0] == "link" and ("prog", row.get("prog_id")) in found}
    found |= {("map", m) for o in found if o[0] == "prog" for m in rows[o].get("map_ids", [])}
    return found


def leaves_nothing(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        agent.attach("lan")
        ours = held(router, agent)
        on = ("prog", xdp_id(router, "lan"))
        suite.check({k for k, _ in ours} == {"prog", "map", "link"} and on in ours and agent.pins(),
                    "attach makes programs, maps, links and pins", f"{sorted(ours)}")
        suite.check(net.reaches(client, "allowed.example", 4), "traffic passes while attached", "none")
        agent.detach()
        # The kernel frees them after a grace period.
        left = lambda: ours & objects(router).keys()
        net.wait_for(lambda: not left(), 5, 0.1)
        suite.check(not left(), "detach leaves no program, map or link", f"{sorted(left())}")
        suite.check(not agent.pins(), "detach leaves no pin", f"{agent.pins()}")
        qdiscs = router.tc("qdisc", "show", "dev", "lan").stdout
        suite.check("clsact" not in qdiscs, "detach leaves no clsact", qdiscs)
        suite.check(xdp_id(router, "lan") is None, "detach leaves the interface bare", "a program is on")
        suite.check(not any(agent.pids()), "detach leaves no process", f"{agent.pids()}")


def add_filter(host, dev, hook):
    host.tc("filter", "add", "dev", dev, hook, "protocol", "ip", "prio", "7", "u32", "match", "ip",
            "dport", "9", "0xffff", "flowid", "1:1")


def kept_filters(host, dev):
    return [h for h in ("ingress", "egress")
            if "pref 7 " in host.run("tc", "filter", "show", "dev", dev, h).stdout]


def others_filters(suite):
    """A tc filter of somebody else stays, whether it was there before attach or came after."""
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        router.tc("qdisc", "add", "dev", "lan", "clsact")
        for hook in ("ingress", "egress"):
            add_filter(router, "lan", hook)
        agent.attach("lan")
        agent.detach()
        kept = kept_filters(router, "lan")
        suite.check(kept == ["ingress", "egress"], "others' older tc filters outlive attach and detach",
                    f"kept: {kept}")
        agent.attach("wan")
        add_filter(router, "wan", "ingress")
        agent.detach()
        kept = kept_filters(router, "wan")
        suite.check(kept == ["ingress"], "others' younger tc filters outlive detach", f"kept: {kept}")


@contextlib.contextmanager
def foreign_program(lab, host, dev):
    """Somebody else's XDP program on dev; gives its id."""
    source, obj = os.path.join(lab.dir, "foreign.c"), os.path.join(lab.dir, "foreign.o")
    pin = os.path.join(net.BPFFS, f"foreign_{os.getpid()}")
    with open(source, "w") as f:
        f.write(FOREIGN)
    net.run(["clang", "-O2", "-target", "bpf", "-c", source, "-o", obj], check=True)
    host.run("bpftool", "prog", "load", obj, pin, "type", "xdp", check=True)
    try:
        host.run("bpftool", "net", "attach", "xdp", "pinned", pin, "dev", dev, check=True)
        yield xdp_id(host, dev)
    finally:
        host.run("bpftool", "net", "detach", "xdp", "dev", dev)
        os.unlink(pin)


def respects_others(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        one, other = lab.agent(router), lab.agent(router)
        one.attach("lan")
        r = other.run("attach", "lan", check=False)
        suite.check(r.returncode == 4 and "another agent" in r.stderr and "DPI_XDP_RUN_DIR" in r.stderr and
                    one.json("status")["interfaces"][0]["state"] == "protected",
                    "an interface of another agent: refused with 4, and said so", r.stderr)
        one.detach()
        with foreign_program(lab, router, "lan") as theirs:
            r = agent.run("attach", "lan", check=False)
            suite.check(r.returncode == 4, "a foreign XDP program: refused with 4", f"{r.returncode}")
            suite.check("foreign_guard" in r.stderr, "and it is named", r.stderr.strip())
            suite.check(xdp_id(router, "lan") == theirs, "and it stays", f"{xdp_id(router, 'lan')}")
            qdiscs = router.tc("qdisc", "show", "dev", "lan").stdout
            suite.check("clsact" not in qdiscs, "and nothing half attached is left", qdiscs)
        r = agent.run("attach", "lan", check=False)
        suite.check(r.returncode == 0, "once it is gone, attach works", r.stderr.strip())
        first = xdp_id(router, "lan")
        second = lab.agent(router)
        r = second.run("attach", "lan", check=False)
        suite.check(r.returncode == 4 and r.stderr.strip(), "a second agent on the interface: refused",
                    f"exit {r.returncode}: {r.stderr.strip()}")
        suite.check(xdp_id(router, "lan") == first and all(agent.pids()), "and the first goes on",
                    "it does not")
        r = agent.run("attach", "lan", check=False)
        suite.check(xdp_id(router, "lan") == first or r.returncode == 0,
                    "attaching twice does no harm", r.stderr.strip())
        second.detach_quietly()
        agent.detach()


if __name__ == "__main__":
    net.main([again_and_again], ("ip", "tc", "nsenter", "openssl", "curl", "bpftool", "clang"),
             together=[leaves_nothing, others_filters, respects_others])
