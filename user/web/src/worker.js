// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Reads captures beside the page.
self.onmessage = () => {};
