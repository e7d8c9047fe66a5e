// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The frame of a panel, and what it shows when there is nothing yet.
import {shown} from "../store.js";
import {visible} from "../text.js";

let made = 0;
const ids = new Map();
const idOf = title => ids.get(title) ?? (ids.set(title, `panel-${++made}`), ids.get(title));

export function Panel({title, name, tools, note, wide, children}) {
	const id = idOf(title);

	return (
		<section class={`panel ${wide ? "wide" : ""}`} aria-labelledby={id} data-panel={name}>
			<header class="panel-head">
				<h2 id={id}>{title}</h2>
				{note && <span class="panel-note">{note}</span>}
				{tools && <div class="panel-tools">{tools}</div>}
			</header>
			<div class="panel-body">{children}</div>
		</section>
	);
}

/** What helps when there is nothing to show. */
export function Empty({title, children}) {
	return (
		<div class="empty">
			<p class="empty-title">{title}</p>
			{children && <p>{children}</p>}
		</div>
	);
}

export function Loading() {
	return (
		<div class="empty" role="status">
			<p class="empty-title busy">Loading</p>
		</div>
	);
}

/** Stands for a panel's content until its source has some; else the children. */
export function Ready({when = true, empty = "Nothing yet", help, children}) {
	const source = shown.value;

	switch (source.state.value) {
		case "loading":
			return <Loading />;
		case "none":
			return (
				<Empty title="No agent is running">
					Attach one to an interface: <code>dpi-xdp attach eth0</code>. Or open a capture.
				</Empty>
			);
		case "error":
			return (
				<Empty title={visible(source.problem.value?.message ?? "Something failed")}>
					{visible(source.problem.value?.next ?? "")}
				</Empty>
			);
		default:
			return when ? children : <Empty title={empty}>{help}</Empty>;
	}
}

/** A bar in its track: parts of {share 0..1, kind}. Told to readers of screens as label. */
export function Bar({parts, label}) {
	return (
		<div class="bar" role="img" aria-label={label}>
			{parts.map(({share, kind}) => (
				<span
					key={kind}
					class={`bar-${kind}`}
					style={{width: `${Math.max(share > 0 ? 0.6 : 0, share * 100)}%`}}
				/>
			))}
		</div>
	);
}

/** Text from the network, kept from spilling into its surroundings. */
export const Name = ({text, empty = "\u2013"}) =>
	text ? (
		<bdi class="name" title={visible(text)}>
			{visible(text)}
		</bdi>
	) : (
		<span class="faint">{empty}</span>
	);
