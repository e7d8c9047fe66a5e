/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's signs: what a flow shows beside a name or instead of one, which rules may name
 * like an application. DNS hidden in other protocols is told by port and ALPN (RFC 7858 3.1, RFC
 * 9250 4.1) or, inside HTTPS, by the resolver's name alone: the question itself stays hidden.
 */
#include "engine/road.h"

enum { PORT_DOT = 853, PORT_DOQ_DRAFT = 784, PORT_DOQ_OLD = 8853 };

static const struct {
	enum flow_flag flag;
	enum catalogue_sign sign;
} signs[] = {
	{FLOW_ECH, SIGN_ECH}, {FLOW_NO_NAME, SIGN_NO_NAME}, {FLOW_DOH, SIGN_DOH},
	{FLOW_DOT, SIGN_DOT}, {FLOW_DOQ, SIGN_DOQ},
};

bool sign_next(uint32_t flags, unsigned *at, enum catalogue_sign *sign)
{
	while (*at < sizeof(signs) / sizeof(signs[0])) {
		unsigned i = (*at)++;

		if (flags & signs[i].flag) {
			*sign = signs[i].sign;
			return true;
		}
	}
	return false;
}

static uint32_t hidden_dns(const struct engine *e, const struct flow *f, const struct clue *clue)
{
	uint16_t port = flow_responder_port(f);
	bool is_quic = clue->proto == PROTO_QUIC;

	if (is_quic && (port == PORT_DOT || port == PORT_DOQ_DRAFT || port == PORT_DOQ_OLD ||
			memcmp(clue->alpn, "doq", 3) == 0))
		return FLOW_DOQ;
	if (!is_quic && (port == PORT_DOT || memcmp(clue->alpn, "dot", 4) == 0))
		return FLOW_DOT;
	for (unsigned i = 0; i < clue->name_count; i++)
		if (catalogue_is_resolver(e->config.catalogue, name_slice(&clue->name[i])))
			return FLOW_DOH;
	return 0;
}

uint32_t sign_of_clue(const struct engine *e, const struct flow *f, const struct clue *clue)
{
	static const struct {
		enum clue_flag clue;
		enum flow_flag flow;
	} rows[] = {
		{CLUE_NO_NAME, FLOW_NO_NAME},
		{CLUE_ODD_NAME, FLOW_ODD_NAME},
		{CLUE_ECH, FLOW_ECH},
		{CLUE_IP_LITERAL, FLOW_IP_LITERAL},
	};
	const uint32_t of_rows = CLUE_NO_NAME | CLUE_ODD_NAME | CLUE_ECH | CLUE_IP_LITERAL;
	uint32_t flags = 0;

	for (size_t i = 0; (clue->flags & of_rows) && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (clue->flags & rows[i].clue)
			flags |= rows[i].flow;
	if (clue->proto == PROTO_TLS || clue->proto == PROTO_QUIC || clue->proto == PROTO_DTLS)
		flags |= hidden_dns(e, f, clue);
	return flags;
}
