// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The live source: asks the program for its counts each second or so. With no agent running it says
// so and goes on asking.
import {get, Problem} from "./api.js";
import {keepFollowing} from "./events.js";
import {catalogue, EMPTY_TIMELINE, health, live, rulesInForce, view} from "./store.js";

const HISTORY = 900; // points of the timeline
const CONNECTIONS_MAX = 100000; // rows of the table; the rest is counted
const SHOWN_EVERY = 10000;
const PAGE = 1000; // as many as the program gives at once
const GAP_S = 5;
const MANY_RULES = 2000;
const SOON = 200; // ms until one looks again whether there is something to ask
const AGAIN_MAX = 5000; // more rows than these are asked for only when the reader asks

let last = null; // totals at the last point of the timeline

function timelineAdd(totals) {
	const t = Date.now() / 1000,
		old = live.timeline.peek();

	if (last && totals.total_packets >= last.total_packets && t > last.t) {
		// Over a gap the line is broken: what passed in it is in the totals, not at a moment.
		const isGap = t - last.t > GAP_S;
		const rate = field => (isGap ? null : (totals[field] - last[field]) / (t - last.t));
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
	if (!rows) return;
	hits = new Map(rows.map(r => [r.rule, r]));
	live.rules.value = live.rules.peek().map(hitsAdd);
}

const hitsAdd = r => ({
	...r,
	packets: hits.get(r.rule)?.packets ?? r.packets ?? 0,
	flows: hits.get(r.rule)?.flows ?? r.flows ?? 0,
});

const MARKS_MAX = 50;
let labels = null; // of the rules at the last look

/** Marks on the timeline what was changed, whoever did it. */
function marksAdd(rules) {
	const now = new Set(rules.map(r => r.rule));
	const added = labels ? [...now].filter(r => !labels.has(r)) : [];
	const gone = labels ? [...labels].filter(r => !now.has(r)) : [];
	const words = [...added.map(r => `+ ${r}`), ...gone.map(r => `\u2212 ${r}`)];

	labels = now;
	if (words.length)
		live.marks.value = [
			...live.marks.peek().slice(-MARKS_MAX),
			{
				t: Date.now() / 1000,
				text:
					words.length > 3
						? `${added.length} rules more, ${gone.length} fewer`
						: words.join(", "),
			},
		];
}

export async function askRules() {
	const answer = await get("/rules");

	rulesInForce.value = answer.in_force !== false;
	marksAdd(answer.rules);
	live.rules.value = answer.rules.map(hitsAdd);
	return live.rules.peek();
}

/** What is in the lists, which changes by itself. */
export async function askLists() {
	const {lists} = await get("/lists");

	live.lists.value = Object.fromEntries(lists.map(l => [l.list, l]));
}

const hasLists = () => live.rules.peek().some(r => r.kind === "list");

async function askApps() {
	const {apps = []} = await get("/stats/apps");

	live.apps.value = apps.filter(a => a.flows || a.packets || a.blocked);
	if (apps.length && apps.length !== catalogue.peek().length)
		catalogue.value = apps.map(({app, category}) => ({app, category}));
}

export async function askHealth() {
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
const rulesMayDiffer = () =>
	live.rules.peek().length < MANY_RULES ||
	(health.peek()?.agent?.rules ?? live.rules.peek().length) !== live.rules.peek().length;

const hasAgent = () => Boolean(health.peek()?.agent);

/** All connections, page after page. */
export async function askConnections() {
	const rows = [];
	let cursor = "",
		total = 0;

	do {
		const page = await get(
			`/stats/connections?limit=${PAGE}` +
				(cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""),
		);

		rows.push(...page.connections);
		// The first time, what is there is shown while the rest comes.
		if (rows.length % SHOWN_EVERY === 0 && live.connections.peek().length < rows.length)
			live.connections.value = rows.slice();
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
	{ask: askLists, every: 2000, when: hasLists},
	{ask: askStats, every: 1000, when: hasAgent},
	{ask: askApps, every: 2000, when: hasAgent},
	{
		ask: askConnections,
		every: 2000,
		when: () =>
			hasAgent() && connectionsWanted.open > 0 && live.connections.peek().length <= AGAIN_MAX,
	},
];

function failed(e) {
	if (!(e instanceof Problem)) {
		console.error(e);
		return;
	}
	// Between two looks at its health an agent may end: that is no error of the page.
	if (e.status === 503 && health.peek()) return;
	live.state.value = "error";
	live.problem.value = e;
}

function keepAsking({ask, every, when}) {
	const turn = async () => {
		const may = !document.hidden && (!when || when());

		if (may) await ask().catch(failed);
		setTimeout(turn, may || !when ? every : SOON);
	};

	turn();
}

export function liveStart() {
	ASKED.forEach(keepAsking);
	keepFollowing(hasAgent);
	setInterval(() => {
		if (view.value === "live") live.feed.told();
	}, 250);
}
