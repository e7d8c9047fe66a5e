#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The far ends of the live evasion tests: OpenSSL, Python's http.server and a DNS responder on the
kernel's own TCP, caddy for QUIC, nghttpd for HTTP/2 in clear text. What they read is what counts:
all but the last write down the name that a client reached them by, with its address and port.

Run as `endpoints.py CERT KEY LOG ADDRESS...` in a namespace; the log is one JSON list a line.
"""
import contextlib
import http.server
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading

import net

TLS_PORTS, DNS_PORTS, PROXY_PORT, H2_PORT = (443, 4433, 853, 8853), (53, 5300), 3128, 8080
QUIC_PORTS = (443, 8443, 53, 50443, 123, 4789, 2152, 3478, 51820, 853)
FAST_OPEN = 0x602  # tcp_fastopen: any listener takes the data of any SYN
PATIENCE_S = 30  # with a client that says no more


class Log:
    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, peer, kind, text):
        os.write(self.fd, (json.dumps([peer[0], peer[1], kind, text]) + "\n").encode())


def serve_tls(conn, context, log, is_proxy):
    """TLS, behind a line of the PROXY protocol if there is one, or behind a granted CONNECT."""
    with contextlib.suppress(OSError, ssl.SSLError, ValueError):
        conn.settimeout(PATIENCE_S)
        if is_proxy:
            head = net.read_head(conn)
            log.write(conn.getpeername(), "connect", head.decode("latin-1"))
            conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        elif conn.recv(6, socket.MSG_PEEK) == b"PROXY ":
            while conn.recv(1) != b"\n":
                pass
        with context.wrap_socket(conn, server_side=True) as tls:
            while tls.recv(4096):
                pass
    conn.close()


class Web(http.server.BaseHTTPRequestHandler):
    """Answers any method; all of the parsing is http.server's own."""
    protocol_version, timeout = "HTTP/1.1", PATIENCE_S
    log = None

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        self.log.write(self.client_address, "http", f"{self.path}\n{self.headers}")
        length = self.headers.get("Content-Length", "")
        if length.isdigit():
            self.rfile.read(int(length))
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_):
        pass


def serve_web(conn):
    with contextlib.suppress(OSError, ValueError):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Web(conn, conn.getpeername(), None)
    conn.close()


def dns_name(message, at):
    """(name, where it ends), compression pointers followed backwards only (RFC 1035 4.1.4)."""
    parts, end, limit = [], None, at
    while True:
        n = message[at]
        if n >= 0xC0:
            to = struct.unpack_from("!H", message, at)[0] & 0x3FFF
            end = end or at + 2
            if to >= limit:
                raise ValueError("pointer")
            at = limit = to
        elif n > 63:
            raise ValueError("label")
        elif n == 0:
            return b".".join(parts), end or at + 1
        else:
            parts.append(message[at + 1:at + 1 + n])
            at += 1 + n
            if sum(map(len, parts)) + len(parts) > 254:
                raise ValueError("name")


def answer_dns(message, peer, log):
    """Reads every question and says it back as answered."""
    count, at = struct.unpack_from("!H", message, 4)[0], 12
    with contextlib.suppress(IndexError, ValueError):
        for _ in range(min(count, 16)):
            name, at = dns_name(message, at)
            log.write(peer, "dns", name.decode("latin-1"))
            at += 4
    return message[:2] + b"\x81\x80" + message[4:]


def serve_dns(conn, log):
    with contextlib.suppress(OSError, struct.error), conn:
        conn.settimeout(PATIENCE_S)
        while True:
            answer = answer_dns(net.exact(conn, struct.unpack("!H", net.exact(conn, 2))[0]),
                                conn.getpeername(), log)
            conn.sendall(struct.pack("!H", len(answer)) + answer)


def listen(address, port, handler, *args):
    s = socket.create_server((address, port), backlog=4096,
                             family=socket.AF_INET6 if ":" in address else socket.AF_INET)

    def loop():
        while True:
            threading.Thread(target=handler, args=(s.accept()[0], *args), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def listen_dns(address, port, log):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))

    def loop():
        while True:
            message, peer = s.recvfrom(65536)
            with contextlib.suppress(OSError, struct.error):
                s.sendto(answer_dns(message, peer, log), peer)
    threading.Thread(target=loop, daemon=True).start()


def serve(cert, key, path, *addresses):
    log = Web.log = Log(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda tls, name, _: log.write(tls.getpeername(), "tls", name or "")
    for address in addresses:
        for port in TLS_PORTS + (PROXY_PORT,):
            listen(address, port, serve_tls, context, log, port == PROXY_PORT)
        for port in DNS_PORTS:
            listen_dns(address, port, log)
        listen(address, 53, serve_dns, log)
        listen(address, 80, serve_web)
    print("ready", flush=True)
    signal.pause()


# --- for the test: the endpoints of one lab ------------------------------------------------------
CADDYFILE = """{
	auto_https off
	admin off
	debug
	default_bind %s
	servers {
		protocols h3
	}
}
"""


class Endpoints:
    """All of them on one host. QUIC has addresses of its own, as caddy takes TCP's ports too."""

    def __init__(self, lab, host, addresses, quic_addresses):
        self.lab, self.host, self.quic_addresses = lab, host, quic_addresses
        self.path = os.path.join(lab.dir, "endpoints.log")
        self.caddy = self.caddy_log = None
        self.caddy_runs = 0
        cert, key = lab.certificate()
        host.sysctl("net/ipv4/tcp_fastopen", FAST_OPEN)  # what a listener may is set when it begins
        p = host.spawn(sys.executable, os.path.abspath(__file__), cert, key, self.path,
                       *addresses.values(), stdout=subprocess.PIPE, text=True)
        if p.stdout.readline().strip() != "ready":
            raise RuntimeError("the servers do not start")
        for a in addresses.values():
            host.spawn("nghttpd", "-a", a, "--no-tls", "-d", lab.dir, str(H2_PORT))
        host.sysctl("net/ipv4/tcp_fastopen", 0)

    def named_certificate(self, name):
        stem = os.path.join(self.lab.dir, name)
        if not os.path.exists(stem + ".pem"):
            net.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                     "-addext", f"subjectAltName=DNS:{name},DNS:*.{name}", "-keyout",
                     stem + ".key", "-out", stem + ".pem"], check=True)
        return stem + ".pem", stem + ".key"

    def start_quic(self, names):
        """A caddy that knows of no connection so far."""
        if self.caddy:
            self.caddy.kill()
            self.caddy.wait(5)
        self.caddy_runs += 1
        path = os.path.join(self.lab.dir, "Caddyfile")
        with open(path, "w") as f:
            f.write(CADDYFILE % " ".join(self.quic_addresses.values()))
            for name in names:
                cert, key = self.named_certificate(name)
                for site in (name, "*." + name):
                    at = ", ".join(f"https://{site}:{port}" for port in QUIC_PORTS)
                    f.write(f"{at} {{\n\ttls {cert} {key}\n\trespond hello\n}}\n")
        self.caddy_log = os.path.join(self.lab.dir, f"caddy{self.caddy_runs}.log")
        log = open(self.caddy_log, "wb")
        env = dict(os.environ, HOME=self.lab.dir, XDG_DATA_HOME=self.lab.dir,
                   XDG_CONFIG_HOME=self.lab.dir)
        self.caddy = self.host.spawn("caddy", "run", "--config", path, "--adapter", "caddyfile",
                                     env=env, stdout=log, stderr=log)
        log.close()
        if not net.wait_for(lambda: b"serving initial" in self.read(self.caddy_log), 10, 0.05):
            raise RuntimeError("caddy does not start: " +
                               self.read(self.caddy_log)[-300:].decode("utf-8", "replace"))

    @staticmethod
    def read(path):
        with open(path, "rb") as f:
            return f.read()

    def names(self):
        """What every client was seen to ask for: {(address, port): text, lower case}. The name of a
        QUIC client is that of the certificate that it was shown."""
        found = {}
        if os.path.exists(self.path):
            for line in self.read(self.path).splitlines():
                address, port, _, text = json.loads(line)
                found[address, port] = found.get((address, port), "") + " " + text.lower()
        for line in self.read(self.caddy_log).splitlines() if self.caddy_log else ():
            if b"matched certificate in cache" in line:
                said = json.loads(line)
                key = said["remote_ip"], int(said["remote_port"])
                found[key] = found.get(key, "") + " " + said["subjects"][0]
        return found


if __name__ == "__main__":
    serve(*sys.argv[1:])
