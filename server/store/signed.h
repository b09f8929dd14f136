#pragma once
/* A signed target as image rows keep it. */
#include "lib/base/arena.h"
#include "lib/tuf/tuf.h"

/* Texts as PostgreSQL reads them: an array '{1,2}', JSON. What is not made here is borrowed from
 * the target. */
struct store_signed {
    const char *path;
    const uint8_t *sha256;
    const char *role;
    const char *entry; /* canonical JSON */
    const char *match;
    uint64_t floor;
    uint64_t stepping_stone;
    const char *revert_to;
    int64_t revert_until_ms; /* 0: not given */
    const char *requires;
};
void store_signed_of(const struct tuf_target *target, struct arena *arena,
                     struct store_signed *out);
