// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Changing rules from anywhere on the page: one click, a message of what it hit, one click back.
// Live, the program does it; over a capture it is a what-if in this page (capture/capture.js).
import {listRefresh, ruleAdd, ruleRemove} from "./api.js";
import {askLists, askRules} from "./live.js";
import {captureRules, captureRulesSet} from "./capture/capture.js";
import {health, live, resay, say, sayProblem, view} from "./store.js";
import {count} from "./text.js";

const TELL_AFTER_MS = [700, 2000, 5000];

export const KINDS = [
	{kind: "app", title: "Application", hint: "YouTube, or category:gambling"},
	{kind: "domain", title: "Domain", hint: "example.com (and all below), =exact.example.com"},
	{kind: "ip", title: "Address", hint: "203.0.113.9, 10.0.0.0/8, src:10.0.0.7"},
	{kind: "port", title: "Port", hint: "6881, 8888/tcp"},
	{kind: "list", title: "List", hint: "ads https://example.com/ads.txt"},
];

export const same = (a, b) =>
	a.kind === b.kind &&
	(a.action ?? "block") === (b.action ?? "block") &&
	a.value.toLowerCase() === b.value.toLowerCase() &&
	(a.when ?? "") === (b.when ?? "");

/** What a person writes beside a value: a length of time, or hours. */
export const timesOf = text =>
	!text ? {} : /^(\d+[dhms])+$/.test(text) ? {for: text} : {when: text};

const hit = r => `${count(r?.packets ?? 0, "packet")} of ${count(r?.flows ?? 0, "flow")}`;
const verb = r => (r.action === "allow" ? "allowed" : "blocked");

/** Goes on telling what a new rule hits, while its message stands. */
function tellHits(id, rule, words) {
	for (const ms of TELL_AFTER_MS)
		setTimeout(() => {
			const r = live.rules.peek().find(x => same(x, rule));

			if (r) resay(id, `${words}: ${hit(r)} so far`);
		}, ms);
}

/** Why a rule that was taken may do nothing yet. */
const doubt = answer =>
	!answer.changed
		? " already"
		: !answer.in_force
			? ", from the next `dpi-xdp attach` on: no agent is running"
			: health.peek()?.agent?.monitor
				? ", but the agent only watches: nothing is dropped"
				: "";

/** Of a length of time the program has made an end: the rule of this value that ends last. */
function undoAdd(rule) {
	const ends = live.rules
		.peek()
		.filter(r => rule.for && r.left_s && same({...r, when: ""}, {...rule, when: ""}))
		.sort((a, b) => b.left_s - a.left_s);

	return remove(ends[0] ?? rule, false);
}

async function liveAdd(rule, undoable, force) {
	const answer = await ruleAdd(rule, force);
	const times = rule.for ? ` for ${rule.for}` : rule.when ? ` ${rule.when}` : "";
	const words = `${rule.value} is ${verb(rule)}${times}${doubt(answer)}`;
	const id = say("note", words, {
		undo: undoable && answer.changed ? () => undoAdd(rule) : null,
	});

	await askRules();
	tellHits(id, rule, words);
}

async function liveRemove(rule, undoable) {
	const before = live.rules.peek().find(r => same(r, rule));

	await ruleRemove(rule);
	say(
		"note",
		`${rule.value} is no longer ${verb(rule)}; while it was, the rule hit ${hit(before)}`,
		{undo: undoable ? () => add(rule, false) : null},
	);
	await askRules();
}

/** rules: a function from those before. */
async function whatIf(rules, text, rule, undo) {
	const before = captureRules.peek();
	const [was, is] = await captureRulesSet(rules);

	if (!is) return;
	const packets = is.dropped_packets - was.dropped_packets;
	const flows = is.blocked_connections.length - was.blocked_connections.length;
	const more = (n, one) => `${count(Math.abs(n), one)} ${n < 0 ? "fewer" : "more"}`;

	say(
		"note",
		`What-if: ${rule.value} ${text}. In this capture ${more(packets, "packet")} of ` +
			`${more(flows, "flow")} would be dropped. Nothing on the network has changed.`,
		{
			undo: undo
				? () =>
						whatIf(() => before, "as before", rule, false).catch(e =>
							sayProblem("the what-if stays", e),
						)
				: null,
		},
	);
}

/** What the program refuses unless it is meant can be meant, by one more click. */
function refused(rule, e) {
	const canForce = /--force/.test(e.message);

	say("error", `${rule.value} is not ${verb(rule)}: ${e.message}`, {
		next: e.next,
		label: "It is meant",
		undo: canForce ? () => add(rule, true, true) : null,
	});
}

/** Fetches a list again. accept: that it has lost more than half of its entries is meant. */
export async function refresh(rule, accept = false) {
	try {
		await listRefresh(rule, accept);
		await askLists();
	} catch (e) {
		sayProblem(`the list ${rule.value.split(" ")[0]} stays as it is`, e);
	}
}

/** Both give true when it was done. */
export async function add(rule, undoable = true, force = false) {
	rule = {action: "block", ...rule};
	try {
		if (view.value === "live") await liveAdd(rule, undoable, force);
		else
			await whatIf(
				before => [...before.filter(r => !same(r, rule)), rule],
				verb(rule),
				rule,
				undoable,
			);
		return true;
	} catch (e) {
		refused(rule, e);
		return false;
	}
}

export async function remove(rule, undoable = true) {
	rule = {action: "block", ...rule};
	try {
		if (view.value === "live") await liveRemove(rule, undoable);
		else
			await whatIf(
				before => before.filter(r => !same(r, rule)),
				`no longer ${verb(rule)}`,
				rule,
				undoable,
			);
		return true;
	} catch (e) {
		sayProblem(`the rule for ${rule.value} stays`, e);
		return false;
	}
}
