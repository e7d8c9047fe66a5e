# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
A client that says what no kernel would: the rows of tests/golden/evasion*.py, to real servers.

A row is a function that writes frames of both sides into a World. A LiveWorld sends those of the
client over a raw socket, each world from an address of its own that no kernel owns, and for each of
the server's waits for what the real server says, whose sequence numbers are taken over.
"""
import fcntl
import ipaddress
import os
import re
import select
import socket
import struct
import threading
import time

import net

import evasion  # net knows where
import http2
import layers
import packets as p
import quic

GHOSTS = {4: "10.78.0.0", 6: "fd78::"}
QUIC_SERVER = {4: "45.77.77.3", 6: "2a05:77:77::3"}
MTU, MSS = 1500, 1400
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
SYN_S, ANSWER_S, QUIET_S = 1.5, 0.8, 0.02
FALSE_ISN, FALSE_REACH = 900000, 110000  # what the rows take the server's ISN for


class Far:
    """What the server said to one port of ours."""

    def __init__(self, key, number, sought):
        self.key, self.number, self.sought = key, number, sought
        self.isn, self.high, self.seen, self.taken = None, 0, 0, 0
        self.parts, self.datagrams = [], []
        self.hello = b""  # of QUIC, the client's first datagram
        self.said = 0  # datagrams that do more than acknowledge
        self.base = None  # of `amount` when the first frame went out that the agent may judge
        self.asked = []  # DNS messages that must stay unanswered
        self.is_refused = self.is_deaf = self.is_reset = False
        self.is_tcp, self.is_dns, self.port = True, False, 0
        self.changed = threading.Condition()

    def take(self, proto, body):
        with self.changed:
            if proto == p.UDP:
                self.datagrams.append(body[8:])
                self.said += not quic.is_bare_ack(body[8:], self.first_id())
            else:
                seq, flags = struct.unpack_from("!I", body, 4)[0], body[13]
                data = body[(body[12] >> 4) * 4:]
                if flags & (net.SYN | net.ACK) == net.SYN | net.ACK and self.isn is None:
                    self.isn = seq
                if flags & net.RST:
                    self.is_reset = True
                if data and self.isn is not None:
                    at = (seq - self.isn - 1) % 2**32
                    self.parts.append((at, data))
                    if at < 2**31:
                        self.high = max(self.high, at + len(data))
            self.changed.notify_all()

    def first_id(self):
        return self.hello[6:6 + self.hello[5]] if len(self.hello) > 5 else b""

    def wait(self, question, seconds):
        with self.changed:
            return self.changed.wait_for(question, seconds)

    def amount(self):
        """How much the server has answered. An acknowledgement is no answer: it comes for what was
        let through before the name was said, and may be late."""
        if self.is_tcp:
            if self.port == 53:  # in answer to the same stream others may be due
                return bytes(self.stream()).lower().count(self.sought)
            return self.http2_answers() if self.port == 8080 else self.high
        if self.is_dns and self.asked:
            return sum(any(d[:2] == m[:2] and d[4:] == m[4:] for m in self.asked)
                       for d in self.datagrams)
        return self.said

    def stream(self):
        out = bytearray(self.high)
        for at, data in self.parts:
            if at <= len(out):
                out[at:at + len(data)] = data
        return out

    def http2_answers(self):
        """HEADERS frames of the server; its SETTINGS come unasked."""
        stream, at, count = self.stream(), 0, 0
        while at + 9 <= len(stream):
            count += stream[at + 3] == http2.HEADERS
            at += 9 + int.from_bytes(stream[at:at + 3], "big")
        return count

    def mark(self):
        if self.base is None:
            self.base = 0 if self.is_dns else self.amount()

    def answered(self):
        """How much came after the first frame that could be judged."""
        return self.amount() - (self.base or 0)


class Wire:
    """The raw socket on a host's device, and who listens to what comes in."""

    def __init__(self, host, dev, gateway_mac):
        self.raw = host.raw(dev)
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self.macs = net.mac_bytes(gateway_mac) + net.mac_bytes(host.mac(dev))
        self.fars, self.worlds, self.is_over = {}, 0, False
        self.lock = threading.Lock()
        self.port = 20000
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def close(self):
        self.is_over = True
        self.thread.join()
        self.raw.close()

    def take_address(self, is_v6):
        with self.lock:
            self.worlds += 1
            return str(ipaddress.ip_address(GHOSTS[6 if is_v6 else 4]) + 256 + self.worlds)

    def take_port(self):
        with self.lock:
            self.port = self.port + 1 if self.port < 60000 else 20001
            return self.port

    def send(self, packet, kind):
        for _ in range(100):
            try:
                return self.raw.send(self.macs + struct.pack("!H", kind) + packet)
            except BlockingIOError:
                time.sleep(0.001)
            except OSError as e:
                if e.errno != 105:  # ENOBUFS: the device is busy
                    raise
                time.sleep(0.001)

    def listen(self):
        while not self.is_over:
            if not select.select([self.raw], [], [], 0.1)[0]:
                continue
            try:
                frame, address = self.raw.recvfrom(70000)
            except OSError:
                return  # the lab is being taken away
            if address[2] == socket.PACKET_OUTGOING:
                continue
            v6 = frame[12:14] == net.ETHER[6]
            if not v6 and frame[12:14] != net.ETHER[4] or len(frame) < 42:
                continue
            size = 40 if v6 else (frame[14] & 15) * 4
            proto = frame[20] if v6 else frame[23]
            total = struct.unpack_from("!H", frame, 18)[0] + 40 if v6 else \
                struct.unpack_from("!H", frame, 16)[0]
            body = frame[14 + size:14 + total]
            if proto not in (p.TCP, p.UDP) or len(body) < 8:
                continue
            to = frame[38:54] if v6 else frame[30:34]
            far = self.fars.get((to, struct.unpack_from("!H", body, 2)[0]))
            if far:
                far.take(proto, body)


class TunnelEnd(threading.Thread):
    """Where the tunnels of layers.py end, for kernels that have no such devices: the IP packet of a
    client inside, whatever it is wrapped in, comes out of a TUN device of the host. Raw sockets, so
    that the kernel puts a tunnel's own fragments together."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.is_over = False
        self.raws = [host.socket(family, socket.SOCK_RAW, proto)
                     for family, protos in ((socket.AF_INET, (4, 41, 47, p.UDP)),
                                            (socket.AF_INET6, (4, 41, 47, p.UDP)))
                     for proto in protos]
        with host.inside():
            self.tun = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", b"tunnels", IFF_TUN | IFF_NO_PI))
        host.ip("link", "set", "tunnels", "up")
        four, six = (b"|".join(re.escape(p.address(a[family])) for a in (net.SERVER, QUIC_SERVER))
                     for family in (4, 6))
        self.inside = re.compile(b"\x0a\x4e..(?:%s)|\xfd\x78.{14}(?:%s)" % (four, six), re.DOTALL)

    def run(self):
        while not self.is_over:
            for raw in select.select(self.raws, [], [], 0.1)[0]:
                self.unwrap(raw.recv(70000), raw.family == socket.AF_INET)

    def unwrap(self, data, has_head):
        data = data[20 if has_head else 0:]  # raw sockets of IPv6 give no header
        found = self.inside.search(data)
        if not found:
            return
        packet = data[found.start() - (12 if found.group()[0] == 10 else 8):]
        size = struct.unpack_from("!H", packet, 2)[0] if packet[0] >> 4 == 4 else \
            struct.unpack_from("!H", packet, 4)[0] + 40
        if len(packet) >= size:
            os.write(self.tun, packet[:size])

    def end(self):
        self.is_over = True
        self.join()
        for raw in self.raws:
            raw.close()
        os.close(self.tun)


class LiveWorld(evasion.World):
    """name: the one that the row is spoken with; chosen: which of its flows are spoken, by number,
    or None for all; is_judged: under a rule that forbids the name, so that no answer is waited for
    once it may be out; pause: seconds between frames."""

    def __init__(self, wire, name, is_v6=False, chosen=None, is_judged=False, server=None,
                 pause=0.0):
        self.sought = name.split(b".")[0]
        self.wire, self.chosen, self.is_judged, self.pause = wire, chosen, is_judged, pause
        self.far_end = server or net.SERVER
        self.count, self.is_live = 0, True
        self.fars = []  # in the order of the flows' numbers, those spoken
        self.current = self.last = None
        self.is_mine, self.deaf_tunnels = True, set()
        super().__init__(evasion.Variant("v6", is_v6=True) if is_v6 else evasion.Variant("fwd"))
        self.ident = wire.worlds * 97 % 20000

    def turn(self, variant):
        self.variant = variant
        self.client = self.wire.take_address(variant.is_v6)
        self.server = self.far_end[6 if variant.is_v6 else 4]

    def next_port(self):
        self.is_live = self.chosen is None or self.count in self.chosen
        self.count += 1
        if not self.is_live:
            return 1
        port = self.wire.take_port()
        self.current = self.far(port, self.count - 1)
        return port

    def far(self, port, number):
        """A new flow to listen to. number: below 0 for one whose row names the port itself."""
        far = Far((self.client, port), number, self.sought)
        self.wire.fars[p.address(self.client), port] = far
        self.fars.append(far)
        return far

    def wait(self, seconds):
        super().wait(seconds)
        if self.is_live:
            time.sleep(seconds)

    def ip(self, src, dst, proto, payload, *args, **how):
        self.last = None
        if self.is_live and proto in (p.TCP, p.UDP):
            is_mine = src == self.client
            port = struct.unpack_from("!H", payload, 0 if is_mine else 2)[0]
            far = self.wire.fars.get((p.address(self.client), port)) or self.far(port, -port)
            far.is_tcp = proto == p.TCP
            far.is_dns = not far.is_tcp and self.far_end is net.SERVER
            far.port = struct.unpack_from("!H", payload, 2 if is_mine else 0)[0]
            if is_mine:
                self.current = far
                if far.is_tcp:
                    payload = self.true_ack(src, dst, far, payload)
                else:
                    far.hello = far.hello or payload[8:]
            self.last, self.is_mine = (far, proto, payload), is_mine
        return super().ip(src, dst, proto, payload, *args, **how)

    @staticmethod
    def true_ack(src, dst, far, segment):
        """A row that names an acknowledgement itself counts from an ISN that it believes in."""
        ack = struct.unpack_from("!I", segment, 8)[0]
        if far.isn is None or abs(ack - FALSE_ISN) > FALSE_REACH:
            return segment
        was_right = p.checksum(p.pseudo(src, dst, p.TCP, len(segment)) + segment) == 0
        ack = (ack - FALSE_ISN + far.isn) % 2**32
        segment = segment[:8] + struct.pack("!I", ack) + segment[12:]
        if was_right:
            segment = segment[:16] + b"\0\0" + segment[18:]
            check = p.checksum(p.pseudo(src, dst, p.TCP, len(segment)) + segment)
            segment = segment[:16] + struct.pack("!H", check) + segment[18:]
        return segment

    def put(self, packet, fate, is_back=False, pieces=None, **how):
        if not self.is_live:
            return
        if is_back or self.last and not self.is_mine:
            return self.hear()
        if self.last and self.last[0].is_dns and fate in (evasion.DROP, evasion.REFUSED):
            self.last[0].asked.append(self.last[2][8:])
        if self.last and fate != evasion.PASS:
            self.last[0].mark()
        for one in [packet] if pieces else self.fitting(packet):
            super().put(one, fate, pieces=pieces, **how)

    def fitting(self, packet):
        """A packet that no frame holds, as the segments or fragments that a kernel makes of it."""
        data, kind = packet
        if len(data) <= MTU or not self.last:
            return [packet]
        if not self.last[0].is_tcp:
            self.ident += 1
            return [(x, kind) for x in layers.fragments_of(data, MSS, ident=self.ident)]
        body = self.last[2]
        size = (body[12] >> 4) * 4
        seq, src, dst = struct.unpack_from("!I", body, 4)[0], self.client, self.server
        out = []
        for at in range(0, len(body) - size, MSS):
            part = body[:4] + struct.pack("!I", (seq + at) % 2**32) + body[8:16] + b"\0\0" + \
                body[18:size] + body[size + at:size + at + MSS]
            check = p.checksum(p.pseudo(src, dst, p.TCP, len(part)) + part)
            part = part[:16] + struct.pack("!H", check) + part[18:]
            out.append(super().ip(src, dst, p.TCP, part))
        return out

    def add(self, packet, kind, fate, cut=None, padding=b""):
        if not self.is_live:
            return
        self.now_us += 1000
        if fate in (evasion.REFUSED, evasion.MAY, evasion.DROP) and self.current:
            self.current.is_refused |= fate == evasion.REFUSED
            self.current.mark()
        self.wire.send(packet + padding, kind)
        if self.pause:
            time.sleep(self.pause)

    def hear(self):
        """Waits for what the server says where the row says that it says something."""
        if not self.last:
            return
        far, proto, body = self.last
        if proto == p.TCP:
            self.hear_segment(far, body)
        elif not (self.is_judged and far.base is not None) and (far.is_dns or body[8] & 0x80):
            self.hear_more(far, lambda: len(far.datagrams))  # packets that everybody can read

    def hear_segment(self, far, body):
        flags, size = body[13], (body[12] >> 4) * 4
        talk = next((f for f in reversed(self.flows) if f.sport == far.key[1]), None)
        if flags & net.SYN:
            if not far.wait(lambda: far.isn is not None, 0.02 if self.is_deaf(far) else SYN_S):
                self.deaf_tunnels.add(self.tunnel)
                far.is_deaf = True
        elif len(body) > size and not (self.is_judged and far.base is not None):
            self.hear_more(far, lambda: far.high)
        if talk and far.isn is not None:
            talk.isn["s"], talk.sent["s"] = far.isn, far.high

    def is_deaf(self, far):
        return far.is_deaf or self.tunnel and self.tunnel in self.deaf_tunnels

    def hear_more(self, far, amount):
        if not far.wait(lambda: amount() > far.seen, 0.02 if self.is_deaf(far) else ANSWER_S):
            far.is_deaf = True
        else:
            while True:  # until the server pauses
                far.seen = amount()
                self.acknowledge(far)
                if not far.wait(lambda: amount() > far.seen, QUIET_S):
                    break

    def plain(self, far, flags):
        """A segment without data at the place where the client is."""
        talk = next((f for f in self.flows if f.sport == far.key[1]), None)
        if far.is_tcp and talk and far.isn is not None:
            body = p.tcp(self.client, self.server, talk.sport, talk.port,
                         talk.isn["c"] + 1 + max(talk.sent["c"], 0), far.isn + 1 + far.high, flags)
            packet = evasion.World.ip(self, self.client, self.server, p.TCP, body)
            self.wire.send(*(self.tunnel(*packet, False) if self.tunnel else packet))

    def acknowledge(self, far):
        """Takes what the server said, which may hold more back until then."""
        if far.high > far.taken:
            far.taken = far.high
            self.plain(far, "A")

    def settle(self, seconds, is_awaited):
        """Lets answers come for that long, or until all that are awaited have come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (is_awaited and all(f.answered() for f in self.fars)):
            for far in self.fars:
                self.acknowledge(far)
            time.sleep(0.01)

    def reset(self):
        """Ends what may be left of each TCP connection at the server."""
        for far in self.fars:
            self.plain(far, "R")
