#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""QUIC datagrams as a client or a server sends them first, with any frames inside.

Initial packets are protected by keys that anybody can make from a connection id (RFC 9001 5.2,
RFC 9369 3.3). Google's clear versions (Q043, Q046) carry a message of tags and values instead.
"""
import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import packets as p

V1, V2, V2_DRAFT = 1, 0x6B3343CF, 0x709A50C4
DRAFT_22, DRAFT_23, DRAFT_29 = 0xFF000016, 0xFF000017, 0xFF00001D
MVFST_22, MVFST_27 = 0xFACEB001, 0xFACEB002
Q043, Q046, Q050, T050, T051 = 0x51303433, 0x51303436, 0x51303530, 0x54303530, 0x54303531
GREASE = 0x1A2A3A4A

INITIAL, ZERO_RTT, HANDSHAKE, RETRY = range(4)

_SALT_22 = "7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a"
_SALT_23 = "c3eef712c72ebb5a11a7d2432bb46365bef9f502"
_SALT_29 = "afbfec289993d24c9e9786f19c6111e04390a899"
_SALT_V1 = "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"
_SALTS = {
    V1: _SALT_V1,
    V2: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
    V2_DRAFT: "a707c203a59b47184a1d62ca570406ea7ae3e5d3",
    MVFST_22: _SALT_22,
    MVFST_27: _SALT_23,
    Q050: "504574efd066fe2f9d945cfcdbd3a7f0d3b56b45",
    T050: "7ff579e5acd072915580304c43a2367c60488310",
    T051: "7a4edef4e7ccee5fa4506c19124fc8ccda6e033d",
}
_RETRY = {
    V1: ("be0c690b9f66575a1d766b54e368c84e", "461599d35d632bf2239825bb"),
    V2: ("8fb4b01b56ac48e260fbcbcead7ccc92", "d86969bc2d7c6d9990efb04a"),
}


def salt(version):
    """The salt of a version; one that nobody knows is given that of version 1."""
    draft = version - 0xFF000000
    if 22 <= draft <= 34:
        text = _SALT_22 if draft < 23 else _SALT_23 if draft < 29 else \
            _SALT_29 if draft < 33 else _SALT_V1
    else:
        text = _SALTS.get(version, _SALT_V1)
    return bytes.fromhex(text)


def varint(value, size=0):
    """A variable-length integer (RFC 9000 16); size: bytes to use, 0: as few as do."""
    for log, bits in enumerate((6, 14, 30, 62)):
        if value < 1 << bits and size <= 1 << log:
            return (value | log << bits).to_bytes((bits + 2) // 8, "big")
    raise ValueError(value)


# --- keys ------------------------------------------------------------------------------------


def _expand(secret, label, size):
    """HKDF-Expand-Label with an empty context (RFC 8446 7.1); one block is enough here."""
    label = b"tls13 " + label
    info = struct.pack("!HB", size, len(label)) + label + b"\0"
    return hmac.digest(secret, info + b"\1", hashlib.sha256)[:size]


def keys(dcid, version=V1, is_client=True):
    """(key, iv, hp) of Initial packets."""
    secret = hmac.digest(salt(version), dcid, hashlib.sha256)
    secret = _expand(secret, b"client in" if is_client else b"server in", 32)
    prefix = b"quicv2 " if version in (V2, V2_DRAFT) else b"quic "
    return tuple(_expand(secret, prefix + what, size)
                 for what, size in ((b"key", 16), (b"iv", 12), (b"hp", 16)))


# --- frames ----------------------------------------------------------------------------------


def crypto(offset, data, length=None):
    """length: what the frame is to claim."""
    return b"\6" + varint(offset) + varint(len(data) if length is None else length) + data


def ping():
    return b"\1"


def padding(n):
    return bytes(n)


def ack(largest=0, delay=0, ranges=(), first=0, ecn=None):
    """ranges: (gap, length) pairs; ecn: three counts."""
    out = (b"\3" if ecn else b"\2") + varint(largest) + varint(delay) + varint(len(ranges)) + \
        varint(first)
    for gap, length in ranges:
        out += varint(gap) + varint(length)
    return out + b"".join(varint(n) for n in ecn or ())


def connection_close(code=0, reason=b"", frame=0):
    return b"\x1c" + varint(code) + varint(frame) + varint(len(reason)) + reason


def google_crypto(offset, data):
    """The CRYPTO frame of Google's encrypted versions (Q050, T050, T051)."""
    return b"\x08" + varint(offset) + varint(len(data)) + data


# --- packets ---------------------------------------------------------------------------------


def _first(kind, version, low=0):
    """The first byte; version 2 counts the types from one (RFC 9369 3.2)."""
    if version in (V2, V2_DRAFT):
        kind = (kind + 1) & 3
    return 0xC0 | kind << 4 | low


def _ids(version, dcid, scid):
    return struct.pack("!IB", version, len(dcid)) + dcid + bytes([len(scid)]) + scid


def initial(frames, dcid, scid=b"", version=V1, token=b"", number=0, number_len=2, pad_to=1200,
            is_client=True, key_id=None, first=None, length=None):
    """One protected Initial packet. frames: bytes, or a list of them; pad_to: bytes of the whole
    packet, by PADDING frames behind the others; key_id: the id that the keys are made from when it
    is not the packet's own; first, length: what the first byte's upper half and the Length field
    are to claim."""
    plain = frames if isinstance(frames, bytes) else b"".join(frames)
    top = _first(INITIAL, version) if first is None else first & 0xF0
    head = bytes([top | number_len - 1]) + _ids(version, dcid, scid) + varint(len(token)) + token
    size = len(head) + 2 + number_len + len(plain) + 16
    plain += bytes(max(pad_to - size, 4 - number_len - len(plain), 0))
    claim = number_len + len(plain) + 16 if length is None else length
    head += varint(claim, 2) + number.to_bytes(number_len, "big")
    key, iv, hp = keys(dcid if key_id is None else key_id, version, is_client)
    nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
    body = AESGCM(key).encrypt(nonce, plain, head)
    sample = body[4 - number_len:20 - number_len]
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sample)
    out = bytearray(head + body)
    out[0] ^= mask[0] & 0x0F
    for i in range(number_len):
        out[len(head) - number_len + i] ^= mask[1 + i]
    return bytes(out)


def _take(data, at):
    """The number at a place, of as many bytes as it says, and where it ends."""
    size = 1 << (data[at] >> 6)
    return int.from_bytes(data[at:at + size], "big") & (1 << 8 * size - 2) - 1, at + size


def opened(packet, dcid):
    """The frames in a server's Initial packet, which may have others behind it; dcid: of the first
    one that its client sent. Raises what it raises when it is no such packet."""
    version, at = int.from_bytes(packet[1:5], "big"), 6 + packet[5]
    if packet[0] & 0xF0 != _first(INITIAL, version):
        raise ValueError("not an Initial packet")
    token_len, at = _take(packet, at + 1 + packet[at])
    length, at = _take(packet, at + token_len)
    key, iv, hp = keys(dcid, version, False)
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(packet[at + 4:at + 20])
    head = bytearray(packet[:at + 4])
    head[0] ^= mask[0] & 0x0F
    size = (head[0] & 3) + 1
    number = bytes(a ^ b for a, b in zip(head[at:at + size], mask[1:]))
    nonce = (int.from_bytes(iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    return AESGCM(key).decrypt(nonce, packet[at + size:at + length],
                               bytes(head[:at]) + number)


def is_bare_ack(packet, dcid):
    """Whether a server's packet says no more than what it has got."""
    try:
        frames = opened(packet, dcid)
        if frames[0] not in (2, 3):  # with counts of ECN
            return False
        _, at = _take(frames, 1)
        _, at = _take(frames, at)
        count, at = _take(frames, at)
        for _ in range(1 + 2 * count + 3 * (frames[0] - 2)):
            _, at = _take(frames, at)
        return not frames[at:].strip(b"\0")
    except (InvalidTag, ValueError, IndexError):
        return False


def other(kind, dcid, scid=b"", version=V1, body=bytes(range(64))):
    """A ZERO_RTT or HANDSHAKE packet; body stands for what nobody can read."""
    return bytes([_first(kind, version, 1)]) + _ids(version, dcid, scid) + \
        varint(len(body), 2) + body


def retry(dcid, scid, original_dcid, token, version=V1):
    """A server's Retry with its integrity tag (RFC 9001 5.8): dcid is the client's id, scid the
    one that the client's next Initial goes to, and makes its keys from."""
    packet = bytes([_first(RETRY, version, 15)]) + _ids(version, dcid, scid) + token
    key, nonce = (bytes.fromhex(text) for text in _RETRY[version])
    pseudo = bytes([len(original_dcid)]) + original_dcid + packet
    return packet + AESGCM(key).encrypt(nonce, b"", pseudo)


def version_negotiation(dcid, scid, versions=(GREASE, V1, V2), first=0xC0):
    return bytes([first]) + _ids(0, dcid, scid) + b"".join(struct.pack("!I", v) for v in versions)


def short(dcid, body=bytes(range(40))):
    """A packet with a short header; what follows the id is nobody's business."""
    return b"\x41" + dcid + body


# --- hellos ----------------------------------------------------------------------------------


def client_hello(name, scid=b"", alpn=(b"h3",), pq=False, before=b"", after=b"", sni=None):
    """The handshake message of a QUIC client (RFC 9001 8). name: bytes or None; the rest as in
    packets.client_hello."""
    share = struct.pack("!HH", 0x001D, 32) + bytes(range(32))
    if pq:
        share = struct.pack("!HH", 0x11EC, 1216) + bytes(i * 7 % 251 for i in range(1216)) + share
    if sni is None:
        sni = p.server_name(name) if name is not None else b""
    protocols = b"".join(bytes([len(a)]) + a for a in alpn)
    parameters = b"".join(varint(k) + varint(len(v)) + v for k, v in (
        (0x01, varint(30000)), (0x04, varint(1 << 20)), (0x05, varint(1 << 18)),
        (0x08, varint(100)), (0x0F, scid)))
    shares = p.extension(0x33, struct.pack("!H", len(share)) + share)
    rest = p.extension(0x0A, b"\0\6\x11\xec\0\x1d\0\x17") + \
        p.extension(0x0D, b"\0\4\4\3\x08\4") + p.extension(0x2B, b"\2\3\4") + \
        (p.extension(0x10, struct.pack("!H", len(protocols)) + protocols) if alpn else b"") + \
        p.extension(0x39, parameters)
    extensions = before + (shares + sni if pq else sni + shares) + rest + after
    body = b"\3\3" + bytes(range(32)) + b"\0" + b"\0\4\x13\1\x13\2" + b"\1\0" + \
        struct.pack("!H", len(extensions)) + extensions
    return b"\1" + struct.pack("!I", len(body))[1:] + body


def google_message(name, version=Q043, tags=()):
    """The CHLO message: tags in rising order, each with the end of its value; little-endian."""
    label = struct.pack("!I", version)
    values = {b"SNI\0": name, b"VER\0": label, b"PAD\0": b"-" * 400, b"UAID": b"test Agent/1.0",
              b"PDMD": b"X509", b"CCS\0": bytes(16), b"ICSL": struct.pack("<I", 30)}
    values.update(tags)
    rows = sorted(((k, v) for k, v in values.items() if v is not None),
                  key=lambda row: struct.unpack("<I", row[0]))
    out, body = b"CHLO" + struct.pack("<HH", len(rows), 0), b""
    for tag, value in rows:
        body += value
        out += tag + struct.pack("<I", len(body))
    return out + body


def _google_hash(data):
    """The first 12 bytes of FNV-1a over 128 bits, lower half first."""
    value = 0x6C62272E07BB014262B821756295C58D
    for byte in data:
        value = (value ^ byte) * 0x1000000000000000000013B % 2**128
    return value.to_bytes(16, "little")[:12]


def google_chlo(name, version=Q043, dcid=b"\x01\x23\x45\x67\x89\xab\xcd\xef", before=b"",
                pad_to=1200, tags=()):
    """A client's first datagram of Google's own versions: clear in Q043 and Q046, protected in
    Q050. before: frames in front of the message."""
    message = google_message(name, version, tags)
    if version == Q050:
        return initial(before + google_crypto(0, message), dcid, version=version, pad_to=pad_to)
    label = struct.pack("!I", version)
    frames = before + b"\xa0\1" + struct.pack("!H", len(message)) + message
    if version >= Q046:
        head = b"\xc3" + label + b"\x50" + dcid + struct.pack("!I", 1)
    else:
        head = b"\x09" + dcid + label + b"\1"
    frames += bytes(max(pad_to - len(head) - 12 - len(frames), 0))
    return head + _google_hash(head + frames + b"Client") + frames
