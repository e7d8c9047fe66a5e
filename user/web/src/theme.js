// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Light or dark: the system's choice until the reader makes one.
import {effect, signal} from "@preact/signals";

const KEPT = "dpi-xdp-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = signal(localStorage.getItem(KEPT));

export const theme = signal("light");

const settle = () => {
	theme.value = chosen.value ?? (system.matches ? "dark" : "light");
};

system.addEventListener("change", settle);
effect(settle);
effect(() => {
	document.documentElement.dataset.theme = theme.value;
});

export function themeSwitch() {
	chosen.value = theme.value === "dark" ? "light" : "dark";
	localStorage.setItem(KEPT, chosen.value);
}

/** What a colour of style.css comes to now, for canvases. */
export function colour(name) {
	const probe = document.createElement("span");

	probe.style.color = `var(--${name})`;
	document.body.append(probe);
	const value = getComputedStyle(probe).color;

	probe.remove();
	return value;
}
