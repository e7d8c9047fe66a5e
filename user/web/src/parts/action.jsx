// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What was done with a flow or packet: by word, with a colour beside it, never by colour alone.
const KINDS = {blocked: "bad", "would block": "warn", forwarded: "good", partly: "warn"};

export const Action = ({what}) => <span class={`tag ${KINDS[what] ?? ""}`}>{what}</span>;
