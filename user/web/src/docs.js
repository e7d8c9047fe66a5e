// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The interactive documentation: Swagger UI over the program's own description of its routes.
window.SwaggerUIBundle({
	url: "/openapi.json",
	dom_id: "#docs",
	deepLinking: true,
	validatorUrl: null, // no address is sent anywhere
});
