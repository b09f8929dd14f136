#pragma once
/* The file trust/anchors.json: what devices believe besides update metadata. Drawn in
 * docs/FORMATS.md. Pure. */
#include "lib/base/err.h"
#include "lib/json/json.h"

/* A file for the first time; `time_key` is a key object. The caller owns it. */
json_t *anchors_new(const json_t *time_key);
/* The next version of an anchors file. */
json_t *anchors_next(const json_t *anchors);
/* What devices take. */
enum { ANCHORS_PINS = 16, ANCHORS_NEXT = 8 };

/* Replaces the TLS pins (hex SHA-256 of public key infos), and forgets those that were to come.
 * ERR_INVALID for what is none, ERR_LIMIT. */
MUST_USE bool anchors_set_pins(json_t *anchors, const char *const *pins, size_t count,
                               struct err *err);
/* Adds pins that are good beside the present ones from a time on (RFC 3339). */
MUST_USE bool anchors_add_pins(json_t *anchors, const char *activates, const char *const *pins,
                               size_t count, struct err *err);
void anchors_set_time_key(json_t *anchors, const json_t *time_key);
/* The text to be published; the caller frees it. */
char *anchors_text(const json_t *anchors);
