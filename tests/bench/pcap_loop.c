/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * pcap_loop: the least that libpcap asks for reading a capture: pcap_next_ex() to the end, nothing
 * looked at. Prints frames and captured bytes, so that scripts/bench can see that it read them all.
 *
 *     pcap_loop CAPTURE
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	unsigned long long frames = 0, total = 0;
	pcap_t *p;
	int got;

	if (argc != 2) {
		fputs("usage: pcap_loop CAPTURE\n", stderr);
		return 2;
	}
	p = pcap_open_offline(argv[1], why);
	if (!p) {
		fprintf(stderr, "pcap_loop: %s\n", why);
		return 1;
	}
	while ((got = pcap_next_ex(p, &head, &bytes)) == 1) {
		frames++;
		total += head->caplen;
	}
	if (got != PCAP_ERROR_BREAK)
		fprintf(stderr, "pcap_loop: %s\n", pcap_geterr(p));
	pcap_close(p);
	printf("%llu %llu\n", frames, total);
	return got != PCAP_ERROR_BREAK;
}
