// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Reads captures beside the page.
self.onmessage = () => self.postMessage({type: "error", status: 1, error: "the module is not part of this build"});
