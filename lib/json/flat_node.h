#pragma once
/*
 * What the files of lib/json/flat share: the node, texts as they are written, and an object's keys
 * in order. Included from lib/json only.
 */
#include "lib/json/flat.h"

struct flat_node {
    uint32_t start;       /* of the text, behind the quote; of the number; of the bracket */
    uint32_t len;         /* of the text or number as written */
    uint32_t size;        /* nodes of the subtree, this one included */
    uint32_t kind : 3;    /* enum flat_type */
    uint32_t escaped : 1; /* the text has a backslash */
    uint32_t member : 1;  /* a value of an object: its key stands before it */
    uint32_t last : 1;    /* nothing follows it in its container */
    uint32_t count : 26;  /* members or items */
};
_Static_assert(sizeof(struct flat_node) == 16, "as the header promises");

/* One escape behind its backslash: its bytes go to `out`. How much of the text it took, 0 when it
 * is none. */
size_t flat_escape_read(const uint8_t *at, size_t left, uint8_t out[4], size_t *out_len);

/* A text as a stream of resolved bytes. */
struct flat_reader {
    const uint8_t *at;
    const uint8_t *end;
    uint8_t held[4];
    size_t held_len;
    size_t held_at;
};
struct flat_reader flat_reader_of(const struct flat *doc, uint32_t at);
int flat_reader_next(struct flat_reader *reader); /* -1 at the end */

struct flat_keyed {
    const struct flat *doc;
    uint32_t at; /* of the key's node; the value follows */
};
int flat_compare_keys(const struct flat_keyed *left_key, const struct flat_keyed *right_key);
/* All keys of an object, by bytes; the caller frees them. */
struct flat_keyed *flat_sorted_keys(const struct flat *doc, uint32_t object);
