/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A JSON body before any handler sees it: strict JSON (RFC 8259) without duplicate keys, no deeper
 * than 16, of the shape that the route's row says. The row's schema is JSON Schema, of which these
 * words are known here: type, enum, properties, required, additionalProperties, items, minItems,
 * maxItems, minLength, maxLength, minimum, maximum. Room: api.
 */
#include "api/conn.h"

#include <stdio.h>

enum { DEPTH_MAX = 16 };

/* Brackets outside of strings; whether they match is the parser's matter. */
static bool is_too_deep(struct slice s)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = (char)s.at[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return true;
		else if (!in_string && (c == ']' || c == '}') && depth)
			depth--;
	}
	return false;
}

static const char *type_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: return "object";
	case JSON_ARRAY: return "array";
	case JSON_STRING: return "string";
	case JSON_INTEGER: return "integer";
	case JSON_REAL: return "number";
	case JSON_TRUE:
	case JSON_FALSE: return "boolean";
	default: return "null";
	}
}

static bool type_fits(const json_t *type, const json_t *v)
{
	const char *is = type_of(v);
	const json_t *one;
	size_t i;

	if (json_is_string(type))
		return strcmp(json_string_value(type), is) == 0 ||
		       (json_is_integer(v) && strcmp(json_string_value(type), "number") == 0);
	json_array_foreach(type, i, one) if (type_fits(one, v)) return true;
	return !type;
}

static int fault_at(struct text *fault, const char *where, const char *what)
{
	text_escaped(fault, slice_text(*where ? where : "the body"));
	text_printf(fault, " %s", what);
	return -1;
}

static int schema_check(const json_t *schema, const json_t *v, const char *where,
			struct text *fault);

static int object_check(const json_t *schema, const json_t *v, const char *where,
			struct text *fault)
{
	const json_t *properties = json_object_get(schema, "properties"), *member, *name;
	bool is_closed = json_is_false(json_object_get(schema, "additionalProperties"));
	const char *key;
	char inner[200];
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, name)
	{
		if (json_object_get(v, json_string_value(name)))
			continue;
		snprintf(inner, sizeof(inner), "lacks \"%s\"", json_string_value(name));
		return fault_at(fault, where, inner);
	}
	json_object_foreach((json_t *)v, key, member)
	{
		const json_t *known = json_object_get(properties, key);

		snprintf(inner, sizeof(inner), "%s%s%s", where, *where ? "." : "", key);
		if (!known && is_closed)
			return fault_at(fault, inner, "is not known here");
		if (known && schema_check(known, member, inner, fault))
			return -1;
	}
	return 0;
}

static int array_check(const json_t *schema, const json_t *v, const char *where, struct text *fault)
{
	const json_t *items = json_object_get(schema, "items"), *item;
	const json_t *least = json_object_get(schema, "minItems");
	const json_t *most = json_object_get(schema, "maxItems");
	char inner[200];
	size_t i;

	if (least && json_array_size(v) < (size_t)json_integer_value(least))
		return fault_at(fault, where, "has too few items");
	if (most && json_array_size(v) > (size_t)json_integer_value(most))
		return fault_at(fault, where, "has too many items");
	json_array_foreach(v, i, item)
	{
		snprintf(inner, sizeof(inner), "%s[%zu]", where, i);
		if (items && schema_check(items, item, inner, fault))
			return -1;
	}
	return 0;
}

static int scalar_check(const json_t *schema, const json_t *v, const char *where,
			struct text *fault)
{
	const json_t *least = json_object_get(schema, json_is_string(v) ? "minLength" : "minimum");
	const json_t *most = json_object_get(schema, json_is_string(v) ? "maxLength" : "maximum");
	double n = json_is_string(v) ? (double)json_string_length(v) : json_number_value(v);

	if (least && n < json_number_value(least))
		return fault_at(fault, where, json_is_string(v) ? "is too short" : "is too small");
	if (most && n > json_number_value(most))
		return fault_at(fault, where, json_is_string(v) ? "is too long" : "is too large");
	return 0;
}

static int enum_check(const json_t *choices, const json_t *v, const char *where, struct text *fault)
{
	const json_t *one;
	struct text said = {0};
	size_t i;
	int err;

	json_array_foreach(choices, i, one) if (json_equal(one, v)) return 0;
	text_puts(&said, "must be one of");
	json_array_foreach(choices, i, one) if (json_is_string(one))
		text_printf(&said, "%s %s", i ? "," : "", json_string_value(one));
	err = fault_at(fault, where, said.at ? said.at : "is not known");
	text_clear(&said);
	return err;
}

static int schema_check(const json_t *schema, const json_t *v, const char *where,
			struct text *fault)
{
	const json_t *type = json_object_get(schema, "type");
	const json_t *choices = json_object_get(schema, "enum");
	char said[120];

	if (!type_fits(type, v)) {
		snprintf(said, sizeof(said), "is of type %s; %s is wanted", type_of(v),
			 json_is_string(type) ? json_string_value(type) : "another");
		return fault_at(fault, where, said);
	}
	if (choices && enum_check(choices, v, where, fault))
		return -1;
	if (json_is_object(v))
		return object_check(schema, v, where, fault);
	if (json_is_array(v))
		return array_check(schema, v, where, fault);
	return scalar_check(schema, v, where, fault);
}

/* A problem of what the schema says against the body. */
static int shape_check(struct api_request *q, struct api_answer *a)
{
	json_error_t broken;
	json_t *schema = q->route->body_schema ? json_loads(q->route->body_schema, 0, &broken)
					       : json_object();
	struct text fault = {0};
	int err = schema ? schema_check(schema, q->json, "", &fault) : -1;

	if (err)
		api_problem(a, 422, "%s; /openapi.json has the form of this request",
			    fault.at ? fault.at : "the form of this request is not known");
	text_clear(&fault);
	json_decref(schema);
	return err;
}

int check_json(struct api_request *q, struct api_answer *a)
{
	struct text said = {0};
	json_error_t fault;

	/* The parser overlooks one behind a number. */
	if (q->body.len && memchr(q->body.at, 0, q->body.len)) {
		api_problem(a, 400, "the body is not JSON: it holds a NUL byte");
		return -1;
	}
	if (is_too_deep(q->body)) {
		api_problem(a, 400, "the JSON is nested deeper than %d; send it flatter",
			    DEPTH_MAX);
		return -1;
	}
	q->json = json_loadb((const char *)q->body.at, q->body.len,
			     JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
	if (q->json)
		return shape_check(q, a);
	text_escaped(&said, slice_text(fault.text));
	api_problem(a, 400, "the body is not JSON as it should be: %s (line %d, column %d)",
		    said.at ? said.at : "", fault.line, fault.column);
	text_clear(&said);
	return -1;
}
