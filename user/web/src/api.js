// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The one client of the program's HTTP interface. Every failure becomes a Problem: what is wrong and
// what to do next, in the server's own words where it has some (RFC 9457).
import {signal} from "@preact/signals";

export class Problem extends Error {
	constructor(status, message, next = "") {
		super(message);
		this.status = status;
		this.next = next;
	}
}

const KEPT = "dpi-xdp-token"; // for this tab alone

export const token = signal(sessionStorage.getItem(KEPT) ?? "");
export const tokenAsked = signal(false);

export function tokenSet(value) {
	token.value = value;
	if (value) sessionStorage.setItem(KEPT, value);
	else sessionStorage.removeItem(KEPT);
	tokenAsked.value = false;
}

async function problemOf(answer) {
	let told = {};

	try {
		told = await answer.json();
	} catch {
		// not a problem document: the status has to do
	}
	if (answer.status === 401) tokenAsked.value = true;
	return new Problem(
		answer.status,
		told.detail ?? told.title ?? `the program answered ${answer.status} ${answer.statusText}`,
		told.next ?? told.next_step ?? "",
	);
}

/** One request. Gives the Response of a success; throws a Problem. */
export async function send(method, path, {body, type, signal: until, accept, lastId} = {}) {
	const headers = {};
	let answer;

	if (token.value) headers.Authorization = "Bearer " + token.value;
	if (type) headers["Content-Type"] = type;
	if (accept) headers.Accept = accept;
	if (lastId) headers["Last-Event-ID"] = lastId;
	try {
		answer = await fetch(path, {
			method,
			headers,
			body,
			signal: until,
			cache: "no-store",
			credentials: "omit",
			redirect: "error",
		});
	} catch (e) {
		if (e.name === "AbortError") throw e;
		throw new Problem(
			0,
			"the program does not answer",
			"see that `dpi-xdp serve` is running; this page goes on trying",
		);
	}
	if (!answer.ok) throw await problemOf(answer);
	return answer;
}

export const get = async path => (await send("GET", path)).json();

async function change(method, path, flags) {
	const answer = await send(method, path, {
		type: "application/json",
		body: flags && JSON.stringify(flags),
	});

	return answer.json();
}

export const post = (path, body) => change("POST", path, body);

const ruleKind = rule => (rule.action === "allow" ? "allow-" : "") + rule.kind;
const rulePath = (rule, value = rule.value) =>
	`/rules/${ruleKind(rule)}/${encodeURIComponent(value)}`;

// A list is called by its name; its value is "NAME SOURCE", and perhaps "every 12h" behind it.
const listWords = rule => rule.value.trim().split(/\s+/);
const listPath = rule => `/lists/${encodeURIComponent(listWords(rule)[0])}`;

function listAdd(rule) {
	const [, source, , every] = listWords(rule);

	return change("POST", listPath(rule), {source: source ?? "", action: rule.action, every});
}

/** force: what is far wider than it looks, such as a public suffix, is meant. A rule may have `for`,
 * how long it is to last, or `when`. */
export const ruleAdd = (rule, force = false) =>
	rule.kind === "list"
		? listAdd(rule)
		: change("POST", rulePath(rule), {force, for: rule.for, when: rule.when});
/** Of several times of one value, this one alone. */
export const ruleRemove = rule =>
	rule.kind === "list"
		? change("DELETE", `${listPath(rule)}?action=${rule.action}`)
		: change("DELETE", rulePath(rule, rule.when ? `${rule.value}  ${rule.when}` : rule.value));
/** accept: that the list has lost more than half of its entries is meant. */
export const listRefresh = (rule, accept = false) =>
	change("POST", `${listPath(rule)}/refresh`, {accept_mass_change: accept});

export const pause = length => change("POST", "/pause", {for: length});
export const resume = () => change("DELETE", "/pause");
