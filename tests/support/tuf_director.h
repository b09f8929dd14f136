#pragma once
/* A director's document for one device, beside an image entry, for tests that change both. */
#include "tests/support/tuf_repo.h"

#define DIRECTOR_DEVICE "8d1f00000000000000000000000000000000000000000000000000000000beef"
#define DIRECTOR_PATH "os/h1/v1/rootfs.img"

static const int64_t director_now_ms = 1795370400000; /* 2026-11-22T18:00:00Z */

/* What a director would sign for the image's entry. */
json_t *director_choice(const json_t *image);
/* The signed part with these entries, which are taken over. */
json_t *director_body(json_t *entries);
/* A set of only such a document; the body is taken over. */
struct tuf_set *director_set(json_t *body);
/* Parts of an entry, borrowed. */
json_t *entry_custom(json_t *entry);
json_t *entry_match(json_t *entry);
/* Sets a field; takes the value over. */
void entry_put(json_t *object, const char *name, json_t *value);
