# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The first bytes of a client that speaks HTTP/2 without asking (RFC 9113 3.3), with its headers
packed in each way that HPACK knows (RFC 7541)."""
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, SETTINGS, PING, CONTINUATION = 0, 1, 2, 4, 6, 9
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 1, 4, 8, 32
AUTHORITY, GET, ROOT, HTTP = 1, 2, 4, 6  # indices of the static table
HOST = 38

# RFC 7541 appendix B, the characters that names are made of: (code, bits).
HUFFMAN = {
    ".": (0x17, 6), "-": (0x16, 6), ":": (0x5C, 7), "_": (0x22, 6), "0": (0, 5), "1": (1, 5),
    "2": (2, 5), "3": (0x19, 6), "4": (0x1A, 6), "5": (0x1B, 6), "6": (0x1C, 6), "7": (0x1D, 6),
    "8": (0x1E, 6), "9": (0x1F, 6), "a": (3, 5), "b": (0x23, 6), "c": (4, 5), "d": (0x24, 6),
    "e": (5, 5), "f": (0x25, 6), "g": (0x26, 6), "h": (0x27, 6), "i": (6, 5), "j": (0x74, 7),
    "k": (0x75, 7), "l": (0x28, 6), "m": (0x29, 6), "n": (0x2A, 6), "o": (7, 5), "p": (0x2B, 6),
    "q": (0x76, 7), "r": (0x2C, 6), "s": (8, 5), "t": (9, 5), "u": (0x2D, 6), "v": (0x77, 7),
    "w": (0x78, 7), "x": (0x79, 7), "y": (0x7A, 7), "z": (0x7B, 7), "A": (0x21, 6),
    "B": (0x5D, 7), "C": (0x5E, 7), "D": (0x5F, 7), "E": (0x60, 7), "F": (0x61, 7),
    "G": (0x62, 7), "H": (0x63, 7), "I": (0x64, 7), "J": (0x65, 7), "K": (0x66, 7),
    "L": (0x67, 7), "M": (0x68, 7), "N": (0x69, 7), "O": (0x6A, 7), "P": (0x6B, 7),
    "Q": (0x6C, 7), "R": (0x6D, 7), "S": (0x6E, 7), "T": (0x6F, 7), "U": (0x70, 7),
    "V": (0x71, 7), "W": (0x72, 7), "X": (0xFC, 8), "Y": (0x73, 7), "Z": (0xFD, 8),
}


def frame(kind, flags, stream, body):
    return struct.pack("!I", len(body))[1:] + struct.pack("!BBI", kind, flags, stream) + body


def integer(value, bits, top=0):
    """RFC 7541 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([top | value])
    out, value = [top | most], value - most
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes(out + [value])


def text(data, is_packed):
    """A string, literal or in the Huffman code (RFC 7541 5.2)."""
    if not is_packed:
        return integer(len(data), 7) + data
    value = bits = 0
    for c in data.decode("ascii"):
        code, size = HUFFMAN[c]
        value, bits = value << size | code, bits + size
    short = -bits % 8
    packed = ((value << short) | ((1 << short) - 1)).to_bytes((bits + short) // 8, "big")
    return integer(len(packed), 7, 0x80) + packed


def indexed(index):
    return integer(index, 7, 0x80)


def literal(name, value, is_packed=False, is_kept=True):
    """name: bytes, or an index; is_kept: with a place in the dynamic table."""
    bits, top = (6, 0x40) if is_kept else (4, 0)
    head = integer(name, bits, top) if isinstance(name, int) else \
        integer(0, bits, top) + text(name, is_packed)
    return head + text(value, is_packed)


def request(host, is_packed=False, is_kept=True, name=AUTHORITY, before=b""):
    """The header block of a GET."""
    return before + indexed(GET) + indexed(ROOT) + indexed(HTTP) + \
        literal(name, host, is_packed, is_kept)


def headers(block, stream=1, parts=(), flags=END_STREAM, pad=0, priority=False):
    """A HEADERS frame, and CONTINUATION frames where the block is cut at these offsets."""
    edges = [0, *parts, len(block)]
    cuts = [block[a:b] for a, b in zip(edges, edges[1:])]
    first = cuts[0]
    if priority:
        first, flags = struct.pack("!IB", 0, 15) + first, flags | WITH_PRIORITY
    if pad:
        first, flags = bytes([pad]) + first + bytes(pad), flags | PADDED
    out = b""
    for i, part in enumerate([first] + cuts[1:]):
        last = END_HEADERS if i == len(cuts) - 1 else 0
        out += frame(HEADERS if i == 0 else CONTINUATION, (flags if i == 0 else 0) | last, stream,
                     part)
    return out


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", k, v) for k, v in pairs))


def client(*frames):
    """A client's stream from its first byte."""
    return PREFACE + settings((3, 100), (4, 65535)) + b"".join(frames)


SERVER = frame(SETTINGS, 0, 0, struct.pack("!HI", 3, 128)) + frame(SETTINGS, 1, 0, b"")
