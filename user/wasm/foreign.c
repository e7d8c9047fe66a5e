/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: what pcap/foreign.c is where there is no libpcap: its formats are refused by name, and
 * the commonest link types that are not parsed have one.
 */
#include "pcap/reading.h"

#include <errno.h>

int foreign_open(struct capture_in *in, struct fault *f)
{
	return fault_set(f, -EINVAL,
			 "if libpcap knows it, give it to the program instead: dpi-xdp analyze");
}

void foreign_close(struct capture_in *in)
{
}

const char *foreign_link_name(uint32_t linktype)
{
	static const struct {
		uint32_t linktype;
		const char *name;
	} names[] = {
		{3, "AX25"},
		{6, "IEEE802"},
		{8, "SLIP"},
		{10, "FDDI"},
		{107, "FRELAY"},
		{117, "PFLOG"},
		{119, "PRISM_HEADER"},
		{163, "IEEE802_11_RADIO_AVS"},
		{187, "BLUETOOTH_HCI_H4"},
		{189, "USB_LINUX"},
		{195, "IEEE802_15_4"},
		{201, "BLUETOOTH_HCI_H4_WITH_PHDR"},
		{220, "USB_LINUX_MMAPPED"},
		{227, "CAN_SOCKETCAN"},
		{239, "NFLOG"},
		{249, "USBPCAP"},
		{251, "BLUETOOTH_LE_LL"},
		{253, "NETLINK"},
		{254, "BLUETOOTH_LINUX_MONITOR"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].linktype == linktype)
			return names[i].name;
	return NULL;
}

/* Never chosen: foreign_open() refuses. */
static int next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	return -EBADMSG;
}

const struct capture_format capture_foreign = {.name = "a format that libpcap reads", .next = next};
