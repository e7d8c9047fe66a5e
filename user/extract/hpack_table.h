/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The Huffman code of RFC 7541, appendix B, as data, for hpack_string.c alone. Codes of one length
 * are consecutive numbers and greater than the beginning of every shorter one, so the code is told
 * by its lengths and the order of its symbols.
 */
#ifndef EXTRACT_HPACK_TABLE_H
#define EXTRACT_HPACK_TABLE_H

#include <stdint.h>

/* clang-format off */
/* Symbols by length of code, then by code; 256 is EOS. */
static const uint16_t hpack_symbol[257] = {
	48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51,
	52, 53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109,
	110, 112, 114, 117, 58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
	77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106, 107, 113, 118,
	119, 120, 121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63, 39,
	43, 124, 35, 62, 0, 36, 64, 91, 93, 126, 94, 125, 60, 96, 123, 92,
	195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177,
	179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160,
	163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232,
	233, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157,
	158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142,
	144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193,
	200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211,
	212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254,
	2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20,
	21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249, 10, 13, 22,
	256,
};

/*
 * Codes of `bits` bits are those below `limit`, laid at the left of 32 bits, that no shorter row
 * has taken. The first of them is `first`, and its symbol hpack_symbol[at].
 */
static const struct hpack_code {
	uint64_t limit;
	uint32_t first;
	uint16_t at;
	uint8_t bits;
} hpack_code[] = {
	{0x50000000ULL, 0x0, 0, 5},
	{0xb8000000ULL, 0x14, 10, 6},
	{0xf8000000ULL, 0x5c, 36, 7},
	{0xfe000000ULL, 0xf8, 68, 8},
	{0xff400000ULL, 0x3f8, 74, 10},
	{0xffa00000ULL, 0x7fa, 79, 11},
	{0xffc00000ULL, 0xffa, 82, 12},
	{0xfff00000ULL, 0x1ff8, 84, 13},
	{0xfff80000ULL, 0x3ffc, 90, 14},
	{0xfffe0000ULL, 0x7ffc, 92, 15},
	{0xfffe6000ULL, 0x7fff0, 95, 19},
	{0xfffee000ULL, 0xfffe6, 98, 20},
	{0xffff4800ULL, 0x1fffdc, 106, 21},
	{0xffffb000ULL, 0x3fffd2, 119, 22},
	{0xffffea00ULL, 0x7fffd8, 145, 23},
	{0xfffff600ULL, 0xffffea, 174, 24},
	{0xfffff800ULL, 0x1ffffec, 186, 25},
	{0xfffffbc0ULL, 0x3ffffe0, 190, 26},
	{0xfffffe20ULL, 0x7ffffde, 205, 27},
	{0xfffffff0ULL, 0xfffffe2, 224, 28},
	{0x100000000ULL, 0x3ffffffc, 253, 30},
};
/* clang-format on */

#endif
