/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One tag of XML and its attributes: as much of XML as is needed to read the head of a stream.
 */
#ifndef EXTRACT_XML_TAG_H
#define EXTRACT_XML_TAG_H

#include "base/slice.h"

enum { XML_TAG_MAX = 8192, XML_VALUE_MAX = 512 };

enum xml_answer {
	XML_BROKEN, /* no tag begins here, or it is too long */
	XML_SHORT,  /* the bytes end inside one */
	XML_WHOLE,
};

struct xml_tag {
	struct slice text;  /* from '<' to '>', as far as it is there */
	struct slice local; /* its name without prefix; only when is_named */
	size_t end;	    /* where it ends in the bytes; only when whole */
	bool is_named;	    /* all of the name is there */
	bool is_aside;	    /* a declaration or comment: "<?...", "<!..." */
};

/* Reads the tag at byte `from` of bytes, or behind the blanks there. *tag is set unless the answer
 * is XML_BROKEN, all of it when it is XML_WHOLE. */
enum xml_answer xml_tag_read(struct slice bytes, size_t from, struct xml_tag *tag);

/*
 * The value of an attribute of a whole tag, character references resolved (XML 1.0 4.1; others than
 * ASCII stay as they are). value borrows from text or the tag. False when there is none, or it is
 * longer than XML_VALUE_MAX.
 */
bool xml_tag_attribute(const struct xml_tag *tag, const char *name, uint8_t text[XML_VALUE_MAX],
		       struct slice *value);

#endif
