// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The feed: packets of a capture, events of flows live; filters, pause, and one opened in detail.
import {useEffect, useRef, useState} from "preact/hooks";
import {file, replay, report, where} from "../capture/capture.js";
import {paused} from "../events.js";
import {Action} from "../parts/action.jsx";
import {Detail} from "../parts/detail.jsx";
import {Icon} from "../parts/icons.jsx";
import {Empty, Name, Panel, Ready} from "../parts/panel.jsx";
import {Table} from "../parts/table.jsx";
import {following, live, shown, view} from "../store.js";
import {bytes, clock, end, number, visible} from "../text.js";

const PAYLOAD_SHOWN = 128;
const LOOK_MS = 25; // at rows for a filter, at a time

const COLUMNS = [
	{key: "n", title: "No.", width: 64, hide: "phone", align: "end", cell: r => number(r.n)},
	{
		key: "ts",
		title: "Time",
		width: 112,
		cell: r => <span class="mono">{clock(r.ts, r.kind === "packet" ? 6 : 3)}</span>,
	},
	{
		key: "src",
		title: "Source",
		grow: 1.4,
		hide: "tablet",
		cell: r => <Name text={end(r.src, r.sport)} />,
	},
	{
		key: "dst",
		title: "Destination",
		grow: 1.4,
		hide: "phone",
		cell: r => <Name text={end(r.dst, r.dport)} />,
	},
	{key: "proto", title: "Proto", width: 56, hide: "phone", cell: r => visible(r.proto)},
	{
		key: "size",
		title: "Size",
		width: 72,
		hide: "tablet",
		align: "end",
		cell: r => (r.size === null ? <span class="faint">–</span> : bytes(r.size)),
	},
	{key: "app", title: "Application", grow: 0.9, cell: r => <Name text={r.app} />},
	{key: "info", title: "Info", grow: 2, hide: "phone", cell: r => <Name text={r.info} />},
	{key: "action", title: "Action", width: 92, cell: r => <Action what={r.action} />},
];

const matches = (r, {text, proto, action}) =>
	(!proto || r.proto === proto) &&
	(!action || r.action === action) &&
	(!text ||
		`${r.src}:${r.sport} ${r.dst}:${r.dport} ${r.app} ${r.info} ${r.kind ?? ""}`
			.toLowerCase()
			.includes(text));

/** What the table shows: all rows, or the numbers of those that match. */
function useRows(feed, filter, held) {
	const kept = useRef({key: "", upTo: 0, list: []});
	const count = held?.count ?? feed.count ?? feed.rows.length;
	const rows = held?.rows ?? feed.rows;
	const at = feed.row ? i => feed.row(i) : i => rows[i];

	if (!filter.text && !filter.proto && !filter.action) return {count, rowAt: at};
	// A capture's rows only grow in number: what was looked at stays looked at.
	const key = JSON.stringify(filter),
		k = kept.current;

	if (!feed.row || k.key !== key || k.upTo > count || k.feed !== feed)
		kept.current = {key, upTo: 0, list: [], feed};
	const now = kept.current;

	const began = performance.now();

	while (now.upTo < count) {
		const i = now.upTo++;

		if (matches(at(i), filter)) now.list.push(i);
		// A long look goes on after the page has had its turn.
		if (i % 256 === 0 && performance.now() - began > LOOK_MS) {
			setTimeout(() => feed.told());
			break;
		}
	}
	return {count: now.list.length, rowAt: i => at(now.list[i]), isLooking: now.upTo < count};
}

function Filters({filter, set}) {
	const Choice = ({name, title, options}) => (
		<label>
			<span class="sr">{title}</span>
			<select
				value={filter[name]}
				aria-label={title}
				onChange={e => set({...filter, [name]: e.currentTarget.value})}
			>
				<option value="">{title}: all</option>
				{options.map(o => (
					<option key={o} value={o}>
						{o}
					</option>
				))}
			</select>
		</label>
	);

	return (
		<div class="filters" role="search" aria-label="Filter the feed">
			<input
				type="search"
				aria-label="Filter by address, application, name"
				placeholder="Address, application, name"
				value={filter.text}
				onInput={e => set({...filter, text: e.currentTarget.value.toLowerCase()})}
			/>
			<Choice name="proto" title="Protocol" options={["TCP", "UDP", "ICMP"]} />
			<Choice
				name="action"
				title="Action"
				options={["forwarded", "blocked", "partly", "would block"]}
			/>
		</div>
	);
}

const hexLine = (data, at) => {
	const part = [...data.subarray(at, at + 16)];

	return `${at.toString(16).padStart(4, "0")}  ${part
		.map((b, i) => (i === 8 ? " " : "") + b.toString(16).padStart(2, "0"))
		.join(" ")
		.padEnd(49)} |${part
		.map(b => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "."))
		.join("")}|`;
};

function Payload({row}) {
	if (!row.head)
		return (
			<p class="faint">
				{view.value === "live"
					? "Live, payload stays where it is: only names leave the agent. Open a capture to look inside packets."
					: row.kind === "flow"
						? "The program counted this capture; packets are looked at only where the page reads it itself."
						: "The capture holds no byte of this packet."}
			</p>
		);
	const data = row.head.subarray(0, PAYLOAD_SHOWN),
		lines = [];

	for (let at = 0; at < data.length; at += 16) lines.push(hexLine(data, at));
	return (
		<>
			<h4>
				{row.hasPayload ? "Payload" : "No payload; the frame"}, first {data.length} bytes
			</h4>
			<pre class="hex" tabindex="0" aria-label="Payload in hex and ASCII">
				{lines.join("\n")}
			</pre>
		</>
	);
}

function Facts({row, close}) {
	const facts = [
		["Time", new Date(row.ts * 1000).toISOString()],
		["Source", end(row.src, row.sport)],
		["Destination", end(row.dst, row.dport)],
		["Protocol", row.proto],
		["Application", row.app],
		["Size", row.size === null ? "" : bytes(row.size)],
		["Info", row.info],
		["Kind", row.kind],
		["Reason", row.connection?.block_reason ?? row.event?.dpi_xdp?.rule],
		["Flags", (row.connection?.flags ?? row.event?.dpi_xdp?.flags ?? []).join(", ")],
		["JA4", row.connection?.ja4 ?? row.event?.dpi_xdp?.ja4],
	];

	return (
		<Detail
			label={`Details of number ${row.n}`}
			title={
				<>
					No. {number(row.n)} <Action what={row.action} />
				</>
			}
			of={row}
			facts={facts}
			close={close}
		>
			<Payload row={row} />
		</Detail>
	);
}

export function FeedPanel({height = 420}) {
	const [filter, setFilter] = useState({text: "", proto: "", action: ""});
	const [held, setHeld] = useState(null);
	const [row, setRow] = useState(null);
	const source = shown.value,
		feed = source.feed,
		isLive = view.value === "live";

	feed.version.value; // a new version draws it again
	const {count, rowAt, isLooking} = useRows(feed, filter, held);
	const pause = () => {
		paused.feed = !held && isLive;
		setHeld(held ? null : {rows: feed.rows, count: feed.count ?? feed.rows.length});
	};
	const note = isLive ? liveNote(feed) : replayNote();

	useEffect(() => {
		setRow(null);
		setHeld(null);
		paused.feed = false;
	}, [view.value, file.value]);
	return (
		<Panel
			title={isLive ? "Live feed" : "Packets"}
			name="feed"
			wide
			note={note}
			tools={
				<button type="button" class="small" aria-pressed={Boolean(held)} onClick={pause}>
					<Icon name={held ? "play" : "pause"} /> {held ? "Go on" : "Pause"}
				</button>
			}
		>
			<Filters filter={filter} set={setFilter} />
			<div class={`with-detail ${row ? "open" : ""}`}>
				{count ? (
					<Table
						columns={COLUMNS}
						count={count}
						rowAt={rowAt}
						label="Feed"
						onOpen={setRow}
						chosen={row}
						follow={!held && !row && isLive}
						height={height}
						rowClass={r => (r.action === "blocked" ? "is-bad" : "")}
					/>
				) : (
					<Ready
						when={false}
						empty={
							isLooking
								? "Looking"
								: filter.text || filter.proto || filter.action
									? "Nothing matches"
									: "Nothing yet"
						}
						help={
							isLive
								? "Events appear as flows open, are named, dropped and end."
								: "Press play."
						}
					/>
				)}
				{row && <Facts row={row} close={() => setRow(null)} />}
			</div>
		</Panel>
	);
}

/** What of the events the rows are. */
const liveNote = feed =>
	[
		following.value || live.state.value !== "ready"
			? "events of flows"
			: "no events come; trying again",
		feed.left && `${number(feed.left)} older ones left`,
		feed.missed && `${number(feed.missed)} missed`,
	]
		.filter(Boolean)
		.join(", ");

/** What of the capture the rows are. */
function replayNote() {
	const total = report.value?.total_packets ?? 0,
		kept = replay.value?.items.count ?? 0;

	if (where.value === "program") return "flows: the program tells no single packets";
	return total > kept ? `the first ${number(kept)} of ${number(total)}` : "";
}
