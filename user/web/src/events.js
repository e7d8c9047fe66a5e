// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Follows the program's events (GET /events) and makes rows of the feed of them. What was missed is
// counted; a connection that ends is made again, after the last event that came.
import {Problem, send} from "./api.js";
import {following, health, live} from "./store.js";
import {visible} from "./text.js";

export const paused = {feed: false};

const infoOf = e => {
	const d = e.dpi_xdp ?? {};
	const name = e.tls?.sni ?? e.quic?.sni ?? e.http?.hostname ?? e.dns?.rrname ?? d.domain ?? "";
	const words = [visible(name)];

	if (e.event_type === "anomaly") words.push(visible(e.anomaly?.event));
	if (e.event_type === "flow") words.push("ended: " + visible(e.flow?.reason ?? e.flow?.state));
	if (d.rule) words.push("\u2190 " + visible(d.rule));
	return words.filter(Boolean).join("  ");
};

let rowNumber = 0;

const blockedWord = () => (health.peek()?.agent?.monitor ? "would block" : "blocked");

function feedTake(e) {
	const flow = e.flow,
		d = e.dpi_xdp ?? {};

	if (!e.src_ip) return;
	live.feed.push({
		n: ++rowNumber,
		ts: Date.parse(e.timestamp) / 1000,
		kind: e.event_type,
		src: e.src_ip,
		sport: e.src_port,
		dst: e.dest_ip,
		dport: e.dest_port,
		proto: e.proto,
		app: d.app ?? "",
		info: infoOf(e),
		size: flow ? flow.bytes_toserver + flow.bytes_toclient : null,
		action: e.event_type === "drop" || d.dropped_packets > 0 ? blockedWord() : "forwarded",
		event: e,
	});
}

let lastId = "";

const takes = {
	message(data) {
		if (!paused.feed) feedTake(JSON.parse(data));
	},
	/** Events that the program could not keep for us; how many, where that is known. */
	gap(data) {
		live.feed.missed += JSON.parse(data).lost ?? 0;
	},
};

/** One block of a stream of events (HTML 9.2.6). */
function blockTake(block) {
	let kind = "message",
		data = [];

	for (const line of block.split("\n")) {
		const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];

		if (field === "data") data.push(value);
		else if (field === "id") lastId = value;
		else if (field === "event") kind = value;
	}
	if (!data.length || !takes[kind]) return;
	try {
		takes[kind](data.join("\n"));
	} catch {
		live.feed.missed++;
	}
}

/** By fetch, as an EventSource cannot carry a token. */
async function follow() {
	const answer = await send("GET", "/events", {accept: "text/event-stream", lastId});
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";

	following.value = true;
	for (;;) {
		const {value, done} = await reader.read();

		if (done) return;
		const blocks = (rest + value).split("\n\n");

		rest = blocks.pop();
		blocks.forEach(blockTake);
	}
}

const pause = ms => new Promise(done => setTimeout(done, ms));

/** Goes on following; while() says when there is somebody to follow. */
export async function keepFollowing(when) {
	for (let wait = 500; ; wait = Math.min(wait * 2, 10000)) {
		while (!when()) await pause(200);
		const began = Date.now();

		try {
			await follow();
		} catch (e) {
			if (e instanceof Problem && e.status === 422)
				lastId = ""; // of another service's numbers
			else if (!(e instanceof Problem) && e.name !== "TypeError") console.error(e);
		}
		following.value = false;
		if (Date.now() - began > 5000) wait = 500;
		await pause(wait);
	}
}
