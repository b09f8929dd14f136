#pragma once
/* Issues: lists, one with all that hangs on it, and what operators do with them. */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"

extern const struct db_stmt *const store_issue_statements[];

/* NULL and 0 do not filter. Newest first. */
struct store_issue_query {
    int64_t tenant_id;
    int64_t before;
    int64_t limit;
    const char *state;
    const char *category;
    const char *product;
    const char *component;
    const uint8_t *image; /* HASH_BYTES: that had it */
    const char *release;
};

/* {"items","next"} */
void store_issue_list(struct db *db, const struct store_issue_query *query, db_done_fn *done,
                      void *arg);
/* With versions, days, devices, the newest events, and its backtrace. No row: there is none. */
void store_issue_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done, void *arg);

struct store_issue_change {
    struct store_actor actor;
    const char *id;
    const char *state;    /* "resolved", "open" or "ignored"; NULL: as it is */
    const char *release;  /* of resolved: the first one that is without it, or NULL */
    const char *note;     /* NULL: as it is */
    const char *assignee; /* NULL: as it is */
};
/* The issue as in lists; no row: there is none. */
void store_issue_change(struct db *db, const struct store_issue_change *change, db_done_fn *done,
                        void *arg);
