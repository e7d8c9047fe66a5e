// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Words and numbers for people. What comes from the network is shown by visible(), as a text node
// and nothing else: no character of it may hide, reverse or end anything.

// Controls, format characters (bidi marks, zero width), separators, private use, lone surrogates.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu;

const escaped = c => {
	const n = c.codePointAt(0);

	return n < 0x100 ? "\\x" + n.toString(16).padStart(2, "0") : "\\u{" + n.toString(16) + "}";
};

/** The text with every character that cannot be seen written out. */
export const visible = text => String(text ?? "").replace(HIDDEN, escaped);

const whole = new Intl.NumberFormat("en");
const PREFIXES = ["", "k", "M", "G", "T", "P"];

/** 1234567 -> "1,234,567" */
export const number = n => whole.format(Math.round(n ?? 0));

/** 1234567 -> "1.23 M"; below 10,000 as it is. */
export function short(n, unit = "") {
	let at = 0;

	n ??= 0;
	if (Math.abs(n) < 10000 && !unit) return number(n);
	while (Math.abs(n) >= 999.5 && at < PREFIXES.length - 1) {
		n /= 1000;
		at++;
	}
	const digits = at === 0 || n >= 100 ? 0 : n >= 10 ? 1 : 2;

	return n.toFixed(digits) + (at || unit ? "\u00a0" + PREFIXES[at] + unit : "");
}

export const bytes = n => short(n, "B");
export const bits = n => short(n, "bit/s");

/** A share as a percentage; what is not nothing never reads 0. */
export function share(part, of) {
	const p = of > 0 ? (part / of) * 100 : 0;

	if (p > 0 && p < 0.1) return "<0.1\u00a0%";
	if (p < 100 && p > 99.9) return ">99.9\u00a0%";
	return (p >= 99.95 || p === 0 ? p.toFixed(0) : p.toFixed(1)) + "\u00a0%";
}

/** "1 flow", "2 flows" */
export const count = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;

const two = n => String(n).padStart(2, "0");

/** Seconds since 1970 -> "14:03:07.123" in the reader's own time zone, with up to 6 digits. */
export function clock(ts, digits = 3) {
	const d = new Date(ts * 1000);

	return (
		`${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}` +
		(digits ? (ts % 1).toFixed(6).slice(1, digits + 2) : "")
	);
}

/** A time span in seconds -> "2 h 5 min", "3.2 s". */
export function span(s) {
	if (s < 1) return Math.round(s * 1000) + "\u00a0ms";
	if (s < 60) return (s < 10 ? s.toFixed(1) : Math.round(s)) + "\u00a0s";
	if (s < 3600) return `${Math.floor(s / 60)}\u00a0min ${Math.floor(s % 60)}\u00a0s`;
	if (s < 86400) return `${Math.floor(s / 3600)}\u00a0h ${Math.floor((s % 3600) / 60)}\u00a0min`;
	return `${Math.floor(s / 86400)}\u00a0d ${Math.floor((s % 86400) / 3600)}\u00a0h`;
}

/** An address with its port: "10.0.0.1:443", "[2001:db8::1]:443"; no port, none shown. */
export const end = (ip, port) =>
	!port
		? visible(ip)
		: String(ip).includes(":")
			? `[${visible(ip)}]:${port}`
			: `${visible(ip)}:${port}`;
