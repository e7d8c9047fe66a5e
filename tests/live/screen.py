# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
A terminal for tests: a program under a pty, the screen it drew, keys for it. The screen is made by a
small reader of what xterm understands (ECMA-48); what it does not know is a fault, so a sequence that
a program passes on from elsewhere does not go unseen.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

# What ncurses writes to an xterm beside moving about: modes, character sets, keypad.
QUIET = re.compile(rb"\x1b\[[?>]?[0-9;]*[hlnmtq]|\x1b[()][0AB]|\x1b[=>78]")
MOVES = re.compile(rb"\x1b\[([0-9;]*)([ABCDGHJKLMPSTX@bdfr])")


class Screen:
    """The cells, as the bytes made them."""

    def __init__(self, width, height):
        self.faults, self.rest, self.last = [], b"", " "
        self.is_alternate = False
        self.resize(width, height)

    def resize(self, width, height):
        self.width, self.height, self.x, self.y = width, height, 0, 0
        self.rows = [[" "] * width for _ in range(height)]
        self.top, self.bottom = 0, height - 1  # of what scrolls

    def text(self):
        return "\n".join("".join(r).rstrip() for r in self.rows)

    def put(self, c):
        if self.x >= self.width:
            self.x, self.y = 0, min(self.y + 1, self.height - 1)
        self.rows[self.y][self.x] = c
        self.x += 1
        self.last = c

    def scroll(self, top, count):
        """Rows from top on move up, or down where count is below 0, as far as what scrolls."""
        for _ in range(abs(count)):
            gone, new = (top, self.bottom) if count > 0 else (self.bottom, top)
            if top <= self.bottom:
                self.rows.pop(gone)
                self.rows.insert(new, [" "] * self.width)

    def line_feed(self):
        if self.y == self.bottom:
            self.scroll(self.top, 1)
        else:
            self.y = min(self.y + 1, self.height - 1)

    def line_back(self):
        if self.y == self.top:
            self.scroll(self.top, -1)
        else:
            self.y = max(self.y - 1, 0)

    def move(self, arguments, what):
        n = [int(a) if a else 0 for a in arguments.decode().split(";")]
        one, row = max(n[0], 1), self.rows[self.y]
        if what in b"Hf":
            self.y, self.x = one - 1, max(n[1] if len(n) > 1 else 1, 1) - 1
        elif what in b"ABCD":
            self.y += {65: -one, 66: one}.get(what[0], 0)
            self.x += {67: one, 68: -one}.get(what[0], 0)
        elif what == b"G":
            self.x = one - 1
        elif what == b"d":
            self.y = one - 1
        elif what == b"J":
            begin = 0 if n[0] == 2 else self.y * self.width + self.x
            end = self.y * self.width + self.x + 1 if n[0] == 1 else self.width * self.height
            for i in range(0 if n[0] == 1 else begin, end):
                self.rows[i // self.width][i % self.width] = " "
        elif what == b"K":
            span = {0: range(self.x, self.width), 1: range(0, self.x + 1), 2: range(self.width)}[n[0]]
            for x in span:
                row[min(x, self.width - 1)] = " "
        elif what == b"X":
            for x in range(self.x, min(self.x + one, self.width)):
                row[x] = " "
        elif what == b"b":
            for _ in range(one):
                self.put(self.last)
        elif what == b"P":
            self.rows[self.y] = (row[:self.x] + row[self.x + one:] + [" "] * one)[:self.width]
        elif what == b"@":
            self.rows[self.y] = (row[:self.x] + [" "] * one + row[self.x:])[:self.width]
        elif what in b"ML":
            self.scroll(self.y, one if what == b"M" else -one)
        elif what in b"ST":
            self.scroll(self.top, one if what == b"S" else -one)
        elif what == b"r":
            self.top = one - 1
            self.bottom = (n[1] if len(n) > 1 and n[1] else self.height) - 1
            self.x = self.y = 0
        else:
            self.faults.append(b"\x1b[" + arguments + what)
        self.x = max(0, min(self.x, self.width - 1))
        self.y = max(0, min(self.y, self.height - 1))

    def feed(self, data):
        data = self.rest + data
        i = 0
        while i < len(data):
            c = data[i]
            if data[i:i + 2] == b"\x1bM":
                self.line_back()
                i += 2
                continue
            if c == 0x1b:
                m = MOVES.match(data, i) or QUIET.match(data, i)
                if not m:
                    if len(data) - i < 24:
                        break  # the rest of it is still to come
                    self.faults.append(data[i:i + 16])
                    i += 1
                    continue
                if m.re is MOVES:
                    self.move(m[1], m[2])
                elif m[0] in (b"\x1b[?1049h", b"\x1b[?1049l"):
                    self.is_alternate = m[0].endswith(b"h")
                i = m.end()
                continue
            if c in b"\r\n\b\t":
                if c == 13:
                    self.x = 0
                elif c == 10:
                    self.line_feed()
                elif c == 8:
                    self.x = max(self.x - 1, 0)
                else:
                    self.x = min((self.x // 8 + 1) * 8, self.width - 1)
            elif c < 0x20:
                if c not in b"\x0f\x0e":
                    self.faults.append(data[i:i + 16])
            else:
                size = 1 if c < 0x80 else 2 if c < 0xe0 else 3 if c < 0xf0 else 4
                if i + size > len(data):
                    break
                self.put(data[i:i + size].decode("utf-8", "replace"))
                i += size
                continue
            i += 1
        self.rest = data[i:]


class Terminal:
    """A program under a terminal of so many columns and rows."""

    def __init__(self, args, env, width=80, height=24):
        self.master, self.slave = pty.openpty()
        self.screen, self.raw = Screen(width, height), b""
        self.size(width, height, tell=False)
        self.before = termios.tcgetattr(self.slave)
        env = dict(env, TERM="xterm", LC_ALL=env.get("LC_ALL", "C.UTF-8"))
        for name in ("COLUMNS", "LINES", "TMUX", "STY"):
            env.pop(name, None)

        def lead():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.p = subprocess.Popen(args, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env,
                                  preexec_fn=lead)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait(5)
        os.close(self.master)
        os.close(self.slave)

    def size(self, width, height, tell=True):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if tell:
            self.screen.resize(width, height)
            self.p.send_signal(signal.SIGWINCH)

    def read(self, seconds=0.05):
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if not select.select([self.master], [], [], max(0, left))[0]:
                return
            data = os.read(self.master, 65536)
            self.raw += data
            self.screen.feed(data)

    def keys(self, text):
        os.write(self.master, text.encode())
        self.read(0.1)

    def wait(self, question, timeout=6.0):
        """Reads until question(text of the screen) is true. Returns its last answer."""
        end = time.monotonic() + timeout
        while True:
            answer = question(self.screen.text())
            if answer or time.monotonic() > end:
                return answer
            self.read(0.05)

    def shows(self, text, timeout=6.0):
        return self.wait(lambda s: text in s, timeout)

    def end(self, timeout=6.0):
        """Waits for its end. Returns the exit status."""
        end = time.monotonic() + timeout
        while self.p.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0.05)
        return self.p.poll()

    def is_restored(self):
        """Modes as they were, the first screen again, the cursor to be seen."""
        hidden, shown = self.raw.rfind(b"\x1b[?25l"), max(self.raw.rfind(b"\x1b[?25h"),
                                                          self.raw.rfind(b"\x1b[?12l\x1b[?25h"))
        return termios.tcgetattr(self.slave) == self.before and not self.screen.is_alternate and \
            shown >= hidden
