// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A dropped capture: analysed in this page by the WebAssembly module, or, where that cannot be, by
// the program it came from; then replayed. Rule changes here are a what-if and change no traffic.
import {computed, signal} from "@preact/signals";
import {Problem, ruleAdd, ruleRemove} from "../api.js";
import {askRules} from "../live.js";
import {capture, EMPTY_TIMELINE, Feed, live, say, sayProblem, view} from "../store.js";
import {read} from "./reader.js";
import {sendCapture} from "./send.js";
import {flowItems, Replay} from "./replay.js";

const BINS = 300;
const TICK_MS = 100;

export const SPEEDS = [0.1, 1, 10, 100, 1000];

export const file = signal(null);
/** null, or {part: 0..1, where: "page" | "program", text}. */
export const work = signal(null);
/** Where the last report was made: "page" or "program". */
export const where = signal(null);
export const captureRules = signal([]);
export const replay = signal(null);
export const position = signal(0); // seconds since 1970
export const playing = signal(false);
export const speed = signal(1);
export const report = signal(null);

let stopper = null; // of the analysis that runs

export const isWhatIf = computed(() => view.value === "capture");

const SECTIONS = {ip: "IPS", app: "APPS", domain: "DOMAINS", port: "PORTS"};

/** What is in a list is known to the program alone: here lists decide nothing, nor are they changed. */
const isHere = r => r.kind in SECTIONS;

/** The lists that are left out, and how many entries they have. */
export const leftOut = computed(() => {
	const lists = live.rules.value
		.filter(r => r.kind === "list")
		.map(r => live.lists.value[r.rule]);

	return {
		lists: lists.length,
		entries: lists.reduce((sum, l) => sum + (l?.names ?? 0) + (l?.addrs ?? 0), 0),
	};
});

// --- making the report --------------------------------------------------------------------------
const rulesText = rules =>
	rules
		.map(
			r =>
				`[${r.action === "allow" ? "ALLOWED" : "BLOCKED"}_${SECTIONS[r.kind]}]\n${r.value}${r.when ? `  ${r.when}` : ""}\n`,
		)
		.join("");

async function analyse(f, rules) {
	const {signal: until} = (stopper = new AbortController());

	work.value = {part: 0, where: "page"};
	try {
		const made = await read(
			f,
			rulesText(rules),
			part => {
				work.value = {part, where: "page"};
			},
			until,
		);

		where.value = "page";
		return made;
	} catch (e) {
		if (e instanceof Problem || e.name === "AbortError") throw e;
		say(
			"note",
			`This page cannot read the capture itself (${e.message}); it is being sent to ` +
				"the program this page came from.",
		);
	}
	work.value = {part: 0, where: "program"};
	const made = await sendCapture(
		f,
		rules,
		part => {
			work.value = {part, where: "program"};
		},
		until,
	);

	where.value = "program";
	return made;
}

// --- showing it ---------------------------------------------------------------------------------
const headOf = r => {
	const {connections, blocked_connections, ...head} = r;

	return {
		...head,
		flows: connections.length,
		blocked_flows: blocked_connections.length,
		open_flows: connections.filter(c => c.state !== "CLOSED").length,
	};
};

const rulesWithHits = (rules, hits) => {
	const by = new Map(hits.map(h => [h.rule.toLowerCase(), h]));

	return rules.map(r => {
		const h =
			by.get(r.rule?.toLowerCase()) ??
			by.get(`${r.action === "allow" ? "allow-" : ""}${r.kind}:${r.value}`.toLowerCase());

		return {...r, packets: h?.packets ?? 0, flows: h?.flows ?? 0};
	});
};

/** All of the report at once. */
function showWhole() {
	const r = report.value,
		run = replay.value;

	capture.totals.value = headOf(r);
	capture.apps.value = r.apps;
	capture.domains.value = r.domains;
	capture.connections.value = r.connections;
	capture.connectionTotal.value = r.connections.length;
	capture.rules.value = rulesWithHits(captureRules.value, r.rules);
	capture.suspicious.value = r.suspicious;
	capture.workers.value = r.workers ?? [];
	capture.counters.value = r.counters;
	run.advance(Infinity);
	position.value = run.end;
	capture.timeline.value = {...run.timeline(BINS), unit: run.items.unit};
	capture.feed.told();
}

/** What had passed until now. */
function showUntil(t) {
	const run = replay.value,
		r = report.value,
		whole = headOf(r);

	if (run.at && run.items.ts[run.at - 1] > t) run.rewind();
	run.advance(t);
	const {sums} = run;
	const known = new Map(r.apps.map(a => [a.app, a]));
	const begun = r.connections.filter(c => Number(c.first_ts) <= t);
	const names = new Set(begun.map(c => c.domain));
	const flows = new Map();

	for (const c of begun) flows.set(c.app, (flows.get(c.app) ?? 0) + 1);
	capture.totals.value = {
		...whole,
		total_packets: sums.packets,
		total_bytes: sums.bytes,
		dropped_packets: sums.dropped,
		forwarded_packets: sums.packets - sums.dropped,
		tcp_packets: sums.tcp,
		udp_packets: sums.udp,
		flows: begun.length,
		blocked_flows: begun.filter(c => c.blocked).length,
		open_flows: begun.filter(c => c.state !== "CLOSED" || Number(c.last_ts) > t).length,
		apps: [...run.apps.keys()],
		domains_detected: [...names].filter(Boolean),
	};
	capture.apps.value = [...run.apps]
		.map(([app, s]) => ({...known.get(app), app, ...s, flows: flows.get(app) ?? 0}))
		.sort((a, b) => b.packets - a.packets);
	capture.domains.value = r.domains.filter(d => names.has(d.domain));
	capture.connections.value = begun;
	capture.connectionTotal.value = begun.length;
	capture.timeline.value = {...run.timeline(BINS, t), unit: run.items.unit};
	position.value = t;
	capture.feed.told();
}

/** The feed of a capture: rows are looked up, not kept. */
class ReplayFeed extends Feed {
	get count() {
		return replay.value?.at ?? 0;
	}

	row(i) {
		return replay.value.items.row(i);
	}
}
capture.feed = new ReplayFeed();

let began = null; // {time of the page, position} since when it plays

function tick() {
	if (!playing.value || !replay.value) return;
	const t = began.position + ((performance.now() - began.time) / 1000) * speed.value;

	if (t >= replay.value.end) {
		playing.value = false;
		showWhole();
	} else {
		showUntil(t);
	}
}
setInterval(tick, TICK_MS);

const restart = () => {
	began = {time: performance.now(), position: position.value};
};

export function play() {
	if (position.value >= replay.value.end) seek(replay.value.begin);
	playing.value = true;
	restart();
}

export function pause() {
	playing.value = false;
}

export function speedSet(s) {
	speed.value = s;
	restart();
}

export function seek(t) {
	if (t >= replay.value.end) showWhole();
	else showUntil(t);
	restart();
}

/** Back to the capture's beginning, standing still. */
export function reset() {
	pause();
	seek(replay.value.begin);
}

// --- what the page calls ------------------------------------------------------------------------
let turn = Promise.resolve();

/** One analysis after the other; rules: a function from those before. Gives the report. */
function run(f, rules) {
	const mine = turn.then(async () => {
		if (f !== file.value) throw new DOMException("another capture came", "AbortError");
		const next = rules(captureRules.peek());

		try {
			const made = await analyse(f, next);

			if (f === file.value) take(made, next);
			return made.report;
		} finally {
			work.value = stopper = null;
		}
	});

	turn = mine.catch(() => {});
	return mine;
}

function take(made, rules) {
	report.value = made.report;
	replay.value = new Replay(made.items ?? flowItems(made.report.connections));
	captureRules.value = rules;
	if (made.damage)
		say("error", `${file.value.name} is damaged: ${made.damage}`, {
			next: "what came before the damage is shown",
		});
	capture.problem.value = null;
	capture.state.value = "ready";
	showWhole();
}

export async function open(f) {
	const rules = live.rules
		.peek()
		.filter(isHere)
		.map(({rule, kind, action, value, when}) => ({rule, kind, action, value, when}));

	stop();
	close();
	file.value = f;
	view.value = "capture";
	capture.state.value = "loading";
	try {
		await run(f, () => rules);
	} catch (e) {
		if (f === file.value) close();
		if (e.name !== "AbortError") sayProblem(`${f.name} cannot be analysed`, e);
	}
}

export function stop() {
	stopper?.abort();
}

export function close() {
	pause();
	file.value = report.value = replay.value = where.value = null;
	captureRules.value = [];
	capture.timeline.value = EMPTY_TIMELINE;
	capture.state.value = "none";
	view.value = "live";
}

/** What if these were the rules? rules: a function from those before. Gives the reports before and
 * after; the second null when it was stopped. */
export async function captureRulesSet(rules) {
	let was = null;

	try {
		const is = await run(file.value, before => {
			was = report.value;
			return rules(before);
		});

		return [was, is];
	} catch (e) {
		if (e.name === "AbortError") return [was, null];
		throw e;
	}
}

const key = r => `${r.action}:${r.kind}:${r.value} ${r.when ?? ""}`.toLowerCase();

/** How the what-if's rules differ from those in force. */
export const difference = computed(() => {
	const inForce = live.rules.value.filter(isHere),
		mine = new Set(captureRules.value.map(key)),
		theirs = new Set(inForce.map(key));

	return {
		add: captureRules.value.filter(r => !theirs.has(key(r))),
		remove: inForce.filter(r => !mine.has(key(r))),
	};
});

/** Makes the what-if's rules those of the program, which enforces them at once. */
export async function push() {
	const {add, remove} = difference.value;

	try {
		for (const r of add) await ruleAdd(r);
		for (const r of remove) await ruleRemove(r);
		say(
			"note",
			`The rules of this what-if are in force now: ${add.length} added, ` +
				`${remove.length} taken away.`,
		);
	} catch (e) {
		sayProblem("not all rules were taken over", e);
	}
	await askRules().catch(() => {});
}
