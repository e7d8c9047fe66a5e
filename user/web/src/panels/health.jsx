// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The agent's health: interfaces and mode, how full the maps are, what was lost, the age of shared
// rules, workers; and every counter there is.
import {useState} from "preact/hooks";
import {Bar, Empty, Loading, Panel} from "../parts/panel.jsx";
import {health, live, shown, view} from "../store.js";
import {count, number, share, short, span, visible} from "../text.js";

const Fact = ({name, children, kind}) => (
	<div class="fact">
		<dt>{name}</dt>
		<dd class={kind ? `${kind}-text` : ""}>{children}</dd>
	</div>
);

function Interfaces({rows}) {
	return (
		<table class="compare">
			<thead>
				<tr>
					<th scope="col">Interface</th>
					<th scope="col">State</th>
					<th scope="col">Mode</th>
					<th scope="col">Hooks</th>
				</tr>
			</thead>
			<tbody>
				{rows.map(i => (
					<tr key={i.name}>
						<th scope="row">{visible(i.name)}</th>
						<td>
							<span class={`tag ${i.state === "protected" ? "good" : "warn"}`}>
								{visible(i.state)}
							</span>
						</td>
						<td>{visible(i.mode)}</td>
						<td>{visible(i.hooks)}</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}

function Fill({name, used, max}) {
	const part = max ? used / max : 0;

	return (
		<div class="fill">
			<span>{visible(name)}</span>
			<span class="faint">
				{number(used)} of {number(max)} ({share(used, max)})
			</span>
			<Bar
				label={`${visible(name)}: ${share(used, max)} full`}
				parts={[{share: part, kind: part > 0.9 ? "bad" : part > 0.7 ? "warn" : "accent"}]}
			/>
		</div>
	);
}

const STATUS = {ok: "good", "no-agent": "warn", "agent-silent": "bad"};

function Agent({h}) {
	const a = h.agent;
	const redis = h.redis;

	return (
		<>
			<dl class="fact-grid">
				<Fact name="Service" kind={STATUS[h.status]}>
					{visible(h.status)}
				</Fact>
				<Fact name="Agent" kind="good">
					running{a.supervisor_pid ? `, process ${a.supervisor_pid}` : ""}
				</Fact>
				<Fact name="Version">{visible(a.version)}</Fact>
				<Fact name="Up for">{span(a.uptime_s)}</Fact>
				<Fact name="Does" kind={a.monitor ? "warn" : ""}>
					{a.monitor
						? "watches only: nothing is dropped"
						: `enforces, by ${visible(a.action ?? "drop")}`}
				</Fact>
				<Fact name="Without an engine">
					new flows {a.fail === "closed" ? "do not pass" : "pass"}
				</Fact>
				<Fact name="Engine restarts" kind={a.engine_restarts ? "warn" : ""}>
					{number(a.engine_restarts)}
				</Fact>
				<Fact name="Lost samples" kind={a.samples_lost ? "bad" : ""}>
					{number(a.samples_lost)} of {number(a.samples)}
				</Fact>
				<Fact name="Shared rules (Redis)" kind={redis && !redis.connected ? "warn" : ""}>
					{!redis ? "not used: rules are this host's own" : redisText(redis)}
				</Fact>
			</dl>
			{redis && <FleetFaults r={redis} />}
			<Interfaces rows={a.interfaces ?? []} />
		</>
	);
}

const redisText = r =>
	[
		r.connected ? "connected" : "away: the last good rules stay in force",
		r.sync_age_s === null ? "never in step yet" : `in step ${span(r.sync_age_s)} ago`,
		count(r.rules, "rule"),
		r.pending ? `${count(r.pending, "change")} to be sent` : "",
	]
		.filter(Boolean)
		.join(", ");

/** What a fleet's rules were refused for, if any were. */
function FleetFaults({r}) {
	const rows = [
		...(r.fault ? [["fault", r.fault]] : []),
		...(r.refused ?? []).map(x => [x.set, x.reason]),
	];

	return (
		rows.length > 0 && (
			<ul class="faults">
				{rows.map(([what, why]) => (
					<li key={what + why}>
						<span class="tag warn">{visible(what)}</span> {visible(why)}
					</li>
				))}
			</ul>
		)
	);
}

const fills = a =>
	[{name: "Verdicts in the kernel", used: a?.verdicts ?? 0, max: a?.verdicts_max ?? 0}].filter(
		m => m.max,
	);

export function Health() {
	const h = health.value;

	return (
		<Panel title="Agent" name="health">
			{!h ? (
				live.state.value === "loading" ? (
					<Loading />
				) : (
					<Empty title="The program does not answer">
						Is <code>dpi-xdp serve</code> still running? This page goes on trying.
					</Empty>
				)
			) : h.agent ? (
				<>
					<Agent h={h} />
					{fills(h.agent).map(m => (
						<Fill key={m.name} {...m} />
					))}
				</>
			) : h.status === "agent-silent" ? (
				<Empty title="The agent does not answer">
					It runs, but is busy or stuck: <code>dpi-xdp status</code> on the host tells
					more. What is blocked stays blocked.
				</Empty>
			) : (
				<Empty title="No agent is running">
					Nothing is watched or dropped on this host. Attach one:{" "}
					<code>dpi-xdp attach eth0</code>. Rules can be changed all the same; the next
					attach applies them.
				</Empty>
			)}
		</Panel>
	);
}

export function Workers() {
	const rows = shown.value.workers.value;

	return (
		<Panel title="Workers" name="workers">
			{rows.length ? (
				<table class="compare">
					<thead>
						<tr>
							<th scope="col">Worker</th>
							<th scope="col">
								<span class="sr">Share</span>
							</th>
							<th scope="col" class="end">
								Packets
							</th>
							<th scope="col" class="end">
								Flows
							</th>
							<th scope="col" class="end">
								Dropped
							</th>
						</tr>
					</thead>
					<tbody>
						{rows.map(w => (
							<tr key={w.worker}>
								<th scope="row">{number(w.worker)}</th>
								<td class="compare-bar">
									<Bar
										label="share of packets"
										parts={[
											{
												kind: "accent",
												share:
													w.packets /
													Math.max(1, ...rows.map(x => x.packets)),
											},
										]}
									/>
								</td>
								<td class="end">{short(w.packets)}</td>
								<td class="end">{short(w.flows)}</td>
								<td class="end">{short(w.dropped)}</td>
							</tr>
						))}
					</tbody>
				</table>
			) : view.value === "live" ? (
				<Empty title="No worker runs" />
			) : (
				<Empty title="One thread, in this page">
					A capture that the page reads itself takes no workers.
				</Empty>
			)}
		</Panel>
	);
}

export function Counters() {
	const [all, setAll] = useState(false);
	const rows = Object.entries(shown.value.counters.value).filter(([, n]) => all || n > 0);

	return (
		<Panel
			title="Counters"
			name="counters"
			wide
			tools={
				<label class="check">
					<input
						type="checkbox"
						checked={all}
						onChange={e => setAll(e.currentTarget.checked)}
					/>
					those of zero too
				</label>
			}
		>
			{rows.length ? (
				<dl class="counters">
					{rows.map(([name, n]) => (
						<div key={name}>
							<dt>{visible(name)}</dt>
							<dd>{number(n)}</dd>
						</div>
					))}
				</dl>
			) : (
				<Empty title="No counter above zero" />
			)}
		</Panel>
	);
}
