# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
An agent's control socket without an agent: it answers requests for event lines as
control/follow.h describes, from lines that a test gives it. Loses lines, starts again and goes
away when told to.
"""
import contextlib
import json
import os
import secrets
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from suite import exact  # noqa: E402

ANSWER_BYTES = 256 * 1024


class FakeAgent:
    """Use as a context manager; run_dir is what DPI_XDP_RUN_DIR must be."""

    def __init__(self, run_dir):
        self.path = os.path.join(run_dir, "control")
        os.makedirs(run_dir, exist_ok=True)
        self.changed = threading.Condition()
        self.requests = 0
        self.listener = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """A new start: another instance, numbers from 1 on."""
        self.instance = secrets.token_hex(8)
        self.lines, self.first, self.next = {}, 1, 1
        self.listen()

    def listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Away: the socket's file stays, nobody listens."""
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.listener = None
        with self.changed:
            self.changed.notify_all()

    def add(self, lines):
        with self.changed:
            for line in lines:
                self.lines[self.next] = line if line.endswith(b"\n") else line + b"\n"
                self.next += 1
            self.changed.notify_all()

    def lose(self, count):
        """So many lines are lost before anybody can fetch them."""
        with self.changed:
            self.next += count

    def forget(self):
        """Everything so far is no longer kept."""
        with self.changed:
            self.lines.clear()

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = listener.accept()
                threading.Thread(target=self.serve, args=(conn, listener), daemon=True).start()

    def read(self, after):
        """(lines, first, next) of what comes after a number, as user/agent/event_keep.c has it."""
        first = next((n for n in range(after + 1, self.next) if n in self.lines), self.next) \
            if after < self.next else self.next
        out, at = [], first
        while at in self.lines and sum(map(len, out[-1:])) + (at - first) * 100 < ANSWER_BYTES:
            out.append(self.lines[at])
            at += 1
        return b"".join(out), first, at

    def serve(self, conn, listener):
        with contextlib.suppress(OSError), conn:
            _, size, more = struct.unpack("!III", exact(conn, 12))
            request = json.loads(exact(conn, size))
            exact(conn, more)
            self.requests += 1
            end = time.monotonic() + request.get("wait", 0) / 1000
            with self.changed:
                after = request["after"]
                if after == "new":
                    number = self.next - 1
                else:
                    instance, _, number = after.rpartition("-")
                    number = int(number) if instance == self.instance else 0
                while True:
                    if self.listener is not listener:
                        return
                    out, first, at = self.read(number)
                    left = end - time.monotonic()
                    if out or left <= 0:
                        break
                    self.changed.wait(left)
            err = f"{self.instance} {first} {at}".encode()
            conn.sendall(struct.pack("!III", 0, len(out), len(err)) + out + err)
