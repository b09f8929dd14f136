#pragma once
/* Devices as operators see them. See store_tenant.h. */
#include "lib/crypto/hash.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_device_view_statements[];

enum store_answer { STORE_EITHER, STORE_YES, STORE_NO };

/* Which devices; NULL, and STORE_EITHER: all of them. */
struct store_device_filter {
    const char *group; /* a uuid */
    const char *state;
    const char *tag;       /* the name of one that it has */
    const char *tag_value; /* {"name": "value"} */
    const char *attribute; /* the same */
    const char *version;   /* of an image that it runs */
    enum store_answer held;
    bool has_prefix; /* its id is within: */
    uint8_t first[HASH_BYTES];
    uint8_t last[HASH_BYTES];
    const char *words;   /* somewhere in hardware id, tags or attributes */
    const char *program; /* of filter_format_json() */
};
/* ERR_NOT_FOUND without the group. */
void store_device_list(struct db *db, const struct store_page *page,
                       const struct store_device_filter *filter, db_done_fn *done, void *arg);
/* With its deployments and last reports. */
void store_device_get(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                      db_done_fn *done, void *arg);
/* What the director last signed for it; no row: nothing yet. */
void store_device_director(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                           db_done_fn *done, void *arg);
