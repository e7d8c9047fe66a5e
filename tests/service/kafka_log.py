# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Reads the log of a Kafka topic batch by batch, as a broker has it: with the producer's id and sequence
of each (record batch, magic 2). librdkafka's mock brokers keep a batch that a producer sent again
because the answer to the first one was cut off; a broker of Kafka leaves such a batch out, by these
very numbers. This reader does the same, and counts what it left out.
"""
import contextlib
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from suite import exact  # noqa: E402

FETCH, VERSION = 1, 4


def string(text):
    return struct.pack("!h", len(text)) + text.encode()


def varint(data, at):
    """A zigzag varint: (value, where it ends)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if not byte & 0x80:
            return value >> 1 ^ -(value & 1), at


def block(data, at):
    """Bytes behind their length; None for a null."""
    size, at = varint(data, at)
    return (None, at) if size < 0 else (data[at:at + size], at + size)


def record(data, at):
    """((key, value, headers), where it ends)."""
    size, at = varint(data, at)
    end = at + size
    at += 1  # attributes
    _, at = varint(data, at)  # time
    _, at = varint(data, at)  # offset
    key, at = block(data, at)
    value, at = block(data, at)
    count, at = varint(data, at)
    headers = {}
    for _ in range(count):
        name, at = block(data, at)
        headers[name.decode()], at = block(data, at)
    return (key, value, headers), end


class Log:
    """A topic whose partition N is led by broker N modulo their number."""

    def __init__(self, brokers, topic, partitions):
        self.brokers = [(h, int(p)) for h, p in (b.rsplit(":", 1) for b in brokers.split(","))]
        self.topic, self.next = topic, [0] * partitions
        self.seen, self.repeats, self.messages = set(), 0, []
        self.sockets = {}

    def fetch(self, partition):
        """The batches from where the last call ended, as bytes; b"" when there are none now."""
        at = self.brokers[partition % len(self.brokers)]
        s = self.sockets.get(at)
        if not s:
            s = self.sockets[at] = socket.create_connection(at, 5)
        body = struct.pack("!iiiibi", -1, 10, 1, 1 << 20, 0, 1) + string(self.topic) + \
            struct.pack("!iiqi", 1, partition, self.next[partition], 1 << 20)
        request = struct.pack("!hhi", FETCH, VERSION, 1) + string("log") + body
        s.sendall(struct.pack("!i", len(request)) + request)
        answer = exact(s, struct.unpack("!i", exact(s, 4))[0])
        at = 4 + 4 + 4 + 2 + len(self.topic) + 4 + 4
        error, = struct.unpack_from("!h", answer, at)
        aborted, = struct.unpack_from("!i", answer, at + 18)
        if error:
            raise RuntimeError(f"partition {partition} from {self.next[partition]}: error {error}")
        at += 22 + 16 * max(0, aborted)
        size, = struct.unpack_from("!i", answer, at)
        return answer[at + 4:at + 4 + max(0, size)]

    def take(self, partition, data):
        at = 0
        while len(data) - at >= 61:
            offset, size = struct.unpack_from("!qi", data, at)
            if at + 12 + size > len(data):
                return
            last, = struct.unpack_from("!i", data, at + 23)
            producer, epoch, sequence, count = struct.unpack_from("!qhii", data, at + 43)
            if data[at + 16] != 2 or producer < 0:
                raise ValueError("not a batch of an idempotent producer")
            if offset >= self.next[partition]:
                self.next[partition] = offset + last + 1
                self.take_batch(partition, (producer, epoch, sequence), data, at + 61, count)
            at += 12 + size

    def take_batch(self, partition, name, data, at, count):
        if (partition, *name) in self.seen:
            self.repeats += count
            return
        self.seen.add((partition, *name))
        for _ in range(count):
            (key, value, headers), at = record(data, at)
            self.messages.append((partition, headers["dpi-xdp-id"], key, value))

    def read(self):
        """Reads what there is now; returns how many messages there have been in all."""
        for partition in range(len(self.next)):
            try:
                while data := self.fetch(partition):
                    before = self.next[partition]
                    self.take(partition, data)
                    if self.next[partition] == before:
                        break
            except OSError:  # the broker is away
                self.close()
        return len(self.messages)

    def close(self):
        for s in self.sockets.values():
            with contextlib.suppress(OSError):
                s.close()
        self.sockets = {}
