# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
First words made by chance, and rules for them: hellos and requests that are right, odd, damaged, cut
and of no sense, with names that rules block, allow, or only look like. For test_parity.py, which asks
whether the kernel, which decides some of them, ever blocks what the engine would not.
"""
import os
import struct

import net

NAMES = ["www.blocked.example", "blocked.example", "a.b.blocked.example", "notblocked.example", "www.youtube.com",
         "youtube.com", "i.ytimg.com", "www.google.com", "mail.google.com", "www.tiktok.com", "good.example",
         "x.good.example", "exact.example", "www.exact.example", "BLOCKED.Example", "blocked.example.",
         "cdn.shared.example", "dns.google", "www.facebook.com", "under_score.blocked.example",
         "-x.blocked.example", "xn--bcher-kva.example", "1.2.3.4", "blocked.example.good.example", "com", "e"]
# What is blocked, and what is an exception from it.
PAIRS = [(("BLOCKED_DOMAINS", "blocked.example"), ("ALLOWED_DOMAINS", "a.b.blocked.example")),
         (("BLOCKED_DOMAINS", "blocked.example"), ("ALLOWED_DOMAINS", "=blocked.example")),
         (("BLOCKED_DOMAINS", "good.example"), ("ALLOWED_DOMAINS", "x.good.example")),
         (("BLOCKED_DOMAINS", "google.com"), ("ALLOWED_DOMAINS", "mail.google.com")),
         (("BLOCKED_APPS", "Google"), ("ALLOWED_DOMAINS", "mail.google.com")),
         (("BLOCKED_APPS", "category:streaming"), ("ALLOWED_DOMAINS", "www.youtube.com")),
         (("BLOCKED_APPS", "category:streaming"), ("ALLOWED_APPS", "YouTube")),
         (("BLOCKED_DOMAINS", "youtube.com"), ("ALLOWED_APPS", "YouTube")),
         (("BLOCKED_DOMAINS", "=exact.example"), ("ALLOWED_DOMAINS", "exact.example")),
         (("BLOCKED_DOMAINS", "xn--bcher-kva.example"), ("ALLOWED_APPS", "HTTP"))]
# And what changes how the others are decided.
OTHERS = [("BLOCKED_APPS", v) for v in ("HTTPS", "TLS", "HTTP", "ECH", "no-name", "DoH", "TikTok")] + \
         [("ALLOWED_APPS", v) for v in ("HTTPS", "TLS", "ECH", "no-name", "DoH", "category:social")] + \
         [("BLOCKED_DOMAINS", "learnt:shared.example"), ("ALLOWED_DOMAINS", "learnt:shared.example"),
          ("BLOCKED_PORTS", "4433"), ("ALLOWED_IPS", "203.0.113.0/24")]
PORTS = (443, 443, 80, 8080, 4433, 22)
LONGEST = 1300
ECH, PADDING, GREASE = 0xfe0d, 21, 0x1a1a


def rules(chance):
    some = [rule for pair in chance.sample(PAIRS, 5) for rule in pair] + chance.sample(OTHERS, chance.randint(0, 2))
    return "".join(f"[{section}]\n{value}\n" for section, value in some)


def extensions_at(record):
    at = 43
    at += 1 + record[at]
    at += 2 + struct.unpack_from("!H", record, at)[0]
    return at + 1 + record[at]


def extensions(record):
    at, found = extensions_at(record) + 2, []
    while at + 4 <= len(record):
        kind, size = struct.unpack_from("!HH", record, at)
        found.append((kind, record[at + 4:at + 4 + size]))
        at += 4 + size
    return found


def with_extensions(record, found):
    body = b"".join(struct.pack("!HH", kind, len(data)) + data for kind, data in found)
    hello = record[9:extensions_at(record)] + struct.pack("!H", len(body)) + body
    return record[:3] + struct.pack("!H", len(hello) + 4) + b"\x01" + struct.pack("!I", len(hello))[1:] + hello


def server_name(*names):
    entries = b"".join(struct.pack("!BH", 0, len(n)) + n.encode() for n in names)
    return struct.pack("!H", len(entries)) + entries


def odd_extensions(chance, found):
    """One oddity that the list of extensions may have; mostly none."""
    at, padding = chance.randrange(len(found)), (PADDING, bytes(chance.randint(500, 1300)))
    return chance.choice([
        lambda: chance.sample(found, len(found)),
        lambda: found[:at] + [(ECH, os.urandom(chance.randint(1, 100)))] + found[at:],
        lambda: found[:at] + [(0, server_name(chance.choice(NAMES)))] + found[at:],
        lambda: [e for e in found if e[0]],
        lambda: [(k, server_name(*chance.sample(NAMES, 2)) if k == 0 else d) for k, d in found],
        lambda: found + [padding],
        lambda: [padding] + found,
        lambda: [(GREASE + i, b"") for i in range(chance.randint(40, 90))] + found,
    ] + 8 * [lambda: found])()


def damaged(chance, data):
    """One damage that the bytes may have; mostly none."""
    at, bad = chance.randrange(len(data)), bytearray(data)
    bad[at] ^= 1 << chance.randrange(8)
    return chance.choice([bytes(bad), bytes(bad), data[:max(at, 10)], data + os.urandom(20)] + 12 * [data])


def hello(chance, name, plain):
    found = [(kind, server_name(name) if kind == 0 else data) for kind, data in extensions(plain)]
    record = with_extensions(plain, odd_extensions(chance, found))
    if chance.random() < 0.06:
        record = net.reframe(record, chance.randint(50, 400))
    return damaged(chance, record)[:LONGEST]


def one_of(chance, usual, *others):
    return chance.choice(others) if chance.random() < 0.15 else usual


def request(chance, name):
    target = one_of(chance, "/", f"http://{chance.choice(NAMES)}/", "*", "/" + "a" * 600, f"{name}:443")
    lines = [f"{one_of(chance, 'GET', 'POST', 'OPTIONS', 'XFOO', 'CONNECT', 'get', 'PRI', 'PROXY')} {target} "
             f"{one_of(chance, 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 ')}"]
    if chance.random() < 0.5:
        lines.append("User-Agent: " + "x" * chance.randint(0, 400))
    lines.append(one_of(chance, "Host", "host", "HOST", "Host ", "Hos", "X-Host", " Host") +
                 one_of(chance, ": ", ":", ":\t", ":  ") + name +
                 one_of(chance, "", ":80", " ", ":x", ", x", "\t", "/", "@a.example"))
    if chance.random() < 0.1:
        lines.append(one_of(chance, "Host: " + chance.choice(NAMES), " folded.example"))
    text = one_of(chance, "\r\n", "\n", "\r", "\r\n ").join(lines + ["Accept: */*", "", ""])
    return damaged(chance, text.encode())[:LONGEST]


def words(chance, count):
    """(bytes, port) of so many connections."""
    plain = net.client_hello("www.blocked.example")
    for _ in range(count):
        name = chance.choice(NAMES)
        yield hello(chance, name, plain) if chance.random() < 0.55 else request(chance, name), chance.choice(PORTS)
