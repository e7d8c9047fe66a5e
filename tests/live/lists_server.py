#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A web server that has every fault that servers of lists have; for test_lists.py, which writes its
files. What it was asked goes to standard output, a line a request: PATH STATUS CONDITIONS.

    lists_server.py ADDRESS PORT DIRECTORY [CERTIFICATE KEY]
"""
import gzip
import hashlib
import http.server
import os
import socketserver
import ssl
import sys
import time
import zlib

CHUNK = b"0.0.0.0 endless%d.example\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def tell(self, status):
        asked = [h for h in ("If-None-Match", "If-Modified-Since", "Accept-Encoding") if h in self.headers]
        print(self.path, status, ",".join(asked) or "-", flush=True)

    def head(self, status, **fields):
        self.tell(status)
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_GET(self):
        """What it does is its path's name, or what the file "mode" says that it does now."""
        name = self.path.strip("/").split("?")[0]
        mode = os.path.join(self.server.directory, "mode")
        if os.path.exists(mode):
            with open(mode, encoding="ascii") as f:
                name = f.read().strip()
        special = getattr(self, "get_" + name.replace(".", "_"), None)
        (special or self.get_file)(name)

    def get_file(self, name):
        """A file, with a tag; gzip where it is taken."""
        path = os.path.join(self.server.directory, os.path.basename(name))
        if not os.path.isfile(path):
            self.head(404, Content_Length=0)
            return
        with open(path, "rb") as f:
            body = f.read()
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if self.headers.get("If-None-Match") == tag:
            self.head(304, ETag=tag)
            return
        body = gzip.compress(body)
        self.head(200, Content_Length=len(body), Content_Encoding="gzip", ETag=tag,
                  Content_Type="text/plain")
        self.wfile.write(body)

    def get_slow(self, _):
        self.head(200, Content_Length=100000)
        for i in range(10000):
            self.wfile.write(b"a%d.example\n" % i)
            self.wfile.flush()
            time.sleep(0.5)

    def get_endless(self, _):
        self.head(200, Connection="close")
        i = 0
        while True:
            self.wfile.write(b"".join(CHUNK % n for n in range(i, i + 4000)))
            i += 4000

    def get_bomb(self, _):
        """Comments without an end, a thousandth of their size on the way."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        self.head(200, Content_Encoding="gzip", Connection="close")
        while True:
            self.wfile.write(packer.compress(b"# nothing\n" * 100000) + packer.flush(zlib.Z_SYNC_FLUSH))

    def get_page(self, _):
        body = b"<!DOCTYPE html>\n<html><body>Sign in to this network</body></html>\n"
        self.head(200, Content_Length=len(body), Content_Type="text/html")
        self.wfile.write(body)

    def get_short(self, _):
        self.head(200, Content_Length=100000, Connection="close")
        self.wfile.write(b"".join(b"short%d.example\n" % i for i in range(100)))
        self.close_connection = True

    def get_loop(self, _):
        self.head(302, Location="/loop", Content_Length=0)

    def get_away(self, _):
        self.head(302, Location="/moved.txt", Content_Length=0)

    def get_disk(self, _):
        self.head(302, Location="file:///etc/hosts", Content_Length=0)

    def get_inside(self, _):
        self.head(302, Location="http://127.0.0.1:9/admin", Content_Length=0)

    def get_inside6(self, _):
        self.head(302, Location="http://[::ffff:127.0.0.1]:9/admin", Content_Length=0)

    def get_cable(self, _):
        self.head(307, Location="http://169.254.169.254/latest/meta-data/", Content_Length=0)

    def get_plain(self, _):
        self.head(301, Location=f"http://{self.headers['Host']}/list.txt", Content_Length=0)

    def get_unasked(self, _):
        self.head(304)

    def get_broken(self, _):
        self.head(500, Content_Length=0)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        """Without asking a name server what this address is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        pass


if __name__ == "__main__":
    server = Server((sys.argv[1], int(sys.argv[2])), Handler)
    server.directory = sys.argv[3]
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[4:])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()
