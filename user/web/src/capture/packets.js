// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The packets of a capture as the module tells them (wasm/glue/rows.js): kept as the bytes they are,
// made into words when one is looked at. Holds the first PACKETS_MAX packets.
import {readRows, ROW} from "../../../wasm/glue/rows.js";

export const PACKETS_MAX = 200000;

// Where fields of a row are (wasm/replay.h).
const NUMBER = 0,
	TIME = 8,
	SIZE = 52,
	APP = 60,
	PROTO = 62,
	FLAGS = 63;
const DROPPED = 4;
const TRANSPORT = {6: "TCP", 17: "UDP"};

export class Packets {
	/** apps: [{app}] by the number that rows have. */
	constructor(apps) {
		this.apps = apps;
		this.unit = "packets";
		this.pieces = [];
		this.count = 0;
	}

	/** Takes whole rows, in any order; null: those so far come again. */
	take(bytes) {
		if (bytes) this.pieces.push(bytes);
		else this.pieces = [];
	}

	/** All are there: puts them in order. */
	finish() {
		const all = new Uint8Array(this.pieces.reduce((sum, p) => sum + p.length, 0));
		let at = 0;

		for (const p of this.pieces) {
			all.set(p, at);
			at += p.length;
		}
		this.pieces = [];
		this.bytesOf = all;
		this.view = new DataView(all.buffer);
		this.count = all.length / ROW;
		const numbers = Float64Array.from({length: this.count}, (_, i) => this.numberAt(i * ROW));

		this.order = Uint32Array.from(numbers.keys()).sort((a, b) => numbers[a] - numbers[b]);
		this.ts = this.column(at => Number(this.view.getBigUint64(at + TIME, true)) / 1e9);
		this.bytes = this.column(at => this.view.getUint32(at + SIZE, true));
		this.dropped = this.column(at => (this.view.getUint8(at + FLAGS) & DROPPED ? 1 : 0));
		return this;
	}

	numberAt(at) {
		return Number(this.view.getBigUint64(at + NUMBER, true));
	}

	column(of) {
		return Float64Array.from(this.order, i => of(i * ROW));
	}

	appOf(i) {
		return this.apps[this.view.getUint16(this.order[i] * ROW + APP, true)]?.app ?? "";
	}

	protoOf(i) {
		return TRANSPORT[this.view.getUint8(this.order[i] * ROW + PROTO)];
	}

	row(i) {
		const at = this.order[i] * ROW;
		const [r] = readRows(this.bytesOf.subarray(at, at + ROW));

		return {
			n: r.number,
			ts: this.ts[i],
			kind: "packet",
			src: r.src ?? "",
			sport: r.srcPort,
			dst: r.dst ?? "",
			dport: r.dstPort,
			proto: r.protocol ?? "",
			app: this.appOf(i),
			size: r.size,
			info: r.info,
			action: r.action === "dropped" ? "blocked" : "forwarded",
			hasPayload: r.hasPayload,
			head: r.head.length ? r.head : null,
		};
	}
}
