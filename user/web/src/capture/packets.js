// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The packets of a capture as the module tells them (wasm/glue/rows.js), kept small: columns of
// numbers, words once each, and the first bytes side by side. Holds the first PACKETS_MAX packets.

export const PACKETS_MAX = 200000;
const HEAD = 128;

/** Words by number, each kept once. */
class Words {
	constructor() {
		this.list = [];
		this.number = new Map();
	}

	take(word) {
		let n = this.number.get(word);

		if (n === undefined) {
			n = this.list.push(word) - 1;
			this.number.set(word, n);
		}
		return n;
	}
}

/** An array that grows by doubling. */
class Column {
	constructor(Kind, each = 1) {
		this.at = new Kind(1024 * each);
		this.each = each;
	}

	room(i) {
		if ((i + 1) * this.each > this.at.length) {
			const more = new this.at.constructor(this.at.length * 2);

			more.set(this.at);
			this.at = more;
		}
	}
}

const NUMBERS = {n: Float64Array, ts: Float64Array, bytes: Uint32Array, dropped: Uint8Array, sport: Int32Array,
	dport: Int32Array, src: Uint32Array, dst: Uint32Array, app: Uint32Array, proto: Uint32Array,
	info: Uint32Array, headLen: Uint8Array,
	hasPayload: Uint8Array};
const isWord = new Set(["src", "dst", "app", "proto", "info"]);

export class Packets {
	/** apps: [{app}] by the number that rows have. */
	constructor(apps) {
		this.apps = apps;
		this.unit = "packets";
		this.count = 0;
		this.words = new Words();
		this.column = Object.fromEntries(Object.entries(NUMBERS).map(([k, Kind]) => [k, new Column(Kind)]));
		this.head = new Column(Uint8Array, HEAD);
	}

	put(name, value) {
		const c = this.column[name];

		c.room(this.count);
		c.at[this.count] = isWord.has(name) ? this.words.take(value ?? "") : value ?? 0;
	}

	add(r) {
		this.put("n", r.number);
		this.put("ts", Number(r.time));
		this.put("bytes", r.size);
		this.put("dropped", r.action === "dropped" ? 1 : 0);
		this.put("src", r.src);
		this.put("dst", r.dst);
		this.put("sport", r.srcPort);
		this.put("dport", r.dstPort);
		this.put("app", this.apps[r.app]?.app);
		this.put("proto", r.protocol);
		this.put("info", r.info);
		this.put("headLen", r.head.length);
		this.put("hasPayload", r.hasPayload ? 1 : 0);
		this.head.room(this.count);
		this.head.at.set(r.head, this.count * HEAD);
		this.count++;
	}

	word(name, i) {
		return this.words.list[this.column[name].at[i]];
	}

	// What Replay reads: by number, so that sums need no words.
	get ts() {
		return this.column.ts.at;
	}

	get bytes() {
		return this.column.bytes.at;
	}

	get dropped() {
		return this.column.dropped.at;
	}

	appOf(i) {
		return this.word("app", i);
	}

	protoOf(i) {
		return this.word("proto", i);
	}

	row(i) {
		const c = this.column, len = c.headLen.at[i];

		return {n: c.n.at[i], ts: c.ts.at[i], kind: "packet", src: this.word("src", i), sport: c.sport.at[i],
			dst: this.word("dst", i), dport: c.dport.at[i], proto: this.word("proto", i),
			app: this.word("app", i), size: c.bytes.at[i], info: this.word("info", i),
			action: c.dropped.at[i] ? "blocked" : "forwarded",
			hasPayload: Boolean(c.hasPayload.at[i]),
			head: len ? this.head.at.subarray(i * HEAD, i * HEAD + len) : null};
	}
}
