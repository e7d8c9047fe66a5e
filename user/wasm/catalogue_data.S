/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The application catalogue (without comments) as bytes of the module. */
	.section .rodata.catalogue,"",@
	.global catalogue_data
	.type catalogue_data,@object
catalogue_data:
	.incbin "catalogue.conf"
	.int8 0
	.size catalogue_data, . - catalogue_data
	.global catalogue_data_end
	.type catalogue_data_end,@object
catalogue_data_end:
	.int8 0
	.size catalogue_data_end, 1
