# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Reading the event log, twice: by its JSON schema, and as tools made for Suricata's eve.json do, who
know the documented names and types and nothing of ours.
"""
import collections
import datetime
import ipaddress
import json
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEMA = os.path.join(TOP, "user", "report", "eve.schema.json")
KNOWN = {"flow", "tls", "http", "dns", "quic", "drop", "stats", "anomaly"}


def validator():
    """A function that gives the first fault of an event, or ""."""
    import jsonschema  # Debian's python3-jsonschema
    with open(SCHEMA, encoding="ascii") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.FormatChecker(formats=["ipv4", "ipv6"]))

    def fault(event):
        error = next(checker.iter_errors(event), None)
        return f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" if error else ""
    return fault


class Reader:
    """Takes events one by one, as an indexer of Suricata's log would: joins them by flow_id, adds
    up traffic, lists names. A type that is not the documented one raises."""

    def __init__(self):
        self.count = collections.Counter()
        self.flows = {}
        self.names = collections.defaultdict(set)
        self.prints = set()
        self.drops, self.anomalies, self.stats = [], collections.Counter(), None

    @staticmethod
    def need(value, kind, name):
        if not isinstance(value, kind) or isinstance(value, bool) and kind is int:
            raise TypeError(f"{name} is {value!r}")
        return value

    @classmethod
    def time(cls, text):
        t = datetime.datetime.strptime(cls.need(text, str, "a time"), "%Y-%m-%dT%H:%M:%S.%f%z")
        if t.utcoffset() is None or len(text.split(".")[1]) != len("123456+0000"):
            raise ValueError(text)
        return t

    def take(self, line):
        e = json.loads(line)
        kind = self.need(e["event_type"], str, "event_type")
        self.count[kind] += 1
        self.time(e["timestamp"])
        if kind not in KNOWN:
            return  # every reader of a log that grows must
        if kind == "stats":
            self.take_stats(e["stats"])
            return
        self.need(e["flow_id"], int, "flow_id")
        ends = ipaddress.ip_address(e["src_ip"]), ipaddress.ip_address(e["dest_ip"])
        if ends[0].version != ends[1].version:
            raise ValueError(line)
        self.need(e["proto"], str, "proto")
        for name in ("src_port", "dest_port", "pcap_cnt"):
            if name in e:
                self.need(e[name], int, name)
        for name in ("in_iface", "app_proto"):
            if name in e:
                self.need(e[name], str, name)
        if e["proto"] in ("TCP", "UDP") and not ("src_port" in e and "dest_port" in e):
            raise KeyError("a port")
        getattr(self, "take_" + kind)(e, e[kind])

    def take_flow(self, e, flow):
        for name in ("pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient", "age"):
            self.need(flow[name], int, name)
        start, end = self.time(flow["start"]), self.time(flow["end"])
        if flow["age"] != max(0, int((end - start).total_seconds())) and \
                abs(flow["age"] - (end - start).total_seconds()) > 1:
            raise ValueError(f"age {flow['age']}, {start} to {end}")
        if flow["state"] not in ("new", "established", "closed", "bypassed") or \
                flow["reason"] not in ("timeout", "forced", "shutdown", "unknown"):
            raise ValueError(flow)
        self.need(flow["alerted"], bool, "alerted")
        if e["flow_id"] in self.flows:
            raise ValueError(f"flow {e['flow_id']} ends twice")
        self.flows[e["flow_id"]] = e

    def take_hello(self, e, hello):
        self.names[e["event_type"]].add(self.need(hello["sni"], str, "sni"))
        if "ja4" in hello:
            self.prints.add(self.need(hello["ja4"], str, "ja4"))

    take_tls = take_quic = take_hello

    def take_http(self, e, http):
        self.names["http"].add(self.need(http["hostname"], str, "hostname"))

    def take_dns(self, e, dns):
        if dns["type"] not in ("query", "answer"):
            raise ValueError(dns)
        self.names["dns"].add(self.need(dns["rrname"], str, "rrname"))

    def take_drop(self, e, drop):
        self.need(drop["reason"], str, "reason")
        self.drops.append(e)

    def take_anomaly(self, e, anomaly):
        if anomaly["type"] not in ("decode", "stream", "applayer"):
            raise ValueError(anomaly)
        self.anomalies[self.need(anomaly["event"], str, "event")] += 1

    def take_stats(self, stats):
        self.need(stats["uptime"], int, "uptime")
        for group, name in (("capture", "kernel_packets"), ("capture", "kernel_drops"),
                            ("decoder", "pkts"), ("decoder", "bytes"), ("flow", "total")):
            self.need(stats[group][name], int, name)
        self.stats = stats
