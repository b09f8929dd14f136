#pragma once
/*
 * How an organisation shares its keys: who holds which key, and how many of them must sign. A
 * profile is where `slipway init` starts; what counts afterwards is what root and targets say.
 */
#include "lib/base/base.h"

/* The roles that people sign. */
enum profile_role {
    PROFILE_ROOT,
    PROFILE_DIRECTOR_ROOT,
    PROFILE_TARGETS,
    PROFILE_OS,
    PROFILE_ROLE_COUNT,
};

enum { PROFILE_KEYS_MAX = 5, PROFILE_HOLDERS_MAX = 12 };

/* Who may sign a role: keys as "FOLDER/NAME". Two roles may name the same key. */
struct profile_rule {
    unsigned threshold;
    const char *keys[PROFILE_KEYS_MAX + 1]; /* NULL-terminated */
};

/* One folder of keys that is carried to its owner. */
struct profile_holder {
    const char *folder;
    const char *what; /* what its owner does with it, one sentence without its full stop */
};

struct profile {
    const char *name;
    const char *summary;
    struct profile_rule rules[PROFILE_ROLE_COUNT];
    struct profile_holder holders[PROFILE_HOLDERS_MAX + 1]; /* ends with an empty row */
    unsigned approval_devices; /* deployments to more devices need a second person; 0: never */
    bool approval_changes;     /* changes of keys and floors need one */
};

/* NULL when there is none of that name. */
const struct profile *profile_find(const char *name);
/* All of them, for help and tests. */
const struct profile *profile_all(size_t *count);
size_t profile_rule_keys(const struct profile_rule *rule);
