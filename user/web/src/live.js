// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The live source: asks the program for its counts each second or so, and follows its events. With
// no agent running it says so and goes on asking.
import {get, Problem, send} from "./api.js";
import {catalogue, EMPTY_TIMELINE, health, live, rulesInForce, view} from "./store.js";
import {visible} from "./text.js";

const HISTORY = 900;            // points of the timeline
const CONNECTIONS_MAX = 100000; // rows of the table; the rest is counted
const PAGE = 1000;            // as many as the program gives at once
const GAP_S = 5;
const MANY_RULES = 2000;
const SOON = 200;             // ms until one looks again whether there is something to ask
const AGAIN_MAX = 5000;       // more rows than these are asked for only when the reader asks

let last = null; // totals at the last point of the timeline

function timelineAdd(totals) {
	const t = Date.now() / 1000, old = live.timeline.peek();

	if (last && totals.total_packets >= last.total_packets && t > last.t) {
		// Over a gap the line is broken: what passed in it is in the totals, not at a moment.
		const isGap = t - last.t > GAP_S;
		const rate = field => isGap ? null : (totals[field] - last[field]) / (t - last.t);
		const add = (list, v) => [...list.slice(-HISTORY + 1), v];

		live.timeline.value = {
			...old,
			t: add(old.t, t),
			packets: add(old.packets, rate("total_packets")),
			bits: add(old.bits, rate("total_bytes") * 8),
			dropped: add(old.dropped, rate("dropped_packets")),
		};
	} else if (last && totals.total_packets < last.total_packets) {
		live.timeline.value = EMPTY_TIMELINE; // another agent began
	}
	last = {...totals, t};
}

async function askStats() {
	const s = await get("/stats");

	live.totals.value = s;
	live.counters.value = s.counters;
	live.domains.value = s.domains;
	live.suspicious.value = s.suspicious;
	live.workers.value = s.workers;
	timelineAdd(s);
	live.problem.value = null;
	live.state.value = "ready";
	hitsTake(s.rules);
}

// Hits are told by the statistics, the rules themselves by /rules.
let hits = new Map();

function hitsTake(rows) {
	if (!rows)
		return;
	hits = new Map(rows.map(r => [r.rule, r]));
	live.rules.value = live.rules.peek().map(hitsAdd);
}

const hitsAdd = r => ({...r, packets: hits.get(r.rule)?.packets ?? r.packets ?? 0,
	flows: hits.get(r.rule)?.flows ?? r.flows ?? 0});

export async function askRules() {
	const answer = await get("/rules");

	rulesInForce.value = answer.in_force !== false;
	live.rules.value = (answer.rules ?? []).map(hitsAdd);
	return live.rules.peek();
}

async function askApps() {
	const {apps = []} = await get("/stats/apps");

	live.apps.value = apps.filter(a => a.flows || a.packets || a.blocked);
	if (apps.length && apps.length !== catalogue.peek().length)
		catalogue.value = apps.map(({app, category}) => ({app, category}));
}

async function askHealth() {
	try {
		health.value = await get("/health");
	} catch (e) {
		health.value = null;
		throw e;
	}
	if (!hasAgent()) {
		live.problem.value = null;
		live.state.value = "none";
	}
}

// A list of a million names is fetched again when there are more or fewer, not every three seconds.
const rulesMayDiffer = () => live.rules.peek().length < MANY_RULES ||
	(health.peek()?.agent?.rules ?? -1) !== live.rules.peek().length;

const hasAgent = () => Boolean(health.peek()?.agent);

/** All connections, page after page. */
export async function askConnections() {
	let rows = [], cursor = "", total = 0;

	do {
		const page = await get(`/stats/connections?limit=${PAGE}` +
			(cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""));

		rows = rows.concat(page.connections ?? []);
		cursor = page.next ?? "";
		total = page.total ?? rows.length;
	} while (cursor && rows.length < CONNECTIONS_MAX);
	live.connections.value = rows;
	live.connectionTotal.value = Math.max(total, rows.length);
}

// --- asking again and again ---------------------------------------------------------------------
export const connectionsWanted = {open: 0}; // panels that show connections now

// What, how often in ms, and only when. Without an agent there is nothing to count.
const ASKED = [
	{ask: askHealth, every: 2000},
	{ask: askRules, every: 3000, when: rulesMayDiffer},
	{ask: askStats, every: 1000, when: hasAgent},
	{ask: askApps, every: 2000, when: hasAgent},
	{ask: askConnections, every: 2000, when: () => hasAgent() && connectionsWanted.open > 0 &&
		live.connections.peek().length <= AGAIN_MAX},
];

function failed(e) {
	if (!(e instanceof Problem)) {
		console.error(e);
		return;
	}
	// Between two looks at its health an agent may end: that is no error of the page.
	if (e.status === 503 && health.peek())
		return;
	live.state.value = "error";
	live.problem.value = e;
}

function keepAsking({ask, every, when}) {
	const turn = async () => {
		const may = !document.hidden && (!when || when());

		if (may)
			await ask().catch(failed);
		setTimeout(turn, may || !when ? every : SOON);
	};

	turn();
}

// --- events -------------------------------------------------------------------------------------
export const paused = {feed: false};

const infoOf = e => {
	const d = e.dpi_xdp ?? {};
	const name = e.tls?.sni ?? e.quic?.sni ?? e.http?.hostname ?? e.dns?.rrname ?? d.domain ?? "";
	const words = [visible(name)];

	if (e.event_type === "anomaly")
		words.push(visible(e.anomaly?.event));
	if (e.event_type === "flow")
		words.push("ended: " + visible(e.flow?.reason ?? e.flow?.state));
	if (d.rule)
		words.push("\u2190 " + visible(d.rule));
	return words.filter(Boolean).join("  ");
};

let rowNumber = 0;

function feedTake(e) {
	const flow = e.flow, d = e.dpi_xdp ?? {};

	if (!e.src_ip)
		return;
	live.feed.push({
		n: ++rowNumber, ts: Date.parse(e.timestamp) / 1000, kind: e.event_type,
		src: e.src_ip, sport: e.src_port, dst: e.dest_ip, dport: e.dest_port,
		proto: e.proto, app: d.app ?? "", info: infoOf(e),
		size: flow ? flow.bytes_toserver + flow.bytes_toclient : null,
		action: e.event_type === "drop" || d.dropped_packets > 0 ? "blocked" :
			d.flags?.includes("would_drop") ? "would block" : "forwarded",
		event: e,
	});
}

let lastId = "";

/** Server-Sent Events by fetch: an EventSource cannot carry a token (HTML 9.2.6). */
async function follow() {
	const answer = await send("GET", "/events", {accept: "text/event-stream", lastId});
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "", data = "";

	for (;;) {
		const {value, done} = await reader.read();

		if (done)
			return;
		const lines = (rest + value).split(/\r?\n/);

		rest = lines.pop();
		for (const line of lines) {
			if (line.startsWith("data:"))
				data += (data ? "\n" : "") + line.slice(5).trimStart();
			else if (line.startsWith("id:"))
				lastId = line.slice(3).trim();
			else if (line === "" && data) {
				eventTake(data);
				data = "";
			}
		}
	}
}

function eventTake(data) {
	if (paused.feed)
		return;
	try {
		feedTake(JSON.parse(data));
	} catch {
		live.feed.left++;
	}
}

async function keepFollowing() {
	for (let wait = 500;; wait = Math.min(wait * 2, 10000)) {
		const began = Date.now();

		while (!hasAgent())
			await new Promise(done => setTimeout(done, SOON));

		try {
			await follow();
		} catch (e) {
			if (!(e instanceof Problem) && e.name !== "TypeError")
				console.error(e);
		}
		if (Date.now() - began > 5000)
			wait = 500;
		await new Promise(done => setTimeout(done, wait));
	}
}

export function liveStart() {
	ASKED.forEach(keepAsking);
	keepFollowing();
	setInterval(() => {
		if (view.value === "live")
			live.feed.told();
	}, 250);
}
