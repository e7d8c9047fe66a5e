#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
A real browser against a real server, over TCP and over QUIC: the blocked name does not load, the
other name on the same address does, on the client's host and through a router. The same where the
browser learns of QUIC by itself, and for a rule that names a category. The browser splits and
shuffles its hellos as it likes; what counts is the page that it shows.
"""
import base64
import contextlib
import os
import shutil
import signal
import subprocess

import net

BLOCKED, INNOCENT = "www.blocked.example", "www.allowed.example"
CATEGORY, IN_IT, OUTSIDE = "category:streaming", "www.youtube.com", "www.wikipedia.org"
PORT = net.TLS_PORT
LOAD_S, GIVE_UP_S = 25, 4  # a page that must come, and one that must not
RACES = 8

CADDYFILE = """{
	auto_https off
	admin off
	servers :%d {
		protocols h1 h2 h3
	}
}
:%d {
	tls %s %s
	respond "page of {http.request.host} over {http.request.proto}"
}
"""


def key_hash(cert):
    """What Chromium calls the SPKI: the one public key that it is to trust in this test."""
    key = net.run(["openssl", "x509", "-in", cert, "-pubkey", "-noout"], check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key.encode(),
                         capture_output=True, check=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=der,
                            capture_output=True, check=True).stdout
    return base64.b64encode(digest).decode()


class Server:
    """Caddy, on TCP and UDP."""

    def __init__(self, lab, host):
        self.cert, key = lab.certificate()
        path = os.path.join(lab.dir, "Caddyfile")
        with open(path, "w") as f:
            f.write(CADDYFILE % (PORT, PORT, self.cert, key))
        env = dict(os.environ, HOME=lab.dir, XDG_DATA_HOME=lab.dir, XDG_CONFIG_HOME=lab.dir)
        log = open(os.path.join(lab.dir, "caddy.log"), "wb")
        host.spawn("caddy", "run", "--config", path, env=env, stdout=log, stderr=log)

    def is_up(self, client):
        return net.curl(client, INNOCENT, 4)[1].startswith(b"page of")


class Browser:
    """Chromium on a host. A browser without a profile remembers nothing of the page before."""

    # FORCED names the page's own port. LEARNT names another: QUIC comes by Alt-Svc then, and the
    # certificate of the test is good for it.
    TCP, FORCED, LEARNT = range(3)

    def __init__(self, lab, host, server):
        self.lab, self.host, self.trust, self.count = lab, host, key_hash(server.cert), 0

    def options(self, name, quic):
        if quic == self.TCP:
            return ["--disable-quic"]
        port = PORT if quic == self.FORCED else PORT + 1
        return ["--enable-quic", f"--origin-to-force-quic-on={name}:{port}"]

    def load(self, name, family, quic, seconds, profile=None):
        """What the page says; "" when it does not come in time. profile: a directory to keep."""
        self.count += 1
        home = profile or os.path.join(self.lab.dir, f"browser{self.count}")
        address = net.SERVER[family] if family == 4 else f"[{net.SERVER[family]}]"
        p = subprocess.Popen(
            self.host.cmd("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                          "--no-first-run", "--disable-background-networking",
                          "--disable-component-update", f"--user-data-dir={home}",
                          f"--ignore-certificate-errors-spki-list={self.trust}",
                          f"--host-resolver-rules=MAP * {address}", *self.options(name, quic),
                          "--dump-dom", f"https://{name}:{PORT}/"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=home), text=True, start_new_session=True)
        try:
            page = p.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            page = ""
        with contextlib.suppress(OSError):
            os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        if not profile:
            shutil.rmtree(home, ignore_errors=True)
        return page[page.find("page of"):] if "page of" in page else ""


def flow_of(agent, name, proto):
    """The flow under that name which the protocol named, or None."""
    for f in agent.json("flows")["flows"]:
        if any(n["name"] == name and n["source"] == proto for n in f["names"]):
            return f
    return None


def blocked_flow_of(agent, name, source, family):
    """A blocked flow of the family under that name which the protocol named, or None."""
    for f in agent.json("flows")["flows"]:
        if f["blocked"] and f["dst_ip"] == net.SERVER[family] and \
                {"name": name, "source": source} in f["names"]:
            return f
    return None


@contextlib.contextmanager
def browsing(suite, title, role, dev):
    """The lab with everything up: gives the browser and the agent, or None and None."""
    with net.Lab() as lab:
        client, router, server_host = lab.routed()
        server = Server(lab, server_host)
        browser = Browser(lab, client, server)
        agent = lab.agent({"client": client, "router": router}[role])
        if not suite.check(net.wait_for(lambda: server.is_up(client), 10), f"{title}: the server runs",
                           "it does not answer"):
            yield None, None
            return
        agent.attach(dev)
        yield browser, agent
        agent.detach()


def place(suite, title, role, dev):
    with browsing(suite, title, role, dev) as (browser, agent):
        if not agent:
            return
        for family in (4, 6):
            for quic in (Browser.TCP, Browser.FORCED):
                way, source = ("QUIC", "quic") if quic else ("TCP", "tls")
                over = "HTTP/3" if quic else "HTTP/2"
                where = f"{title}, IPv{family}, {way}"
                agent.run("unblock-domain", BLOCKED, check=False)
                page = browser.load(BLOCKED, family, quic, LOAD_S)
                suite.check(f"{BLOCKED} over {over}" in page, f"{where}: without a rule the page loads",
                            page or "nothing came")
                agent.run("block-domain", BLOCKED)
                page = browser.load(BLOCKED, family, quic, GIVE_UP_S)
                suite.check(not page, f"{where}: the blocked name does not load", page)
                flow = flow_of(agent, BLOCKED, source)
                suite.check(flow and flow["blocked"], f"{where}: its flow is named by {source} and blocked",
                            f"{flow}")
                page = browser.load(INNOCENT, family, quic, LOAD_S)
                suite.check(f"{INNOCENT} over {over}" in page, f"{where}: the other name loads",
                            page or "nothing came")
                flow = flow_of(agent, INNOCENT, source)
                suite.check(flow and not flow["blocked"], f"{where}: its flow is named by {source}", f"{flow}")


def client_host(suite):
    place(suite, "on the client", "client", "eth0")


def router_side(suite):
    place(suite, "on the router", "router", "lan")


def learnt_quic(suite):
    """A profile that knows by Alt-Svc that the server speaks QUIC: that is dropped, the browser goes
    back to TCP, and is dropped there."""
    with browsing(suite, "Alt-Svc", "router", "lan") as (browser, agent):
        if not agent:
            return
        for family in (4, 6):
            title, kept = f"Alt-Svc, IPv{family}", os.path.join(browser.lab.dir, f"profile{family}")

            def load(name, seconds=LOAD_S):
                return browser.load(name, family, Browser.LEARNT, seconds, kept)
            # A browser that knows of QUIC races it against TCP; QUIC need not win at once.
            pages = [load(BLOCKED)]
            while "HTTP/3" not in pages[-1] and len(pages) < RACES:
                pages.append(load(BLOCKED))
            suite.check("HTTP/2" in pages[0] and "HTTP/3" in pages[-1],
                        f"{title}: the browser learns QUIC", f"{pages}")
            agent.run("block-domain", BLOCKED)
            page = load(BLOCKED, GIVE_UP_S)
            suite.check(not page, f"{title}: the blocked name does not load", page)
            for source in ("quic", "tls"):
                flow = blocked_flow_of(agent, BLOCKED, source, family)
                suite.check(flow, f"{title}: a flow named by {source} is blocked", "there is none")
            page = load(INNOCENT)
            suite.check(INNOCENT in page, f"{title}: the other name loads", page or "nothing came")
            agent.run("unblock-domain", BLOCKED)


def category(suite):
    with browsing(suite, "category", "router", "lan") as (browser, agent):
        if not agent:
            return
        for quic in (Browser.TCP, Browser.FORCED):
            title = f"category, {('TCP', 'QUIC')[quic]}"
            agent.run("unblock-app", CATEGORY, check=False)
            page = browser.load(IN_IT, 4, quic, LOAD_S)
            suite.check(IN_IT in page, f"{title}: without a rule the page loads", page or "nothing came")
            agent.run("block-app", CATEGORY)
            page = browser.load(IN_IT, 4, quic, GIVE_UP_S)
            suite.check(not page, f"{title}: a page of the category does not load", page)
            flow = blocked_flow_of(agent, IN_IT, ("tls", "quic")[quic], 4)
            suite.check(flow and flow["block_reason"] == f"app:{CATEGORY}",
                        f"{title}: its flow says the rule", f"{flow}")
            page = browser.load(OUTSIDE, 4, quic, LOAD_S)
            suite.check(OUTSIDE in page, f"{title}: a page of another loads", page or "nothing came")


if __name__ == "__main__":
    net.main([learnt_quic, category], ("ip", "nsenter", "openssl", "curl", "chromium", "caddy"),
             together=[client_host, router_side])
