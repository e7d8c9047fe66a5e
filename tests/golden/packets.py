# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A small packet builder for the tests: headers and messages as bytes, and capture files.

Everything can be made wrong on purpose (checksums, lengths, offsets): that is what it is for.
Standards: IEEE 802.1Q, RFC 791, 8200, 9293, 768, 8446 (ClientHello), 6066 (SNI), 1035, and the
capture format of draft-ietf-opsawg-pcap. Only Python's own library is used.
"""
import ipaddress
import struct
from collections import namedtuple

ETH_IP, ETH_IPV6, ETH_VLAN, ETH_QINQ = 0x0800, 0x86DD, 0x8100, 0x88A8
TCP, UDP = 6, 17
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}

# --- headers ---------------------------------------------------------------------------------


def checksum(data):
    """The internet checksum (RFC 1071) of these bytes."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return ipaddress.ip_address(text).packed


def ethernet(payload, kind, tags=()):
    """tags: (EtherType, VLAN id) pairs, outermost first."""
    head = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01"
    for tag_kind, vlan in tags:
        head += struct.pack("!HH", tag_kind, vlan)
    return head + struct.pack("!H", kind) + payload


def ip4(src, dst, proto, payload, ttl=64, options=b"", ident=1, total=None, fragment=0x4000):
    """fragment: the flags and the offset in units of 8 bytes."""
    options += b"\0" * (-len(options) % 4)
    size = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, total or size + len(payload), ident,
                       fragment, ttl, proto, 0) + address(src) + address(dst) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, ttl=64, extensions=()):
    """extensions: (header type, body behind the next-header byte) pairs, in order."""
    kinds = [kind for kind, _ in extensions] + [proto]
    chain = b"".join(bytes([kinds[i + 1]]) + body for i, (_, body) in enumerate(extensions))
    return struct.pack("!IHBB", 6 << 28, len(chain) + len(payload), kinds[0], ttl) + \
        address(src) + address(dst) + chain + payload


def pseudo(src, dst, proto, size):
    a, b = address(src), address(dst)
    return a + b + (struct.pack("!BBH", 0, proto, size) if len(a) == 4 else
                    struct.pack("!IHBB", size, 0, 0, proto))


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b"", options=b"", check=None, window=64240,
        urgent=0, words=None):
    """words: of the header, as its data offset is to claim."""
    options += b"\1" * (-len(options) % 4)
    bits = sum(FLAGS[f] for f in flags)
    head = struct.pack("!HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32,
                       (words or (20 + len(options)) // 4) << 4, bits, window, 0, urgent) + options
    if check is None:
        whole = head + payload
        check = checksum(pseudo(src, dst, TCP, len(whole)) + whole)
    return head[:16] + struct.pack("!H", check) + head[18:] + payload


def udp(src, dst, sport, dport, payload, length=None):
    """length: what the header is to claim."""
    head = struct.pack("!HHHH", sport, dport, length or 8 + len(payload), 0)
    check = checksum(pseudo(src, dst, UDP, 8 + len(payload)) + head + payload) or 0xFFFF
    return head[:6] + struct.pack("!H", check) + payload


def timestamps(value, echo=0):
    """The TCP timestamp option (RFC 7323)."""
    return b"\1\1\x08\x0a" + struct.pack("!II", value % 2**32, echo % 2**32)


# --- TLS -------------------------------------------------------------------------------------


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def server_name(*names, kind=0):
    """The SNI extension with these names, bytes each (RFC 6066 3)."""
    rows = b"".join(struct.pack("!BH", kind, len(n)) + n for n in names)
    return extension(0, struct.pack("!H", len(rows)) + rows)


def client_hello(name, pq=False, before=b"", after=b"", sni=None, pad_to=0, alpn=None):
    """A handshake message (RFC 8446 4.1.2). name: bytes or None; sni: what to put in the place of
    the SNI extension; pq: with the 1,216-byte share of a hybrid key exchange ahead of the name;
    pad_to: bytes of the whole message (RFC 7685); alpn: protocols offered, bytes each."""
    share = struct.pack("!HH", 0x001D, 32) + bytes(range(32))
    if pq:
        share = struct.pack("!HH", 0x11EC, 1216) + bytes(i * 7 % 251 for i in range(1216)) + share
    if sni is None:
        sni = server_name(name) if name is not None else b""
    shares = extension(0x33, struct.pack("!H", len(share)) + share)
    offers = b"".join(bytes([len(a)]) + a for a in alpn or (b"h2", b"http/1.1"))
    rest = extension(0x0A, b"\0\6\x11\xec\0\x1d\0\x17") + extension(0x0D, b"\0\4\4\3\x08\4") + \
        extension(0x10, struct.pack("!H", len(offers)) + offers) + extension(0x2B, b"\4\3\4\3\3")
    extensions = before + (shares + sni if pq else sni + shares) + rest + after
    head = b"\3\3" + bytes(range(32)) + b"\x20" + bytes(range(32)) + \
        b"\0\6\x13\1\x13\2\xc0\x2b" + b"\1\0"
    short = pad_to - (4 + len(head) + 2 + len(extensions) + 4)
    if short >= 0:
        extensions += extension(0x15, bytes(short))
    body = head + struct.pack("!H", len(extensions)) + extensions
    return b"\1" + struct.pack("!I", len(body))[1:] + body


def record(data, kind=22, version=0x0301):
    return struct.pack("!BHH", kind, version, len(data)) + data


def records(data, size, **how):
    return b"".join(record(data[i:i + size], **how) for i in range(0, len(data), size))


# --- HTTP and DNS ----------------------------------------------------------------------------


def http(host, method="GET", target="/", version="HTTP/1.1", headers=""):
    line = f"{method} {target} {version}\r\n"
    line += f"Host: {host}\r\n" if host is not None else ""
    return (line + headers + "\r\n").encode("latin-1")


def labels(name):
    """A name's wire form without compression; name is bytes with dots between labels."""
    return b"".join(bytes([len(part)]) + part for part in name.split(b".")) + b"\0"


def question(name, kind=1):
    """name: bytes with dots between labels."""
    return labels(name) + struct.pack("!HH", kind, 1)


def dns(*questions, ident=0x1234, flags=0x0100, count=None, answers=(), additional=b"", extra=0):
    """questions: wire form each; answers: wire form each; count: what QDCOUNT is to claim."""
    head = struct.pack("!HHHHHH", ident, flags, len(questions) if count is None else count,
                       len(answers), 0, extra)
    return head + b"".join(questions) + b"".join(answers) + additional


# --- captures --------------------------------------------------------------------------------

Record = namedtuple("Record", "ts_us data wire_len")


def write_capture(path, frames, link=1, snap=262144):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap, link))
        for f in frames:
            out.write(struct.pack("<IIII", f.ts_us // 10**6, f.ts_us % 10**6, len(f.data),
                                  f.wire_len) + f.data)


def read_capture(path):
    """The records of a classic capture file, in either byte order and precision."""
    with open(path, "rb") as f:
        raw = f.read()
    for order in "<>":
        magic = struct.unpack_from(order + "I", raw)[0] if len(raw) >= 24 else 0
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            break
    else:
        raise ValueError(f"{path}: not a classic capture")
    unit, at, out = (1 if magic == 0xA1B2C3D4 else 1000), 24, []
    while at < len(raw):
        seconds, fraction, size, wire_len = struct.unpack_from(order + "IIII", raw, at)
        data = raw[at + 16:at + 16 + size]
        out.append(Record(seconds * 10**6 + fraction // unit, data, wire_len))
        at += 16 + size
    return out
