// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The dashboard's frame: head, tabs, and which panels stand on which.
import {render} from "preact";
import {signal} from "@preact/signals";
import {useState} from "preact/hooks";
import {pause, resume, tokenAsked, tokenSet} from "./api.js";
import {file} from "./capture/capture.js";
import {askHealth, liveStart} from "./live.js";
import {Apps, Blocked} from "./panels/apps.jsx";
import {CaptureBar, DropAnywhere, DropZone, FileButton} from "./panels/capture.jsx";
import {Cards} from "./panels/cards.jsx";
import {Connections} from "./panels/connections.jsx";
import {Domains} from "./panels/domains.jsx";
import {FeedPanel} from "./panels/feed.jsx";
import {Counters, Health, Workers} from "./panels/health.jsx";
import {Rules} from "./panels/rules.jsx";
import {Suspicious} from "./panels/suspicious.jsx";
import {Timeline} from "./panels/timeline.jsx";
import {Welcome} from "./panels/welcome.jsx";
import {Icon} from "./parts/icons.jsx";
import {Messages} from "./parts/messages.jsx";
import {health, live, say, sayProblem, shown, view} from "./store.js";
import {theme, themeSwitch} from "./theme.js";
import {number, span, visible} from "./text.js";

const Overview = () => (
	<>
		<Timeline />
		<div class="grid">
			<div class="stack">
				<Apps />
				<Rules />
				<Health />
			</div>
			<div class="stack">
				<Blocked />
				<Domains />
				<Suspicious />
			</div>
		</div>
		<FeedPanel height={320} />
	</>
);

const TABS = [
	{id: "overview", title: "Overview", Page: Overview},
	{id: "feed", title: "Feed", Page: () => <FeedPanel height={640} />},
	{id: "connections", title: "Connections", Page: Connections},
	{
		id: "rules",
		title: "Rules",
		Page: () => (
			<div class="grid">
				<Rules />
				<Apps />
			</div>
		),
	},
	{
		id: "suspicious",
		title: "Suspicious",
		Page: Suspicious,
		count: () => shown.value.suspicious.value.length,
	},
	{
		id: "agent",
		title: "Agent",
		Page: () => (
			<div class="grid">
				<Health />
				<Workers />
				<Counters />
			</div>
		),
	},
];

const tabOf = () => TABS.find(t => "#" + t.id === location.hash) ?? TABS[0];
const tab = signal(tabOf());

addEventListener("hashchange", () => {
	tab.value = tabOf();
});

function Status() {
	const h = health.value,
		s = live.state.value,
		a = h?.agent;
	const names = (a?.interfaces ?? []).map(i => i.name);
	const [kind, text] =
		!h && s !== "loading"
			? ["bad", "no answer"]
			: s === "loading"
				? ["", "connecting"]
				: s === "none"
					? ["warn", "no agent"]
					: s === "error"
						? ["bad", "error"]
						: a?.paused
							? ["warn", a.paused_left_s ? `paused, ${span(a.paused_left_s)} left` : "paused"]
						: a?.monitor
							? ["warn", "watching only"]
							: ["good", names.length ? visible(names.join(", ")) : "running"];

	return (
		<span class={`status ${kind}`} role="status" title="The agent">
			<span class="dot" />
			{text}
		</span>
	);
}

const PAUSE = "15m";

/** Nothing is blocked for a while, by one click; or the rules count again. */
function Pause() {
	const isPaused = health.value?.agent?.paused;
	const turn = async () => {
		try {
			await (isPaused ? resume() : pause(PAUSE));
			say(
				"note",
				isPaused
					? "The rules are in force again, also on open flows"
					: "Nothing is blocked for 15 minutes; names and counts go on",
				{undo: isPaused ? null : () => resume().then(askHealth), label: "Resume"},
			);
			await askHealth();
		} catch (e) {
			sayProblem(isPaused ? "it stays paused" : "nothing is paused", e);
		}
	};

	return (
		view.value === "live" &&
		health.value?.agent && (
			<button
				type="button"
				class={isPaused ? "primary" : "quiet"}
				data-act="pause"
				aria-label={isPaused ? "Resume blocking" : "Pause blocking"}
				title={isPaused ? "The rules count again" : "Block nothing for 15 minutes"}
				onClick={turn}
			>
				<Icon name={isPaused ? "play" : "pause"} />{" "}
				<span class="hide-phone">{isPaused ? "Resume" : "Pause"}</span>
			</button>
		)
	);
}

function Head() {
	return (
		<header class="top">
			<a
				class="skip"
				href="#main"
				onClick={e => {
					e.preventDefault();
					document.getElementById("main").focus();
				}}
			>
				Skip to content
			</a>
			<span class={`brand ${file.value ? "has-file" : ""}`}>
				<span class="brand-mark">
					<Icon name="funnel" size={15} />
				</span>
				dpi-xdp
			</span>
			<Status />
			<span class="top-space" />
			{file.value && (
				<div class="switch" role="group" aria-label="What is shown">
					{["live", "capture"].map(v => (
						<button
							key={v}
							type="button"
							class="small"
							aria-pressed={view.value === v}
							onClick={() => {
								view.value = v;
							}}
						>
							{v === "live" ? "Live" : "Capture"}
						</button>
					))}
				</div>
			)}
			<Pause />
			<FileButton kind="quiet" />
			<a class="button quiet" href="/docs" title="HTTP interface">
				<Icon name="book" /> <span class="hide-phone">API</span>
			</a>
			<button
				type="button"
				class="quiet"
				aria-label={theme.value === "dark" ? "Light colours" : "Dark colours"}
				data-act="theme"
				onClick={themeSwitch}
			>
				<Icon name={theme.value === "dark" ? "sun" : "moon"} />
			</button>
		</header>
	);
}

function Tabs() {
	return (
		<nav class="tabs" aria-label="Pages">
			{TABS.map(t => {
				const n = t.count?.();

				return (
					<a
						key={t.id}
						href={"#" + t.id}
						aria-current={tab.value.id === t.id ? "page" : undefined}
					>
						{t.title}
						{n > 0 && <span class="badge">{number(n)}</span>}
					</a>
				);
			})}
		</nav>
	);
}

function TokenForm() {
	const [value, setValue] = useState("");

	return (
		tokenAsked.value && (
			<form
				class="token"
				role="dialog"
				aria-label="Token"
				onSubmit={e => {
					e.preventDefault();
					tokenSet(value.trim());
				}}
			>
				<label>
					This program asks for a token (the content of its <code>--token-file</code>). It
					is kept for this tab alone.
					<input
						type="password"
						value={value}
						autocomplete="off"
						onInput={e => setValue(e.currentTarget.value)}
					/>
				</label>
				<button type="submit" class="primary">
					Use it
				</button>
			</form>
		)
	);
}

/** The program cannot be reached: said once, above everything. */
function Banner() {
	const p = live.problem.value;

	return (
		view.value === "live" &&
		p &&
		live.state.value === "error" && (
			<p class="banner bad" role="alert">
				<Icon name="alert" /> {visible(p.message)}
				{p.next && `: ${visible(p.next)}`}
			</p>
		)
	);
}

function App() {
	const {Page} = tab.value,
		isIdle = view.value === "live" && live.state.value === "none";

	return (
		<>
			<Head />
			<Tabs />
			<main id="main" tabindex="-1">
				<TokenForm />
				<Banner />
				{file.value && view.value === "capture" ? <CaptureBar /> : null}
				<h1 class="sr">{tab.value.title}</h1>
				{isIdle && tab.value.id !== "rules" && tab.value.id !== "agent" ? (
					<Welcome />
				) : (
					<>
						{live.state.value !== "none" || view.value !== "live" ? (
							<Cards aside={tab.value.id !== "overview"} />
						) : null}
						<Page />
					</>
				)}
				{!isIdle && tab.value.id === "overview" && !file.value && <DropZone />}
			</main>
			<footer class="foot">
				Everything on this page comes from this program; nothing is fetched from or sent to
				anywhere else. <a href="/licenses.txt">Licences</a>
			</footer>
			<DropAnywhere />
			<Messages />
		</>
	);
}

const root = document.getElementById("app");

root.textContent = "";
render(<App />, root);
liveStart();
