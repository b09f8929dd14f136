#pragma once
/*
 * JSON text as a flat array of small nodes over the received bytes: no tree of allocations, so the
 * memory for a hostile document is known before it is parsed. For signed metadata; operator JSON
 * uses lib/json/json.h.
 *
 * Strict: UTF-8 without BOM, no key twice, no NUL, integers only (0 <= n <= 2^53 - 1), one value
 * and nothing after it. The text is borrowed and must outlive the document. Nodes are in document
 * order (pre-order); node 0 is the value itself.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum flat_type {
    FLAT_OBJECT,
    FLAT_ARRAY,
    FLAT_TEXT,
    FLAT_NUMBER,
    FLAT_TRUE,
    FLAT_FALSE,
    FLAT_NULL
};

struct flat_node; /* 16 bytes */
struct flat {
    const char *text; /* borrowed */
    size_t len;
    struct flat_node *nodes; /* owned */
    size_t count;
};
/* A value in a document; {NULL} stands for "there is none", and every function below takes it. */
struct flat_value {
    const struct flat *doc;
    uint32_t at;
};

struct flat_limits {
    size_t bytes_max;
    size_t nodes_max; /* the real bound is also len / 4 + 64 */
    unsigned depth_max;
};
extern const struct flat_limits flat_limits_metadata; /* 5,000,000 bytes, depth 32 */

/* ERR_UNTRUSTED with REFUSAL_JSON_STRICT, naming the offset; ERR_LIMIT for the limits. On failure
 * `out` is empty. */
MUST_USE bool flat_parse(const void *text, size_t len, const struct flat_limits *limits,
                         struct flat *out, struct err *err);
void flat_done(struct flat *doc);
#define AUTO_FLAT CLEANUP(flat_done) struct flat

struct flat_value flat_root(const struct flat *doc);
bool flat_is(struct flat_value value, enum flat_type type); /* false for none */
/* Of an object; none when missing or not an object. */
struct flat_value flat_get(struct flat_value object, const char *name);
size_t flat_count(struct flat_value container); /* members or items; 0 for others */
/* Iteration: for (v = flat_first(c); flat_some(v); v = flat_next(v)); in an object `v` is the
 * member's value and flat_key(v) its key. */
struct flat_value flat_first(struct flat_value container);
struct flat_value flat_next(struct flat_value value);
bool flat_some(struct flat_value value);
struct flat_value flat_key(struct flat_value member);
struct flat_value flat_item(struct flat_value array, size_t at);

/* Texts: compared and copied with their escapes resolved. */
bool flat_text_is(struct flat_value text, const char *other);
/* False when not a text or longer than room - 1. */
MUST_USE bool flat_text_copy(struct flat_value text, char *out, size_t room);
MUST_USE bool flat_text_add(struct flat_value text, struct buf *out); /* appended */
size_t flat_text_len(struct flat_value text);                         /* resolved; 0 for others */
MUST_USE bool flat_number(struct flat_value number, uint64_t *out);
MUST_USE bool flat_hex(struct flat_value text, uint8_t *out, size_t len); /* exactly, lower case */
/* Equal as canonical JSON. */
bool flat_equal(struct flat_value a, struct flat_value b);
/* Appends the OLPC canonical form (keys sorted by UTF-8 bytes). */
MUST_USE bool flat_canonical(struct flat_value value, struct buf *out, struct err *err);
