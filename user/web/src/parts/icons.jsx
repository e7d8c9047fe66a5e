// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Signs drawn in line; each stands beside words or in a labelled button, so none speaks for itself.
const PATHS = {
	funnel: "M4 5h16l-6 7v5l-4 2v-7z",
	sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
	moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
	play: "M7 4l13 8-13 8z",
	pause: "M7 4h3v16H7zM14 4h3v16h-3z",
	reset: "M4 12a8 8 0 1 0 2.5-5.8M4 3v5h5",
	close: "M6 6l12 12M18 6L6 18",
	block: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.8 5.8l12.400 12.400",
	file: "M6 3h8l4 4v14H6zM14 3v4h4",
	drop: "M12 4v11M7 10l5 5 5-5M4 20h16",
	alert: "M12 4L2.5 20h19zM12 10v4M12 17v.5",
	check: "M5 12.5l4.5 4.5L19 7",
	open: "M9 6l6 6-6 6",
	plus: "M12 5v14M5 12h14",
	book: "M5 4h6a2 2 0 0 1 2 2v14a2 2 0 0 0-2-2H5zM21 4h-6a2 2 0 0 0-2 2v14a2 2 0 0 1 2-2h6z",
};
const FILLED = new Set(["play", "pause", "funnel"]);

export function Icon({name, size = 16}) {
	const filled = FILLED.has(name);

	return (
		<svg
			class="icon"
			width={size}
			height={size}
			viewBox="0 0 24 24"
			aria-hidden="true"
			fill={filled ? "currentColor" : "none"}
			stroke={filled ? "none" : "currentColor"}
			stroke-width="2"
			stroke-linecap="round"
			stroke-linejoin="round"
		>
			<path d={PATHS[name]} />
		</svg>
	);
}
