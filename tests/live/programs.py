#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Real programs that ask a server for "hello" under a name, for the tests of names: openssl, curl, nghttp,
dig, and the questions that hosts ask all on their link.
"""
import itertools
import os
import select
import socket
import struct
import subprocess
import threading
import time

import dialogues
import net

INNOCENT = "www.allowed.example"
H2_PORT, MDNS_PORT, LLMNR_PORT = 8100, 5353, 5355
GROUPS = {MDNS_PORT: {4: "224.0.0.251", 6: "ff02::fb"}, LLMNR_PORT: {4: "224.0.0.252", 6: "ff02::1:3"}}
ANSWER_S, SILENT_S = 4, 0.7  # what must come, and what must not

ports = itertools.count(20001)


class Client:
    """The programs' end. Each ask_*() runs one program and returns how much of an answer came, as an
    Answer with the port it asked from."""

    def __init__(self, lab, host, family, is_blocked):
        self.lab, self.host, self.family = lab, host, family
        self.seconds = SILENT_S if is_blocked else ANSWER_S

    def end(self, address, port):
        return f"{address}:{port}" if self.family == 4 else f"[{address}]:{port}"

    def server(self, port):
        return self.end(net.SERVER[self.family], port)

    def talk(self, args, text=b"", until=b"hello"):
        """Runs a program, writes to it, and listens until the answer is there or the time is up.
        Returns the bytes of answer in what it said; a certificate is an answer too."""
        p = subprocess.Popen(self.host.cmd(*args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd=self.lab.dir)
        said, end = b"", time.monotonic() + self.seconds
        try:
            p.stdin.write(text)
            p.stdin.close()
            while until not in said:
                if not select.select([p.stdout], [], [], max(0, end - time.monotonic()))[0]:
                    break
                data = os.read(p.stdout.fileno(), 65536)
                if not data:
                    break
                said += data
        except BrokenPipeError:
            pass
        finally:
            p.kill()
            p.stdout.close()
            p.wait()
        return len(until) if until in said else said.count(b"depth=0")

    def openssl(self, port, name, *options, text=b"GET / HTTP/1.1\r\n\r\n", until=b"hello"):
        own = next(ports)
        names = ["-servername", name] if name else ["-noservername"]
        got = self.talk(["openssl", "s_client", "-connect", self.server(port), "-bind",
                         self.end(net.CLIENT[self.family], own), *names, "-quiet", *options], text, until)
        return net.Answer(got, own)

    def curl(self, url, *options):
        own = next(ports)
        got = self.talk(["curl", "-sk", f"-{self.family}", "--noproxy", "", "--local-port", str(own),
                         *options, url])
        return net.Answer(got, own)

    def ask_starttls(self, name, kind):
        host = ["-xmpphost", INNOCENT] if kind == "xmpp" else []
        return self.openssl(dialogues.DIALOGUES[kind][0], name, "-starttls", kind, *host)

    def ask_xmpp(self, name):
        """The name is the stream's alone."""
        return self.openssl(dialogues.DIALOGUES["xmpp"][0], INNOCENT, "-starttls", "xmpp", "-xmpphost", name)

    def ask_dtls(self, name):
        """Each time a server of its own: one that a client left in the middle serves no other."""
        port = next(ports)
        cert, key = self.lab.certificate()
        server = self.lab.server.spawn("openssl", "s_server", "-dtls1_2", f"-{self.family}", "-port",
                                       str(port), "-cert", cert, "-key", key, "-listen",
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while server.stdout.readline().strip() != b"ACCEPT":
            pass
        server.stdin.write(b"hello\n")
        server.stdin.flush()
        got = self.openssl(port, name, "-dtls1_2")
        server.kill()
        return got

    def ask_socks(self, name):
        """The name is the proxy's alone: the request inside names another."""
        return self.curl(f"http://{name}/", "-H", f"Host: {INNOCENT}", "--proxy",
                         "socks5h://" + self.server(dialogues.SOCKS_PORT))

    def ask_socks_tls(self, name):
        """The proxy is told another name than the server inside."""
        return self.curl(f"https://{name}/", "--connect-to", f"{name}:443:{INNOCENT}:443", "--proxy",
                         "socks5h://" + self.server(dialogues.SOCKS_PORT))

    def ask_connect(self, name):
        return self.curl(f"http://{name}/", "-H", f"Host: {INNOCENT}", "-p", "--proxy",
                         "http://" + self.server(dialogues.PROXY_PORT))

    def ask_connect_tls(self, name):
        return self.curl(f"https://{name}/", "--connect-to", f"{name}:443:{INNOCENT}:443", "--proxy",
                         "http://" + self.server(dialogues.PROXY_PORT))

    def ask_absolute(self, name):
        return self.curl(f"http://{name}/", "-H", f"Host: {INNOCENT}", "--proxy",
                         "http://" + self.server(net.HTTP_PORT))

    def ask_http2(self, name):
        return self.curl(f"http://{name}:{H2_PORT}/", "--http2-prior-knowledge", "--connect-to",
                         f"::{self.server(H2_PORT)}")

    def ask_nghttp(self, name):
        """nghttp picks its own port, so the server's tells the flow."""
        port = next(ports)
        self.lab.server.spawn("nghttpd", "--no-tls", "-d", self.lab.dir, str(port))
        probe = lambda: self.lab.server.run("ss", "-Hltn", f"sport = {port}").stdout
        net.wait_for(probe, 3)
        return net.Answer(self.talk(["nghttp", "-H", f":authority: {name}",
                                     "http://" + self.server(port) + "/"]), port)

    def ask_dig(self, name, *options):
        own = next(ports)
        got = self.talk(["dig", "+tries=1", "+time=3", "+noall", "+answer", "@" + net.SERVER[self.family],
                         "-b", f"{net.CLIENT[self.family]}#{own}", name, "A", *options],
                        until=net.SERVER[4].encode())
        return net.Answer(got, own)

    def ask_dot(self, name):
        return self.dot(name, "q.allowed.example")

    def dot(self, server_name, question):
        query = net.dns_query(question, 7)
        return self.openssl(dialogues.DOT_PORT, server_name, text=struct.pack("!H", len(query)) + query,
                            until=socket.inet_aton(net.SERVER[4]))

    def ask_group(self, name, port):
        """A question to all on the link, from a port of its own, answered to that (RFC 6762 6.7,
        RFC 4795 2.1)."""
        own = next(ports)
        kind = socket.AF_INET if self.family == 4 else socket.AF_INET6
        with self.host.socket(kind, socket.SOCK_DGRAM) as s:
            s.bind((net.CLIENT[self.family], own))
            s.settimeout(self.seconds)
            to = (GROUPS[port][self.family], port)
            if self.family == 6:
                with self.host.inside():
                    to += 0, socket.if_nametoindex("eth0")
            s.sendto(net.dns_query(name, 7), to)
            try:
                return net.Answer(len(s.recv(65536)), own)
            except TimeoutError:
                return net.Answer(0, own)


class Responder:
    """Answers mDNS and LLMNR questions on the router's LAN, to where they came from."""

    def __init__(self, router, family, port):
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        self.socket, group = router.socket(kind, socket.SOCK_DGRAM), GROUPS[port][family]
        if family == 4:
            self.socket.bind(("", port))
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                   socket.inet_aton(group) + socket.inet_aton(net.LAN[4][0]))
        else:
            with router.inside():
                index = socket.if_nametoindex("lan")
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.socket.bind(("::", port))
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                   socket.inet_pton(kind, group) + struct.pack("@I", index))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            self.socket.sendto(net.dns_answer(data, net.SERVER[4], net.SERVER[6]), peer)
