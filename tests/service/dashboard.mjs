// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The dashboard in headless Chromium, as a person with a mouse, a keyboard or a telephone meets it.
//
//     node dashboard.mjs URL FILE
//
// FILE: {modules, shots, plays: [{scenario, ...what it needs to know}]} as JSON. Prints a JSON object a line: {name,
// good, why} for a check, {at} for a point that the test that started this waits for. A line on
// standard input answers where it is asked for. Started by test_dashboard.py and
// tests/live/test_dashboard_live.py.
import {createRequire} from "node:module";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";

const [url, file] = process.argv.slice(2);
const {modules, shots, plays} = JSON.parse(fs.readFileSync(file));
const {chromium} = createRequire(path.join(modules, "x.js"))("playwright-core");
let given = {}; // of the scenario that is played
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PATIENCE_MS = 60000; // what must come is waited for, however busy the machine is
const TABS = ["overview", "feed", "connections", "rules", "suspicious", "agent"];

const tell = what => process.stdout.write(JSON.stringify(what) + "\n");
const check = (good, name, why = "") =>
	tell({name, good: Boolean(good), why: String(why).slice(0, 500)});
const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();
/** Says where it is, and waits for a line. */
const point = async at => {
	tell({at});
	return (await lines.next()).value;
};

/** Gives what ask() gives once it is true, or what it gave last. */
async function until(ask, ms = PATIENCE_MS) {
	for (const end = Date.now() + ms; ;) {
		const got = await ask();

		if (got || Date.now() > end) return got;
		await new Promise(done => setTimeout(done, 30));
	}
}

/** Gives what ask() gives once it has given the same for a while, or what it gave last. */
async function settled(ask, still = 300) {
	let last = await ask(),
		since = Date.now();

	await until(async () => {
		const got = await ask();

		if (got !== last) [last, since] = [got, Date.now()];
		return Date.now() - since > still;
	});
	return last;
}

/** The rules that the program has, as labels; what it said instead when it has none to tell. */
async function rulesNow() {
	const answer = await (await fetch(url + "/rules")).json();

	return answer.rules?.map(r => r.rule) ?? [JSON.stringify(answer)];
}

// --- the browser --------------------------------------------------------------------------------
const browser = await chromium.launch({
	executablePath: CHROMIUM,
	args: ["--no-sandbox", "--disable-gpu"],
});

async function open(at = "", {dark = false, width = 1280, height = 900} = {}) {
	const context = await browser.newContext({
		viewport: {width, height},
		colorScheme: dark ? "dark" : "light",
	});
	const page = await context.newPage();

	page.setDefaultTimeout(PATIENCE_MS);
	page.asked = [];
	page.faults = [];
	page.on("request", r =>
		page.asked.push(
			`${r.method()} ${
				new URL(r.url()).origin === new URL(url).origin
					? new URL(r.url()).pathname
					: r.url()
			}`,
		),
	);
	page.on("pageerror", e => page.faults.push(e.stack ?? e.message));
	page.on(
		"console",
		m => /Content Security Policy|Refused/.test(m.text()) && page.faults.push(m.text()),
	);
	await page.addInitScript(() => {
		window.reports = 0;
		addEventListener("securitypolicyviolation", () => window.reports++);
	});
	await page.goto(url + "/" + at);
	return page;
}

const text = async (page, selector) =>
	(await page.locator(selector).first().textContent()) ?? "";
const card = (page, name) => text(page, `[data-card=${name}] .card-value`);
const tab = async (page, name) => {
	await page.click(`.tabs a[href="#${name}"]`);
	await page.waitForSelector(`.tabs a[href="#${name}"][aria-current]`);
};
const message = (page, pattern) =>
	until(async () => {
		const all = await page.locator(".message-text").allTextContents();

		return all.find(t => pattern.test(t));
	});
const quiet = async page => {
	for (const close of await page.locator(".message .bare").all())
		await close.click({timeout: 500}).catch(() => {});
};

/** Drops a file on the page, as a mouse would. */
async function drop(page, name, base64) {
	await page.evaluate(
		([name, base64]) => {
			const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0)),
				transfer = new DataTransfer();

			transfer.items.add(new File([bytes], name));
			for (const type of ["dragenter", "dragover", "drop"])
				window.dispatchEvent(
					new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}),
				);
		},
		[name, base64],
	);
}

const analysed = page => page.waitForSelector(".where");
const rowCount = async (page, label) =>
	Number(await page.locator(`[role=grid][aria-label="${label}"]`).getAttribute("aria-rowcount")) -
	1;
const plain = n => n.toLocaleString("en");
const shot = (page, name, more) =>
	shots && page.screenshot({path: path.join(shots, name), ...more});

// --- what holds of every page -------------------------------------------------------------------
/** Names of controls that nobody can tell apart by hearing. */
const nameless = page =>
	page.evaluate(() =>
		[...document.querySelectorAll("button,a,input,select,[role=grid]")]
			.filter(
				e =>
					!(
						e.getAttribute("aria-label") ||
						e.textContent.trim() ||
						e.labels?.length ||
						e.title
					),
			)
			.map(e => e.outerHTML.slice(0, 80)),
	);

/** Text that does not stand out from its ground by 4.5 (WCAG 2.2 1.4.3). */
const pale = page =>
	page.evaluate(() => {
		const canvas = document
			.createElement("canvas")
			.getContext("2d", {willReadFrequently: true});
		const rgba = colour => {
			canvas.clearRect(0, 0, 1, 1);
			canvas.fillStyle = colour;
			canvas.fillRect(0, 0, 1, 1);
			const d = canvas.getImageData(0, 0, 1, 1).data;

			return [d[0], d[1], d[2], d[3] / 255];
		};
		const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
		const ground = e => {
			const own = rgba(getComputedStyle(e).backgroundColor);

			return own[3] === 1 || !e.parentElement
				? own.slice(0, 3)
				: over(own, ground(e.parentElement));
		};
		const light = c => {
			const [r, g, b] = c.map(v =>
				(v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4,
			);

			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const found = [],
			walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);

		for (let n = walk.nextNode(); n; n = walk.nextNode()) {
			const e = n.parentElement;

			if (
				!n.data.trim() ||
				!e.checkVisibility({opacityProperty: true}) ||
				e.closest(".sr,:disabled,option")
			)
				continue;
			const under = ground(e),
				ink = over(rgba(getComputedStyle(e).color), under);
			const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);

			if ((a + 0.05) / (b + 0.05) < 4.5)
				found.push(`"${n.data.slice(0, 20)}" ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
		}
		return found;
	});

async function sound(page, what) {
	const [reports, pwn] = await page.evaluate(() => [window.reports, typeof window.__pwn]);
	const away = page.asked.filter(a => /https?:/.test(a));

	check(
		!reports && pwn === "undefined" && !page.faults.length && !away.length,
		`${what}: no script of others ran, no policy was hurt, nothing was asked of other hosts`,
		`${reports} reports, __pwn ${pwn}, ${page.faults.concat(away).slice(0, 3)}`,
	);
}

// --- scenarios ----------------------------------------------------------------------------------
const SCENARIOS = {
	/** No agent: what to do is said, rules are stored all the same. */
	async empty() {
		const page = await open();

		check(
			/dpi-xdp attach/.test(await text(page, "[data-panel=welcome]")),
			"without an agent the page says what to do",
		);
		await page.fill(".rule-value input", "TikTok");
		await page.press(".rule-value input", "Enter");
		check(
			await message(page, /TikTok is blocked, from the next .*attach/),
			"a rule is stored without an agent, by Enter, which is said",
		);
		await page.waitForSelector('[data-rule="app:TikTok"]');
		check(
			await until(async () => (await rulesNow()).includes("app:TikTok")),
			"the program has the rule",
			await rulesNow(),
		);
		await page.fill(".rule-value input", "No such app");
		await page.click("text=Add rule");
		check(
			await message(page, /No such app is not blocked.*/),
			"a bad rule is refused in the program's words",
		);
		await page.selectOption(".rule-form select >> nth=1", "domain");
		await page.fill(".rule-value input", "co.uk");
		await page.press(".rule-value input", "Enter");
		check(
			await message(page, /co\.uk is a public suffix/),
			"a rule that is wider than it looks is asked about",
		);
		await page.click("[data-act=force]");
		check(
			await until(async () => (await rulesNow()).includes("domain:co.uk")),
			"and taken when it is meant",
			await rulesNow(),
		);
		await page.selectOption(".rule-form select >> nth=1", "list");
		await page.fill(".rule-value input", "ads");
		await page.press(".rule-value input", "Enter");
		check(await message(page, /give a "source" that begins with http/), "a list needs a source");
		await page.fill(".rule-value input", "ads https://lists.example/ads.txt every 12h");
		await page.press(".rule-value input", "Enter");
		await page.waitForSelector('[data-rule^="list:ads https://lists.example/ads.txt"] .list-state');
		check(
			/not fetched yet/.test(await text(page, '[data-rule^="list:ads"] .list-state')),
			"a list is added, and its state shown",
			await rulesNow(),
		);
		await page.click('[data-rule^="list:ads"] > button');
		check(
			await until(async () => !(await rulesNow()).includes("list:ads")),
			"and taken away",
			await rulesNow(),
		);
		await page.selectOption(".rule-form select >> nth=1", "domain");
		await quiet(page);
		await page.click('[data-rule="domain:co.uk"] button');
		await until(async () => (await rulesNow()).length === 1);
		await quiet(page);
		await page.click('[data-rule="app:TikTok"] button');
		check(
			await until(async () => !(await rulesNow()).length),
			"a rule is taken away by its cross",
		);
		check(
			await message(page, /TikTok is no longer blocked/),
			"which is told, with what it had hit",
		);
		await page
			.locator(".message", {hasText: "TikTok is no longer"})
			.locator("[data-act=undo]")
			.click();
		check(await until(async () => (await rulesNow()).length === 1), "and undone by one click");
		await page.click('[data-rule="app:TikTok"] button');
		await until(async () => !(await rulesNow()).length);
		await page.selectOption(".rule-form select >> nth=1", "app");
		for (const times of ["30m", "mon-fri 21:00-07:00"]) {
			await page.fill(".rule-value input", "TikTok");
			await page.fill(".rule-times input", times);
			await page.press(".rule-times input", "Enter");
			await until(async () => (await page.inputValue(".rule-times input")) === "");
		}
		check(
			await until(async () => {
				const rows = await page.locator('[data-rule="app:TikTok"]').allTextContents();

				return (
					rows.length === 2 &&
					rows.some(t => /until .*Z: in force, ends in \d+\smin/.test(t)) &&
					rows.some(t => /mon-fri 21:00-07:00: /.test(t))
				);
			}),
			"a rule with an end and one with hours say how they stand",
			await page.locator('[data-rule="app:TikTok"]').allTextContents(),
		);
		await page.locator('[data-rule="app:TikTok"]', {hasText: "mon-fri"}).locator("button").click();
		check(
			await until(async () => (await rulesNow()).length === 1),
			"of two times of a value one is taken away",
		);
		await page.fill(".rule-value input", "TikTok");
		await page.fill(".rule-times input", "noon");
		await page.press(".rule-times input", "Enter");
		check(await message(page, /'noon' is no time/), "and what is no time is refused");
		await page.click('[data-rule="app:TikTok"] button');
		await until(async () => !(await rulesNow()).length);
		for (const t of TABS) await tab(page, t);
		await sound(page, "no agent");
	},

	/** A dropped capture: every panel shows what `analyze` says; given.report is its JSON. */
	async capture() {
		const r = given.report,
			page = await open();

		await page.waitForSelector("[data-panel=welcome]");
		await drop(page, "dropped.pcap", given.capture);
		await analysed(page);
		check(
			/stays in this page/.test(await text(page, ".where")) &&
				!page.asked.some(a => /^POST/.test(a)),
			"the capture is analysed in the page and sent nowhere",
			await text(page, ".where"),
		);
		await panels(page, r);
		await blockAndUndo(page, r);
		await whatIfRules(page);
		await replay(page, r);
		await feed(page, r);
		await connections(page, r);
		await pushed(page);
		await withoutLists(page, r);
		await sound(page, "capture");
	},

	/** Names that would be more than names; given.names as they were sent. */
	async hostile() {
		const page = await open();

		await page.waitForSelector("[data-panel=welcome]");
		await drop(page, "\u202efdp.<img src=x onerror=window.__pwn=1>.pcap", given.capture);
		await analysed(page);
		let seen = "",
			raw = 0,
			made = 0;

		for (const t of TABS) {
			await tab(page, t);
			if (t === "connections") await page.click("text=Table");
			// All of a long table, a screen at a time.
			for (let i = 0; i < 12; i++) {
				const [all, low] = await page.evaluate(i => {
					const box = document.querySelector(".table");

					if (box) box.scrollTop = i * 350;
					return [
						document.getElementById("app").textContent,
						!box || box.scrollTop + box.clientHeight >= box.scrollHeight - 1,
					];
				}, i);

				await page.waitForTimeout(20);
				seen += all;
				raw +=
					/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/.test(
						all,
					)
						? 1
						: 0;
				if (low) break;
			}
			made += await page.evaluate(
				() =>
					document.querySelectorAll(
						"#app img, #app script, #app iframe, #app object, .name *",
					).length,
			);
		}
		check(
			seen.includes("\\u{202e}fdp.<img src=x onerror=window.__pwn=1>"),
			"the file's own name is shown, escaped",
			await text(page, ".capture-name"),
		);
		const missing = given.shown.filter(n => !seen.includes(n));

		check(
			!missing.length,
			`all ${given.shown.length} hostile names are shown as text`,
			missing.slice(0, 3),
		);
		check(
			!raw && !made,
			"no control or bidi character is shown, no name became an element",
			`${raw} ${made}`,
		);
		await sound(page, `${given.shown.length} hostile names`);
	},

	/** The module cannot be had: the program does it, and the page says so. */
	async fallback() {
		const page = await open();

		await page.route("**/dpi.wasm", r => r.abort());
		await page.waitForSelector("[data-panel=welcome]");
		await drop(page, "dropped.pcap", given.capture);
		await analysed(page);
		check(
			/sent to this program/.test(await text(page, ".where")) &&
				page.asked.includes("POST /analyze"),
			"without the module the capture is sent to the program, which is said",
			page.asked.slice(-5),
		);
		check(
			(await card(page, "packets")) === plain(given.report.total_packets),
			"and counted there",
			await card(page, "packets"),
		);
		await page.click(`[data-app="${given.block.app}"] [data-act=block]`);
		const said = await message(page, /What-if: .* would be dropped/);

		check(
			said?.includes(`${plain(given.block.packets)} packet`),
			"a what-if is answered there too",
			said,
		);
		await page.click(`[data-app="${given.block.app}"] [data-act=unblock]`);
		check(
			await until(async () => (await card(page, "blocked")) === "0"),
			"and one without rules",
			await card(page, "blocked"),
		);
		await drop(page, "short.pcap", given.cut);
		check(
			await message(page, /short\.pcap is damaged: .+/),
			"and a damaged capture is told of",
			(await page.locator(".message-text").allTextContents()).join(),
		);
		await page.click("[data-act=close]");
		await drop(
			page,
			"not.pcap",
			btoa("this is no capture, but long enough to be one of some kind"),
		);
		check(
			await message(page, /not\.pcap cannot be analysed: .+/),
			"what is no capture is refused in words",
		);
		await page.unroute("**/dpi.wasm");
		await drop(page, "cut.pcap", given.cut);
		check(
			await message(page, /cut\.pcap is damaged: .+/),
			"a capture that ends early is said to be damaged",
			(await page.locator(".message-text").allTextContents()).join(),
		);
		await analysed(page);
		check(
			(await card(page, "packets")) === plain(given.report.total_packets - 1) &&
				/stays in this page/.test(await text(page, ".where")),
			"and what came before is shown, read in the page as soon as it can",
			await text(page, ".where"),
		);
	},

	/** Telephone width, both themes, keyboard, contrast: on every tab, with a capture. */
	async manners() {
		for (const [what, how] of [
			["360 px, dark", {width: 360, height: 740, dark: true}],
			["desktop", {}],
			...(given.full
				? [
						["360 px", {width: 360, height: 740}],
						["desktop, dark", {dark: true}],
					]
				: []),
		]) {
			const page = await open("", how);
			const wide = [],
				faint = [],
				mute = [];

			await page.waitForSelector("[data-panel=welcome]");
			wide.push(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth));
			await drop(
				page,
				"a-capture-with-a-rather-long-name-of-its-own-from-monday.pcap",
				given.capture,
			);
			await analysed(page);
			for (const t of TABS) {
				await tab(page, t);
				wide.push(
					await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
				);
				faint.push(...(await pale(page)));
				mute.push(...(await nameless(page)));
			}
			check(
				wide.every(n => n <= 0),
				`${what}: nothing scrolls sideways`,
				wide,
			);
			check(
				!faint.length,
				`${what}: every text has a contrast of 4.5`,
				[...new Set(faint)].slice(0, 5),
			);
			check(!mute.length, `${what}: every control has a name`, mute.slice(0, 3));
			const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);

			check(
				Number(/\d+/.exec(dark)[0]) < 60 === Boolean(how.dark),
				`${what}: the ground is as the system asks`,
				dark,
			);
			await tab(page, "overview");
			await shot(page, `${what.replace(/\W+/g, "-")}.png`);
			if (what === "desktop") await keyboard(page);
			await sound(page, what);
			await page.context().close();
		}
	},

	/** A hundred thousand connections, told by a stand-in for the agent's answers. */
	async many() {
		const page = await open("", {});
		const rows = given.report.connections.map(
				({dst_ip, dst_port, protocol, app, domain, state, packets, bytes}) =>
					({dst_ip, dst_port, protocol, app, domain, state, packets, bytes}),
			),
			total = 100000;
		const answer = (route, body) =>
			route.fulfill({contentType: "application/json", body: JSON.stringify(body)});

		await page.route("**/health", r =>
			answer(r, {
				status: "ok",
				agent: {interfaces: [], uptime_s: 1, samples: 0, samples_lost: 0},
				redis: null,
				service: {},
			}),
		);
		await page.route("**/stats", r => answer(r, {...given.report, connections_total: total}));
		await page.route("**/stats/connections?*", r => {
			const q = new URL(r.request().url()).searchParams,
				from = Number(q.get("cursor") ?? 0),
				to = from + Number(q.get("limit"));

			answer(r, {
				total,
				next: to < total ? String(to) : null,
				connections: Array.from({length: to - from}, (_, i) => ({
					...rows[(from + i) % rows.length],
					src_port: 1,
					src_ip: `row ${from + i}`,
				})),
			});
		});
		await tab(page, "connections");
		await page.click("text=Table");
		check(
			await until(async () => (await rowCount(page, "Connections")) === total),
			"a hundred thousand connections are in the table",
			await rowCount(page, "Connections"),
		);
		// Of 61 screens: a machine that is busy may take two of them for itself.
		const {slowest, most} = await page.evaluate(async () => {
			const box = document.querySelector(".table"),
				frame = () => new Promise(requestAnimationFrame);
			const times = [];
			let most = 0;

			for (let i = 0; i <= 60; i++) {
				const began = performance.now();

				box.scrollTop = (box.scrollHeight * i) / 60;
				await frame();
				await frame();
				times.push(performance.now() - began);
				most = Math.max(most, document.querySelectorAll(".rows .tr").length);
			}
			return {slowest: times.sort((a, b) => b - a)[2], most};
		});
		check(
			(await until(async () =>
				/row 99999/.test(await page.locator(".rows").textContent()),
			)) && most < 100,
			"its end is reached, and only the rows in sight exist",
			`${most} rows`,
		);
		check(
			slowest < 1000,
			"scrolling through it never stands still",
			`${Math.round(slowest)} ms`,
		);
	},

	/** The interactive documentation. */
	async docs() {
		const page = await open("docs");

		check(
			await until(() =>
				page
					.locator(".opblock")
					.count()
					.then(n => n > 8),
			),
			"the documentation lists the routes",
		);
		await page.locator(".opblock", {hasText: "/rules"}).first().click();
		check(await until(() => page.locator(".opblock-body").count()), "and opens one");
		await sound(page, "documentation");
	},

	/** A program that wants a token. */
	async token() {
		const page = await open();
		const guard = r =>
			r.request().headers().authorization === "Bearer right"
				? r.fulfill({contentType: "application/json", body: '{"rules":[]}'})
				: r.fulfill({
						status: 401,
						contentType: "application/problem+json",
						body: '{"detail":"a token is needed"}',
					});

		// The program behind has no token, and would refuse one.
		await page.route("**/health", r =>
			r.continue({headers: {...r.request().headers(), authorization: ""}}),
		);
		await page.route("**/rules", guard);
		await page.fill(".token input", "right");
		const taken = page.waitForResponse(r => r.url().endsWith("/rules") && r.status() === 200);

		await page.keyboard.press("Enter");
		check(
			(await taken) && !(await page.locator(".token").count()),
			"a token is asked for, and used",
		);
	},

	live,
};

/** With lists in force a capture is analysed all the same, without them, which is said. */
async function withoutLists(page, r) {
	const at = url + "/lists/",
		how = {headers: {"Content-Type": "application/json"}};
	const before = await rulesNow();

	for (const name of ["ads", "more"])
		await fetch(`${at}${name}?source=https://lists.example/${name}.txt`, {method: "POST", ...how});
	check(
		await until(async () => (await rulesNow()).length === before.length + 2),
		"two lists are in force",
		await rulesNow(),
	);
	await tab(page, "rules");
	await page.waitForSelector('[data-rule^="list:more"]');
	await drop(page, "lists.pcap", given.capture);
	await analysed(page);
	check(
		/stays in this page/.test(await text(page, ".where")) &&
			/2 lists are left out here/.test(await text(page, '[data-left-out="2"]')),
		"a capture is analysed in the page without the lists, and how many is said",
		await text(page, ".capture-bar"),
	);
	check(
		!(await page.locator('[data-act="push"]').count()),
		"that they are left out is no change of the rules",
		await text(page, ".what-if"),
	);
	for (const name of ["ads", "more"]) await fetch(at + name, {method: "DELETE", ...how});
	await until(async () => (await rulesNow()).length === before.length);
}

// --- the panels of a capture --------------------------------------------------------------------
async function panels(page, r) {
	const want = {
		packets: plain(r.total_packets),
		forwarded: plain(r.forwarded_packets),
		blocked: plain(r.dropped_packets),
		connections: plain(r.connections.length),
		found: plain(r.apps.length),
	};
	const cards = async () =>
		JSON.stringify(
			Object.fromEntries(
				await Promise.all(Object.keys(want).map(async n => [n, await card(page, n)])),
			),
		);

	check(
		await until(async () => (await cards()) === JSON.stringify(want)),
		"head cards say what analyze says",
		`${await cards()}, not ${JSON.stringify(want)}`,
	);
	check(
		(await text(page, "[data-card=protocols]")).includes(
			`${plain(r.tcp_packets)} TCP, ${plain(r.udp_packets)} UDP`,
		),
		"TCP and UDP are told apart",
		await text(page, "[data-card=protocols]"),
	);
	const inked = await page.evaluate(() => {
		const c = document.querySelector(".chart canvas");
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;

		return new Set(
			Array.from(
				{length: d.length / 4},
				(_, i) => (d[4 * i] << 16) | (d[4 * i + 1] << 8) | d[4 * i + 2],
			),
		).size;
	});

	check(inked > 20, "the timeline is drawn", inked);
	const apps = r.apps.filter(a => a.packets).sort((a, b) => b.packets - a.packets);
	const shown = await page.locator("[data-app]").evaluateAll(l => l.map(e => e.dataset.app));

	check(
		shown.every((a, i) => apps.find(x => x.app === a)?.packets === apps[i].packets) &&
			shown.length === Math.min(10, apps.length),
		"applications by their share",
		shown,
	);
	const compare = await page.locator("[data-panel=blocked] tbody tr").first().textContent();
	const lost = [...apps].sort(
		(a, b) => b.dropped_packets - a.dropped_packets || b.packets - a.packets,
	)[0];

	check(
		compare.includes(`${lost.packets - lost.dropped_packets}${lost.dropped_packets}`),
		"blocked against forwarded",
		compare,
	);
	const most = Math.max(...r.domains.map(d => d.flows));
	const first = await text(page, "[data-panel=domains] li");

	check(
		r.domains.some(d => d.flows === most && first.includes(d.domain)),
		"top domains",
		first,
	);
	await tab(page, "suspicious");
	const evidence = await text(page, "[data-panel=suspicious]");

	check(
		r.suspicious.length &&
			r.suspicious.every(
				s => evidence.includes(s.ip) && s.reasons.every(x => evidence.includes(x.kind)),
			),
		"suspicious addresses with their reasons",
		evidence,
	);
	await tab(page, "agent");
	const counters = await text(page, "[data-panel=counters]");

	check(
		counters.includes("packets" + plain(r.counters.packets)) &&
			counters.includes("names" + plain(r.counters.names)),
		"counters",
		counters,
	);
	await tab(page, "overview");
}

async function blockAndUndo(page, r) {
	const {app, packets, flows} = given.block; // what analyze drops with that rule more

	await page.click(`[data-app="${app}"] [data-act=block]`);
	const said = await message(page, /What-if: .* would be dropped/);

	check(
		said?.includes(`${plain(packets)} packet`) && said.includes(`${plain(flows)} flow`),
		"one click blocks an application, and says what it would drop",
		said,
	);
	check(
		await until(
			async () => (await card(page, "blocked")) === plain(r.dropped_packets + packets),
		),
		"the cards follow",
		await card(page, "blocked"),
	);
	check(
		/simulated/.test(await text(page, ".what-if")) &&
			(await page.locator("[data-act=push]").count()),
		"it is marked as a what-if, with an offer to put it in force",
	);
	check(
		!page.asked.some(a => /^(POST|DELETE|PUT)/.test(a)),
		"no rule of the program was touched",
		page.asked.slice(-3),
	);
	await page.locator(".message", {hasText: "What-if"}).locator("[data-act=undo]").first().click();
	check(
		await until(async () => (await card(page, "blocked")) === plain(r.dropped_packets)),
		"one click undoes it",
		await card(page, "blocked"),
	);
	await quiet(page);
}

/** The what-if's rules, put in force by the program after a second question. */
async function pushed(page) {
	await tab(page, "overview");
	await page.click(`[data-app="${given.block.app}"] [data-act=block]`);
	await page.click("[data-act=push]");
	await page.click("text=/^Yes, enforce/");
	const inForce = async () => (await rulesNow()).join();

	check(
		await until(async () => (await inForce()) === `app:${given.block.app}`),
		"a what-if is put in force on demand",
		await inForce(),
	);
	await page.click("[data-act=close]");
	await page.click(`[data-rule="app:${given.block.app}"] button`);
	check(
		await until(async () => !(await inForce())),
		"and its rule taken away again",
		await inForce(),
	);
}

async function whatIfRules(page) {
	await tab(page, "rules");
	for (const {kind, value, packets} of given.rules) {
		await page.selectOption(".rule-form select >> nth=1", kind);
		await page.fill(".rule-value input", value);
		await page.press(".rule-value input", "Enter");
		const said = await message(
			page,
			new RegExp(`What-if: ${value.replace(/[.*/]/g, "\\$&")} `),
		);

		check(
			said?.includes(`${plain(packets)} packet`),
			`a rule by ${kind} says what it would drop`,
			said,
		);
		await page.locator(`[data-rule^="${kind}:"] button`).first().click();
		await until(async () => !(await page.locator(`[data-rule^="${kind}:"]`).count()));
		await quiet(page);
	}
	await page.selectOption(".rule-form select >> nth=1", "ip");
	await page.fill(".rule-value input", "300.1.2.3");
	await page.press(".rule-value input", "Enter");
	check(
		await message(page, /300\.1\.2\.3 is not blocked: .+/),
		"a bad address is refused in words",
	);
	await quiet(page);
	await tab(page, "overview");
}

async function replay(page, r) {
	await page.click('[aria-label="Reset: back to the beginning"]');
	const played = async () => Number((await card(page, "packets")).replace(/,/g, ""));

	check(
		await until(async () => (await played()) < r.total_packets / 2),
		"reset goes back to the beginning",
		await played(),
	);
	const start = await played();

	await page.selectOption(".player select", "1");
	await page.click('[aria-label="Play"]');
	await until(async () => (await played()) > start);
	await page.click('[aria-label="Pause the replay"]');
	const some = await settled(played);

	check(
		some > start && some < r.total_packets,
		"the replay goes on as time does, and stands still when paused",
		`${start} ${some}`,
	);
	await page.selectOption(".player select", "1000");
	await page.click('[aria-label="Play"]');
	check(
		await until(async () => (await card(page, "packets")) === plain(r.total_packets)),
		"a thousand times faster it ends at once",
		await card(page, "packets"),
	);
}

async function feed(page, r) {
	await tab(page, "feed");
	check(
		await until(async () => (await rowCount(page, "Feed")) === r.total_packets),
		"every packet is in the feed",
		await rowCount(page, "Feed"),
	);
	await page.fill('[aria-label="Filter by address, application, name"]', given.payload.name);
	await until(async () => (await rowCount(page, "Feed")) < r.total_packets);
	await page.locator(".rows .tr", {hasText: given.payload.name}).first().click();
	const hex = await text(page, ".hex");

	check(
		hex.includes(given.payload.ascii) && /^0000  ([0-9a-f]{2} ){8}/.test(hex),
		"a payload is shown in hex and ASCII",
		hex.slice(0, 200),
	);
	check(
		(await text(page, ".detail")).includes(given.payload.name),
		"with what is known of the packet",
	);
	await page.keyboard.press("Escape");
	check(await until(async () => !(await page.locator(".detail").count())), "Escape closes it");
	await page.fill('[aria-label="Filter by address, application, name"]', "");
	await page.selectOption('[aria-label="Protocol"]', "UDP");
	check(
		await until(async () => (await rowCount(page, "Feed")) === r.udp_packets),
		"the feed is filtered by protocol",
		`${await rowCount(page, "Feed")} of ${r.udp_packets}`,
	);
	await page.selectOption('[aria-label="Protocol"]', "");
}

async function connections(page, r) {
	await tab(page, "connections");
	const groups = new Set(r.connections.map(c => c.app)).size;

	check(
		await until(async () => (await rowCount(page, "Connections")) === groups),
		"connections are grouped by application",
		await rowCount(page, "Connections"),
	);
	await page.locator(".is-group").first().click();
	check(await until(async () => (await rowCount(page, "Connections")) > groups), "a group opens");
	await page.click("text=Table");
	check(
		await until(async () => (await rowCount(page, "Connections")) === r.connections.length),
		"or are one table",
		await rowCount(page, "Connections"),
	);
	check(
		(await page.locator(".rows .tr").first().locator(".tag").textContent()) ===
			r.connections[0].state,
		"with the state of each",
	);
	await page.locator(".rows .tr").first().click();
	check(
		(await text(page, ".detail")).includes(r.connections[0].dst_ip),
		"one is opened in detail",
	);
	await page.keyboard.press("Escape");
	check(
		await until(async () => !(await page.locator(".detail").count())),
		"Escape closes that, too",
	);
}

async function keyboard(page) {
	await page.evaluate(() => document.activeElement.blur());
	const seen = new Set(),
		dim = [];

	for (let i = 0; i < 80; i++) {
		await page.keyboard.press("Tab");
		const [what, outline, tag] = await page.evaluate(() => {
			const e = document.activeElement,
				s = getComputedStyle(e);

			return [
				e.getAttribute("aria-label") || e.textContent || e.tagName,
				s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0,
				e.tagName,
			];
		});

		seen.add(what.trim().slice(0, 40));
		if (!outline && tag !== "BODY") dim.push(what);
	}
	check(!dim.length, "what has the focus is seen to have it", dim.slice(0, 4));
	const must = [
		"Skip to content",
		"Overview",
		"Connections",
		"Play",
		"Reset: back to the beginning",
		"Dark colours",
	];

	check(
		must.every(m => seen.has(m)),
		"the keyboard reaches everything",
		must.filter(m => !seen.has(m)),
	);
	await page.locator('.tabs a[href="#feed"]').focus();
	await page.keyboard.press("Enter");
	await page.waitForSelector('.tabs a[href="#feed"][aria-current]');
	await page.locator("[role=grid]").focus();
	for (const key of ["ArrowDown", "ArrowDown", "End", "Home", "ArrowDown", "Enter"])
		await page.keyboard.press(key);
	check(await until(() => page.locator(".detail").count()), "a row is chosen and opened by keys");
	await page.keyboard.press("Escape");
	await page.locator("[data-act=theme]").focus();
	await page.keyboard.press("Space");
	const isDark = () => page.evaluate(() => document.documentElement.dataset.theme === "dark");

	check(await until(isDark), "the theme is switched by a key");
	await page.reload();
	check(await until(isDark), "and stays as chosen");
}

// --- live ---------------------------------------------------------------------------------------
/** Traffic of given.app passes; the test on the other side watches it. */
async function live() {
	const page = await open();

	await page.waitForSelector("[data-card=packets]");
	const packets = await card(page, "packets");

	check(
		await until(async () => (await card(page, "packets")) !== packets),
		"the cards follow live traffic",
		packets,
	);
	check(await until(() => page.locator(".chart canvas").count()), "the timeline grows");
	check(
		await until(() => page.locator(`[data-app="${given.app}"]`).count()),
		`${given.app} is among the applications`,
	);
	check(
		await until(async () => (await text(page, "[data-panel=domains]")).includes(given.name)),
		"its name among the domains",
	);
	check(
		(await text(page, "[data-panel=health]")).includes(given.interface),
		"the agent's health tells the interface",
	);
	check((await text(page, ".status")).includes(given.interface), "and so does the head");
	await page.fill("[data-panel=rules] input[list=rule-apps]", given.app);
	await page.click("[data-panel=rules] .rule-form >> text=What if");
	check(
		await message(page, /would be dropped \([1-9][\d,]* packets so far\): .* Nothing has changed/),
		"What if tells what a rule would drop",
		(await page.locator(".message").allTextContents()).join(),
	);
	check(
		!(await page.locator("[data-panel=rules] [data-rule]").count()),
		"and there is no rule for it",
	);
	await page.fill("[data-panel=rules] input[list=rule-apps]", "");
	await point("before");
	await page.click(`[data-app="${given.app}"] [data-act=block]`);
	await point("clicked");
	const said = await message(page, /is blocked: [1-9][\d,]* packets? of [1-9]\d* flows? so far/);

	check(
		said,
		"the message says what the rule hit",
		(await page.locator(".message").allTextContents()).join(),
	);
	check(
		await until(async () => (await text(page, "[data-panel=rules]")).includes(given.app)),
		"the rule is among the rules",
	);
	check(
		await until(async () => Number((await card(page, "blocked")).replace(/,/g, "")) > 0),
		"the blocked card counts",
	);
	check((await text(page, ".marks")).includes(given.app), "the change is marked on the timeline");
	await tab(page, "connections");
	await page.click("text=Table");
	await page.fill('input[aria-label="Filter connections"]', given.name);
	check(
		await until(async () =>
			(await page.locator(".rows .tr", {hasText: given.name}).allTextContents()).some(t =>
				/BLOCKED/.test(t),
			),
		),
		"the connection is shown as blocked",
	);
	await tab(page, "overview");
	check(
		await until(() => page.locator("[data-panel=feed] .rows .tr.is-bad").count()),
		"the feed tells of the drop",
	);
	await page.click("[data-panel=feed] .panel-tools button");
	const held = await settled(() => rowCount(page, "Feed"), 1000);

	await point("paused");
	check((await rowCount(page, "Feed")) === held, "the feed stands still when paused");
	await page.click("[data-panel=feed] .panel-tools button");
	check(await until(async () => (await rowCount(page, "Feed")) > held), "and goes on");
	const isAtEnd = () =>
		page.evaluate(() => {
			const box = document.querySelector("[data-panel=feed] .table");

			return box.scrollTop + box.clientHeight >= box.scrollHeight - 2;
		});

	await point("paused");
	check(await until(isAtEnd), "what is new stays in sight");
	await shot(page, "live.png");
	await page.locator(".message", {hasText: "is blocked"}).locator("[data-act=undo]").click();
	check(
		await message(page, /no longer blocked; while it was, the rule hit [1-9]/),
		"one click undoes it, and tells what it hit",
	);
	await point("undone");
	const rule = page.locator(`[data-panel=rules] [data-rule="app:${given.app}"]`);

	await page.click("[data-panel=rules] summary");
	check(
		await until(async () => (await page.locator("[data-change]").count()) === 2),
		"both changes are listed",
		await text(page, "[data-panel=rules]"),
	);
	await page.click('[data-change="2"] button');
	check(await until(() => rule.count()), "rolled back, the rule is there again");
	check(
		await until(() => page.locator('[data-change="3"]', {hasText: "rollback"}).count()),
		"which is a change too",
	);
	await page.click('[data-change="1"] button');
	check(await until(async () => !(await rule.count())), "before the first change it is gone");
	await page.click("[data-act=pause]");
	check(
		await until(async () => /paused, 1[45]\smin/.test(await text(page, ".status"))),
		"the head says that all is paused, and how long still",
		await text(page, ".status"),
	);
	check(
		(await (await fetch(url + "/health")).json()).agent.paused === true,
		"and so does the program",
	);
	await page.click("[data-act=pause]");
	check(
		await until(async () => (await text(page, ".status")).includes(given.interface)),
		"one more click ends it",
		await text(page, ".status"),
	);
	await tab(page, "connections");
	await page.click("text=Table");
	await page.fill('input[aria-label="Filter connections"]', "odd-");
	check(
		await until(async () => {
			const all = await page.locator(".rows").textContent();

			return given.hostile.every(n => all.includes(n));
		}),
		"hostile names of live traffic are shown as text",
		await page.locator(".rows").textContent(),
	);
	await sound(page, "live");
}

for (given of plays) {
	try {
		await SCENARIOS[given.scenario]();
	} catch (e) {
		check(false, `${given.scenario} to its end`, e.stack ?? e);
	}
	await Promise.all(browser.contexts().map(c => c.close()));
}
await browser.close();
process.exit(0);
