#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Servers whose protocols begin in the clear, for the tests of names: mail, directory and database
servers that turn to TLS when asked to, a SOCKS and an HTTP proxy, DNS over TLS. Each speaks as much
as a real client needs to come to the answer: "hello".

Run as `dialogues.py CERT KEY ADDR4 ADDR6` in a namespace; prints "ready" once all listen.
"""
import contextlib
import signal
import socket
import ssl
import struct
import sys
import threading

import net

DOT_PORT, SOCKS_PORT, PROXY_PORT = 853, 1080, 3128

# What the server says first, then what it answers to what the client says, until TLS begins.
# Clients end what they say by a line break, unless the row says how many bytes it is.
EHLO = b"250-mail.test\r\n250 STARTTLS\r\n"
LDAP_DONE = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
MYSQL_HEAD = b"\x0a8.0.0\0" + b"\1\0\0\0" + b"12345678\0" + b"\xff\xff" + b"\x21" + b"\2\0" + \
    b"\xff\xff" + b"\x15" + bytes(10) + b"123456789012\0"
XMPP_HEAD = b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' " \
    b"xmlns='jabber:client' id='1' from='x' version='1.0'><stream:features>" \
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
DIALOGUES = {  # name: (port, greeting, answers)
    "smtp": (587, b"220 mail.test ESMTP\r\n", [EHLO, b"220 go on\r\n"]),
    "imap": (143, b"* OK ready\r\n", [b"* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n",
                                      b". OK go on\r\n"]),
    "pop3": (110, b"+OK ready\r\n", [b"+OK go on\r\n"]),
    "ftp": (21, b"220 ready\r\n", [b"234 go on\r\n"]),
    "xmpp": (5222, b"", [XMPP_HEAD, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]),
    "ldap": (389, b"", [LDAP_DONE]),
    "postgres": (5432, b"", [b"S"]),
    "mysql": (3306, struct.pack("<I", len(MYSQL_HEAD)) + MYSQL_HEAD, [b""]),
}


def serve_dialogue(conn, greeting, answers, context):
    with contextlib.suppress(OSError):
        conn.settimeout(net.STREAM_S)
        conn.sendall(greeting)
        for answer in answers:
            # A client waits for the answer before it goes on, so one read is one message; but the
            # TLS that MySQL's client sends unasked must stay for the TLS layer.
            if not (conn.recv(65536) if answer else net.exact(conn, 36)):
                conn.close()
                return
            conn.sendall(answer)
        net.serve_connection(conn, context)


def serve_dot(conn, addr4, addr6, context):
    with contextlib.suppress(OSError, ssl.SSLError):
        conn.settimeout(net.STREAM_S)
        net.serve_dns_tcp(context.wrap_socket(conn, server_side=True), addr4, addr6)


def carry(conn, port):
    """Joins the client with the server's own port, whatever name was asked for."""
    with socket.create_connection(("::1", port)) as far, conn:
        def one_way(a, b):
            with contextlib.suppress(OSError):
                while data := a.recv(65536):
                    b.sendall(data)
            with contextlib.suppress(OSError):
                b.shutdown(socket.SHUT_WR)
        back = threading.Thread(target=one_way, args=(far, conn), daemon=True)
        back.start()
        one_way(conn, far)
        back.join()


def serve_socks(conn):
    """SOCKS 5 without a password, CONNECT by name (RFC 1928)."""
    with contextlib.suppress(OSError):
        conn.settimeout(net.STREAM_S)
        net.exact(conn, net.exact(conn, 2)[1])
        conn.sendall(b"\5\0")
        if net.exact(conn, 4) != b"\5\1\0\3":
            conn.close()
            return
        net.exact(conn, net.exact(conn, 1)[0])
        port = struct.unpack("!H", net.exact(conn, 2))[0]
        conn.sendall(b"\5\0\0\1" + bytes(6))
        carry(conn, port)


def serve_proxy(conn):
    """HTTP CONNECT (RFC 9110 9.3.6)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        conn.settimeout(net.STREAM_S)
        port = int(net.read_head(conn).split(b" ")[1].rpartition(b":")[2])
        conn.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        carry(conn, port)


def start(lab, host):
    """Starts them all on a host of a lab; returns when they listen."""
    cert, key = lab.certificate()
    p = host.spawn(sys.executable, __file__, cert, key, net.SERVER[4], net.SERVER[6],
                   stdout=-1, text=True)
    if p.stdout.readline().strip() != "ready":
        raise RuntimeError("the servers do not start")


def main(cert, key, addr4, addr6):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    for port, greeting, answers in DIALOGUES.values():
        net.listen_tcp(port, serve_dialogue, greeting, answers, context)
    net.listen_tcp(DOT_PORT, serve_dot, addr4, addr6, context)
    net.listen_tcp(SOCKS_PORT, serve_socks)
    net.listen_tcp(PROXY_PORT, serve_proxy)
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
