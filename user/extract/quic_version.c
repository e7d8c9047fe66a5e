/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the versions of QUIC whose Initial packets anybody can open, each with its salt.
 *
 * Standards: RFC 9001 5.2, RFC 9369 3.3, draft-ietf-quic-tls-22 to -34 5.2, draft-ietf-quic-v2;
 * Facebook's and picoquic's aliases and Google's versions by what their programs publish.
 */
#include "extract/quic_wire.h"

#define LABELS_1 "quic key", "quic iv", "quic hp"
#define LABELS_2 "quicv2 key", "quicv2 iv", "quicv2 hp"

#define SALT_DRAFT_22                                                                         \
	{                                                                                     \
		0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, \
			0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a                              \
	}
#define SALT_DRAFT_23                                                                         \
	{                                                                                     \
		0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, \
			0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02                              \
	}
#define SALT_DRAFT_29                                                                         \
	{                                                                                     \
		0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, \
			0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99                              \
	}
#define SALT_1                                                                                \
	{                                                                                     \
		0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, \
			0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a                              \
	}
#define SALT_2                                                                                \
	{                                                                                     \
		0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, \
			0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9                              \
	}
#define SALT_2_DRAFT                                                                          \
	{                                                                                     \
		0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, \
			0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3                              \
	}
#define SALT_PICOQUIC                                                                         \
	{                                                                                     \
		0x30, 0x67, 0x16, 0xd7, 0x63, 0x75, 0xd5, 0x55, 0x4b, 0x2f, 0x60, 0x5e, 0xef, \
			0x78, 0xd8, 0x33, 0x3d, 0xc1, 0xca, 0x36                              \
	}
#define SALT_Q050                                                                             \
	{                                                                                     \
		0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, \
			0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45                              \
	}
#define SALT_T050                                                                             \
	{                                                                                     \
		0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, \
			0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10                              \
	}
#define SALT_T051                                                                             \
	{                                                                                     \
		0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, \
			0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d                              \
	}

/* The most frequent first. */
static const struct quic_version versions[] = {
	{0x00000001, 0x00000001, 0, false, {1, SALT_1, LABELS_1}},
	{0x6b3343cf, 0x6b3343cf, 1, false, {0x6b3343cf, SALT_2, LABELS_2}},
	{0xfaceb002, 0xfaceb002, 0, false, {0xfaceb002, SALT_DRAFT_23, LABELS_1}},
	{0xff00001d, 0xff000020, 0, false, {0xff00001d, SALT_DRAFT_29, LABELS_1}},
	{0xff000021, 0xff000022, 0, false, {0xff000021, SALT_1, LABELS_1}},
	{0xff000017, 0xff00001c, 0, false, {0xff000017, SALT_DRAFT_23, LABELS_1}},
	{0xff000016, 0xff000016, 0, false, {0xff000016, SALT_DRAFT_22, LABELS_1}},
	{0xfaceb001, 0xfaceb001, 0, false, {0xfaceb001, SALT_DRAFT_22, LABELS_1}},
	{0xfaceb003, 0xfaceb003, 0, false, {0xfaceb003, SALT_1, LABELS_1}},
	{0xfaceb00d, 0xfaceb013, 0, false, {0xfaceb00d, SALT_DRAFT_23, LABELS_1}},
	{0x709a50c4, 0x709a50c4, 1, false, {0x709a50c4, SALT_2_DRAFT, LABELS_2}},
	{0x50435130, 0x50435131, 0, false, {0x50435130, SALT_PICOQUIC, LABELS_1}},
	{0x51303530, 0x51303530, 0, true, {0x51303530, SALT_Q050, LABELS_1}},
	{0x54303530, 0x54303530, 0, true, {0x54303530, SALT_T050, LABELS_1}},
	{0x54303531, 0x54303531, 0, true, {0x54303531, SALT_T051, LABELS_1}},
};

/* A version's first byte tells most of what is not QUIC without a walk over the table. */
static bool is_first_byte(uint8_t first)
{
	switch (first) {
	case 0x00:
	case 0x50:
	case 0x51:
	case 0x54:
	case 0x6b:
	case 0x70:
	case 0xfa:
	case 0xff: return true;
	default: return false;
	}
}

const struct quic_version *quic_version_find(uint32_t version)
{
	if (!is_first_byte((uint8_t)(version >> 24)))
		return NULL;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (version >= versions[i].first && version <= versions[i].last)
			return &versions[i];
	return NULL;
}

bool quic_version_is_other(uint32_t version)
{
	static const struct {
		uint32_t mask, value;
	} kinds[] = {
		{0x0f0f0f0f, 0x0a0a0a0a}, /* to be refused */
		{0xffffff80, 0xff000000}, /* drafts */
		{0xfffffff0, 0xff020000}, /* drafts of version 2 */
		{0xffffffe0, 0xfaceb000}, /* mvfst */
		{0xfffff0f0, 0x51303030}, /* Google's Q0.. */
		{0xfffff0f0, 0x54303030}, /* ... and T0.. */
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((version & kinds[i].mask) == kinds[i].value)
			return true;
	return false;
}
