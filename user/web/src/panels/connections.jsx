// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The connection map: grouped by application, or as one flat table, with the state of each.
import {useEffect, useState} from "preact/hooks";
import {actionOf} from "../capture/replay.js";
import {askConnections, connectionsWanted} from "../live.js";
import {Action} from "../parts/action.jsx";
import {Detail} from "../parts/detail.jsx";
import {Icon} from "../parts/icons.jsx";
import {Bar, Name, Panel, Ready} from "../parts/panel.jsx";
import {Table} from "../parts/table.jsx";
import {sayProblem, shown, view} from "../store.js";
import {bytes, count, end, number, short, visible} from "../text.js";

const STATES = {
	NEW: "",
	ESTABLISHED: "good",
	CLASSIFIED: "good",
	BLOCKED: "bad",
	INCOMPLETE: "warn",
	CLOSED: "quiet",
};
const State = ({state}) => <span class={`tag ${STATES[state] ?? ""}`}>{visible(state)}</span>;

const nameOf = c => c.domain ?? c.names?.[0]?.name ?? "";

const SORTS = {
	app: c => c.app,
	domain: nameOf,
	state: c => c.state,
	packets: c => -c.packets,
	bytes: c => -c.bytes,
	src: c => c.src_ip,
	dst: c => c.dst_ip,
};

const group = r => r.group;
const COLUMNS = [
	{
		key: "app",
		title: "Application",
		grow: 1,
		cell: r =>
			group(r) ? (
				<span class="group-name">
					<Icon name="open" />
					<Name text={r.group} /> <span class="faint">{number(r.rows.length)}</span>
				</span>
			) : (
				<Name text={r.app} />
			),
	},
	{
		key: "src",
		title: "Source",
		grow: 1.3,
		hide: "tablet",
		cell: r => !group(r) && <Name text={end(r.src_ip, r.src_port)} />,
	},
	{
		key: "dst",
		title: "Destination",
		grow: 1.3,
		hide: "phone",
		cell: r => !group(r) && <Name text={end(r.dst_ip, r.dst_port)} />,
	},
	{
		key: "domain",
		title: "Name",
		grow: 1.7,
		cell: r =>
			group(r) ? (
				<Bar
					label={`${number(r.blocked)} blocked`}
					parts={[
						{share: (r.rows.length - r.blocked) / r.most, kind: "accent"},
						{share: r.blocked / r.most, kind: "bad"},
					]}
				/>
			) : (
				<Name text={nameOf(r)} />
			),
	},
	{
		key: "proto",
		title: "Proto",
		width: 90,
		hide: "tablet",
		cell: r =>
			!group(r) && visible(`${r.protocol}${r.app_protocol ? " " + r.app_protocol : ""}`),
	},
	{
		key: "packets",
		title: "Packets",
		width: 70,
		hide: "phone",
		align: "end",
		cell: r => short(r.packets),
	},
	{
		key: "bytes",
		title: "Bytes",
		width: 78,
		hide: "phone",
		align: "end",
		cell: r => bytes(r.bytes),
	},
	{
		key: "state",
		title: "State",
		width: 104,
		cell: r =>
			group(r) ? (
				r.blocked ? (
					<span class="tag bad">{number(r.blocked)} blocked</span>
				) : (
					<span class="faint">none blocked</span>
				)
			) : (
				<State state={r.state} />
			),
	},
];

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const textOf = c =>
	`${c.app} ${nameOf(c)} ${c.src_ip} ${c.dst_ip} ${c.src_port} ${c.dst_port} ${c.state} ${c.protocol} ` +
	`${c.block_reason ?? ""}`;

/** Groups, most flows first, the opened ones followed by their connections. */
function grouped(rows, opened) {
	const by = new Map();

	for (const c of rows) {
		if (!by.has(c.app))
			by.set(c.app, {group: c.app, rows: [], packets: 0, bytes: 0, blocked: 0});
		const g = by.get(c.app);

		g.rows.push(c);
		g.packets += c.packets;
		g.bytes += c.bytes;
		g.blocked += c.blocked ? 1 : 0;
	}
	const groups = [...by.values()].sort((a, b) => b.rows.length - a.rows.length);
	const most = Math.max(...groups.map(g => g.rows.length), 1);

	return groups.flatMap(g => [Object.assign(g, {most}), ...(opened.has(g.group) ? g.rows : [])]);
}

function Facts({c, close}) {
	const facts = [
		["From", end(c.src_ip, c.src_port)],
		["To", end(c.dst_ip, c.dst_port)],
		["Application", c.app],
		["Category", c.category],
		["Protocol", `${c.protocol} ${c.app_protocol ?? ""}`],
		["Names", (c.names ?? []).map(n => `${n.name} (${n.source})`).join(", ")],
		["State", c.state],
		["Packets", number(c.packets)],
		["Dropped", number(c.dropped_packets)],
		["Late", number(c.late_packets)],
		["Bytes", bytes(c.bytes)],
		["Reason", c.block_reason],
		["Flags", (c.flags ?? []).join(", ")],
		["JA4", c.ja4],
		["Tunnel", c.tunnel && `${c.tunnel} ${c.outer_src ?? ""} ${c.outer_dst ?? ""}`],
	].filter(f => f[1] !== "0");

	return (
		<Detail
			label="Details of the connection"
			title={
				<>
					<Name text={nameOf(c) || c.dst_ip} /> <Action what={actionOf(c)} />
				</>
			}
			of={c}
			facts={facts}
			close={close}
		/>
	);
}

export function Connections() {
	const [isGrouped, setGrouped] = useState(true);
	const [opened, setOpened] = useState(new Set());
	const [text, setText] = useState("");
	const [sort, setSort] = useState("");
	const [chosen, setChosen] = useState(null);
	const source = shown.value,
		all = source.connections.value,
		total = source.connectionTotal.value;

	useEffect(() => {
		connectionsWanted.open++;
		if (view.value === "live")
			askConnections().catch(
				e => e.status !== 503 && sayProblem("connections cannot be listed", e),
			);
		return () => {
			connectionsWanted.open--;
		};
	}, [view.value]);
	let rows = text ? all.filter(c => textOf(c).toLowerCase().includes(text)) : all;

	if (sort) rows = [...rows].sort((a, b) => compare(SORTS[sort](a), SORTS[sort](b)));
	const list = isGrouped ? grouped(rows, opened) : rows;
	const onOpen = row => {
		if (!group(row)) return setChosen(row);
		const next = new Set(opened);

		if (!next.delete(row.group)) next.add(row.group);
		setOpened(next);
	};
	const note =
		`${count(rows.length, "connection")}` +
		(total > all.length ? ` of ${number(total)}: the first are shown` : "");

	return (
		<Panel
			title="Connections"
			name="connections"
			wide
			note={note}
			tools={
				<div class="switch" role="group" aria-label="How to show connections">
					<button
						type="button"
						class="small"
						aria-pressed={isGrouped}
						onClick={() => setGrouped(true)}
					>
						By application
					</button>
					<button
						type="button"
						class="small"
						aria-pressed={!isGrouped}
						onClick={() => setGrouped(false)}
					>
						Table
					</button>
				</div>
			}
		>
			<div class="filters" role="search" aria-label="Filter connections">
				<input
					type="search"
					aria-label="Filter connections"
					placeholder="Application, name, address, state"
					value={text}
					onInput={e => setText(e.currentTarget.value.toLowerCase())}
				/>
				<label>
					<span class="sr">Sort by</span>
					<select
						aria-label="Sort by"
						value={sort}
						onChange={e => setSort(e.currentTarget.value)}
					>
						<option value="">Order: as opened</option>
						<option value="packets">Most packets</option>
						<option value="bytes">Most bytes</option>
						<option value="app">Application</option>
						<option value="domain">Name</option>
						<option value="state">State</option>
						<option value="src">Source</option>
						<option value="dst">Destination</option>
					</select>
				</label>
			</div>
			<Ready when={list.length} empty={text ? "Nothing matches" : "No connection yet"}>
				<div class={`with-detail ${chosen ? "open" : ""}`}>
					<Table
						columns={COLUMNS}
						count={list.length}
						rowAt={i => list[i]}
						label="Connections"
						height={520}
						onOpen={onOpen}
						chosen={chosen}
						rowClass={r =>
							group(r)
								? `is-group ${opened.has(r.group) ? "is-open" : ""}`
								: r.blocked
									? "is-bad"
									: ""
						}
					/>
					{chosen && <Facts c={chosen} close={() => setChosen(null)} />}
				</div>
			</Ready>
		</Panel>
	);
}
