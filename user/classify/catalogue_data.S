/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The application catalogue (catalogue.conf) as bytes of the program. */
	.section .rodata
	.global catalogue_data
	.type catalogue_data, @object
catalogue_data:
	.incbin "classify/catalogue.conf"
	.byte 0
	.global catalogue_data_end
catalogue_data_end:
	.size catalogue_data, catalogue_data_end - catalogue_data
	.section .note.GNU-stack, "", @progbits
