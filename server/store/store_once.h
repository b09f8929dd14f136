#pragma once
/* Requests that are done once (Idempotency-Key), and versions of objects (ETag). */
#include "server/store/actor.h"

extern const struct db_stmt *const store_once_statements[];

struct store_once {
    int64_t tenant_id;
    int64_t token_id;
    const char *key;
    const char *request; /* its id */
    const uint8_t *hash; /* 32 bytes, of method, target and body */
};
/* One row: verdict ("run", "answer", "done", "running", "other", "full"; see migration 0010),
 * status, content type, answer, audit seq, object. */
void store_once_begin(struct db *db, const struct store_once *once, db_done_fn *done, void *arg);
struct store_once_answer {
    int status;
    const char *content_type;
    const char *text;
};
/* Keeps the answer for the next 24 hours. */
void store_once_keep(struct db *db, const struct store_once *once,
                     const struct store_once_answer *answer, db_done_fn *done, void *arg);
/* Nothing was done: forgets the key, unless something was. */
void store_once_forget(struct db *db, const struct store_once *once, db_done_fn *done, void *arg);
/* Nobody knows whether it was done: the next one may find out at once. */
void store_once_give_up(struct db *db, const struct store_once *once, db_done_fn *done, void *arg);

/* One row, one number: the version of "group", "device", ... `id`; 0: never changed by anybody. Of
 * "tenant" the id is the tenant's own, whatever is given. */
void store_version(struct db *db, int64_t tenant_id, const char *kind, const char *id,
                   db_done_fn *done, void *arg);
