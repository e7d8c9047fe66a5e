// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The rules: what they hit, adding one, taking one away; what is wrong with a bad one. A list is one
// rule, with what is in it, its age and its faults.
import {useState} from "preact/hooks";
import {whatIfLive} from "../history.js";
import {Icon} from "../parts/icons.jsx";
import {Empty, Name, Panel} from "../parts/panel.jsx";
import {History} from "./history.jsx";
import {add, KINDS, refresh, remove, timesOf} from "../rules.js";
import {catalogue, live, rulesInForce, shown, view} from "../store.js";
import {count, number, span, visible} from "../text.js";

const FOUND = 12;
const TIMES = ["30m", "2h", "1d", "mon-fri 21:00-07:00", "sat,sun", "18:00-20:00"];
const SHORT = {app: "app", domain: "domain", ip: "address", port: "port", list: "list"};
// What is in a list is not known to the page, so there is no what-if with one.
const kindsOf = view => KINDS.filter(k => view === "live" || k.kind !== "list");

function Form() {
	const [kind, setKind] = useState("app");
	const [action, setAction] = useState("block");
	const [value, setValue] = useState("");
	const [times, setTimes] = useState("");
	const [busy, setBusy] = useState(false);
	const known = KINDS.find(k => k.kind === kind);
	const submit = async e => {
		e.preventDefault();
		if (!value.trim()) return;
		setBusy(true);
		if (await add({kind, action, value: value.trim(), ...timesOf(times.trim())})) {
			setValue("");
			setTimes("");
		}
		setBusy(false);
	};
	const apps =
		kind === "app" && value
			? catalogue.value
					.filter(a => a.app.toLowerCase().includes(value.toLowerCase()))
					.slice(0, FOUND)
			: [];

	return (
		<form class="rule-form" onSubmit={submit} aria-label="Add a rule">
			<label>
				Do
				<select value={action} onChange={e => setAction(e.currentTarget.value)}>
					<option value="block">Block</option>
					<option value="allow" disabled={kind === "port"}>
						Allow
					</option>
				</select>
			</label>
			<label>
				Kind
				<select
					value={kind}
					onChange={e => {
						setKind(e.currentTarget.value);
						if (e.currentTarget.value === "port") setAction("block");
					}}
				>
					{kindsOf(view.value).map(k => (
						<option key={k.kind} value={k.kind}>
							{k.title}
						</option>
					))}
				</select>
			</label>
			<label class="rule-value">
				Value
				<input
					value={value}
					list="rule-apps"
					autocomplete="off"
					spellcheck={false}
					placeholder={known.hint}
					onInput={e => setValue(e.currentTarget.value)}
				/>
			</label>
			<datalist id="rule-apps">
				{apps.map(a => (
					<option key={a.app} value={a.app}>
						{a.category}
					</option>
				))}
			</datalist>
			{view.value === "live" && (
				<label class="rule-times">
					When
					<input
						value={times}
						list="rule-times"
						autocomplete="off"
						spellcheck={false}
						placeholder="always"
						onInput={e => setTimes(e.currentTarget.value)}
					/>
				</label>
			)}
			<datalist id="rule-times">
				{TIMES.map(t => (
					<option key={t} value={t} />
				))}
			</datalist>
			<button type="submit" class="primary" disabled={busy || !value.trim()}>
				<Icon name="plus" /> Add rule
			</button>
			{view.value === "live" && (
				<button
					type="button"
					disabled={busy || !value.trim()}
					title="What this rule would do to the connections of now; changes nothing"
					onClick={async () => {
						setBusy(true);
						await whatIfLive({kind, action, value: value.trim()});
						setBusy(false);
					}}
				>
					What if
				</button>
			)}
		</form>
	);
}

/** When a rule is in force, and for how long still. */
const Times = ({r}) => (
	<span class="rule-when faint">
		{visible(r.when)}:{" "}
		{view.value !== "live"
			? "in force here at all times"
			: (r.in_force ? "in force" : "not now") +
				(r.left_s ? `, ${r.in_force ? "ends" : "begins"} in ${span(r.left_s)}` : "")}
	</span>
);

/** How a list stands, and what can be done about it. */
function ListState({r}) {
	const l = live.lists.value[r.rule];

	if (!l || view.value !== "live") return null;
	const what = l.loaded
		? `${count(l.names, "name")}, ${count(l.addrs, "address", "addresses")}, ` +
			`${span(Date.now() / 1000 - l.checked_s)} old`
		: l.error
			? "nothing in it yet"
			: l.state === "missing"
				? "not fetched yet"
				: "being fetched";

	return (
		<span class="list-state">
			<span class="faint">{what}</span>
			{l.state === "fetching" && l.loaded && <span class="faint">, being fetched</span>}
			{l.error && <span class="bad-text">{visible(l.error)}</span>}
			<button type="button" class="bare" title="Fetch it again now" onClick={() => refresh(r)}>
				<Icon name="reset" /> Refresh
			</button>
			{l.state === "held" && (
				<button type="button" class="bare" onClick={() => refresh(r, true)}>
					It is meant
				</button>
			)}
		</span>
	);
}

function Row({r}) {
	const [busy, setBusy] = useState(false);

	return (
		<li class="rule-row" data-rule={`${r.kind}:${r.value}`}>
			<span class={`tag ${r.action === "allow" ? "good" : "bad"}`}>
				{r.action ?? "block"}
			</span>
			<span class="faint rule-kind">{SHORT[r.kind] ?? visible(r.kind)}</span>
			<span class="rule-what">
				<Name text={r.value} />
				{r.when && <Times r={r} />}
				{r.kind === "list" && <ListState r={r} />}
			</span>
			<span class="rule-hits">
				{r.packets || r.flows ? (
					`${count(r.packets, "packet")}, ${count(r.flows, "flow")}`
				) : (
					<span class="faint">no hit yet</span>
				)}
			</span>
			<button
				type="button"
				class="bare"
				disabled={busy}
				aria-label={`Remove rule ${visible(r.value)}`}
				title="Remove this rule"
				onClick={async () => {
					setBusy(true);
					await remove(r);
					setBusy(false);
				}}
			>
				<Icon name="close" />
			</button>
		</li>
	);
}

const SHOWN = 100;

/** The rules that are shown, of what may be a million of a block list. */
function List({rules}) {
	const [text, setText] = useState("");
	const found = text ? rules.filter(r => r.value.toLowerCase().includes(text)) : rules;

	return (
		<>
			{rules.length > SHOWN / 5 && (
				<div class="filters" role="search" aria-label="Find a rule">
					<input
						type="search"
						aria-label="Find a rule"
						placeholder="Find a rule"
						value={text}
						onInput={e => setText(e.currentTarget.value.toLowerCase())}
					/>
				</div>
			)}
			<ul class="rows-list">
				{found.slice(0, SHOWN).map(r => (
					<Row key={`${r.action}${r.kind}${r.value} ${r.when ?? ""}`} r={r} />
				))}
			</ul>
			{found.length > SHOWN && (
				<p class="faint">
					The first {SHOWN} of {number(found.length)}; find others by their value.
				</p>
			)}
		</>
	);
}

export function Rules() {
	const rules = shown.value.rules.value;
	const isLive = view.value === "live";

	return (
		<Panel
			title="Rules"
			name="rules"
			note={
				!isLive
					? "what-if on this capture"
					: rulesInForce.value
						? `${number(rules.length)} in force, also on open flows`
						: "stored; in force with the next attach"
			}
		>
			<Form />
			{rules.length ? (
				<List rules={rules} />
			) : (
				<Empty title="No rules">
					Everything passes. Add one above, or press Block beside an application.
				</Empty>
			)}
			{isLive && <History />}
		</Panel>
	);
}
