// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A capture as it passed: its packets (or, where the packets are not known, its flows) in order, and
// what they add up to at any moment. Knows nothing of the page.

/**
 * items: {unit, count, ts, bytes, dropped, packets (none: one each): arrays by number; appOf(i),
 * protoOf(i): words; row(i): all of one, for the feed}. Times are seconds since 1970.
 */
export class Replay {
	constructor(items) {
		this.items = items;
		this.begin = Infinity;
		this.end = -Infinity;
		for (let i = 0; i < items.count; i++) {
			this.begin = Math.min(this.begin, items.ts[i]);
			this.end = Math.max(this.end, items.ts[i]);
		}
		if (!items.count) this.begin = this.end = 0;
		this.rewind();
	}

	rewind() {
		this.at = 0; // items before this one have passed
		this.sums = {packets: 0, bytes: 0, dropped: 0, tcp: 0, udp: 0};
		this.apps = new Map();
	}

	/** Lets pass what was captured until time t. */
	advance(t) {
		const {items, sums} = this;

		while (this.at < items.count && items.ts[this.at] <= t) {
			const i = this.at++,
				n = items.packets?.[i] ?? 1,
				lost = items.dropped[i];
			const app = items.appOf(i),
				proto = items.protoOf(i);
			let a = this.apps.get(app);

			if (!a) this.apps.set(app, (a = {packets: 0, bytes: 0, dropped_packets: 0}));
			sums.packets += n;
			sums.bytes += items.bytes[i];
			sums.dropped += lost;
			if (proto === "TCP") sums.tcp += n;
			else if (proto === "UDP") sums.udp += n;
			a.packets += n;
			a.bytes += items.bytes[i];
			a.dropped_packets += lost;
		}
	}

	/** Counts a second in about `bins` steps until time t, as the timeline's arrays. */
	timeline(bins, until = this.end) {
		const {items} = this,
			size = Math.max((this.end - this.begin) / bins, 1e-6);
		const n = Math.max(1, Math.min(bins, Math.floor((until - this.begin) / size) + 1));
		const t = Float64Array.from({length: n}, (_, i) => this.begin + i * size);
		const packets = new Float64Array(n),
			bits = new Float64Array(n),
			dropped = new Float64Array(n);

		for (let i = 0; i < items.count; i++) {
			const at = Math.min(Math.floor((items.ts[i] - this.begin) / size), bins - 1);

			if (at >= n || items.ts[i] > until) continue;
			packets[at] += 1 / size;
			bits[at] += (items.bytes[i] * 8) / size;
			dropped[at] += (items.dropped[i] ? 1 : 0) / size;
		}
		return {t, packets, bits, dropped};
	}
}

/** Flows as items: all that a report tells when the packets were counted elsewhere. */
export function flowItems(connections) {
	const rows = connections.map(c => ({c, ts: Number(c.first_ts)})).sort((a, b) => a.ts - b.ts);
	const of = f => Float64Array.from(rows, f);

	return {
		unit: "flows",
		count: rows.length,
		ts: of(r => r.ts),
		bytes: of(r => r.c.bytes),
		packets: of(r => r.c.packets),
		dropped: of(r => r.c.dropped_packets),
		appOf: i => rows[i].c.app,
		protoOf: i => rows[i].c.protocol,
		row(i) {
			const {c, ts} = rows[i];

			return {
				n: i + 1,
				ts,
				kind: "flow",
				src: c.src_ip,
				sport: c.src_port,
				dst: c.dst_ip,
				dport: c.dst_port,
				proto: c.protocol,
				app: c.app,
				size: c.bytes,
				info: c.domain ?? c.app_protocol ?? "",
				connection: c,
				action: actionOf(c),
			};
		},
	};
}

export const actionOf = c =>
	!c.dropped_packets ? "forwarded" : c.dropped_packets >= c.packets ? "blocked" : "partly";
