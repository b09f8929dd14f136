#pragma once
/*
 * JSON trees, by jansson; this header is its only way in, so `json_t` and its functions are used
 * through it everywhere. Own a tree with AUTO_JSON.
 *
 * strict.c parses hostile text, canon.c writes the canonical form that signatures are made over,
 * field.c reads typed fields with errors that carry the path ("phases[2].percent").
 */
#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define AUTO_JSON CLEANUP(json_cleanup) json_t
void json_cleanup(json_t **tree);
/* The same tree for jansson's iterators, which do not know const; it is only read. */
json_t *json_iterable(const json_t *tree);

struct json_limits {
    size_t bytes_max;
    unsigned depth_max;
    unsigned containers_max; /* objects and arrays: two bytes of text may cost 200 of memory */
    bool integers_only;      /* no fractions or exponents, and 0 <= n <= 2^53 - 1 */
};
extern const struct json_limits json_limits_metadata; /* 5,000,000 bytes, depth 32 */
extern const struct json_limits json_limits_api;      /* 1 MiB, depth 16 */

/* Refuses duplicate keys, NUL in strings, bytes after the value, invalid UTF-8, and what the
 * limits say: ERR_INVALID or ERR_LIMIT. */
MUST_USE bool json_parse(const void *data, size_t len, const struct json_limits *limits,
                         json_t **out, struct err *err);
/* Appends the OLPC canonical form; ERR_INVALID for a real number. */
MUST_USE bool json_canonical(const json_t *tree, struct buf *out, struct err *err);
/* Compact text, keys in the order they were set; the caller frees with mem_free(). */
char *json_text(const json_t *tree);

/* Typed fields of an object. `path` names the object in errors ("" for the whole document). A
 * missing required field, a wrong type or a value out of range is ERR_INVALID naming
 * "path.name". Texts are borrowed from the tree. */
MUST_USE bool json_field_text(const json_t *object, const char *path, const char *name,
                              size_t len_max, const char **out, struct err *err);
MUST_USE bool json_field_u64(const json_t *object, const char *path, const char *name, uint64_t min,
                             uint64_t max, uint64_t *out, struct err *err);
MUST_USE bool json_field_bool(const json_t *object, const char *path, const char *name, bool *out,
                              struct err *err);
MUST_USE bool json_field_object(const json_t *object, const char *path, const char *name,
                                json_t **out, struct err *err);
MUST_USE bool json_field_array(const json_t *object, const char *path, const char *name,
                               size_t count_max, json_t **out, struct err *err);
/* Exactly `len` bytes of lower-case hex. */
MUST_USE bool json_field_hex(const json_t *object, const char *path, const char *name, uint8_t *out,
                             size_t len, struct err *err);
MUST_USE bool json_field_time(const json_t *object, const char *path, const char *name,
                              int64_t *out_ms, struct err *err);
/* True when the field is there and not null. */
bool json_field_has(const json_t *object, const char *name);
/* Refuses fields that are not in the NULL-terminated list (operator input: a misspelt name is an
 * error, not a default). */
MUST_USE bool json_fields_known(const json_t *object, const char *path, const char *const *names,
                                struct err *err);
