#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Live equals offline: captures are replayed over a wire with the agent in its middle; what comes out at
the far end must be, frame by frame and in order, what `analyze` writes for what went in at the near
end. A frame that came out live and not offline must be one that the agent itself counted as late, and
nothing that analyze forwards may be missing. Where a name lies whole in the first segment of a
connection the kernel decides by itself, and no frame may be late.

The comparison starts from the near end's own capture, so that both sides saw the same times.
"""
import os
import random
import struct
import sys

import net
import random_words

RATE, FRAMES_MAX, LENGTH_MAX = 1000, 700, 1514
ROUNDS = 4
ETHERNET = 1
CAPTURES = ("443-curl.pcap", "443-git.pcap", "facebook.pcap", "dns_ambiguous_names.pcap",
            "dns_dot.pcap", "doh.pcapng", "quic_cc_ack.pcapng", "quic-mvfst-27.pcapng", "reddit.pcap",
            "netflix.pcap", "pinterest.pcap", "safari.pcap", "http_auth.pcap", "tls_2_reasms.pcapng",
            "punycode-idn.pcap", "youtube_quic.pcap", "signal.pcap", "6in4tunnel.pcap")
RULES = """[BLOCKED_APPS]
Facebook
Reddit
YouTube
[BLOCKED_DOMAINS]
blocked.example
*.github.com
*.google.com
"""


def frames_of(path):
    """The frames of a classic capture file, as tcpdump writes it: [(original length, bytes)]."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    found, pos = [], 24
    while pos + 16 <= len(data):
        _, _, kept, size = struct.unpack_from(order + "IIII", data, pos)
        found.append((size, data[pos + 16:pos + 16 + kept]))
        pos += 16 + kept
    return found


def write_capture(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, ETHERNET))
        for i, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000, i, len(frame), len(frame)) + frame)
    return path


def playable(lab, path):
    """The capture's first frames as a classic file that tcpreplay can send, or why not."""
    out = os.path.join(lab.dir, "play.pcap")
    r = net.run(["tcpdump", "-r", path, "-c", str(FRAMES_MAX), "-w", out, f"less {LENGTH_MAX}"])
    if r.returncode:
        return None, r.stderr.strip().splitlines()[-1]
    with open(out, "rb") as f:
        link = struct.unpack_from("<I", f.read(24), 20)[0] & 0xffff
    if link != ETHERNET:
        return None, f"link type {link} does not go over a wire"
    whole = [b for size, b in frames_of(out) if size == len(b) >= 14]
    return (write_capture(out, whole), "") if whole else (None, "no whole frame")


def conversations(path):
    """A capture made here: hellos, heads and questions, whole, split, tagged, in tunnels and in
    fragments, both families, replies too. Returns the frames of which none may be late."""
    chance, frames = random.Random(7), []
    flows = []
    for i in range(24):
        family, name = (4, 6)[i % 2], ("www.blocked.example", "www.allowed.example")[i // 2 % 2]
        tags = (b"", b"\x81\x00\x00\x05", b"\x88\xa8\x00\x07\x81\x00\x00\x05")[i % 3]
        data, port = [(net.client_hello(name), 443), (net.http_request(name), 8080),
                      (net.client_hello(name, 1300), 443)][i // 8]
        cuts = sorted(chance.sample(range(1, len(data)), 3))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        flows.append(conversation(family, 30000 + i, port, pieces, tags))
    for i in range(20):
        family, name = (4, 6)[i % 2], ("blocked.example", "allowed.example")[i // 2 % 2]
        ends = net.CLIENT[family], net.SERVER[family]
        query = net.dns_query(name, i)
        reply = net.dns_answer(query, net.SERVER[4], net.SERVER[6])
        flows.append([frame(net.udp_packet(family, *ends, 5353 + i, 53, query)),
                      frame(net.udp_packet(family, *ends[::-1], 53, 5353 + i, reply), back=True)])
    whole_from = len(flows)
    for i in range(16):
        name = ("www.blocked.example", "www.allowed.example")[i % 2]
        flow = conversation((4, 6)[i // 2 % 2], 31000 + i, 443, [net.client_hello(name)], b"")
        flows.append([net.carried(f, list(net.CARRIERS)[i // 2 % len(net.CARRIERS)]) for f in flow])
    for i in range(48):
        family, name = (4, 6)[i % 2], ("www.blocked.example", "www.allowed.example")[i // 2 % 2]
        tags = (b"", b"\x81\x00\x00\x05", b"\x88\xa8\x00\x07\x81\x00\x00\x05")[i % 3]
        data, port = [(net.client_hello(name), 443), (net.http_request(name), 80),
                      (net.client_hello(name), 4433), (net.client_hello(name, 800), 443)][i // 12]
        flows.append(conversation(family, 33000 + i, port, [data], tags))
    never_late = {f for flow in flows[whole_from:] for f in flow}
    for i in range(8):
        name = ("www.blocked.example", "www.allowed.example")[i % 2]
        flow = conversation(4, 32000 + i, 443, [net.client_hello(name, 600)], b"")
        flows.append([piece for n, f in enumerate(flow)
                      for piece in net.fragments(f, (104, 256)[i // 2 % 2], 100 * i + n)])
    while flows:  # the flows take turns, each in its own order
        flow = chance.choice(flows)
        frames.append(flow.pop(0))
        flows = [f for f in flows if f]
    write_capture(path, frames)
    return never_late


def frame(packet, tags=b"", back=False):
    macs = ("02:00:00:00:00:02", "02:00:00:00:00:01")
    return net.ether(packet, *(macs[::-1] if back else macs), tags)


def conversation(family, sport, port, pieces, tags):
    """Handshake, the client's pieces each acknowledged, an answer of three segments."""
    ends, seq, out = (net.CLIENT[family], net.SERVER[family]), 1000, []

    def say(back, at, ack, flags, payload=b""):
        ports = (port, sport) if back else (sport, port)
        out.append(frame(net.tcp_packet(family, *(ends[::-1] if back else ends), *ports, at, ack, flags,
                                        payload), tags, back))
    say(False, 999, 0, net.SYN)
    say(True, 4999, 1000, net.SYN | net.ACK)
    say(False, 1000, 5000, net.ACK)
    for piece in pieces:
        say(False, seq, 5000, net.ACK | net.PSH, piece)
        seq += len(piece)
        say(True, 5000, seq, net.ACK)
    for i in range(3):
        say(True, 5000 + 100 * i, seq, net.ACK | net.PSH, b"answer" * 16)
        say(False, seq, 5100 + 100 * i, net.ACK)
    return out


def late_packets(agent):
    return agent.json("report")["late_packets"]


def replay(suite, lab, wire, agent, rules, title, path, never_late=frozenset()):
    """One capture: over the wire, through analyze, and compared. Returns how many frames the rules
    dropped; None when tcpdump or the wire itself lost some, which proves nothing. never_late: frames."""
    client, middle, server = wire
    near, far, out = (os.path.join(lab.dir, n) for n in ("near.pcap", "far.pcap", "out.pcap"))
    agent.attach("lan", "--rules", rules)
    middle.run("ethtool", "-K", "lan", "gro", "off")
    before = lab.lost_by_wires()
    taps = client.capture("eth0", near), server.capture("eth0", far)
    client.run("tcpreplay", "-q", "-i", "eth0", f"--pps={RATE}", path, timeout=60, check=True)
    lost = sum(t.stop() for t in taps) + lab.lost_by_wires() - before
    late = late_packets(agent)
    agent.detach()
    agent.run("analyze", near, out, "--rules", rules, "--quiet")
    went_in, live = frames_of(near), frames_of(far)
    offline = frames_of(out)
    if lost:
        return None
    extra, missing = compare(offline, live)
    suite.check(not missing, f"{title}: all that analyze forwards arrives ({len(offline)} of "
                f"{len(went_in)} frames)", f"{missing} frames are missing or out of order")
    suite.check(len(extra) == late, f"{title}: frames that came besides were counted late ({late})",
                f"{len(extra)} besides, late_packets {late}")
    early = never_late.intersection(data for _, data in extra)
    if never_late:
        suite.check(not early, f"{title}: none of {len(never_late)} frames with whole names in front is "
                    "late", f"{len(early)} are")
    return len(went_in) - len(offline)


def replay_surely(suite, *args):
    for _ in range(3):
        dropped = replay(suite, *args)
        if dropped is not None:
            return dropped
    suite.check(False, args[4], "tcpdump or the wire lost frames three times over")
    return 0


def compare(offline, live):
    """Walks both in order. Returns (frames only live, how many only offline)."""
    at, extra = 0, []
    for one in live:
        if at < len(offline) and offline[at] == one:
            at += 1
        else:
            extra.append(one)
    return extra, len(offline) - at


def parity(suite):
    with net.Lab() as lab:
        wire = lab.wired()
        rules = os.path.join(lab.dir, "rules.txt")
        with open(rules, "w") as f:
            f.write(RULES)
        agent = lab.agent(wire[1])
        made = os.path.join(lab.dir, "made.pcap")
        dropped = replay_surely(suite, lab, wire, agent, rules, "made here", made, conversations(made))
        suite.check(dropped > 0, f"made here: the rules drop {dropped} frames", "nothing to compare")
        dropped = 0
        for name in CAPTURES:
            source = os.path.join(net.CAPTURES, name)
            if not os.path.exists(source):
                suite.skip(name, "not found; DPI_CAPTURES says where captures are")
                continue
            path, why = playable(lab, source)
            if path:
                dropped += replay_surely(suite, lab, wire, agent, rules, name, path)
            else:
                suite.check(False, name, f"not playable: {why}")
        if os.path.isdir(net.CAPTURES):
            suite.check(dropped > 0, f"the rules drop {dropped} frames of the captures",
                        "nothing to compare")


def by_chance(suite):
    """First words and rules made by chance, the handshake in front of them too. `by_chance 100` begins
    with another seed than 1."""
    seed = int(next((a for a in sys.argv if a.isdigit()), 1))
    with net.Lab() as lab:
        wire = lab.wired()
        agent = lab.agent(wire[1])
        path, rules = os.path.join(lab.dir, "made.pcap"), os.path.join(lab.dir, "rules.txt")
        for number in range(seed, seed + ROUNDS):
            chance, frames = random.Random(number), []
            with open(rules, "w") as f:
                f.write(random_words.rules(chance))
            flows = [conversation(chance.choice((4, 6)), 20000 + i, port, [data], b"")
                     for i, (data, port) in enumerate(random_words.words(chance, 120))]
            for flow in flows:
                first = chance.random()
                if first < 0.12:  # no SYN-ACK, no SYN, or the SYN or the word twice
                    flow[:4] = chance.choice([flow[:1] + flow[2:4], flow[1:4], flow[:1] + flow[:4],
                                              flow[:4] + flow[3:4]])
            while flows:
                flow = chance.choice(flows)
                frames.append(flow.pop(0))
                flows = [f for f in flows if f]
            write_capture(path, frames)
            replay_surely(suite, lab, wire, agent, rules, f"by chance, {number}", path)


if __name__ == "__main__":
    net.main([parity, by_chance], ("ip", "tc", "nsenter", "tcpdump", "tcpreplay", "ethtool"))
