// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Captures: where one is dropped, how far its analysis is, its replay, and what is only a what-if.
import {useEffect, useRef, useState} from "preact/hooks";
import {
	close,
	difference,
	file,
	leftOut,
	open,
	pause,
	play,
	playing,
	position,
	push,
	replay,
	reset,
	seek,
	speed,
	SPEEDS,
	speedSet,
	stop,
	where,
	work,
} from "../capture/capture.js";
import {Icon} from "../parts/icons.jsx";
import {bytes, clock, count, span, visible} from "../text.js";

const WHERE = {
	page: "Analysed in this page: the capture stays in this page and is sent nowhere.",
	program: "Analysed by the program: the capture was sent to this program, and nowhere else.",
};
const DURING = {
	page: "Reading in this page; the capture stays in this page",
	program: "The capture is being sent to this program",
};

export function FileButton({label = "Open capture", kind = ""}) {
	const input = useRef(null);

	return (
		<>
			<button
				type="button"
				class={kind}
				data-act="open"
				aria-label={label}
				onClick={() => input.current.click()}
			>
				<Icon name="file" /> <span class={kind ? "hide-phone" : ""}>{label}</span>
			</button>
			<input
				ref={input}
				type="file"
				class="sr"
				tabindex="-1"
				aria-label="Capture file"
				onChange={e => {
					const f = e.currentTarget.files[0];

					e.currentTarget.value = "";
					if (f) open(f);
				}}
			/>
		</>
	);
}

/** Takes files dropped anywhere on the page. */
export function DropAnywhere() {
	const [over, setOver] = useState(false);

	useEffect(() => {
		let depth = 0;
		const hasFile = e => [...(e.dataTransfer?.types ?? [])].includes("Files");
		const on = {
			dragenter: e => hasFile(e) && (e.preventDefault(), depth++, setOver(true)),
			dragover: e => hasFile(e) && e.preventDefault(),
			dragleave: e => hasFile(e) && --depth <= 0 && ((depth = 0), setOver(false)),
			drop: e => {
				if (!hasFile(e)) return;
				e.preventDefault();
				depth = 0;
				setOver(false);
				if (e.dataTransfer.files[0]) open(e.dataTransfer.files[0]);
			},
		};

		for (const [name, f] of Object.entries(on)) window.addEventListener(name, f);
		return () => {
			for (const [name, f] of Object.entries(on)) window.removeEventListener(name, f);
		};
	}, []);
	return (
		over && (
			<div class="drop-over" aria-hidden="true">
				<p>
					<Icon name="drop" size={40} />
					Drop the capture
				</p>
			</div>
		)
	);
}

export function DropZone({large}) {
	return (
		<section
			class={`drop-zone ${large ? "large" : ""}`}
			aria-label="Open a capture"
			data-panel="drop"
		>
			<Icon name="drop" size={22} />
			<p>
				<b>Drop a capture here</b> <span class="faint">pcap or pcapng, any size</span>
			</p>
			<FileButton label="Choose a file" />
		</section>
	);
}

function Progress() {
	const w = work.value,
		percent = Math.round(w.part * 100);

	return (
		<div class="progress-row">
			<progress max="100" value={percent} aria-label="Analysis">
				{percent} %
			</progress>
			<span role="status">
				{DURING[w.where]}: {percent} %
			</span>
			<button type="button" class="small" onClick={stop}>
				Stop
			</button>
		</div>
	);
}

function Player() {
	const r = replay.value,
		now = position.value;
	const length = r.end - r.begin;

	return (
		<div class="player" role="group" aria-label="Replay">
			<button
				type="button"
				class="round"
				aria-label={playing.value ? "Pause the replay" : "Play"}
				onClick={() => (playing.value ? pause() : play())}
			>
				<Icon name={playing.value ? "pause" : "play"} />
			</button>
			<button
				type="button"
				class="round"
				aria-label="Reset: back to the beginning"
				onClick={reset}
			>
				<Icon name="reset" />
			</button>
			<input
				type="range"
				min="0"
				max="1000"
				aria-label="Position in the capture"
				aria-valuetext={`${span(now - r.begin)} of ${span(length)}`}
				value={length ? Math.round(((now - r.begin) / length) * 1000) : 1000}
				onInput={e => {
					pause();
					seek(r.begin + (length * e.currentTarget.value) / 1000);
				}}
			/>
			<span class="player-time">
				{clock(now)}{" "}
				<span class="faint">
					{span(now - r.begin)} of {span(length)}
				</span>
			</span>
			<label>
				Speed
				<select value={speed.value} onChange={e => speedSet(Number(e.currentTarget.value))}>
					{SPEEDS.map(s => (
						<option key={s} value={s}>
							{s}×
						</option>
					))}
				</select>
			</label>
		</div>
	);
}

/** What these numbers do without, and where it is not left out. */
function LeftOut() {
	const {lists, entries} = leftOut.value;

	return (
		lists > 0 && (
			<span data-left-out={lists}>
				{" "}
				{count(lists, "list")}
				{entries > 0 && ` with ${count(entries, "entry", "entries")}`}{" "}
				{lists === 1 ? "is" : "are"} left out here: what only a list decides is shown as
				passing. <code>dpi-xdp what-if --capture</code> asks the lists too.
			</span>
		)
	);
}

function WhatIf() {
	const {add, remove} = difference.value,
		[sure, setSure] = useState(false);
	const changes = add.length + remove.length;

	return (
		<p class="what-if">
			<span class="tag warn">What-if</span> Rule changes here are simulated on this capture
			alone.
			<LeftOut />
			{changes > 0 && (
				<>
					{" "}
					{count(changes, "rule")} differ from those in force.{" "}
					{sure ? (
						<span role="group" aria-label="Put these rules in force?">
							<button
								type="button"
								class="small primary"
								onClick={() => {
									setSure(false);
									push();
								}}
							>
								Yes, enforce {count(changes, "change")} on live traffic
							</button>{" "}
							<button type="button" class="small" onClick={() => setSure(false)}>
								No
							</button>
						</span>
					) : (
						<button
							type="button"
							class="small"
							data-act="push"
							onClick={() => setSure(true)}
						>
							Put these rules in force
						</button>
					)}
				</>
			)}
		</p>
	);
}

export function CaptureBar() {
	const f = file.value;

	if (!f) return null;
	return (
		<section class="capture-bar" aria-label="Capture" data-panel="capture">
			<div class="capture-head">
				<Icon name="file" />
				<b class="capture-name">
					<bdi>{visible(f.name)}</bdi>
				</b>
				<span class="faint">{bytes(f.size)}</span>
				{!work.value && where.value && (
					<span class="where" data-where={where.value}>
						{WHERE[where.value]}
					</span>
				)}
				<button type="button" class="small" data-act="close" onClick={close}>
					Back to live
				</button>
			</div>
			{work.value ? (
				<Progress />
			) : (
				replay.value && (
					<>
						<Player />
						<WhatIf />
					</>
				)
			)}
		</section>
	);
}
