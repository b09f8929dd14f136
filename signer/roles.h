#pragma once
/* Versions of a repository's roles, by name ("targets.json") in byte order: what a snapshot
 * lists, and what was published before. Owned names. */
#include "lib/base/base.h"

enum { ROLE_NAME_MAX = 160, ROLES_MAX = 20000 };

struct role_version {
    char *name;
    uint64_t version;
};

struct roles {
    struct role_version *items;
    size_t count;
};
#define AUTO_ROLES CLEANUP(roles_done) struct roles

void roles_done(struct roles *roles);
/* In order: the name sorts behind the last one (false when not). */
MUST_USE bool roles_add(struct roles *roles, const char *name, uint64_t version);
/* The first of `before` that `after` does not have, or not at least in its version; NULL: none. */
const struct role_version *roles_find_loss(const struct roles *before, const struct roles *after);
/* The first of `after` that rises by more than `rise_max` above `before` (a new one: above 0). */
const struct role_version *roles_find_leap(const struct roles *before, const struct roles *after,
                                           uint64_t rise_max);
